from __future__ import annotations

import dataclasses
import json
import math
import struct
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro import model
from pytest_repro.errors import StoredDataError
from pytest_repro.report import codec
from tests.builders import make_comparison, make_drift, make_result

TYPES = [
    model.Location,
    model.Tolerance,
    model.NumberStats,
    model.LeafDifference,
    model.Match,
    model.Divergence,
    model.ValueDrift,
    model.WithinTolerance,
    model.Comparison,
    model.Evidence,
    model.Cause,
    model.Condition,
    model.RunSpec,
    model.Plan,
    model.EntropyDraw,
    model.TestResult,
    model.SessionReport,
]

#: hypothesis looks for the types of fields in the module of each class, where some are known to type checkers only
for _home in {sys.modules[cls.__module__] for cls in TYPES}:
    vars(_home).update({name: getattr(model, name) for name in model.__all__ if not hasattr(_home, name)})


def over_the_wire(value: object) -> Any:
    return json.loads(json.dumps(codec.encode(value), allow_nan=False))


def same(left: object, right: object) -> bool:
    """Equality in which NaN equals NaN and 0.0 does not equal -0.0."""
    return codec.encode(left) == codec.encode(right) and repr(left) == repr(right)


@pytest.mark.parametrize("cls", TYPES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_type_survives_the_round_trip(cls: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(cls))
    back: object = codec.decode(cls, over_the_wire(value))
    assert same(back, value)


@given(number=st.floats())
def test_every_float_survives_the_round_trip_to_the_bit(number: float) -> None:
    stats = model.NumberStats(1, 1, (), number, number, None)
    back = codec.decode(model.NumberStats, over_the_wire(stats)).max_abs
    assert (math.isnan(back) and math.isnan(number)) or struct.pack("<d", back) == struct.pack("<d", number)


def test_integers_are_exact_beyond_64_bits() -> None:
    stats = model.NumberStats(1, 1, (), 0.0, 0.0, 2**200 + 1)
    assert codec.decode(model.NumberStats, over_the_wire(stats)).max_ulp == 2**200 + 1


def test_a_result_that_holds_numpy_scalars_becomes_plain_numbers() -> None:
    stats = model.NumberStats(np.int64(3), 1, (np.int32(2),), np.float64(0.1), np.float32(0.5), None)
    data = codec.encode(stats)
    assert [type(data[name]) for name in ("total", "max_abs", "max_rel")] == [int, float, float]
    assert type(data["first_index"][0]) is int


def test_non_finite_floats_are_words() -> None:
    data = codec.encode(model.NumberStats(1, 1, (), math.inf, -math.inf, None))
    assert (data["max_abs"], data["max_rel"]) == ("inf", "-inf")
    assert codec.encode(math.nan) == "nan"


def test_unknown_keys_are_ignored_and_missing_ones_take_their_default() -> None:
    assert codec.decode(model.Tolerance, {"rtol": 0.5, "of_a_later_version": [1]}) == model.Tolerance(rtol=0.5)


def test_test_and_session_read_what_to_json_wrote() -> None:
    test = model.TestResult("t.py::t", model.Verdict.DRIFTED, 3, 0, "1 of 1 values differ")
    report = model.SessionReport((test,), 3, 0, environment=(("python", "3.11"),))
    assert codec.test_from_json(codec.to_json(test)) == test
    assert codec.decode(model.SessionReport, codec.to_json(report)) == report


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"nodeid": 3}, "nodeid", id="number-for-text"),
        pytest.param({"runs": True}, "runs", id="bool-for-int"),
        pytest.param({"runs": 1.0}, "runs", id="float-for-int"),
        pytest.param({"runs": None}, "runs", id="null-for-int"),
        pytest.param({"verdict": "fine"}, "verdict", id="unknown-verdict"),
        pytest.param({"verdict": ["drifted"]}, "verdict", id="list-for-enum"),
        pytest.param({"comparison": []}, "comparison", id="list-for-object"),
        pytest.param({"comparison": {"equal": "ab"}}, "comparison.equal", id="text-for-list"),
        pytest.param({"comparison": {"equal": ["a", 1]}}, "comparison.equal[1]", id="in-a-list"),
        pytest.param({"conditions": [{"levels": [["a"]]}]}, "conditions[0].levels[0]", id="pair-of-one"),
        pytest.param({"comparison": {"drifts": [{}]}}, "comparison.drifts[0].name", id="missing-field"),
        pytest.param({"location": {"file": "a", "line": "1"}}, "location.line", id="in-an-optional"),
    ],
)
def test_a_wrong_type_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    good = {"nodeid": "t", "verdict": "drifted", "runs": 3, "seed": 0, "headline": "h"}
    codec.test_from_json(good)
    with pytest.raises(StoredDataError) as caught:
        codec.test_from_json({**good, **change})
    assert str(caught.value).startswith(f"{field} ")


@pytest.mark.parametrize("number", ["Infinity", "1.0", True, None, 10**400, [1.0]], ids=repr)
def test_a_float_field_takes_numbers_and_three_words_only(number: object) -> None:
    with pytest.raises(StoredDataError, match="rtol should be a number"):
        codec.decode(model.Tolerance, {"rtol": number})


@pytest.mark.parametrize("obj", [None, [], "x", 3])
def test_what_is_not_an_object_is_refused(obj: object) -> None:
    with pytest.raises(StoredDataError, match="should be an object"):
        codec.result_of(obj)


@pytest.mark.parametrize("sent", [True, False])
def test_a_report_carries_every_name_to_the_controller(sent: bool) -> None:
    execnet = pytest.importorskip("execnet")
    result = make_result(comparison=make_comparison(make_drift("bad\udc80")), headline="\ud800")
    data = codec.carried(result, sent=sent)
    assert codec.result_of(execnet.loads(execnet.dumps(data)) if sent else data) == result
    assert data["verdict"] == "drifted"


def test_a_huge_integer_in_the_wrong_place_is_still_a_plain_error() -> None:
    with pytest.raises(StoredDataError, match="nodeid should be text, got int"):
        codec.test_from_json({"nodeid": 10**5000})


def test_a_value_that_no_result_holds_is_refused_when_writing() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        codec.encode({1, 2})


def test_every_field_of_the_report_is_written() -> None:
    data = codec.to_json(model.TestResult("t", model.Verdict.REPRODUCED, 3, 0, ""))
    assert set(data) == {spec.name for spec in dataclasses.fields(model.TestResult)}


def test_an_integer_that_cannot_be_shown_is_refused() -> None:
    data = codec.to_json(make_result())
    data["comparison"]["first"]["ulp"] = 10**400
    with pytest.raises(StoredDataError, match=r"comparison\.first\.ulp should be an integer within"):
        codec.test_from_json(data)
