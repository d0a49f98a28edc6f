"""Two Python numbers, and two arrays under a tolerance: exact results of the smallest cases."""

from __future__ import annotations

import math
import struct
import warnings

import numpy as np
import pytest

from pytest_repro.compare.agree import arrays_agree
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
