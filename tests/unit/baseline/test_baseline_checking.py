from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pytest_repro.baseline.entries import big_values
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.errors import StoredDataError
from pytest_repro.model import Recording, Tolerance
from tests.unit.baseline.kept import check, make_known, make_recording, make_series

RNG = np.random.default_rng(0)
BIG = RNG.normal(size=(300, 20))
LONG = [1 / (i + 1) for i in range(10_000)]


def fill(store: Path, recording: Recording) -> None:
    for node, nan_payload in big_values(recording):
        ObjectStore(store).put(node, nan_payload=nan_payload)


@pytest.mark.parametrize(
    "value",
    [0.1, math.nan, BIG, list(range(1000)), "x" * 10_000, {"a": BIG, "b": [1, "c"]}],
    ids=lambda v: type(v).__name__,
)
def test_equal_values_agree_without_their_elements(value: object) -> None:
    recording = make_recording(("v", value), *make_series("s", LONG))
    comparison = check(make_known(recording), recording)
    assert set(comparison.equal) == {"v", "s"}
    assert not comparison.drifts


def test_first_divergence_is_the_earliest_in_execution_order_not_in_the_order_of_the_file() -> None:
    def run(change: float) -> Recording:
        pairs = zip(
            make_series("z_loss", [3.0, 2.0, 1.0]), make_series("a_loss", [6.0, 5.0, 4.0 + change]), strict=True
        )
        values = [one for pair in pairs for one in pair]
        values[2] = ("z_loss", 2.0 + change, 1)
        return make_recording(*values)

    comparison = check(make_known(run(0)), run(0.5))
    assert comparison.first is not None
    assert comparison.first.label == "z_loss[1]"
    assert [drift.name for drift in comparison.drifts] == ["z_loss", "a_loss"]
    assert comparison.first.run == 1
    assert comparison.drifts[0].groups == ((0,), (1,))
    assert str(comparison.first.location) == "t.py:3"


def test_one_changed_step_of_a_long_series_is_placed_by_the_ladder() -> None:
    changed = [*LONG]
    changed[4711] = math.nextafter(changed[4711], 1)
    comparison = check(
        make_known(make_recording(*make_series("loss", LONG))), make_recording(*make_series("loss", changed))
    )
    assert comparison.first is not None
    assert comparison.first.reference == "steps 4700 to 4799 as stored"
    assert comparison.drifts[0].structure[0] == "steps 4700 to 4799 differ"
    assert (comparison.drifts[0].n_different, comparison.drifts[0].n_total) == (1, 100)


def test_steps_of_the_ladder_are_those_that_were_recorded() -> None:
    def run(change: float) -> Recording:
        return make_recording(*[("loss", v + (change if i == 500 else 0), 10 * i) for i, v in enumerate(LONG[:1000])])

    comparison = check(make_known(run(0)), run(1e-9))
    assert comparison.first is not None
    assert comparison.first.reference == "steps 5000 to 5990 as stored"


def test_changed_elements_of_a_big_array_are_placed_by_the_ladder() -> None:
    changed = BIG.copy()
    changed[212, 2] += 1e-9
    comparison = check(make_known(make_recording(("w", BIG))), make_recording(("w", changed)))
    assert comparison.drifts[0].structure[0] == "elements [210, 0] to [214, 19] differ"


def test_changed_leaf_of_a_big_tree_is_named() -> None:
    tree = {f"layer{i}": {"weight": [0.1 * j for j in range(10)]} for i in range(6)}
    changed = {**tree, "layer3": {"weight": [0.1 * j for j in range(9)] + [7.0]}}
    comparison = check(make_known(make_recording(("m", tree))), make_recording(("m", changed)))
    assert comparison.drifts[0].structure[0] == "['layer3']['weight'][9] differ"


def test_elements_are_compared_where_the_store_has_them(tmp_path: Path) -> None:
    changed, series = BIG.copy(), [*LONG]
    changed[212, 2] += 1e-9
    series[4711] += 1e-12
    before = make_recording(("w", BIG), *make_series("loss", LONG), ("m", {"a": BIG, "b": "x" * 9000}))
    fill(tmp_path, before)
    after = make_recording(("w", changed), *make_series("loss", series), ("m", {"a": changed, "b": "x" * 9000}))
    comparison = check(make_known(before), after, store=tmp_path)
    labels = {drift.name: drift.first.label for drift in comparison.drifts}
    assert labels == {"w": "w[212, 2]", "loss": "loss[4711]", "m": "m['a'][212, 2]"}
    assert {drift.n_different for drift in comparison.drifts} == {1}


