from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.baseline.digests import Digest
from pytest_repro.baseline.entries import Series, entry_from_json, entry_of, entry_to_json, values_of
from pytest_repro.errors import StoredDataError
from pytest_repro.storage import canonical_json
from pytest_repro.values import canonical, identical
from tests.unit.baseline.kept import make_recording, make_series


def through_text(value: object) -> Any:
    """What comes back of one recorded value."""
    recording = make_recording(("v", value))
    text = canonical_json(entry_to_json(entry_of(recording.observations)))
    return entry_from_json(json.loads(text))


SMALL = [
    0.1,
    -0.0,
    5e-324,
    math.nan,
    -math.inf,
    True,
    1,
    2**80,
    None,
    "nan",
    "é\ud800",
    b"\0",
    1 + 2j,
    np.float32(0.1),
    np.float64("nan"),
    np.float16(-0.0),
    np.bool_(True),
    np.int64(-(2**63)),
    np.uint64(2**64 - 1),
    np.array([0.1, np.nan, -np.inf, -0.0]),
    np.array([[0.1, 1e38], [3, 4]], "f4"),
    np.array([], "f8").reshape(0, 3),
    np.array(["a", "bc"]),
    np.array(["2020-01-01"], "M8[D]"),
    np.longdouble("0.1"),
    np.array([1 + 1j]),
    [1, [2.5, {"a": (1, 2), "series": {3}}], np.arange(3)],
    {"digest": 1, "series": 2},
    {"series": {"values": [1]}},
]


@pytest.mark.parametrize("value", SMALL, ids=repr)
def test_small_values_come_back_bit_for_bit(value: object) -> None:
    assert identical(through_text(value), canonical(value), nan_payload=True)


@given(st.lists(st.floats(width=32), max_size=20))
@settings(max_examples=100)
def test_small_float32_arrays_come_back_bit_for_bit(values: list[float]) -> None:
    array = np.array(values, "f4")
    assert identical(through_text(array), canonical(array), nan_payload=True)


def test_nan_with_a_payload_keeps_it() -> None:
    odd = np.array([0x7FF8000000000123], "u8").view("f8")
    assert identical(through_text(odd), canonical(odd), nan_payload=True)


def test_elements_of_small_arrays_are_in_plain_sight() -> None:
    recording = make_recording(("v", np.array([0.1, np.nan], "f4")))
    assert values_of(recording)["v"] == {
        "array": {"type": "numpy.ndarray", "dtype": "float32", "shape": [2], "values": [0.1, "nan"]}
    }


def test_short_series_is_kept_by_value_and_step() -> None:
    values = values_of(make_recording(*make_series("loss", [0.5, 0.25, math.inf])))
    assert values["loss"] == {"series": {"steps": "0..2", "type": "float", "values": [0.5, 0.25, "inf"]}}


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1, 2.5, None], id="mixed"),
        pytest.param([np.float32(0.1), np.float32(3)], id="float32"),
        pytest.param([1, 2**70], id="large int"),
        pytest.param([True, False], id="bool"),
        pytest.param([np.arange(3), np.arange(4)], id="arrays"),
        pytest.param([np.longdouble(1), np.longdouble(2)], id="long double"),
        pytest.param([np.zeros(1000), np.ones(1000)], id="digests"),
    ],
)
@pytest.mark.parametrize("stepped", [True, False])
def test_series_of_any_kind_come_back(values: list[object], stepped: bool) -> None:
    recording = make_recording(
        *([("s", v, i) for i, v in enumerate(values)] if stepped else [("s", v) for v in values])
    )
    entry = entry_of(recording.observations)
    back = entry_from_json(json.loads(canonical_json(entry_to_json(entry))))
    assert isinstance(back, Series)
    assert isinstance(entry, Series)
    assert back.steps == entry.steps == ((0, 1, 2)[: len(values)] if stepped else None)
    for a, b in zip(back.points, entry.points, strict=True):  # type: ignore[arg-type]
        assert a == b if isinstance(a, Digest) or isinstance(b, Digest) else identical(a, b)


def test_series_is_kept_in_the_order_of_its_steps_whatever_the_order_of_recording() -> None:
    there = values_of(make_recording(("s", 1.0, 0), ("s", 2.0, 5)))
    back = values_of(make_recording(("s", 2.0, 5), ("s", 1.0, 0)))
    assert there == back


def test_long_series_is_a_ladder_with_its_ends() -> None:
    values = values_of(make_recording(*make_series("loss", [1 / (i + 1) for i in range(10_000)])))
    body: Any = values["loss"]
    assert body["series"]["first"] == 1.0
    assert body["series"]["last"] == 1e-4
    assert body["series"]["digest"]["block"] == 100
    assert len(canonical_json(body)) < 3000
    entry = entry_from_json(json.loads(canonical_json(body)))
    assert isinstance(entry, Series)
    assert isinstance(entry.points, Digest)
    assert len(entry.points.ladder) == 100


def test_changed_metric_changes_one_line() -> None:
    def lines(value: float) -> list[str]:
        recording = make_recording(
            ("accuracy", value), *make_series("loss", [0.5, value]), ("w", np.array([value, 2.0]))
        )
        return canonical_json(values_of(recording)).splitlines()

    before, after = lines(0.93), lines(0.94)
    assert len(before) == len(after)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"series": 3},
        {"series": {}},
        {"series": {"values": 3, "type": "float"}},
        {"series": {"values": ["x"], "type": "float"}},
        {"series": {"values": [1.5], "type": "int"}},
        {"series": {"values": [10**400], "type": "float"}},
        {"series": {"values": [1], "type": "numpy.int8", "dtype": "int8", "steps": "0..3"}},
        {"series": {"values": [300], "type": "x", "dtype": "uint8"}},
        {"series": {"values": [1], "type": "x", "dtype": "object"}},
        {"series": {"points": 3}},
        {"array": {"type": "numpy.ndarray", "dtype": "float64", "shape": [1 << 40], "values": [1.0]}},
        {"array": {"type": "numpy.ndarray", "dtype": "float64", "shape": [-1], "values": [1.0]}},
        {"array": {"type": "numpy.ndarray", "dtype": "O", "shape": [1], "values": [1.0]}},
        {"array": {"type": "numpy.ndarray", "dtype": "float64", "shape": [10**9, 10], "ref": "../../etc"}},
        {"digest": {"fingerprint": "../../x"}},
        {"digest": {"kind": "a", "unit": "b", "block": 1, "ladder": [], "fingerprint": "0" * 32, "count": 3}},
        {
            "series": {
                "digest": {"kind": "a", "unit": "b", "block": 1, "ladder": [], "fingerprint": "0" * 32, "count": 0}
            }
        },
        {"pickle": "gASV"},
    ],
    ids=str,
)
def test_what_is_never_written_is_refused(body: object) -> None:
    with pytest.raises(StoredDataError):
        entry_from_json(body)


def test_series_that_says_to_be_endless_is_refused_at_once() -> None:
    digest = {
        "kind": "a",
        "unit": "b",
        "block": 1 << 60,
        "ladder": ["0" * 16],
        "fingerprint": "0" * 32,
        "count": 1 << 60,
    }
    with pytest.raises(StoredDataError, match="points"):
        entry_from_json({"series": {"digest": digest}})
