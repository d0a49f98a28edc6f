"""The largest distances between two pieces of numbers: absolute, relative, and in representable numbers.

The budget is four times what numpy takes to say whether the arrays are equal: some ten passes over a piece that
stays in cache, none of which may pick elements one by one where there are many. So a piece is asked only what could
still raise a maximum. A relative difference beyond the largest so far needs a small reference; an ULP distance
beyond it a large difference, large ratio or large numbers (`bounds`). Where nothing can be said so, and only there,
all pairs are counted (`ulp`).

What the special values do needs no case of their own: a difference with a NaN is passed over by `fmax` and `fmin`,
an infinite one makes both maxima infinite once and for all, and infinities have places on the number line. Pairs of
which one is NaN, or both with different bits, are found by their difference and left out where distances are counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pytest_repro.compare import bounds, ulp
from pytest_repro.compare.shortcuts import FEW, Extremes, Shortcut, few

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.compare.formats import FloatFormat

    Bits = NDArray[Any]
    #: lowest and highest
    Range = tuple[float, float]
    Mask = NDArray[np.bool_]

__all__ = ["Maxima", "Piece"]

#: below, float64 numbers lie evenly, one a step, and an operation on subnormal ones takes fifty times as long
_EVEN = 2.0**-1021
_SMALLEST = 5e-324


class Piece(NamedTuple):
    """What was found in a piece."""

    #: how many pairs differ
    unequal: int
    #: how many of them have a distance in representable numbers: neither is NaN
    numbers: int
    #: NaNs whose bits differ; among the unequal only where that is asked for
    payloads: int


class _Odd(NamedTuple):
    """Pairs of a piece whose bits differ and one or both of which are NaN."""

    where: Mask
    number: int
    #: those of which both are NaN: as a mask, or as positions if they are few
    both: Mask | NDArray[np.intp]
    number_of_both: int


class Maxima:
    """Running maxima over pieces of one real format. To be used under ``np.errstate(all="ignore")``."""

    def __init__(self, *, form: FloatFormat, size: int, nan_payload: bool) -> None:
        self.max_abs = 0.0
        self.max_rel = 0.0
        self.max_ulp = 0
        self._format = form
        self._integer = form.signed
        self._nan_payload = nan_payload
        self._difference, self._ratio = _aligned(size), _aligned(size)
        self._wide = [_aligned(size), _aligned(size)] if form.width < 64 else []
        self._masks = [np.empty(size, np.bool_) for _ in range(4)]
        self._differences, self._ratios = Extremes(), Extremes()
        self._small_references, self._large_differences = Shortcut(), Shortcut()
        self._small_extents, self._positive = Shortcut(), Shortcut()
        self._nearly_all_near = Shortcut()

    def add(self, reference: Bits, other: Bits, unequal: Mask) -> Piece:
        """Take in one piece; `unequal` is filled with where it differs."""
        a, b = self._as_float64(reference, 0), self._as_float64(other, 1)
        difference = np.subtract(a, b, out=self._difference[: a.size])
        x, y = reference.view(self._integer), other.view(self._integer)
        np.not_equal(x, y, out=unequal)
        if self.max_abs == math.inf and not self._wide and self._nearly_all_near.due():
            where = self._far_or_nan(difference)
            if where is not None:
                return self._add_few(x, y, unequal, where)
        low, high, nan = self._differences.of(difference)
        odd = self._find_odd(a, b, difference, unequal) if nan else None
        largest = max(high, -low)
        one_is_nan = odd is not None and odd.number > odd.number_of_both
        self.max_abs = math.inf if one_is_nan else max(self.max_abs, largest)
        if self.max_abs == math.inf:
            self.max_rel = math.inf
        extremes = self._take_ratios(a, difference, largest)
        if self._may_be_farther(x, y, extremes, (low, high)):
            self._count_steps(x, y, odd, same_sign=extremes is not None and extremes[1] < 1)
        number = int(np.count_nonzero(unequal))
        if odd is None:
            return Piece(number, number, 0)
        return self._piece(unequal, number=number, odd=odd.number, both=odd.both, number_of_both=odd.number_of_both)

    def _far_or_nan(self, difference: NDArray[np.float64]) -> NDArray[np.intp] | None:
        """Return where a difference is a NaN or so large that it may raise `max_ulp`; None where that is often."""
        near, second = (mask[: difference.size] for mask in self._masks[:2])
        reach = bounds.reach(self.max_ulp)
        np.less_equal(difference, reach, out=near)
        near &= np.greater_equal(difference, -reach, out=second)
        where = few(np.logical_not(near, out=near))
        self._nearly_all_near.took(worked=where is not None)
        return where

    def _add_few(self, x: Bits, y: Bits, unequal: Mask, where: NDArray[np.intp]) -> Piece:
        """Take in a piece by those pairs alone, once the other maxima are infinite."""
        p, q = x[where], y[where]
        nan_p, nan_q = (np.isnan(side.view(np.float64)) for side in (p, q))
        nan = nan_p | nan_q
        odd = int(np.count_nonzero(nan & unequal[where]))
        if not nan.all():
            self._take_steps(p[~nan], q[~nan])
        both = where[nan_p & nan_q & unequal[where]]
        number = int(np.count_nonzero(unequal))
        return self._piece(unequal, number=number, odd=odd, both=both, number_of_both=both.size)

    def _piece(
        self, unequal: Mask, *, number: int, odd: int, both: Mask | NDArray[np.intp], number_of_both: int
    ) -> Piece:
        numbers = number - odd
        if number_of_both and not self._nan_payload:
            number -= number_of_both
            unequal[both] = False
        return Piece(number, numbers, number_of_both)

    def _take_steps(self, x: Bits, y: Bits) -> None:
        p, q = self._format.positions(x), self._format.positions(y)
        self.max_ulp = max(self.max_ulp, int(ulp.distances(p, q).max(initial=0)))

    def _as_float64(self, data: NDArray[Any], side: int) -> NDArray[np.float64]:
        if not self._wide:
            return data
        wide = self._wide[side][: data.size]
        np.copyto(wide, self._format.decode(data))  # exact: every narrower float is a float64
        return wide

    def _find_odd(
        self, a: NDArray[np.float64], b: NDArray[np.float64], difference: NDArray[np.float64], unequal: Mask
    ) -> _Odd | None:
        where, both, second = (mask[: a.size] for mask in self._masks[:3])
        np.isnan(difference, out=where)
        where &= unequal  # infinities of one sign are equal
        number = int(np.count_nonzero(where))
        if not number:
            return None
        if number * FEW < a.size:
            places = where.nonzero()[0]
            places = places[np.isnan(a[places]) & np.isnan(b[places])]
            return _Odd(where, number, places, places.size)
        np.isnan(a, out=both)
        both &= np.isnan(b, out=second)
        both &= where
        return _Odd(where, number, both, int(np.count_nonzero(both)))

    # --- relative differences -----------------------------------------------------------------

    def _take_ratios(self, a: NDArray[np.float64], difference: NDArray[np.float64], largest: float) -> Range | None:
        """Return the extremes of ``difference / a``; None where not all were looked at."""
        if largest == 0:
            return 0.0, 0.0
        if self.max_rel == math.inf:
            return None
        if self.max_rel >= 1 and self._small_references.due():
            worked = self._try_small_references(a, difference, largest)
            if self._small_references.took(worked=worked):
                return None
        ratio = self._ratio[: a.size]
        if largest < _EVEN and not self._wide and _all_even(a):
            np.divide(_steps_from_zero(difference), _steps_from_zero(a), out=ratio)
        else:
            np.divide(difference, a, out=ratio)
        bottom, top, _ = self._ratios.of(ratio)  # 0 / 0 is not a number, and does not count
        self.max_rel = max(self.max_rel, top, -bottom)
        return bottom, top

    def _try_small_references(
        self, a: NDArray[np.float64], difference: NDArray[np.float64], largest: float
    ) -> bool:  # fmt: skip
        """Take in the relative differences that may be the largest so far, if they are few."""
        bound = largest / self.max_rel * (1 + 2.0**-50) + 2 * _SMALLEST  # roundings, that of a subnormal bound too
        if self._positive.worked and float(a[a.argmin()]) > bound:
            return True
        mask, second = (buffer[: a.size] for buffer in self._masks[2:])
        np.less_equal(a, bound, out=mask)
        mask &= np.greater_equal(a, -bound, out=second)
        where = few(mask)
        if where is None:
            return False
        ratio = np.absolute(difference[where] / a[where])
        self.max_rel = max(self.max_rel, float(np.fmax.reduce(ratio, initial=0.0)))
        return True

    # --- representable numbers ----------------------------------------------------------------

    def _may_be_farther(self, x: Bits, y: Bits, extremes: Range | None, differences: Range) -> bool:
        """Return whether pairs may lie farther apart than all before; a few that may are looked at here."""
        if extremes is not None and extremes[1] < 1:
            return bounds.beside(*extremes, mantissa=self._format.mantissa) > self.max_ulp
        if self._wide:
            return True
        reach = bounds.reach(self.max_ulp)
        if -reach <= differences[0] and differences[1] <= reach:
            return False
        if self._small_extents.due():
            bound, _ = bounds.farthest(bounds.Extent.of(x), bounds.Extent.of(y))
            if self._small_extents.took(worked=bound <= self.max_ulp):
                return False
        if reach > 0 and self._large_differences.due():
            worked = self._try_large_differences(x, y, differences, reach)
            return not self._large_differences.took(worked=worked)
        return True

    def _try_large_differences(self, x: Bits, y: Bits, differences: Range, reach: float) -> bool:
        data = self._difference[: x.size]
        mask, second = (buffer[: x.size] for buffer in self._masks[2:])
        if differences[1] <= reach:
            np.less(data, -reach, out=mask)
        else:
            np.greater(data, reach, out=mask)
            if differences[0] < -reach:
                mask |= np.less(data, -reach, out=second)
        where = few(mask)
        if where is None:
            return False
        self._take_steps(x[where], y[where])
        return True

    def _count_steps(self, x: Bits, y: Bits, odd: _Odd | None, *, same_sign: bool) -> None:
        """Take in the distances of all pairs; `same_sign`: no pair has opposite signs, zeros aside."""
        if not same_sign and self._positive.due():
            same_sign = self._positive.took(worked=_lowest(x) >= 0 and _lowest(y) >= 0)
        if not same_sign:
            bound, opposite = bounds.farthest(bounds.Extent.of(x), bounds.Extent.of(y))
            if bound <= self.max_ulp:
                return
            same_sign = not opposite
        keep = None if odd is None else ~odd.where
        one, two = (buffer.view(x.dtype)[: x.size] for buffer in (self._difference, self._ratio))
        if same_sign:
            self.max_ulp = max(self.max_ulp, ulp.largest_beside(x, y, keep=keep, scratch=one))
            return
        self.max_ulp = max(self.max_ulp, ulp.largest_across(x, y, keep=keep, scratch=(one, two)))
        if self.max_ulp < self._format.infinity:
            apart = ulp.largest_magnitudes_apart(x, y, keep=keep, scratch=(one, two))
            self.max_ulp = max(self.max_ulp, apart)


def _aligned(size: int) -> NDArray[np.float64]:
    """Return scratch space on a 64-byte boundary: numpy's own are not, which halves the speed of writing."""
    raw = np.empty(size * 8 + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * 8].view(np.float64)


def _lowest(bits: Bits) -> int:
    return int(bits[bits.argmin()])


def _all_even(data: NDArray[np.float64]) -> bool:
    return bool(np.maximum.reduce(data) < _EVEN and np.minimum.reduce(data) > -_EVEN)


def _steps_from_zero(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return magnitudes below `_EVEN` in steps of the number line: any multiple will do for a ratio."""
    steps: NDArray[np.int64] = data.view(np.int64) & np.int64(np.iinfo(np.int64).max)
    return steps.astype(np.float64)
