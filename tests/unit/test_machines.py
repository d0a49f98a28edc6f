"""A drift between machines: which they are, how they differ, and when the machine may be called the reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_repro.compare import compare_recordings
from pytest_repro.machines import on_machines
from pytest_repro.model import (
    Cause,
    CauseStatus,
    Condition,
    EnvChange,
    Kind,
    Location,
    Observation,
    Place,
    Recording,
    RunSpec,
    TestResult,
    Verdict,
)

CHANGE = EnvChange("cpu.model", "old", "new", numeric=True)
UNKNOWN = Cause(CauseStatus.UNKNOWN, "", "not explained: all pinned, 3 of 3 agree", details=("more",))
SHOWN = Cause(CauseStatus.CAUSE, "hash-seed", "hash seed decides it")


def recording(number: int, host: str, value: float) -> Recording:
    seen = Observation(0, "x", None, Kind.METRIC, value, Location("t.py", 1))
    place = Place.INLINE if number < 3 else Place.CLUSTER
    return Recording(RunSpec(number, Condition(place)), (seen,), environment=(("host", host),))


def judged(runs: Sequence[tuple[str, float]], cause: Cause | None = UNKNOWN) -> TestResult:
    recordings = [recording(number, host, value) for number, (host, value) in enumerate(runs, start=1)]
    comparison = compare_recordings(recordings)
    verdict = Verdict.DRIFTED if comparison.drifts else Verdict.REPRODUCED
    result = TestResult("t", verdict, len(runs), 0, "", comparison=comparison, cause=cause)
    return on_machines(result, recordings, changes=lambda _before, _after: (CHANGE,))


def test_machines_that_agree_each_with_itself_are_suspected() -> None:
    result = judged([("a", 1.0), ("a", 1.0), ("b", 2.0), ("b", 2.0)])
    assert result.changes == (CHANGE,)
    assert result.labels == ((3, "run 3 on b"), (4, "run 4 on b"))
    assert result.cause is not None
    assert (result.cause.status, result.cause.factor) == (CauseStatus.SUSPECT, "environment")
    assert result.cause.details == (UNKNOWN.summary, "more")


def test_a_third_machine_that_agrees_with_the_first_changes_nothing_about_the_second() -> None:
    result = judged([("a", 1.0), ("a", 1.0), ("b", 2.0), ("c", 1.0)])
    assert result.cause is not None
    assert result.cause.status is CauseStatus.SUSPECT


def test_a_machine_that_disagrees_with_itself_is_not_the_reason() -> None:
    result = judged([("a", 1.0), ("a", 1.0), ("b", 2.0), ("b", 1.0)])
    assert result.cause == UNKNOWN
    assert result.changes == (CHANGE,)  # shown all the same: it may matter


def test_a_cause_that_was_shown_stands_alone() -> None:
    result = judged([("a", 1.0), ("a", 1.0), ("b", 2.0)], cause=SHOWN)
    assert result.cause == SHOWN
    assert result.changes == ()


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([("a", 1.0), ("a", 1.0), ("a", 2.0)], id="one machine"),
        pytest.param([("a", 1.0), ("b", 1.0)], id="no drift"),
    ],
)
def test_nothing_is_said_of_machines_where_they_do_not_matter(runs: list[tuple[str, float]]) -> None:
    result = judged(runs)
    assert (result.cause, result.changes, result.labels) == (UNKNOWN, (), ())


def test_a_drift_on_the_first_machine_is_not_blamed_on_another() -> None:
    result = judged([("a", 1.0), ("a", 2.0), ("b", 1.0)])
    assert (result.cause, result.changes) == (UNKNOWN, ())
