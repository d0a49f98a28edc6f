"""Automatic observations pair by what they gave: order is no result, a differing result is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_repro.compare import compare_recordings
from pytest_repro.compare.calls import paired
from pytest_repro.model import Kind, Location, Node, Observation, Recording, RunSpec

LINE = Location("test_it.py", 4)


def recording(number: int, *entries: tuple[str, Node], kind: Kind = Kind.AUTO) -> Recording:
    observations = [Observation(seq, name, None, kind, value, LINE) for seq, (name, value) in enumerate(entries)]
    return Recording(RunSpec(number), tuple(observations))


def test_same_calls_in_another_order_are_equal() -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0), ("fit#3 A", 3.0))
    other = recording(2, ("fit#1 A", 3.0), ("fit#2 A", 1.0), ("fit#3 A", 2.0))
    assert not compare_recordings([one, other]).drifts


def test_classes_that_change_places_are_equal() -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 B", 2.0), ("predict#1 B", 5.0))
    other = recording(2, ("fit#1 B", 2.0), ("predict#1 B", 5.0), ("fit#2 A", 1.0))
    assert not compare_recordings([one, other]).drifts


@pytest.mark.parametrize("order", [(9.0, 1.0, 3.0), (1.0, 9.0, 3.0), (3.0, 1.0, 9.0)])
def test_one_differing_call_among_others_in_another_order_is_one_drift(order: tuple[float, ...]) -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0), ("fit#3 A", 3.0))
    other = recording(2, *((f"fit#{i} A", value) for i, value in enumerate(order, start=1)))
    [drift] = compare_recordings([one, other]).drifts
    assert (drift.name, drift.first.reference, drift.first.other) == ("fit#2 A", "2.0", "9.0")


def test_a_call_more_or_less_is_drift() -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0))
    more = recording(2, ("fit#1 A", 2.0), ("fit#2 A", 7.0), ("fit#3 A", 1.0))
    less = recording(2, ("fit#1 A", 2.0))
    assert [drift.name for drift in compare_recordings([one, more]).drifts] == ["fit#2 A (extra)"]
    assert [drift.name for drift in compare_recordings([one, less]).drifts] == ["fit#1 A"]


def test_what_a_test_records_itself_keeps_its_names() -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0), kind=Kind.METRIC)
    other = recording(2, ("fit#1 A", 2.0), ("fit#2 A", 1.0), kind=Kind.METRIC)
    assert len(compare_recordings([one, other]).drifts) == 2


def test_equal_calls_of_other_lines_do_not_pair() -> None:
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0))
    there = Observation(0, "fit#1 A", None, Kind.AUTO, 2.0, Location("test_it.py", 5))
    other = Recording(RunSpec(2), (there, *recording(2, ("x", 0), ("fit#2 A", 1.0)).observations[1:]))
    assert names(one, other) == ["fit#1 A (extra)", "fit#1 A"]


def names(one: Recording, other: Recording) -> list[str]:
    """What the observations of `other` are called, in its order."""
    return [seen.name for seen in paired([one, other])[1].observations]


@pytest.mark.parametrize(
    ("ours", "theirs", "alike"),
    [
        ("/a/lib/python3.10/site-packages/lib/test_it.py", "/b/lib/python3.13/site-packages/lib/test_it.py", True),
        ("/usr/lib/python3/dist-packages/lib/test_it.py", "C:\\env\\Lib\\site-packages\\lib/test_it.py", True),
        ("/a/site-packages/lib/test_it.py", "lib/test_it.py", True),
        ("/a/site-packages/lib/test_it.py", "/b/site-packages/other/test_it.py", False),
        ("/a/packages/test_it.py", "/b/packages/test_it.py", False),
    ],
)
def test_installed_package_may_lie_elsewhere(ours: str, theirs: str, alike: bool) -> None:
    one, other = recording(1, ("fit#1 A", 1.0)), recording(2, ("fit#1 A", 1.0))
    at = [
        replace(run, observations=(replace(run.observations[0], location=Location(file, 4)),))
        for run, file in ((one, ours), (other, theirs))
    ]
    assert bool(compare_recordings(at).drifts) != alike


def test_a_recording_with_nothing_to_rename_is_left_as_it_is() -> None:
    metric = Observation(7, "loss", None, Kind.METRIC, 0.5, LINE)
    one, other = (Recording(RunSpec(run), (*recording(run, ("fit#1 A", 1.0)).observations, metric)) for run in (1, 2))
    assert paired([one, other])[1] is other


def test_what_stands_between_calls_in_another_order_keeps_its_name() -> None:
    first, last = recording(2, ("fit#1 A", 2.0), ("loss", 0), ("fit#2 A", 1.0)).observations[::2]
    metric = Observation(1, "loss", None, Kind.METRIC, 0.5, LINE)
    one = recording(1, ("fit#1 A", 1.0), ("fit#2 A", 2.0))
    assert names(one, Recording(RunSpec(2), (first, metric, last))) == ["fit#2 A", "loss", "fit#1 A"]


@pytest.mark.parametrize(
    ("ours", "theirs", "numbers"),
    [
        pytest.param("xyx", "yzx", [2, 1, 3], id="in-its-place-before-elsewhere"),
        pytest.param("xx", "xz", [1, 2], id="in-its-place-is-not-moved"),
        pytest.param("xyxy", "yxyx", [2, 1, 4, 3], id="equal-ones-in-order"),
        pytest.param("abc", "dea", [2, 3, 1], id="the-rest-in-order"),
        pytest.param("ab", "abc", [1, 2, 3], id="more-than-there-are-names"),
    ],
)
def test_calls_are_paired_by_place_then_by_value_then_in_order(ours: str, theirs: str, numbers: list[int]) -> None:
    one, other = (
        recording(run, *((f"fit#{i} A", letter * 99) for i, letter in enumerate(letters, start=1)))
        for run, letters in enumerate((ours, theirs), start=1)
    )
    assert names(one, other) == [f"fit#{number} A" for number in numbers]


def test_what_is_left_over_has_a_name_of_its_own() -> None:
    one, other = (
        recording(1, ("fit#1 A", "a"), ("fit#2 A", "b")),
        recording(2, *((f"fit#{i} A", "_cba"[i]) for i in (1, 2, 3))),
    )
    assert names(one, other) == ["fit#1 A (extra)", "fit#2 A", "fit#1 A"]


def test_a_step_or_another_form_of_name_is_no_call() -> None:
    entries = [("fit#1 A", 0, Kind.AUTO), ("fit#1A", None, Kind.AUTO), ("a fit#1 A", None, Kind.AUTO)]
    for name, step, kind in entries:
        one, other = (
            Recording(RunSpec(run), tuple(Observation(i, f"{name}", step, kind, i ^ run, LINE) for i in range(2)))
            for run in (0, 1)
        )
        assert paired([one, other])[1] is other
