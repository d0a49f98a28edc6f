"""A call that a run in this process did not make again, because its result was kept, is no drift; anything else is."""

from __future__ import annotations

import pytest

from pytest_repro.across import Folder, _unsteady
from pytest_repro.baseline.recordings import Kept
from pytest_repro.compare import compare_recordings
from pytest_repro.model import (
    Comparison,
    Condition,
    Kind,
    Location,
    Node,
    Observation,
    Place,
    Recording,
    RunSpec,
    Tolerance,
)

LINE = Location("test_it.py", 4)
KEPT = ("fit#1 A", 1.0)
ALWAYS = ("assert#1 test_it.py:9 left", 5.0)


def recording(number: int, *entries: tuple[str, Node], fresh: bool = False, kind: Kind = Kind.AUTO) -> Recording:
    observations = [Observation(seq, name, None, kind, value, LINE) for seq, (name, value) in enumerate(entries)]
    place = Place.PROCESS if fresh else Place.INLINE
    return Recording(RunSpec(number, Condition(place)), tuple(observations))


def compared(*recordings: Recording) -> Comparison:
    return compare_recordings(recordings, one_session=True)


def drifts(*recordings: Recording) -> list[str]:
    return [drift.name for drift in compared(*recordings).drifts]


def test_call_of_the_first_run_here_and_of_fresh_processes_is_no_drift_and_is_noted() -> None:
    runs = [recording(1, KEPT, ALWAYS), recording(2, ALWAYS), recording(3, KEPT, ALWAYS, fresh=True)]
    comparison = compared(*runs)
    assert (comparison.drifts, comparison.first, comparison.equal) == ((), None, (ALWAYS[0],))
    assert comparison.notes == ("fit#1 A: called in run 1 and 3 only (other runs found it done)",)


def test_call_that_an_earlier_test_had_made_is_no_drift() -> None:
    other = ("fit#1 B", 2.0)
    assert not drifts(recording(1, ALWAYS), recording(2, ALWAYS), recording(3, KEPT, ALWAYS, fresh=True))
    later = recording(3, KEPT, ("fit#2 B", 2.0), ALWAYS, fresh=True)
    assert not drifts(recording(1, other, ALWAYS), recording(2, other, ALWAYS), later)


def test_kept_call_is_known_by_its_line_whatever_number_it_had() -> None:
    """In run 3 it has the number that the reference has for another call, in run 4 one of its own."""
    line = Location("test_it.py", 5)

    def with_other(number: int, *names: str) -> Recording:
        lines = {"kept": LINE, "other": line}
        seen = [
            Observation(seq, f"fit#{seq} A", None, Kind.AUTO, float(len(name)), lines[name])
            for seq, name in enumerate(names, start=1)
        ]
        place = Place.PROCESS if number > 2 else Place.INLINE
        return Recording(RunSpec(number, Condition(place)), tuple(seen))

    runs = [with_other(1, "other"), with_other(2, "other")]
    assert not drifts(*runs, with_other(3, "kept", "other"), with_other(4, "other", "kept"))


@pytest.mark.parametrize("first", [(KEPT, ("fit#2 A", 1.0)), (KEPT,)], ids=["kept-by-run-1", "kept-by-an-earlier-test"])
def test_call_that_is_made_less_often_once_a_cache_has_its_one_result_is_no_drift(
    first: tuple[tuple[str, Node], ...],
) -> None:
    twice = (KEPT, ("fit#2 A", 1.0))
    runs = [recording(1, *first, ALWAYS), recording(2, KEPT, ALWAYS), recording(3, *twice, ALWAYS, fresh=True)]
    comparison = compared(*runs)
    assert comparison.drifts == ()
    made = "1 and 3" if len(first) == 2 else "3"
    assert comparison.notes == (f"fit#2 A: called in run {made} only (other runs found it done)",)


def test_two_runs_that_made_the_call_are_enough_to_compare() -> None:
    assert not drifts(recording(1, KEPT), recording(2), recording(3, KEPT, fresh=True))


def test_call_that_only_the_first_of_runs_in_this_process_made_leaves_nothing_to_compare_where_it_is_alone() -> None:
    comparison = compared(recording(1, KEPT), recording(2), recording(3))
    assert (comparison.drifts, comparison.total) == ((), 0)
    assert comparison.notes == ("fit#1 A: called in run 1 only (other runs found it done)",)
    comparison = compared(recording(1, KEPT), recording(2, KEPT), recording(3))
    assert (comparison.drifts, comparison.equal) == ((), (KEPT[0],))


