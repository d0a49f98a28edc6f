"""One test from its recordings to a verdict. Executes nothing and prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_repro.model import Kind, Place, TestResult, Verdict
from pytest_repro.plan import command_for

if TYPE_CHECKING:
    from pytest_repro.model import Cause, Comparison, EntropyDraw, Location, Plan, Recording, Violation

__all__ = ["Control", "Explainer", "Strict", "compared_nothing", "judge", "unfinished"]

#: (result so far, recordings) → the cause, or None when nothing is to be explained
Explainer: TypeAlias = "Callable[[TestResult, Sequence[Recording]], Cause | None]"
#: reference → why another seed does not show that the test can see a change; empty when it does
Control: TypeAlias = "Callable[[Recording], str]"
#: draws of all runs → those that a strict test must not make
Strict: TypeAlias = "Callable[[Sequence[EntropyDraw]], Sequence[Violation]]"

#: names of which a result keeps the value of run 1
_METRICS = 200


def judge(
    *,
    nodeid: str,
    plan: Plan,
    recordings: Sequence[Recording],
    location: Location | None,
    explainer: Explainer | None = None,
    control: Control | None = None,
    strict: Strict | None = None,
    needed: int = 2,
    target: str = "",
) -> TestResult:
    """Compare the recordings of finished runs and give the verdict.

    Args:
        nodeid: of the test.
        plan: what was to be run.
        recordings: of the runs that finished, in any order.
        location: the line of the test function.
        explainer: asked for the cause when the runs drift.
        control: asked for a run with another seed when they do not.
        strict: asked which draws on entropy fail the test.
        needed: runs that must have finished; one is enough where it is compared with something else.
        target: how the user names the test to pytest from where it was called; without one, by its node id.
    """
    ordered = sorted(recordings, key=lambda recording: recording.spec.number)
    problem = _inconclusive(ordered, needed)
    if problem is not None:
        return _result(nodeid, plan, ordered, location, verdict=Verdict.INCONCLUSIVE, headline=problem)
    from pytest_repro.compare import compare_recordings

    comparison = compare_recordings(ordered, one_session=True)
    result = _result(
        *(nodeid, plan, ordered, location),
        comparison=comparison,
        verdict=_verdict(comparison),
        headline=_headline(comparison, len(ordered)),
        again=_again(target or nodeid, plan, comparison),
        metrics=_metrics(ordered[0]),
        streams=_streams(comparison, ordered),
    )
    if compared_nothing(result):
        headline = (
            "all that was recorded are calls whose results other runs found done, so nothing can be compared; "
            "empty that cache in a fixture, or record a value of the test's own with repro.metric(...)"
        )
        return replace(result, verdict=Verdict.INCONCLUSIVE, headline=headline)
    if result.verdict is Verdict.DRIFTED and explainer is not None:
        result = replace(result, cause=explainer(result, ordered))
    if result.verdict.good and control is not None:
        result = _controlled(result, control(ordered[0]))
    if strict is not None:
        draws = [draw for recording in ordered for draw in recording.draws]
        result = replace(result, violations=tuple(strict(draws)))
    return result


def compared_nothing(result: TestResult) -> bool:
    """Whether all that was recorded are calls whose results other runs found done."""
    return bool(result.comparison.notes) and not result.comparison.total


def _streams(comparison: Comparison, recordings: Sequence[Recording]) -> str:
    """What the ledger of the two runs that first differ says."""
    if comparison.first is None:
        return ""
    from pytest_repro.causes import stream_line

    other = next((each for each in recordings if each.spec.number == comparison.first.run), None)
    return "" if other is None else stream_line(recordings[0], other)


def _metrics(reference: Recording) -> tuple[tuple[str, int | None, float], ...]:
    """What a tracker shows of a test that need not have drifted: of each metric the last number."""
    from pytest_repro.compare.series import number

    last: dict[str, tuple[int | None, float]] = {}
    seen: set[str] = set()
    for observation in reversed(reference.observations):
        if observation.name in seen or observation.kind is not Kind.METRIC or len(seen) == _METRICS:
            continue
        seen.add(observation.name)
        value = number(observation.value)
        if value is not None:
            last[observation.name] = (observation.step, value)
    return tuple((name, *found) for name, found in reversed(last.items()))


def _controlled(result: TestResult, problem: str) -> TestResult:
    return replace(result, verdict=Verdict.INCONCLUSIVE, headline=problem) if problem else result


def unfinished(
    *,
    nodeid: str,
    plan: Plan,
    recordings: Sequence[Recording],
    location: Location | None,
    verdict: Verdict,
    headline: str,
    explainer: Explainer | None = None,
    target: str = "",
) -> TestResult:
    """A verdict where a run failed, was skipped or lost; what was recorded up to there is compared all the same.

    Its cause is asked for where a recorded value differs: that is what made the assertion fail in one run only.
    """
    ordered = sorted(recordings, key=lambda recording: recording.spec.number)
    result = _result(nodeid, plan, ordered, location, verdict=verdict, headline=headline)
    if verdict is Verdict.DRIFTED and len(ordered) > 1 and any(recording.observations for recording in ordered):
        from pytest_repro.compare import compare_recordings

        comparison = compare_recordings(ordered, one_session=True)
        result = replace(
            result,
            comparison=comparison,
            again=_again(target or nodeid, plan, comparison),
            streams=_streams(comparison, ordered),
        )
        if comparison.drifts and explainer is not None:
            result = replace(result, cause=explainer(result, ordered))
    return result


def _result(
    nodeid: str, plan: Plan, recordings: Sequence[Recording], location: Location | None, **found: Any
) -> TestResult:
    """What is known of a test before its runs are compared, and what was `found`."""
    specs = sorted(plan.runs, key=lambda spec: spec.number)
    return TestResult(
        nodeid=nodeid,
        runs=len(plan.runs),
        seed=plan.seed,
        conditions=tuple(spec.condition for spec in specs),
        environments=tuple(recording.environment for recording in recordings),
        varied=plan.varied,
        location=location,
        **found,
    )


def _inconclusive(recordings: Sequence[Recording], needed: int) -> str | None:
    if len(recordings) < needed:
        finished = "1 run" if recordings else "0 runs"
        return f"only {finished} finished, so there is nothing to compare; ask for --repro-runs=2 or more"
    nonces = [recording.nonce for recording in recordings if recording.nonce]
    if len(set(nonces)) < len(nonces):
        return "two recordings come from one and the same execution, so they prove nothing; the executor cached a run"
    if not any(recording.observations for recording in recordings):
        return (
            "nothing was recorded, so nothing can be compared; take the fixture repro as an argument of the test and "
            "call repro.metric(name, value) or repro.artifact(name, value), or let --repro-autolog=auto record"
        )
    return None


def _verdict(comparison: Comparison) -> Verdict:
    if comparison.drifts:
        return Verdict.DRIFTED
    return Verdict.WITHIN if comparison.within else Verdict.REPRODUCED


def _headline(comparison: Comparison, runs: int) -> str:
    if comparison.drifts:
        return f"{comparison.differing} between {runs} runs that should be equal"
    one = comparison.total == 1
    values = "1 value" if one else f"{comparison.total} values"
    if runs == 1:  # it is compared with something else: a baseline
        return f"{values} recorded in 1 run"
    if comparison.within:
        agree = "agrees" if one else "agree"
        return f"{values} {agree} over {runs} runs, {len(comparison.within)} of them within tolerance"
    return f"{values} {'is' if one else 'are'} equal over {runs} runs"


def _again(target: str, plan: Plan, comparison: Comparison) -> str:
    """The command that shows the drift again: the fewest runs of the plan that still contain the differing one."""
    inline = {spec.condition.place is Place.INLINE for spec in plan.runs}
    needed = max(2, comparison.first.run) if comparison.first else len(plan.runs)
    options = [f"--repro-runs={needed}"]
    if len(inline) == 1:
        options.append(f"--repro-isolation={'inline' if inline == {True} else 'process'}")
    if plan.asked:
        options.append(f"--repro-vary={','.join(plan.asked)}")
    if plan.executor and _far(plan, comparison):
        options.append(f"--repro-executor='{plan.executor}'{' --repro-spread' if plan.spread else ''}")
    options += plan.options
    # the order of tests shows only where there are others
    target = target.partition("::")[0] if "order" in plan.asked else target
    return command_for(target, *options, seed=plan.seed)


def _far(plan: Plan, comparison: Comparison) -> bool:
    """Whether the run that differs first was on a cluster."""
    differing = comparison.first.run if comparison.first else 0
    return any(spec.number == differing and spec.condition.place is Place.CLUSTER for spec in plan.runs)
