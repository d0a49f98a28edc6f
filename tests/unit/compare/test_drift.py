"""The row of a drifting name: its groups, counts and leaves; and statistics added up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pytest_repro.compare import compare_recordings
from pytest_repro.compare.tally import Tally, largest_of, sum_of
from pytest_repro.model import Kind, Location, NumberStats, Observation, Recording, RunSpec, Tolerance, ValueDrift
from pytest_repro.values import canonical

MANY = NumberStats(10, 4, (3, 1), 0.5, 0.25, 7, outside=2)
ZEROS = NumberStats(5, 1, (0,), 0.0, 0.0, 0, sign_of_zero_only=True, outside=1)
WHOLE = NumberStats(6, 6, (), 9, 0.125, None, outside=3)
DATES = NumberStats(3, 1, (2,), math.nan, math.nan, None, outside=1)


def drift_of(*series: list[Any], tolerance: Tolerance = Tolerance()) -> ValueDrift:  # noqa: B008 - frozen
    """Each run gives the values of one name, one a step; None: not recorded."""
    runs = []
    for run, values in enumerate(series, start=1):
        seen = [
            Observation(
                step,
                "x",
                step if len(series[0]) > 1 else None,
                Kind.ARTIFACT,
                canonical(value),
                Location("t.py", 1),
                tolerance,
            )
            for step, value in enumerate(values)
            if value is not None
        ]
        runs.append(Recording(RunSpec(run), tuple(seen)))
    (drift,) = compare_recordings(runs).drifts
    return drift


def test_payloads_of_nan_tell_runs_apart_where_they_count() -> None:
    nans = np.arange(0x7FF8000000000000, 0x7FF8000000000003, dtype=np.uint64).view(np.float64)
    runs = [[nans[i : i + 1].copy()] for i in (0, 1, 2, 1)]
    assert drift_of(*runs, tolerance=Tolerance(nan_payload=True)).groups == ((1,), (2, 4), (3,))


def test_what_one_run_lacks_is_told_by_the_value_of_the_other() -> None:
    drift = drift_of([5], [None])
    (leaf,) = drift.leaves
    assert (drift.first.label, drift.n_leaves, drift.n_different, drift.n_total) == ("x", 1, 1, 1)
    assert (leaf.path, leaf.what, leaf.reference, leaf.other) == ("", "missing", "5", "(not recorded)")


def test_leaves_of_all_steps_are_counted() -> None:
    drift = drift_of([{"a": 1, "b": 1}, {"a": 1}, {"a": 2}], [{"a": 2, "b": 2}, None, {"a": 3}])
    assert [leaf.path for leaf in drift.leaves] == ["[0]['a']", "[0]['b']", "[1]", "[2]['a']"]
    assert (drift.n_leaves, drift.n_different, drift.n_total) == (4, 3, 3)


def test_of_leaves_as_far_off_by_proportion_the_farthest_comes_first() -> None:
    drift = drift_of([{"a": 0.0, "b": 0.0, "c": "x"}], [{"a": 1.0, "b": 2.0, "c": "y"}])
    assert [leaf.path for leaf in drift.leaves] == ["['c']", "['b']", "['a']"]


def test_the_structure_leaves_out_what_the_tolerance_allows() -> None:
    drift = drift_of([{"a": 1.0, "s": "x"}], [{"a": 1.1, "s": "y"}], tolerance=Tolerance(rtol=0.5))
    assert drift.structure == ("['s']  'x' -> 'y'",)


# --- statistics -------------------------------------------------------------------------------


def test_one_part_is_its_own_sum() -> None:
    for part in (MANY, ZEROS, WHOLE):
        assert sum_of([None, part, None, DATES]) is part
    assert sum_of([None, DATES]) is sum_of([]) is None


def test_counts_add_up_and_the_largest_distances_stay() -> None:
    assert sum_of([MANY, ZEROS, WHOLE, DATES]) == NumberStats(21, 11, (), 9, 0.25, 7, outside=6)
    assert sum_of([ZEROS, ZEROS]) == NumberStats(10, 2, (), 0.0, 0.0, 0, sign_of_zero_only=True, outside=2)
    assert sum_of([WHOLE, WHOLE]) == NumberStats(12, 12, (), 9, 0.125, None, outside=6)
    assert Tally().result() is None


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_runs_the_largest_of_everything_is_told_and_the_first_index(order: int) -> None:
    runs = [MANY, ZEROS, None, WHOLE][::order]
    first = next(run for run in runs if run is not None)
    assert largest_of(runs) == NumberStats(10, 6, first.first_index, 9, 0.25, 7, outside=3)
    assert largest_of([None, MANY, None]) is MANY
    assert largest_of([None, None]) is largest_of([]) is None


def test_several_runs_with_zeros_of_two_signs_or_without_distance_in_numbers_stay_so() -> None:
    assert largest_of([ZEROS, ZEROS]) == ZEROS
    assert largest_of([WHOLE, WHOLE]) == WHOLE
