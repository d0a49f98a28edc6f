"""What can be said of ULP distances without looking at every pair. Pure arithmetic on a few numbers.

With P the position of a magnitude on the number line and p the bits of the mantissa: ``P(x) / 2**p`` is log2(x)
interpolated linearly between powers of two, at most 0.0861 below it. P is concave. Subnormal numbers lie one a step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Extent", "beside", "farthest", "reach"]

#: more than any ULP distance
NO_BOUND = 1 << 64
#: a little less than one: what rounding may have taken away
_BELOW = 1 - 2.0**-50
#: the position of the infinity of float64
INFINITY = 0x7FF << 52
_LARGEST = float(np.finfo(np.float64).max)


def beside(bottom: float, top: float, *, mantissa: int) -> int:
    """Return a bound on the ULP distance of pairs of one sign by the extremes of ``(reference - other) / reference``.

    The distance is at most that of the logarithms, plus 0.0861. Numbers within a factor of two lie farthest apart
    where the larger stands just below a power of two: twice their difference by the larger. Both hold for subnormal
    numbers too.
    """
    if top == bottom == 0:
        return 0
    low, high = 1 - top, 1 - bottom  # other / reference lies between
    if low < 1e-6 or high > 1e6:
        return NO_BOUND
    spread = max(math.log2(high), -math.log2(low)) + 0.0862
    gap = 2 * max(top, -bottom / high) if low >= 0.5 and high <= 2 else spread
    return int(min(spread, gap) * (1 + 1e-9) * 2**mantissa) + 2


def reach(known: int) -> float:
    """Return the difference of float64 numbers up to which no pair lies farther apart than `known`.

    No pair lies farther apart than its difference in steps of the smallest subnormal number. Beyond 2**54, numbers of
    opposite sign lie P(|a|) + P(|b|) apart, which is at most ``2 P((|a| + |b|) / 2)``, and ``|a| + |b|`` is the
    difference. Numbers of one sign that far apart differ by a factor of more than 14, hence by more than 0.9 times the
    larger, whose position is beyond `known`: three times the number at half of it, and more. Two are taken off for
    roundings. A difference that overflows is never within reach.
    """
    if known < 1 << 54:
        return _number_at(min(known, 1 << 53))
    return min(2 * _number_at((known - 2) // 2) * _BELOW, _LARGEST)


class Extent(NamedTuple):
    """The largest positions of an array on both sides of zero; -1 on a side where there is nothing, not even a zero."""

    positive: int
    negative: int

    @classmethod
    def of(cls, bits: NDArray[Any]) -> Extent:
        """Measure numbers, given as signed integers of their bits; a NaN lies beyond infinity."""
        unsigned = bits.view(f"u{bits.itemsize}")
        top = int(bits[bits.argmax()])
        bottom = int(unsigned[unsigned.argmax()]) - (1 << (8 * bits.itemsize - 1))
        return cls(max(top, -1), max(bottom, -1))


def farthest(a: Extent, b: Extent) -> tuple[int, bool]:
    """Return how far apart one of `a` and one of `b` can lie, and whether they can have opposite signs."""
    across = [p + n for p, n in ((a.positive, b.negative), (b.positive, a.negative)) if p >= 0 and n >= 0]
    return max(*a, *b, *across), bool(across)


def _number_at(position: int) -> float:
    return float(np.int64(min(position, INFINITY)).view(np.float64))
