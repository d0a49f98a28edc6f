"""``repro(function, ...)`` in a test without the marker: repeat a callable here and now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_repro.execute.active import make_nonce
from pytest_repro.execute.outcomes import failure_for
from pytest_repro.model import Condition, Location, Plan, Recording, RunSpec
from pytest_repro.pipeline import judge
from pytest_repro.recorder import Keeper, Recorder, record_result
from pytest_repro.report.terminal import failure_text, summary_line
from pytest_repro.rng import Seeders

__all__ = ["check_in_place"]


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
            recordings.append(Recording(spec, log.observations(), nonce=make_nonce()))
            del results[1:]
    file, line, _ = item.location
    verdict = judge(nodeid=item.nodeid, plan=plan, recordings=recordings, location=Location(file, (line or 0) + 1))
    verdict = replace(verdict, again=f'pytest "{item.nodeid}"')
    failure = failure_for(verdict, text=failure_text(verdict, width=width), summary=summary_line(verdict))
    if failure is not None:
        raise failure
    return results[0]
