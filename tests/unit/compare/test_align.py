"""Which observation answers to which, and when it happened on the reference's time line."""

from __future__ import annotations

from pytest_repro.compare import compare_recordings
from pytest_repro.compare.align import Key, align
from pytest_repro.model import Kind, Location, Observation, Recording, RunSpec


def recordings(*runs: list[tuple[str, int | None]]) -> list[Recording]:
    """Each run as names and steps; the value is the number of the run."""
    return [
        Recording(
            RunSpec(run),
            tuple(
                Observation(seq, name, step, Kind.METRIC, run, Location("test_x.py", 1))
                for seq, (name, step) in enumerate(names)
            ),
        )
        for run, names in enumerate(runs, start=1)
    ]


def keys(*runs: list[tuple[str, int | None]]) -> dict[str, tuple[Key, ...]]:
    return {aligned.name: aligned.keys for aligned in align(recordings(*runs))}


def test_what_the_reference_lacks_comes_right_after_what_it_followed() -> None:
    assert keys([("x", 5)], [("x", 5), ("x", 2)]) == {"x": ((5, 0), (2, 0))}
    assert keys([("x", 5)], [("x", 2), ("x", 5)]) == {"x": ((2, 0), (5, 0))}
    assert keys([("x", 5), ("x", 1)], [("x", 5), ("x", 3), ("x", 2), ("x", 1)]) == {
        "x": ((5, 0), (3, 0), (2, 0), (1, 0))
    }


def test_of_several_runs_the_earliest_place_counts() -> None:
    runs: list[list[tuple[str, int | None]]] = [[("x", 0), ("x", 9)], [("x", 0), ("x", 5), ("x", 9)]]
    last: list[tuple[str, int | None]] = [("x", 0), ("x", 9), ("x", 5)]
    assert keys(*runs, last) == keys(runs[0], last, runs[1]) == {"x": ((0, 0), (5, 0), (9, 0))}


def test_a_step_and_none_at_one_place_have_an_order() -> None:
    runs: list[list[tuple[str, int | None]]] = [[("a", None)], [("a", None), ("x", 3)], [("a", None), ("x", None)]]
    assert keys(*runs)["x"] == ((None, 0), (3, 0))


def test_only_the_run_that_has_more_differs_for_it() -> None:
    drift = compare_recordings(recordings([], [], [("x", None)], [("x", None)])).drifts[0]
    assert (drift.groups, drift.first.run) == (((1, 2), (3,), (4,)), 3)
