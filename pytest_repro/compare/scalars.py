"""How far two Python numbers of one type lie apart: the same rules as for arrays, without numpy's cost per call."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from pytest_repro.compare.agree import floats_agree, ints_agree
from pytest_repro.model import NumberStats

if TYPE_CHECKING:
    from pytest_repro.model import Tolerance

__all__ = ["scalar_stats"]

_FLOAT = struct.Struct("=d")
_BITS = struct.Struct("=q")
_MAGNITUDE = (1 << 63) - 1
#: integers up to here are floats too
_EXACT = 1 << 53


def scalar_stats(reference: complex, other: complex, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    """Return how two ints, floats or complex numbers differ, and 1 if they are outside `tolerance`, else 0."""
    if isinstance(reference, complex) or isinstance(other, complex):
        return _complex_stats(complex(reference), complex(other), tolerance)
    if isinstance(reference, float) or isinstance(other, float):
        return _float_stats(float(reference), float(other), tolerance)
    return _int_stats(reference, other, tolerance)


def _float_stats(a: float, b: float, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    if a == b != 0.0:
        return None, 0
    nan_a, nan_b = math.isnan(a), math.isnan(b)
    if nan_a or nan_b:
        return _nan_stats(a, b, both=nan_a and nan_b, tolerance=tolerance)
    place_a, place_b = _place(a), _place(b)
    steps = abs(place_a - place_b)
    if not steps and math.copysign(1, a) == math.copysign(1, b):
        return None, 0
    gap = abs(a - b)
    relative = 0.0 if not gap else _ratio(gap, abs(a))
    agree = not tolerance.exact and (
        floats_agree(a, b, tolerance)
        or (tolerance.ulp > 0 and steps <= tolerance.ulp and math.isfinite(a) and math.isfinite(b))
    )
    outside = 0 if agree else 1
    return NumberStats(1, 1, (), gap, relative, steps, sign_of_zero_only=not gap, outside=outside), outside


def _nan_stats(a: float, b: float, *, both: bool, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    if not both:
        return NumberStats(1, 1, (), math.inf, math.inf, None, outside=1), 1
    if not tolerance.nan_payload or _FLOAT.pack(a) == _FLOAT.pack(b):
        return None, 0
    return NumberStats(1, 1, (), 0.0, 0.0, None, outside=1), 1


def _place(value: float) -> int:
    """Return the position on the number line: both zeros at 0, neighbours 1 apart."""
    bits: int = _BITS.unpack(_FLOAT.pack(value))[0]
    return bits if bits >= 0 else -(bits & _MAGNITUDE)


def _ratio(gap: float, size: float) -> float:
    if not size or math.isinf(gap):
        return math.inf
    return gap / size  # overflows to inf


def _int_stats(a: int, b: int, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    if a == b:
        return None, 0
    gap = abs(a - b)
    outside = 0 if ints_agree(a, b, tolerance) else 1
    return NumberStats(1, 1, (), _as_float(gap), _int_ratio(gap, abs(a)), None, outside=outside), outside


def _as_float(gap: int) -> float:
    """Return the gap exactly: an int where a float cannot hold it, inf where not even its size fits."""
    if gap <= _EXACT:
        return float(gap)
    return gap if gap.bit_length() <= 1023 else math.inf


def _int_ratio(gap: int, size: int) -> float:
    try:
        return gap / size if size else math.inf
    except OverflowError:
        return math.inf


def _complex_stats(a: complex, b: complex, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    import numpy as np

    from pytest_repro.compare.numbers import number_stats
    from pytest_repro.model import Array

    x, y = (Array("complex", "complex128", (), np.array(value, np.complex128)) for value in (a, b))
    return number_stats(x, y, tolerance)
