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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.compare.formats import FloatFormat

    Bits = NDArray[Any]
    #: lowest and highest
    Range = tuple[float, float]
    Mask = NDArray[np.bool_]

__all__ = ["Maxima", "Piece"]

#: what is left of a piece is picked out where it is less than one in so many
_FEW = 16
#: pieces for which a shortcut that did not work is not tried again
_PAUSE = 15
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


class _Shortcut:
    """Whether to try a quick way that does not always work."""

    def __init__(self) -> None:
        self._pause = 1

    @property
    def worked(self) -> bool:
        """Whether it did last time."""
        return not self._pause

    def due(self) -> bool:
        """Return whether to try it on this piece."""
        self._pause = max(self._pause - 1, 0)
        return not self._pause

    def took(self, *, worked: bool) -> bool:
        """Take note of whether it worked, and return that."""
        self._pause = 0 if worked else _PAUSE
        return worked


class _Extremes:
    """The lowest and highest of floats, which are quicker to find among their bits where there are no NaNs."""

    def __init__(self) -> None:
        self._without_nan = _Shortcut()

    def of(self, data: NDArray[np.float64]) -> tuple[float, float, bool]:
        """Return the lowest, the highest, and whether there may be NaNs, which are passed over.

        Where all have one sign, both may be the one that is farthest from zero.
        """
        if self._without_nan.due():
            high, low = float(data[data.view(np.int64).argmax()]), float(data[data.view(np.uint64).argmax()])
            if not self._without_nan.took(worked=not (math.isnan(low) or math.isnan(high))):
                return self.of(data)
            return low, high, False
        return float(np.fmin.reduce(data, initial=0.0)), float(np.fmax.reduce(data, initial=0.0)), True


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
        self._differences, self._ratios = _Extremes(), _Extremes()
        self._small_references, self._large_differences = _Shortcut(), _Shortcut()
        self._small_extents, self._positive = _Shortcut(), _Shortcut()

    def add(self, reference: Bits, other: Bits, unequal: Mask) -> Piece:
        """Take in one piece; `unequal` is filled with where it differs."""
        a, b = self._as_float64(reference, 0), self._as_float64(other, 1)
        difference = np.subtract(a, b, out=self._difference[: a.size])
        x, y = reference.view(self._integer), other.view(self._integer)
        np.not_equal(x, y, out=unequal)
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
        numbers = number - odd.number
        if odd.number_of_both and not self._nan_payload:
            number -= odd.number_of_both
            unequal[odd.both] = False
        return Piece(number, numbers, odd.number_of_both)

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
        if number * _FEW < a.size:
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
        where = _few(mask)
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
        where = _few(mask)
        if where is None:
            return False
        p, q = self._format.positions(x[where]), self._format.positions(y[where])
        self.max_ulp = max(self.max_ulp, int(ulp.distances(p, q).max(initial=0)))
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


def _few(mask: Mask) -> NDArray[np.intp] | None:
    """Return the places of a mask, None if they are many."""
    return mask.nonzero()[0] if np.count_nonzero(mask) * _FEW < mask.size else None


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
