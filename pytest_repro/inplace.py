"""``repro(function, ...)`` in a test without the marker: repeat a callable here and now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.execute.active import make_nonce
from pytest_repro.execute.outcomes import failure_for, target_of
from pytest_repro.ids import own_id
from pytest_repro.model import Comparison, Condition, Location, Plan, Recording, RunSpec, Verdict
from pytest_repro.pipeline import judge
from pytest_repro.plan import command_for
from pytest_repro.recorder import Keeper, record_result
from pytest_repro.report.terminal import failure_text, summary_line

if TYPE_CHECKING:
    from pytest_repro.model import TestResult
    from pytest_repro.recorder import Recorder
    from pytest_repro.rng import Seeders

__all__ = ["CHECKS", "check_in_place", "combined"]

#: the verdicts of all checks in one test
CHECKS: pytest.StashKey[list[TestResult]] = pytest.StashKey()


def check_in_place(
    item: pytest.Item,
    name: str,
    call: Callable[[], object],
    *,
    frame: Any,
    runs: int,
    seed: int,
    seeders: Seeders,
    recorder: Callable[[Keeper], Recorder],
    width: int,
) -> object:
    """Call `runs` times with the seeds reset, compare the results, return the first.

    Raises:
        ReproDrift: the results differ.
        RecordingError: a result cannot be compared.
    """
    keeper = Keeper()
    plan = Plan(tuple(RunSpec(number, Condition()) for number in range(1, runs + 1)), seed)
    results, recordings = [], []
    with seeders.restored():
        for spec in plan.runs:
            seeders.seed(seed)
            result = call()
            log = recorder(keeper)
            record_result(log, name, result, frame=frame)
            results.append(result)
            recordings.append(Recording(spec, log.observations(), nonce=make_nonce(), streams=log.stream_names))
            del results[1:]
    file, line, _ = item.location
    verdict = judge(nodeid=own_id(item), plan=plan, recordings=recordings, location=Location(file, (line or 0) + 1))
    verdict = replace(verdict, again=command_for(target_of(item), seed=seed))
    item.stash.setdefault(CHECKS, []).append(verdict)
    failure = failure_for(verdict, text=failure_text(verdict, width=width), summary=summary_line(verdict))
    if failure is not None:
        raise failure
    return results[0]


def combined(results: Sequence[TestResult], *, passed: bool) -> TestResult | None:
    """One verdict for a test with several checks; None where the test tells more than they do.

    Args:
        results: of the checks, in order.
        passed: whether the test passed; then a drift among them was expected.
    """
    bad = [result for result in results if not result.verdict.good]
    if bad or not passed:
        return bad[0] if bad and not passed else None
    within = tuple(entry for result in results for entry in result.comparison.within)
    return replace(
        results[0],
        verdict=Verdict.WITHIN if within else Verdict.REPRODUCED,
        headline="; ".join(result.headline for result in results),
        comparison=Comparison(
            equal=tuple(name for result in results for name in result.comparison.equal),
            within=within,
            notes=tuple(note for result in results for note in result.comparison.notes),
        ),
        again="",
    )
