"""Recordings of one test against each other."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.compare import compare_recordings
from pytest_repro.model import (
    Branch,
    Comparison,
    Kind,
    Layout,
    Location,
    Observation,
    Recording,
    RunSpec,
    Tolerance,
)  # fmt: skip
from pytest_repro.values import canonical
from tests.unit.compare.oracle import thorough

EXACT = Tolerance()


def recording(run: int, *observations: Any, tolerance: Tolerance = EXACT) -> Recording:
    """Observations are (name, value) or (name, step, value); each lies on a line of its own."""
    made = []
    for i, given_ in enumerate(observations):
        name, step, value = given_ if len(given_) == 3 else (given_[0], None, given_[1])
        node = value if isinstance(value, Branch) else canonical(value)
        made.append(Observation(i, name, step, Kind.METRIC, node, Location("test_x.py", i + 1), tolerance))
    return Recording(RunSpec(run), tuple(made))


def compare(*runs: list[Any], tolerance: Tolerance = EXACT) -> Comparison:
    return compare_recordings([recording(i, *run, tolerance=tolerance) for i, run in enumerate(runs, start=1)])


def test_equal_recordings_have_no_drift() -> None:
    run = [("acc", 0.9), ("loss", 0, 1.0), ("loss", 1, 0.5), ("w", np.ones(3))]
    assert compare(run, run, run) == Comparison(equal=("acc", "loss", "w"))
    assert compare(run) == Comparison(equal=("acc", "loss", "w"))
    assert compare() == Comparison()
    assert compare([], []) == Comparison()


def test_first_divergence_is_the_earliest_in_execution_order() -> None:
    result = compare(
        [("z", 1.0), ("loss", 0, 1.0), ("a", 1.0), ("loss", 1, 1.0)],
        [("z", 1.0), ("loss", 0, 1.0), ("a", 1.0), ("loss", 1, 2.0)],
        [("z", 1.0), ("loss", 0, 1.0), ("a", 2.0), ("loss", 1, 1.0)],
    )
    assert result.first is not None
    assert (result.first.label, result.first.run, str(result.first.location)) == ("a", 3, "test_x.py:3")
    assert [drift.name for drift in result.drifts] == ["a", "loss"]
    assert (result.drifts[1].first.label, result.drifts[1].first.run) == ("loss[1]", 2)
    assert result.equal == ("z",)


def test_same_place_in_two_runs_names_the_earlier_run() -> None:
    result = compare([("a", 1)], [("a", 2)], [("a", 3)])
    assert result.first is not None
    assert (result.first.run, result.first.reference, result.first.other) == (2, "1", "2")


def test_divergence_of_an_array_names_the_element() -> None:
    other = np.zeros((3, 4))
    other[1, 2] = other[2, 0] = 0.5
    drift = compare([("w", np.zeros((3, 4)))], [("w", other)]).drifts[0]
    assert (drift.first.label, drift.first.reference, drift.first.other) == ("w[1, 2]", "0.0", "0.5")
    assert drift.first.ulp == int(np.float64(0.5).view(np.int64))
    assert (drift.kind, drift.n_different, drift.n_total) == ("float64 (3, 4)", 2, 12)
    assert drift.heat[1] == (None, None, 0.5, None)
    nested = compare([("m", {"fc.weight": np.zeros((3, 4))})], [("m", {"fc.weight": other})]).drifts[0]
    assert nested.first.label == "m['fc.weight'][1, 2]"
    assert (nested.n_different, nested.n_total, nested.structure) == (1, 1, ())


def test_missing_and_extra_observations_are_drift() -> None:
    result = compare([("a", 1), ("b", 2), ("c", 3)], [("a", 1), ("new", 7), ("c", 3)])
    assert [drift.name for drift in result.drifts] == ["new", "b"]
    new, b = result.drifts
    assert (new.first.reference, new.first.other, new.leaves[0].what) == ("(not recorded)", "7", "extra")
    assert (b.first.reference, b.first.other, b.leaves[0].what) == ("2", "(not recorded)", "missing")
    assert (str(new.first.location), str(b.first.location)) == ("test_x.py:2", "test_x.py:2")
    assert (new.kind, new.n_different, new.n_total, new.groups) == ("int", 1, 1, ((1,), (2,)))
    assert result.equal == ("a", "c")


def test_extra_before_everything_is_first() -> None:
    result = compare([("a", 1)], [("new", 0), ("a", 2)])
    assert [drift.name for drift in result.drifts] == ["new", "a"]


def test_steps_align_whatever_their_order_and_number() -> None:
    result = compare([("x", 0, 1.0), ("x", 5, 2.0)], [("x", 5, 2.0), ("x", 0, 1.0)])
    assert result.equal == ("x",)
    drift = compare([("x", 0, 1.0), ("x", 5, 2.0)], [("x", 0, 1.0), ("x", 6, 2.0)]).drifts[0]
    assert [leaf.path for leaf in drift.leaves] == ["[6]", "[5]"]
    assert (drift.kind, drift.n_different, drift.n_total) == ("series, 3", 2, 3)


def test_same_name_without_step_is_a_series_in_order() -> None:
    drift = compare([("x", 1.0), ("x", 2.0)], [("x", 1.0), ("x", 3.0), ("x", 4.0)]).drifts[0]
    assert (drift.first.label, drift.first.step, drift.kind) == ("x[1]", 1, "series, 3")
    assert [(leaf.path, leaf.what) for leaf in drift.leaves] == [("[1]", "value"), ("[2]", "extra")]
    lone = compare([("x", 1.0)], [("x", 2.0), ("x", 4.0)]).drifts[0]
    assert lone.first.label == "x[0]"


def test_order_across_names_is_not_part_of_the_values() -> None:
    assert not compare([("a", 1), ("b", 2)], [("b", 2), ("a", 1)]).drifts


def test_runs_are_grouped_by_what_they_recorded() -> None:
    def groups(*values: Any, **tolerance: float) -> Any:
        rule = Tolerance(**tolerance)  # type: ignore[arg-type]
        return compare(*[[("x", value)] for value in values], tolerance=rule).drifts[0].groups

    assert groups(1.0, 1.0, 2.0) == ((1, 2), (3,))
    assert groups(1.0, 2.0, 3.0, 2.0) == ((1,), (2, 4), (3,))
    assert groups(1.0, 1.001, 2.0, rtol=0.01) == ((1, 2), (3,))
    assert groups(math.nan, 1.0, -math.nan) == ((1, 3), (2,))
    run = [("x", 0, 1), ("x", 1, 1)]
    assert compare(run, run[:1], [("x", 0, 2), ("x", 1, 1)], run[:1]).drifts[0].groups == ((1,), (2, 4), (3,))


def test_what_is_within_tolerance_is_said_with_its_distance() -> None:
    rule = Tolerance(rtol=0.5)
    result = compare([("x", 2.0), ("y", 1.0)], [("x", 2.5), ("y", 1.0)], [("x", 3.0), ("y", 1.0)], tolerance=rule)
    assert result.drifts == ()
    assert result.first is None
    assert result.equal == ("y",)
    (within,) = result.within
    assert (within.name, within.tolerance) == ("x", rule)
    assert within.stats is not None
    assert (within.stats.max_abs, within.stats.outside) == (1.0, 0)


def test_tolerance_is_that_of_the_reference() -> None:
    strict, loose = recording(1, ("x", 1.0)), recording(2, ("x", 1.1), tolerance=Tolerance(atol=1))
    assert compare_recordings([strict, loose]).drifts
    (within,) = compare_recordings([loose, strict]).within
    assert within.tolerance == Tolerance(atol=1)


def test_element_beyond_the_tolerance_is_the_one_shown() -> None:
    drift = compare([("w", np.ones(3))], [("w", np.array([1, 1.001, 2]))], tolerance=Tolerance(atol=0.01)).drifts[0]
    assert (drift.first.path, drift.first.other, drift.n_different, drift.n_total) == ("[2]", "2.0", 1, 3)


def test_statistics_are_the_largest_over_runs() -> None:
    stats = compare([("x", 1.0)], [("x", 1.5)], [("x", 3.0)], [("x", 0.9)]).drifts[0].stats
    assert stats is not None
    assert (stats.unequal, stats.max_abs, stats.max_rel) == (1, 2.0, 2.0)


def test_leaves_are_sorted_worst_first_within_a_value_and_cut_with_a_count() -> None:
    a = {f"k{i:02}": float(i + 1) for i in range(80)}
    b = {key: value * (1 + value / 1000) for key, value in a.items()}
    drift = compare([("m", a)], [("m", {**b, "k05": "text"})]).drifts[0]
    assert (len(drift.leaves), drift.n_leaves, drift.n_different, drift.n_total) == (50, 80, 80, 80)
    assert [leaf.path for leaf in drift.leaves[:3]] == ["['k05']", "['k79']", "['k78']"]
    assert drift.first.path == "['k00']"


def test_nested_values_and_text_get_structure_lines() -> None:
    drift = compare([("cfg", {"a": [1, 2], "b": "cat"})], [("cfg", {"a": [0, 1, 2], "b": "dog"})]).drifts[0]
    assert drift.structure == ("['a'][0] added: 0", "['b']  'cat' -> 'dog'")
    assert compare([("t", "a\nb")], [("t", "a\nc")]).drifts[0].structure == ("line 2  'b' -> 'c'",)
    assert compare([("t", 1)], [("t", "a\nc")]).drifts[0].structure == ()


def test_series_carry_their_points_per_run() -> None:
    drift = compare([("x", 0, 1.0), ("x", 1, 2)], [("x", 0, 1.5), ("x", 2, np.float32(3))]).drifts[0]
    assert drift.series == ((1, (0, 1), (1.0, 2.0)), (2, (0, 2), (1.5, 3.0)))
    assert compare([("x", 0, "a"), ("x", 1, 2)], [("x", 0, "b"), ("x", 1, 2)]).drifts[0].series == ()
    assert compare([("x", 1.0)], [("x", 2.0)]).drifts[0].series == ()
    curves = compare([("x", 0, 10**400)], [("x", 0, -(10**400))]).drifts[0].series
    assert [values for _, _, values in curves] == [(math.inf,), (-math.inf,)]


def test_long_series_are_bounded_and_keep_the_step_that_differs_first_and_the_extremes() -> None:
    values = np.sin(np.arange(10_000)).tolist()
    values[100] = math.nan
    other = list(values)
    other[7777] += 1e-9
    runs = [[("x", i, v) for i, v in enumerate(run)] for run in (values, other)]
    drift = compare(*runs).drifts[0]
    assert drift.first.step == 7777
    for (_, steps, points), run in zip(drift.series, (values, other), strict=True):
        assert len(steps) <= 2000
        assert {0, 7777, 9999} <= set(steps)
        assert list(steps) == sorted(steps)
        assert [run[i] for i in steps if i != 100] == [p for i, p in zip(steps, points, strict=True) if i != 100]
        assert max(points) == np.nanmax(run)


@pytest.mark.parametrize("size", [2002, 5003])
def test_each_piece_of_a_long_series_keeps_its_smallest_and_its_largest_number(size: int) -> None:
    values = np.random.default_rng(1).normal(size=size)
    values[20:40] = values[45] = values[size - 7] = math.nan
    other = values.copy()
    other[size // 2] = 9.0
    series = [list(enumerate(run.tolist())) for run in (values, other, values)]
    del series[2][size // 2]
    curves = compare(*[[("x", step, value) for step, value in run] for run in series]).drifts[0].series
    for (_, steps, _), run in zip(curves, series, strict=True):
        expected = {0, size // 2 if len(run) == size else 0, size - 1}
        for piece in range(998):
            points = run[piece * len(run) // 998 : (piece + 1) * len(run) // 998]
            numbers = [(value, step) for step, value in points if not math.isnan(value)]
            expected |= {min(numbers)[1], max(numbers)[1]} if numbers else {points[0][0]}
        assert set(steps) == expected


def test_a_series_of_2000_points_is_kept_whole() -> None:
    runs = [[("x", i, float(i + run)) for i in range(2000)] for run in (0, 1)]
    assert compare(*runs).drifts[0].series[0][1] == tuple(range(2000))


def test_leaves_of_all_branches_are_counted_and_an_empty_one_is_a_leaf() -> None:
    def value(x: int) -> Any:
        return {"a": [x, 2, {"b": 3}], "c": [], "d": {"e": 1, "f": [2, []], "g": {}}, "h": 5}

    drift = compare([("m", value(1))], [("m", value(9))]).drifts[0]
    assert (drift.n_different, drift.n_total) == (1, 9)


@pytest.mark.parametrize(
    ("reference", "other", "differing"),
    [
        ([("a", 1.0)], [("b", 1.0)], ["a", "b"]),
        ([("a", 1.0), ("b", 2.0)], [("b", 2.0), ("a", 1.0)], []),
        ([("a", 1.0), ("b", 1.0)], [("b", 1.0), ("a", 1.0)], []),
        ([("a", 0, 1.0)], [("a", 1, 1.0)], ["a"]),
        ([("a", 1.0)], [("a", 1.0), ("a", 1.0)], ["a"]),
        ([("a", 1.0), ("a", 1.0)], [("a", 1.0)], ["a"]),
        ([("a", 1.0)], [("a", 1)], ["a"]),
        ([("a", 0.0)], [("a", -0.0)], ["a"]),
        ([("a", 1.0), ("a", 2.0)], [("a", 2.0), ("a", 1.0)], ["a"]),
    ],
)
def test_equal_is_only_what_has_the_same_name_step_and_bits(reference: Any, other: Any, differing: list[str]) -> None:
    found = compare_recordings([recording(1, *reference), recording(2, *reference), recording(3, *other)])
    assert sorted(drift.name for drift in found.drifts) == differing
    names = dict.fromkeys(name for name, *_ in (*reference, *other))
    assert found.equal == tuple(name for name in names if name not in differing)


def test_payloads_of_nans_count_where_the_tolerance_says_so() -> None:
    quiet, other = (np.array([bits], dtype=np.uint64).view(np.float64) for bits in (0x7FF8 << 48, (0x7FF8 << 48) + 1))
    for counted in (False, True):
        tolerance = Tolerance(nan_payload=counted)
        runs = [recording(run, ("a", value), tolerance=tolerance) for run, value in ((1, quiet), (2, other))]
        assert bool(compare_recordings(runs).drifts) is counted


def test_notes_of_values_are_gathered_once_with_the_name() -> None:
    model = Branch("SVC", Layout.OBJECT, (".a",), (Branch("x", Layout.OBJECT, (), (), ("inner (y)",)),), ("time (x)",))
    assert compare([("m", model)], [("m", model)]).notes == ("m: time (x)", "m: inner (y)")


def test_shape_and_type_drift_have_no_statistics() -> None:
    drift = compare([("w", np.ones(3))], [("w", np.ones(4))]).drifts[0]
    assert (drift.stats, drift.n_different, drift.n_total, drift.heat) == (None, 1, 1, ())
    assert (drift.first.reference, drift.first.other, drift.first.ulp) == ("(3,)", "(4,)", None)


@thorough
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([None, 0, 1]), st.sampled_from([0.0, 1.0])), max_size=6)
)
def test_a_recording_never_drifts_from_itself(observations: Any) -> None:
    assert compare(observations, observations, observations).drifts == ()


def test_first_divergence_of_a_series_may_be_in_a_later_run() -> None:
    runs = [[("x", i, int(i == odd)) for i in range(6)] for odd in (None, 5, 1)]
    result = compare(*runs)
    assert result.first is not None
    assert (result.first.label, result.first.run) == ("x[1]", 3)


def test_what_only_one_run_has_is_shown_in_at_most_200_characters() -> None:
    leaf = compare([("x", "ab" * 500)], []).drifts[0].leaves[0]
    assert (len(leaf.reference), leaf.other) == (200, "(not recorded)")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_equal_recordings_are_told_without_a_closer_look(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_repro.compare.runs.compare_recordings", lambda *_, **__: pytest.fail("looked closer"))
    values = [("loss", 0, 1.5), ("loss", 1, math.nan), ("weights", np.arange(3.0)), ("seen", "x"), ("seen", "y")]
    runs = []
    for run in range(1, count + 1):
        made = recording(run, *values)
        # a metric may come from another line; a call that was recorded automatically is one of its line
        metrics = [replace(seen, location=Location("test_x.py", 100 * run)) for seen in made.observations]
        calls = [replace(seen, kind=Kind.AUTO, name="fit#1", seq=9) for seen in made.observations[:1]]
        runs.append(replace(made, observations=(*metrics, *calls)))
    assert compare_recordings(runs) == Comparison(equal=("loss", "weights", "seen", "fit#1"))