def test_call_that_only_one_of_two_recordings_has_is_a_drift_where_they_share_no_process() -> None:
    for runs in ([recording(1, KEPT, ALWAYS), recording(2, ALWAYS)], [recording(1, KEPT), recording(2)]):
        assert [drift.name for drift in compare_recordings(runs).drifts] == [KEPT[0]]


def test_runs_that_a_session_kept_shared_a_cache_as_well() -> None:
    runs = [recording(1, KEPT, ALWAYS), recording(2, ALWAYS), recording(3, KEPT, ALWAYS, fresh=True)]
    kept = tuple(Kept("t", 0, run, "", Tolerance()) for run in runs)
    assert _unsteady("t", [Folder("a", {"t": kept}, {})]) == []


def test_call_that_only_fresh_processes_made_leaves_nothing_to_compare_where_it_is_alone() -> None:
    comparison = compared(recording(1), recording(2), recording(3, KEPT, fresh=True))
    assert (comparison.drifts, comparison.total) == ((), 0)
    assert comparison.notes == ("fit#1 A: called in run 3 only (other runs found it done)",)


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param((recording(1, KEPT, ALWAYS), recording(2, ALWAYS, fresh=True)), id="fresh-process-left-it-out"),
        pytest.param(
            (recording(1, KEPT, ALWAYS), recording(2, ALWAYS), recording(3, ALWAYS, fresh=True)), id="first-run-only"
        ),
        pytest.param((recording(1, ALWAYS), recording(2, KEPT, ALWAYS)), id="made-later"),
        pytest.param(
            (recording(1, KEPT, ALWAYS), recording(2, ALWAYS), recording(3, KEPT, ALWAYS)), id="made-again-here"
        ),
        pytest.param(
            (recording(1, KEPT, ALWAYS), recording(2, ALWAYS), recording(3, ("fit#1 A", 1.5), ALWAYS, fresh=True)),
            id="another-result",
        ),
        pytest.param(
            (
                recording(1, KEPT, ALWAYS),
                recording(2, ALWAYS),
                recording(3, KEPT, ("fit#2 A", 1.0), ALWAYS, fresh=True),
            ),
            id="more-often",
        ),
        pytest.param((recording(1, KEPT, ("fit#2 A", 1.0), ALWAYS), recording(2, KEPT, ALWAYS)), id="less-often"),
        pytest.param(
            (
                recording(1, KEPT, ("fit#2 A", 1.5), ALWAYS),
                recording(2, KEPT, ALWAYS),
                recording(3, KEPT, ("fit#2 A", 1.5), ALWAYS, fresh=True),
            ),
            id="less-often-of-two-results",
        ),
        pytest.param(
            (
                recording(1, KEPT, ("fit#2 A", 1.0), ALWAYS),
                recording(2, KEPT, ALWAYS),
                recording(3, KEPT, ALWAYS, fresh=True),
            ),
            id="more-often-by-the-first-run-only",
        ),
        pytest.param(
            (
                recording(1, KEPT, ("fit#2 A", 1.0), ALWAYS),
                recording(2, KEPT, ALWAYS),
                recording(3, KEPT, ("fit#2 A", 1.0), ALWAYS),
                recording(4, KEPT, ("fit#2 A", 1.0), ALWAYS, fresh=True),
            ),
            id="as-often-again-here",
        ),
    ],
)
def test_call_that_is_missing_otherwise_is_a_drift(runs: tuple[Recording, ...]) -> None:
    assert any(name.startswith("fit#") for name in drifts(*runs))


def test_what_a_test_asserts_on_or_records_itself_is_never_left_out() -> None:
    assert drifts(recording(1, KEPT, ALWAYS), recording(2, KEPT)) == [ALWAYS[0]]
    kept = recording(1, KEPT, ALWAYS, kind=Kind.METRIC), recording(2, ALWAYS, kind=Kind.METRIC)
    assert drifts(*kept) == [KEPT[0]]


def test_kept_call_is_listed_beside_a_true_drift() -> None:
    """It may be what the others come from."""
    runs = recording(1, KEPT, ALWAYS), recording(2, (ALWAYS[0], 6.0))
    assert drifts(*runs) == [KEPT[0], ALWAYS[0]]
