"""The largest distances between two pieces of numbers: absolute, relative, and in representable numbers.

Three float operations and two reductions per element would give them plainly; the budget is four times
what numpy takes to say whether the arrays are equal. So a piece is asked only what could still raise a
maximum: while all relative differences are below 1 (noise), by one division; once one was larger, by a
multiplication that lets through the few elements beyond it. Distances in representable numbers are bounded
by the differences first and counted for what is left. Everything happens in buffers that stay in cache.

An element whose difference is not finite (NaN, infinity, overflow) is left out here and reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare import ulp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.compare.formats import FloatFormat

__all__ = ["Finite", "Seen"]

#: more than any ULP distance
_NO_BOUND = 1 << 64
#: a little less than one: what rounding may have taken away
_BELOW = 1 - 2.0**-50
_INFINITY = 0x7FF << 52
#: what is left of a piece is picked out where it is less than one in so many
_FEW = 16
_NOWHERE = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a piece holds besides finite differences."""

    #: positions of elements that were left out; None: none was
    holes: NDArray[np.intp] | None
    #: there may be pairs of zeros, of either sign
    zeros: bool


class Finite:
    """Running maxima over pieces of one real format. To be used under ``np.errstate(all="ignore")``."""

    def __init__(self, *, form: FloatFormat, size: int) -> None:
        self.max_abs = 0.0
        self.max_rel = 0.0
        self.max_ulp: int | None = None
        self._format = form
        self._buffers = ulp.Buffers(size=size, integer=form.signed)
        self._mask = np.empty(size, np.bool_)
        #: the last piece had holes, so the next one is expected to have some
        self._holes = False

    @property
    def smooth(self) -> bool:
        """Whether all relative differences were below 1 so far."""
        return self.max_rel < 1

    def add(self, reference: NDArray[Any], other: NDArray[Any]) -> Seen:
        """Take in one piece."""
        a = self._as_float64(reference, self._buffers.reference)
        b = self._as_float64(other, self._buffers.other)
        difference = self._buffers.difference[: a.size]
        np.subtract(a, b, out=difference)
        if self.smooth:
            return self._add_smooth(reference, other, a, difference)
        return self._add_rough(reference, other, (a, b), difference)

    def _as_float64(self, data: NDArray[Any], buffer: NDArray[np.float64]) -> NDArray[np.float64]:
        if data.dtype == np.float64:
            return data
        wide = buffer[: data.size]
        np.copyto(wide, self._format.decode(data))  # exact: every narrower float is a float64
        return wide

    def _cleared(self, difference: NDArray[np.float64]) -> NDArray[np.intp] | None:
        """Set differences that are not finite to zero; return where they were."""
        finite = np.isfinite(difference, out=self._mask[: difference.size])
        count = int(np.count_nonzero(finite))
        self._holes = count < difference.size
        if not self._holes:
            return None
        if not count:
            difference.fill(0.0)
            return np.arange(difference.size)
        holes = np.flatnonzero(np.logical_not(finite, out=finite))
        difference[holes] = 0.0
        return holes

    # --- relative differences below 1 ---------------------------------------------------------

    def _add_smooth(
        self, reference: NDArray[Any], other: NDArray[Any], a: NDArray[np.float64], difference: NDArray[np.float64]
    ) -> Seen:
        holes = self._cleared(difference) if self._holes else None
        largest = _magnitude(difference)
        if not math.isfinite(largest):
            holes = self._cleared(difference)
            largest = _magnitude(difference)
        ratio = self._buffers.ratio[: a.size]
        np.divide(difference, a, out=ratio)  # below 1 only where the signs are the same
        if holes is not None:
            ratio[holes] = 0.0
        top, bottom = float(np.maximum.reduce(ratio)), float(np.fmin.reduce(ratio))
        zeros = math.isnan(top)  # 0 / 0
        if zeros:
            top = float(np.fmax.reduce(ratio))
            top, bottom = (0.0, 0.0) if math.isnan(top) else (top, bottom)
        self.max_abs = max(self.max_abs, largest)
        self.max_rel = max(self.max_rel, top, -bottom)
        same_sign = top < 1
        known = self.max_ulp or 0
        at_most = self._bound_beside(top, bottom) if same_sign else _NO_BOUND
        if at_most > known:
            where = self._beyond(ratio, known) if top <= 0.5 and bottom >= -1 else None
            if where is not None and where.size * _FEW < a.size:
                x, y = (self._format.positions(data[where]) for data in (reference, other))
                known = max(known, int(ulp.distances(x, y).max(initial=0)))
            else:
                known = self._count(reference, other, holes, same_sign=same_sign)
        self.max_ulp = known
        return Seen(holes, zeros)

    def _beyond(self, ratio: NDArray[np.float64], known: int) -> NDArray[np.intp]:
        """Return where numbers within a factor of two may lie farther apart than `known`: see `_bound_beside`."""
        share = max(known - 2, 0) / 2 ** (self._format.mantissa + 1) * (1 - 1e-9)
        mask = np.greater(ratio, share, out=self._mask[: ratio.size])
        mask |= ratio < -share / (1 - share)
        return np.flatnonzero(mask)

    def _bound_beside(self, top: float, bottom: float) -> int:
        """Return a bound on the ULP distance of any pair of this piece, all pairs having one sign.

        With P the position of a magnitude on the number line and p the bits of the mantissa:
        ``P(x) / 2**p`` is log2(x) interpolated linearly between powers of two, at most 0.0861 below it,
        so that the distance is at most that of the logarithms. Numbers within a factor of two lie farthest
        apart where the larger stands just below a power of two: twice their difference by the larger.
        Both hold for subnormal numbers too.
        """
        if top == bottom == 0:
            return 0
        low, high = 1 - top, 1 - bottom  # other / reference lies between
        if low < 1e-6 or high > 1e6:
            return _NO_BOUND
        spread = max(math.log2(high), -math.log2(low)) + 0.0862
        gap = 2 * max(top, -bottom / high) if low >= 0.5 and high <= 2 else spread
        return int(min(spread, gap) * (1 + 1e-9) * 2**self._format.mantissa) + 2

    # --- larger ones -------------------------------------------------------------------------

    def _add_rough(
        self,
        reference: NDArray[Any],
        other: NDArray[Any],
        decoded: tuple[NDArray[np.float64], NDArray[np.float64]],
        difference: NDArray[np.float64],
    ) -> Seen:
        a, b = decoded
        np.absolute(difference, out=difference)
        holes = self._cleared(difference) if self._holes else None
        largest = float(np.maximum.reduce(difference))
        if not math.isfinite(largest):
            holes = self._cleared(difference)
            largest = float(np.maximum.reduce(difference))
        self.max_abs = max(self.max_abs, largest)
        if self.max_rel < math.inf:
            limit = self._buffers.ratio[: a.size]
            np.absolute(a, out=limit)
            np.multiply(limit, self.max_rel * _BELOW, out=limit)  # not below the reference: nothing underflows
            beyond = np.greater(difference, limit, out=self._mask[: a.size])
            self._take_ratios(a, difference, beyond)
        self._farther(reference, other, (a, b), difference, largest, holes)
        return Seen(holes, zeros=True)

    def _take_ratios(self, a: NDArray[np.float64], difference: NDArray[np.float64], beyond: NDArray[np.bool_]) -> None:
        """Take in relative differences, which are the largest so far only where `beyond` says so."""
        count = int(np.count_nonzero(beyond))
        if count * _FEW < a.size:
            where = np.flatnonzero(beyond) if count else _NOWHERE
            ratio = difference[where] / np.abs(a[where])
        else:
            ratio = np.absolute(a, out=self._buffers.ratio[: a.size])
            np.divide(difference, ratio, out=ratio)  # 0 / 0 is not a number, and does not count
        self.max_rel = max(self.max_rel, float(np.fmax.reduce(ratio, initial=0.0)))

    def _farther(
        self,
        reference: NDArray[Any],
        other: NDArray[Any],
        decoded: tuple[NDArray[np.float64], NDArray[np.float64]],
        difference: NDArray[np.float64],
        largest: float,
        holes: NDArray[np.intp] | None,
    ) -> None:
        """Take in ULP distances of pairs that may lie farther apart than all before."""
        known = self.max_ulp or 0
        across, beside = _reach(known) if self._format.width == 64 else (0.0, 0.0)
        if largest <= min(across, beside):
            return
        if across > 0:
            where = self._candidates(decoded, difference, across, beside)
            if where.size * _FEW < difference.size:
                x, y = (self._format.positions(data[where]) for data in (reference, other))
                self.max_ulp = max(known, int(ulp.distances(x, y).max(initial=0)))
                return
        self.max_ulp = self._count(reference, other, holes, same_sign=False)

    def _candidates(
        self, decoded: tuple[NDArray[np.float64], NDArray[np.float64]], difference: NDArray[np.float64],
        across: float, beside: float,
    ) -> NDArray[np.intp]:  # fmt: skip
        """Return where pairs may lie farther apart than the differences `across` and `beside` allow."""
        mask = np.greater(difference, min(across, beside), out=self._mask[: difference.size])
        count = int(np.count_nonzero(mask))
        if across < beside and count * _FEW >= mask.size:
            opposite = _opposite_signs(*decoded)
            mask &= opposite
            mask |= difference > beside
        return np.flatnonzero(mask)

    def _count(
        self,
        reference: NDArray[Any],
        other: NDArray[Any],
        holes: NDArray[np.intp] | None,
        *,
        same_sign: bool,
    ) -> int:
        """Return the largest ULP distance so far, this piece included."""
        x, y = reference.view(self._format.signed), other.view(self._format.signed)
        if holes is not None:
            x, y = x.copy(), y.copy()
            x[holes] = y[holes] = 0
        return ulp.largest(x, y, same_sign=same_sign, known=self.max_ulp or 0, buffers=self._buffers)