def test_tolerance_is_applied_to_elements_of_the_store_and_said_to_be_impossible_without(tmp_path: Path) -> None:
    near = Tolerance(rtol=1e-6)
    before, after = make_recording(("w", BIG), tolerance=near), make_recording(("w", BIG * (1 + 1e-9)), tolerance=near)
    known = make_known(before)
    without = check(known, after)
    assert any("cannot be applied without the elements" in line for line in without.drifts[0].structure)
    fill(tmp_path, before)
    assert [entry.name for entry in check(known, after, store=tmp_path).within] == ["w"]


def test_machine_tolerance_widens_each_values_own() -> None:
    before, after = make_recording(("v", 1.0)), make_recording(("v", 1.0 + 1e-9))
    assert check(make_known(before), after).drifts
    within = check(make_known(before), after, machine=Tolerance(rtol=1e-6)).within
    assert within[0].tolerance.rtol == 1e-6


def test_missing_and_extra_values_and_steps_are_drift() -> None:
    before = make_recording(("a", 1), ("b", 2), ("s", 1.0, 0), ("s", 2.0, 1), ("s", 3.0, 2))
    after = make_recording(("a", 1), ("c", 2), ("s", 1.0, 0), ("s", 3.0, 2))
    comparison = check(make_known(before), after)
    shown = {drift.name: (drift.first.label, drift.first.reference, drift.first.other) for drift in comparison.drifts}
    assert shown == {
        "b": ("b", "2", "(not recorded)"),
        "c": ("c", "(not recorded)", "2"),
        "s": ("s[1]", "2.0", "(not recorded)"),
    }


def test_digest_of_a_value_that_is_not_recorded_any_more_is_drift() -> None:
    before = make_recording(("a", 1), ("w", BIG), *make_series("loss", LONG))
    comparison = check(make_known(before), make_recording(("a", 1)))
    assert {drift.name: drift.first.other for drift in comparison.drifts} == dict.fromkeys(
        ["w", "loss"], "(not recorded)"
    )


def test_long_series_that_became_shorter_says_both_lengths() -> None:
    before, after = (make_recording(*make_series("loss", values)) for values in (LONG, LONG[:-1]))
    assert (
        "stored are 10000 steps from 0 to 9999, recorded 9999 steps from 0 to 9998"
        in check(make_known(before), after).drifts[0].structure
    )


@pytest.mark.parametrize("length", [10, 1000])
def test_same_values_at_other_steps_are_drift(length: int) -> None:
    before = make_recording(*[("loss", LONG[i], i) for i in range(length)])
    after = make_recording(*[("loss", LONG[i], i + 1) for i in range(length)])
    assert [drift.name for drift in check(make_known(before), after).drifts] == ["loss"]


def test_series_of_big_arrays_names_the_step() -> None:
    def run(change: float) -> Recording:
        return make_recording(*make_series("w", [BIG, BIG + change, BIG]))

    comparison = check(make_known(run(0)), run(1e-9))
    assert comparison.first is not None
    assert comparison.first.step == 1


def test_order_of_recording_is_no_part_of_the_values() -> None:
    assert not check(make_known(make_recording(("a", 1), ("b", 2))), make_recording(("b", 2), ("a", 1))).drifts


def test_type_and_sign_of_zero_are_part_of_the_value() -> None:
    before = make_recording(("a", 0.0), ("b", 1), ("c", np.float64(1.5)))
    after = make_recording(("a", -0.0), ("b", 1.0), ("c", 1.5))
    assert [drift.name for drift in check(make_known(before), after).drifts] == ["a", "b", "c"]


def test_damaged_entry_names_file_and_value() -> None:
    recording = make_recording(("v", 1))
    known = make_known(recording)
    values = {**known.values, "v": {"array": {"shape": [10**10]}}}
    with pytest.raises(StoredDataError, match=r"b\.json: value 'v'.*--repro-update"):
        check(type(known)(known.fields, values), recording)


def test_object_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    before = make_recording(("w", BIG))
    fill(tmp_path, before)
    [path] = tmp_path.glob("*/*.npy")
    np.save(path, BIG * 2)
    with pytest.raises(StoredDataError, match="not the value that its name says"):
        check(make_known(before), make_recording(("w", BIG + 1)), store=tmp_path)
