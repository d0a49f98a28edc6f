"""Complex numbers, long doubles, 8-bit floats and tolerances over several pieces: told part by part."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.compare import numbers, pairs
from pytest_repro.compare.floats import _significant_bytes
from pytest_repro.compare.numbers import distances, number_stats
from pytest_repro.model import NumberStats, Tolerance
from tests.unit.compare.oracle import array

NAN, INF = math.nan, math.inf
EPS = 2.0**-52
PAYLOADS = Tolerance(nan_payload=True)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (numbers, pairs):
        monkeypatch.setattr(module, "CHUNK", 4)


def stats_of(a: Any, b: Any, tolerance: Tolerance | None = None, *, dtype: str | None = None) -> NumberStats:
    stats, outside = number_stats(array(a, dtype), array(b, dtype), tolerance or Tolerance())
    assert stats is not None
    assert stats.outside == outside
    return stats


def twelve(changes: dict[int, Any], *, of: Any = 0j, dtype: str = "complex128") -> Any:
    """Three pieces of one number, but for some places."""
    data = np.full(12, of, dtype)
    for place, value in changes.items():
        data[place] = value
    return data


def other_nan() -> float:
    return float((np.array([NAN]).view(np.uint64) ^ np.uint64(1)).view(np.float64)[0])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_differences_of_complex_numbers_are_lengths_and_relative_to_the_reference(dtype: str) -> None:
    a = twelve({1: 3 + 4j, 10: 2}, of=8, dtype=dtype)
    stats = stats_of(a, twelve({1: 3 + 3j, 10: 2}, of=8, dtype=dtype))
    assert (stats.unequal, stats.max_abs, stats.max_rel, stats.first_index) == (1, 1.0, 0.2, (1,))
    stats = stats_of(a, twelve({1: 3 + 3j, 10: 5 + 4j}, of=8, dtype=dtype))
    assert (stats.unequal, stats.max_abs, stats.max_rel, stats.first_index) == (2, 5.0, 2.5, (1,))


def test_narrow_complex_numbers_are_subtracted_in_full() -> None:
    assert stats_of(twelve({3: 1e8}, dtype="complex64"), twelve({3: 1}, dtype="complex64")).max_abs == 99_999_999.0


@pytest.mark.parametrize("turned", [False, True])
def test_part_that_is_nan_on_one_side_is_infinitely_far_and_has_no_steps(turned: bool) -> None:
    pair = twelve({5: complex(NAN, 1)}), twelve({5: complex(2, 1 + EPS)})
    stats = stats_of(*(reversed(pair) if turned else pair))
    assert (stats.unequal, stats.max_abs, stats.max_rel, stats.max_ulp) == (1, INF, INF, 1)


def test_sign_of_zero_is_a_difference_of_no_size_and_no_steps_beside_nan_too() -> None:
    for imaginary in (0.0, NAN):
        stats = stats_of(twelve({2: complex(0.0, imaginary)}), twelve({2: complex(-0.0, imaginary)}))
        assert (stats.unequal, stats.max_abs, stats.max_rel, stats.max_ulp) == (1, 0.0, 0.0, 0)
        assert stats.sign_of_zero_only
        assert stats_of(twelve({2: complex(0.0, imaginary)}), twelve({2: complex(-0.0, imaginary)}), PAYLOADS) == stats


def test_a_payload_or_a_small_gap_in_an_earlier_piece_is_no_sign_of_zero() -> None:
    a, b = twelve({1: complex(NAN, 0), 9: 0.0}), twelve({1: complex(other_nan(), 0), 9: complex(-0.0, 0)})
    stats = stats_of(a, b, PAYLOADS)
    assert (stats.unequal, stats.max_abs, stats.sign_of_zero_only) == (2, 0.0, False)
    stats = stats_of(a, b)
    assert (stats.unequal, stats.first_index, stats.sign_of_zero_only) == (1, (9,), True)
    tiny = np.nextafter(np.longdouble(0), np.longdouble(1))
    zeros = np.zeros(12, np.longdouble)
    small = zeros.copy()
    small[0], small[9] = tiny, -0.0
    assert not stats_of(zeros, small).sign_of_zero_only


def test_long_doubles_are_told_one_by_one() -> None:
    a = np.array([1, NAN, NAN, 0, 3], np.longdouble)
    b = np.array([1, NAN, 5, 2, 3], np.longdouble)
    assert distances(array(a), a, b, nan_payload=False)[[0, 1, 3, 4]].tolist() == [-1, -1, 2, -1]
    assert math.isnan(distances(array(a), a, b, nan_payload=False)[2])
    stats = stats_of(a, b)
    assert (stats.unequal, stats.max_abs, stats.max_rel, stats.max_ulp) == (2, INF, INF, None)
    two = np.array([complex(1, 2), complex(1, 2), 0], np.clongdouble)
    both = np.array([complex(1, 2), complex(1, 5), 0], np.clongdouble)
    assert distances(array(two), two, both, nan_payload=False).tolist() == [-1, 3, -1]
    assert stats_of(two, both).unequal == 1


@pytest.mark.parametrize("dtype", ["float32", "complex128", "longdouble"])
def test_what_lies_outside_of_a_tolerance_is_counted_over_all_pieces(dtype: str) -> None:
    """The first of all, be it the very first, is the one that is shown."""
    a = np.ones(12, dtype)
    b = a.copy()
    b[[0, 2, 5, 9]] = 3, 1.5, 1.25, 2
    stats = stats_of(a, b, Tolerance(atol=0.5))
    assert (stats.unequal, stats.outside, stats.first_index) == (4, 2, (0,))
    b[0] = 1
    stats = stats_of(a, b, Tolerance(atol=0.5))
    assert (stats.unequal, stats.outside, stats.first_index) == (3, 1, (9,))


def test_tolerances_are_of_numbers_and_not_of_their_bits() -> None:
    one, next_, two = 0x3F80, 0x3F81, 0x4000  # bfloat16: 1, 1 + 2**-7, 2
    a, b = np.array([one, one], np.uint16), np.array([next_, two], np.uint16)
    stats = stats_of(a, b, Tolerance(atol=2.0**-7), dtype="bfloat16")
    assert (stats.unequal, stats.outside, stats.first_index) == (2, 1, (1,))


def test_all_bytes_of_long_doubles_count_where_they_are_not_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    size = np.dtype(np.longdouble).itemsize
    monkeypatch.setattr(np, "finfo", lambda _dtype: SimpleNamespace(nmant=112))
    assert _significant_bytes(np.zeros(3, np.longdouble)).shape == (3, size)
    monkeypatch.setattr(np, "finfo", lambda _dtype: SimpleNamespace(nmant=63))
    assert _significant_bytes(np.zeros(3, np.longdouble)).shape == (3, 10)
