"""Floating-point formats that numpy lacks: what each code means, and where it lies on the number line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from pytest_repro.compare.formats import float_format

#: format → (codes, values) that its specification names: the smallest, the first normal, one, the largest, the special
SPECIFIED: dict[str, dict[int, float]] = {
    "float8_e5m2": {
        0x00: 0.0, 0x01: 2.0**-16, 0x03: 3 * 2.0**-16, 0x04: 2.0**-14, 0x3C: 1.0, 0x3D: 1.25, 0x7B: 57344.0,
        0x7C: math.inf, 0xFC: -math.inf, 0x7D: math.nan, 0x7F: math.nan, 0xFF: math.nan, 0xBC: -1.0,
    },
    "float8_e4m3": {
        0x01: 2.0**-9, 0x08: 2.0**-6, 0x38: 1.0, 0x77: 240.0, 0x78: math.inf, 0xF8: -math.inf, 0x79: math.nan,
        0x81: -(2.0**-9),
    },
    "float8_e3m4": {0x01: 2.0**-6, 0x10: 2.0**-2, 0x30: 1.0, 0x6F: 15.5, 0x70: math.inf, 0x71: math.nan},
    "float8_e4m3fn": {
        0x01: 2.0**-9, 0x08: 2.0**-6, 0x38: 1.0, 0x7E: 448.0, 0xFE: -448.0, 0x7F: math.nan, 0xFF: math.nan, 0x78: 256.0,
    },
    "float8_e4m3fnuz": {0x01: 2.0**-10, 0x08: 2.0**-7, 0x40: 1.0, 0x7F: 240.0, 0xFF: -240.0, 0x80: math.nan},
    "float8_e5m2fnuz": {0x01: 2.0**-17, 0x04: 2.0**-15, 0x40: 1.0, 0x7F: 57344.0, 0xFF: -57344.0, 0x80: math.nan},
    "float8_e4m3b11fnuz": {0x01: 2.0**-13, 0x08: 2.0**-10, 0x58: 1.0, 0x7F: 30.0, 0xFF: -30.0, 0x80: math.nan},
    "float8_e8m0fnu": {0x00: 2.0**-127, 0x01: 2.0**-126, 0x7F: 1.0, 0x80: 2.0, 0xFE: 2.0**127, 0xFF: math.nan},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _made_anew() -> Iterator[None]:
    float_format.cache_clear()
    yield
    float_format.cache_clear()


@pytest.mark.parametrize("name", SPECIFIED)
def test_codes_are_read_as_specified(name: str) -> None:
    form = float_format(name)
    assert form is not None
    assert (form.name, form.width) == (name, 8)
    got = form.decode(np.array(list(SPECIFIED[name]), np.uint8))
    np.testing.assert_array_equal(got, list(SPECIFIED[name].values()))
    assert got.dtype == np.float64
    signs = [math.copysign(1.0, value) for code, value in zip(SPECIFIED[name], got, strict=True) if value == value]
    assert signs == [math.copysign(1.0, value) for value in SPECIFIED[name].values() if value == value]


@pytest.mark.parametrize("name", SPECIFIED)
def test_neighbours_lie_one_apart(name: str) -> None:
    form = float_format(name)
    assert form is not None
    codes = np.arange(256, dtype=np.uint8)
    values, places = form.decode(codes), form.positions(codes)
    number = ~np.isnan(values)
    ordered = sorted(zip(values[number].tolist(), places[number].tolist(), strict=True))
    steps = {after - before for (_, before), (_, after) in pairwise(ordered)}
    assert steps <= {0, 1}
    assert name == "float8_e8m0fnu" or places[0] == 0
    assert places.dtype == np.int64


def test_negative_zero_lies_where_zero_does() -> None:
    form = float_format("float8_e4m3fn")
    assert form is not None
    assert form.positions(np.array([0x80, 0x81, 0x01], np.uint8)).tolist() == [0, -1, 1]
    assert math.copysign(1.0, form.decode(np.array([0x80], np.uint8))[0]) == -1.0


@pytest.mark.parametrize(
    ("name", "width", "mantissa", "infinity"),
    [
        ("float16", 16, 10, 0x7C00), ("float32", 32, 23, 0x7F800000), ("float64", 64, 52, 0x7FF0000000000000),
        ("bfloat16", 16, 7, 0x7F80),
    ],
)  # fmt: skip
def test_fields_of_the_wide_formats(name: str, width: int, mantissa: int, infinity: int) -> None:
    form = float_format(name)
    assert form is not None
    assert (form.name, form.width, form.mantissa, form.infinity, form.table) == (name, width, mantissa, infinity, None)
    assert form.signed == np.dtype(f"i{width // 8}")
    assert float_format(name) is form


def test_places_of_wide_formats_are_the_same_on_both_sides_of_zero() -> None:
    form = float_format("float32")
    assert form is not None
    numbers = np.array([0.0, -0.0, 1e-45, -1e-45, math.inf, -math.inf], np.float32)
    assert form.positions(numbers).tolist() == [0, 0, 1, -1, 0x7F800000, -0x7F800000]
    brain = float_format("bfloat16")
    assert brain is not None
    assert brain.decode(np.array([0x3F80, 0xC000, 0x0001], np.uint16)).tolist() == [1.0, -2.0, 2.0**-133]
    assert brain.positions(np.array([0x0001, 0x8001], np.uint16)).tolist() == [1, -1]


@pytest.mark.parametrize("name", ["int32", "complex128", "float128", "float8", "float4_e2m1fn", ""])
def test_other_dtypes_have_no_number_line(name: str) -> None:
    assert float_format(name) is None