def _magnitude(data: NDArray[np.float64]) -> float:
    return max(float(np.maximum.reduce(data)), -float(np.minimum.reduce(data)))


def _opposite_signs(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where one is below zero and the other above."""
    if np.minimum.reduce(a) >= 0 and np.minimum.reduce(b) >= 0:
        return np.zeros(a.size, np.bool_)
    opposite: NDArray[np.bool_] = ((a < 0) & (b > 0)) | ((a > 0) & (b < 0))
    return opposite


def _reach(known: int) -> tuple[float, float]:
    """Return the differences of float64 numbers up to which no pair lies farther apart than `known`.

    The first is for pairs of opposite sign. They lie P(|a|) + P(|b|) apart; P is concave, so that this is
    at most ``2 P((|a| + |b|) / 2)``, and ``|a| + |b|`` is the difference. The second is for pairs of one
    sign, from 2**53 on: they differ by a factor of more than 3.7, hence by more than 0.73 times the larger
    number, whose position is beyond `known`. Two are taken off for roundings.
    """
    if known < 1 << 53:
        return 0.0, 0.0
    across = 2 * _number_at((known - 2) // 2) * _BELOW
    beside = math.inf if known - 2 >= _INFINITY else 0.73 * _number_at(known - 2)
    return across, beside


def _number_at(position: int) -> float:
    return float(np.int64(min(position, _INFINITY)).view(np.float64))
