"""Two Python numbers, and two arrays under a tolerance: exact results of the smallest cases."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import replace

import numpy as np
import pytest

from pytest_repro.compare.agree import arrays_agree, floats_agree, ints_agree
from pytest_repro.compare.scalars import scalar_stats
from pytest_repro.model import NumberStats, Tolerance

WIDE = Tolerance(rtol=1, atol=1, ulp=9)
BITS = Tolerance(rtol=1, atol=1, ulp=9, nan_payload=True)
(OTHER_NAN,) = struct.unpack("=d", struct.pack("=Q", 0x7FF8_0000_0000_0001))


@pytest.mark.parametrize("tolerance", [Tolerance(), WIDE, BITS])
@pytest.mark.parametrize("pair", [(math.nan, 1.0), (1.0, math.nan)])
def test_nan_and_a_number_are_apart_whatever_is_tolerated(pair: tuple[float, float], tolerance: Tolerance) -> None:
    expected = NumberStats(1, 1, (), math.inf, math.inf, None, outside=1)
    assert scalar_stats(*pair, tolerance) == (expected, 1)


@pytest.mark.parametrize(
    ("other", "tolerance", "expected"),
    [
        pytest.param(math.nan, Tolerance(), (None, 0), id="the same"),
        pytest.param(OTHER_NAN, Tolerance(), (None, 0), id="other bits"),
        pytest.param(OTHER_NAN, WIDE, (None, 0), id="other bits, tolerance"),
        pytest.param(math.nan, BITS, (None, 0), id="bits count and are equal"),
        pytest.param(OTHER_NAN, BITS, (NumberStats(1, 1, (), 0.0, 0.0, None, outside=1), 1), id="bits count"),
    ],
)
def test_two_nans(other: float, tolerance: Tolerance, expected: tuple[NumberStats | None, int]) -> None:
    assert scalar_stats(math.nan, other, tolerance) == expected


def test_complex_numbers_are_compared_by_both_parts() -> None:
    assert scalar_stats(1 + 2j, 1 + 2j, Tolerance()) == (None, 0)
    assert scalar_stats(1 + 2j, 1 + 2.5j, Tolerance(atol=0.5))[1] == 0
    stats, outside = scalar_stats(1 + 2j, 1 + 2.5j, Tolerance())
    assert stats is not None
    assert (stats.total, stats.unequal, stats.first_index, stats.max_abs, outside) == (1, 1, (), 0.5, 1)


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        pytest.param(Tolerance(), [False, False, False, False], id="nothing is tolerated"),
        pytest.param(Tolerance(rtol=0.1), [True, False, True, False], id="relative"),
        pytest.param(Tolerance(atol=0.1), [False, True, True, False], id="absolute"),
        pytest.param(Tolerance(rtol=0.1, nan_payload=True), [True, False, False, False], id="bits of NaN count"),
        pytest.param(Tolerance(atol=0.1, nan_payload=True), [False, True, False, False], id="absolute, bits count"),
    ],
)
def test_tolerance_is_that_of_numpy_and_nan_is_as_asked_for(tolerance: Tolerance, expected: list[bool]) -> None:
    reference = np.array([100.0, 0.0, math.nan, math.nan])
    other = np.array([105.0, 0.05, math.nan, 1.0])
    assert arrays_agree(reference, other, tolerance).tolist() == expected


def test_numbers_that_overflow_under_a_tolerance_warn_of_nothing() -> None:
    huge = np.array([1.7e308, math.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert arrays_agree(huge, -huge, Tolerance(rtol=1.0)).tolist() == [False, False]


def test_relative_tolerance_is_measured_by_the_reference() -> None:
    assert arrays_agree(np.array([2.0]), np.array([1.0]), Tolerance(rtol=0.5)).tolist() == [True]
    assert arrays_agree(np.array([1.0]), np.array([2.0]), Tolerance(rtol=0.5)).tolist() == [False]


@pytest.mark.parametrize(
    ("reference", "other", "largest"),
    [
        pytest.param(1, 4, 3.0, id="a float"),
        pytest.param(0, 1 << 53, float(1 << 53), id="the last that is one for sure"),
        pytest.param(0, (1 << 53) + 1, (1 << 53) + 1, id="exact beyond"),
        pytest.param(0, 1 << 1022, 1 << 1022, id="the largest that fits a float's range"),
        pytest.param(0, 1 << 1023, math.inf, id="beyond"),
    ],
)
def test_integers_are_apart_by_exactly_their_gap(reference: int, other: int, largest: float) -> None:
    ratio = 3.0 if reference else math.inf
    stats, outside = scalar_stats(reference, other, Tolerance())
    assert (stats, outside) == (NumberStats(1, 1, (), largest, ratio, None, outside=1), 1)
    assert stats is not None
    assert type(stats.max_abs) is type(largest)


@pytest.mark.parametrize("number", [1.5, 0.0, -0.0, math.inf, 5e-324])
def test_equal_floats_have_no_statistics(number: float) -> None:
    for tolerance in (Tolerance(), WIDE, BITS, Tolerance(ulp=1)):
        assert scalar_stats(number, float(str(number)), tolerance) == (None, 0)


def test_zeros_of_two_signs_are_no_distance_apart() -> None:
    stats = NumberStats(1, 1, (), 0.0, 0.0, 0, sign_of_zero_only=True, outside=1)
    assert scalar_stats(0.0, -0.0, Tolerance()) == (stats, 1)
    for tolerance in (Tolerance(ulp=1), Tolerance(rtol=0.1)):
        assert scalar_stats(-0.0, 0.0, tolerance) == (replace(stats, outside=0), 0)


@pytest.mark.parametrize(("ulp", "outside"), [(1, 1), (2, 0), (3, 0)])
def test_as_many_representable_numbers_apart_as_allowed_is_within(ulp: int, outside: int) -> None:
    assert scalar_stats(1.0, 1.0 + 2 * 2**-52, Tolerance(ulp=ulp))[1] == outside
    assert scalar_stats(1.0, 1.0 + 2**-52, Tolerance(ulp=ulp))[1] == 0


def test_numbers_of_two_types_are_compared_as_the_wider_one() -> None:
    assert scalar_stats(1, 2.5, Tolerance()) == scalar_stats(1.0, 2.5, Tolerance())
    assert scalar_stats(2.5, 1, Tolerance()) == scalar_stats(2.5, 1.0, Tolerance())
    assert scalar_stats(1.0, 1 + 1j, Tolerance()) == scalar_stats(1 + 0j, 1 + 1j, Tolerance())
    assert scalar_stats(1 + 1j, 1, Tolerance()) == scalar_stats(1 + 1j, 1 + 0j, Tolerance())


def test_equal_integers_and_those_within_a_tolerance_are_none_outside() -> None:
    assert scalar_stats(7, 7, Tolerance()) == (None, 0)
    assert scalar_stats(10, 11, Tolerance(atol=1)) == (NumberStats(1, 1, (), 1.0, 0.1, None, outside=0), 0)


@pytest.mark.parametrize(
    ("reference", "tolerance", "agree"),
    [
        pytest.param(5, Tolerance(rtol=math.inf), True, id="any share of something"),
        pytest.param(0, Tolerance(rtol=math.inf), False, id="any share of nothing"),
        pytest.param(0, Tolerance(atol=math.inf), True, id="any gap"),
    ],
)
def test_integers_under_an_endless_tolerance(reference: int, tolerance: Tolerance, agree: bool) -> None:
    assert ints_agree(reference, 9, tolerance) is agree


def test_infinity_agrees_with_itself_only() -> None:
    assert floats_agree(math.inf, math.inf, Tolerance(rtol=0.1))
    assert not floats_agree(math.inf, -math.inf, Tolerance(rtol=0.1))
    assert not floats_agree(math.inf, 1.0, Tolerance(rtol=0.1))
