"""Automatic observations pair by what they gave: order is no result, a differing result is."""

from __future__ import annotations

import pytest

from pytest_repro.compare import compare_recordings
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
    other = Recording(RunSpec(2), (there, *recording(2, ("fit#2 A", 1.0)).observations[:0]))
    assert compare_recordings([one, other]).drifts
