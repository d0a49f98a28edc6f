"""The scan over two arrays of floats or complex numbers, piece by piece.

Nearly all pieces of real data hold finite numbers only. For those, two float operations and one
integer operation per element give everything, in place, in buffers that stay in cache. Whatever
that path cannot decide (infinities, NaNs, complex numbers, long doubles, 8-bit floats, tolerances)
goes through plain masked code over the elements that differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare import ulp
from pytest_repro.compare.agree import arrays_agree
from pytest_repro.compare.formats import FloatFormat, float_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.model import Tolerance

__all__ = ["FloatScan"]

#: more than any ULP distance
_NO_BOUND = 1 << 64
_COMPLEX_PARTS = {"complex64": "float32", "complex128": "float64"}


class FloatScan:
    """Running statistics over pieces of two arrays of one dtype. To be used under ``np.errstate(all="ignore")``."""

    def __init__(self, *, dtype: str, tolerance: Tolerance, largest_piece: int) -> None:
        self.unequal = 0
        self.outside = 0
        #: flat positions of the first unequal element, and of the first beyond the tolerance
        self.first = -1
        self.first_outside = -1
        self.max_abs = 0.0
        self.max_rel = 0.0
        self.max_ulp: int | None = None
        #: NaNs that differ only in their payload
        self.payloads = 0
        self._tolerance = tolerance
        self._format: FloatFormat | None = float_format(_COMPLEX_PARTS.get(dtype, dtype))
        self._complex = dtype.startswith("complex")
        self._size = largest_piece
        #: a real format that numpy's own operations can work on, or that is a float32 cut short
        self._simple = self._format is not None and self._format.table is None and not self._complex
        self._drifting = False
        self._mask = np.empty(largest_piece, np.bool_)
        self._buffers: ulp.Buffers | None = None

    def add(self, start: int, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one piece that begins at flat position `start`."""
        # Where the last piece differed, ask for unequal values: quicker than bits, blind only to the sign of zero.
        by_value = self._drifting and reference.dtype.kind == "f" and self._simple
        unequal = np.not_equal(reference, other, out=self._mask[: reference.size]) if by_value else None
        if unequal is None or not unequal.any():
            by_value = False
            unequal = self._bits_differ(reference, other)
        self._drifting = bool(unequal.any())
        if not self._drifting:
            return
        if not (self._simple and self._add_finite(start, reference, other, unequal, by_value=by_value)):
            self._add_masked(start, reference, other, self._bits_differ(reference, other) if by_value else unequal)

    def _bits_differ(self, reference: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
        parts: NDArray[Any]
        if self._format is None:
            parts = _significant_bytes(reference) != _significant_bytes(other)
            return _any_part(parts)
        integer = self._format.signed
        if self._complex:
            parts = reference.view(integer) != other.view(integer)
            return _any_part(parts.reshape(-1, 2))
        mask = self._mask[: reference.size]
        np.not_equal(reference.view(integer), other.view(integer), out=mask)
        return mask

    # --- finite numbers, fast ---------------------------------------------------------------

    def _add_finite(
        self, start: int, reference: NDArray[Any], other: NDArray[Any], unequal: NDArray[np.bool_], *, by_value: bool
    ) -> bool:
        """Take in a piece without NaNs and infinities; return False, having done nothing, for any other."""
        assert self._format is not None
        if self._buffers is None:
            self._buffers = ulp.Buffers(size=self._size, integer=self._format.signed)
        buffers = self._buffers
        a = self._as_float64(reference, buffers.reference)
        b = self._as_float64(other, buffers.other)
        difference, ratio = buffers.difference[: a.size], buffers.ratio[: a.size]
        np.subtract(a, b, out=difference)
        largest = max(float(np.maximum.reduce(difference)), -float(np.minimum.reduce(difference)))
        if not math.isfinite(largest):
            return False
        np.divide(difference, a, out=ratio)
        zeros = self._finite_statistics(reference, other, a, ratio, largest)
        if zeros and by_value:
            unequal = self._bits_differ(reference, other)
        self._count(start, unequal, int(np.count_nonzero(unequal)))
        if not self._tolerance.exact:
            self._judge(start, reference, other, np.flatnonzero(unequal))
        return True

    def _as_float64(self, data: NDArray[Any], buffer: NDArray[np.float64]) -> NDArray[np.float64]:
        if data.dtype == np.float64:
            return data
        assert self._format is not None
        wide = buffer[: data.size]
        np.copyto(wide, self._format.decode(data))  # exact: every narrower float is a float64
        return wide

    def _finite_statistics(
        self, reference: NDArray[Any], other: NDArray[Any], a: NDArray[np.float64], ratio: NDArray[np.float64],
        largest: float,
    ) -> bool:  # fmt: skip
        """Take in maxima; return whether there are pairs of zeros.

        `ratio` is ``(reference - other) / reference``: below 1 only where the signs are the same.
        """
        assert self._format is not None
        assert self._buffers is not None
        top, bottom = float(np.maximum.reduce(ratio)), float(np.minimum.reduce(ratio))
        zeros = math.isnan(top)  # 0 / 0
        if zeros:
            top, bottom = float(np.fmax.reduce(ratio)), float(np.fmin.reduce(ratio))
            top, bottom = (0.0, 0.0) if math.isnan(top) else (top, bottom)
        self.max_abs = max(self.max_abs, largest)
        self.max_rel = max(self.max_rel, top, -bottom)
        same_sign = top < 1
        known = self.max_ulp or 0
        at_most = self._bound_beside(top, bottom) if same_sign else self._bound_across(a, largest)
        integer = self._format.signed
        self.max_ulp = ulp.largest(
            reference.view(integer), other.view(integer),
            same_sign=same_sign, zeros=zeros, at_most=at_most, known=known, buffers=self._buffers,
        )  # fmt: skip
        return zeros

    def _bound_beside(self, top: float, bottom: float) -> int:
        """Return a bound on the ULP distance of any pair of this piece, all pairs having one sign.

        With P the position of a magnitude on the number line and p the bits of the mantissa:
        ``P(x) / 2**p`` is log2(x) interpolated linearly between powers of two, at most 0.0861 below it,
        so that the distance is at most that of the logarithms. For numbers close to each other the
        spacing, at least ``x / 2**(p + 1)``, says more. Both hold for subnormal numbers too.
        """
        assert self._format is not None
        low, high = 1 - top, 1 - bottom  # other / reference lies between
        if low < 1e-6 or high > 1e6:
            return _NO_BOUND
        spread = max(math.log2(high), -math.log2(low)) + 0.0862
        gap = 2 * max(top, -bottom, 0.0) / min(low, 1.0)
        return int(min(spread, gap) * (1 + 1e-9) * 2**self._format.mantissa) + 2

    def _bound_across(self, a: NDArray[np.float64], largest: float) -> int:
        """Return a bound on the ULP distance of any pair of this piece, whatever the signs.

        Numbers of one sign lie at most P(the larger) apart. Numbers of opposite sign lie P(|a|) + P(|b|)
        apart; P is concave, so that this is at most ``2 P((|a| + |b|) / 2)``, and ``|a| + |b|`` is the
        difference. One is added for each rounding.
        """
        assert self._format is not None
        if self._format.width != 64:
            return _NO_BOUND
        size = max(float(np.maximum.reduce(a)), -float(np.minimum.reduce(a))) + largest
        return max(_position(size) + 1, 2 * (_position(largest / 2) + 1))

    # --- everything else --------------------------------------------------------------------

    def _add_masked(self, start: int, reference: NDArray[Any], other: NDArray[Any], unequal: NDArray[np.bool_]) -> None:
        where = np.flatnonzero(unequal)
        a, b = self._parts(reference[where]), self._parts(other[where])
        nan_a, nan_b = np.isnan(a), np.isnan(b)
        differ = self._part_bits_differ(reference[where], other[where])
        if not self._tolerance.nan_payload:
            differ &= ~(nan_a & nan_b)
        keep = _any_part(differ)
        if not keep.any():
            return
        where, a, b = where[keep], a[keep], b[keep]
        differ, nan_a, nan_b = differ[keep], nan_a[keep], nan_b[keep]
        gaps = _gaps(a, b, differ, nan_a, nan_b)
        self._masked_maxima(a, gaps)
        self.payloads += int(np.count_nonzero((differ & nan_a & nan_b).any(axis=1)))
        steps = self._steps(reference[where], other[where])
        if steps is not None and (comparable := differ & ~nan_a & ~nan_b).any():
            self.max_ulp = max(self.max_ulp or 0, int(steps[comparable].max()))
        mask = np.zeros(unequal.shape, np.bool_)
        mask[where] = True
        self._count(start, mask, where.size)
        if not self._tolerance.exact:
            self._judge(start, reference, other, where)

    def _masked_maxima(self, a: NDArray[Any], gaps: NDArray[Any]) -> None:
        gap = gaps[:, 0] if gaps.shape[1] == 1 else np.hypot(gaps[:, 0], gaps[:, 1])
        size = np.abs(a[:, 0]) if a.shape[1] == 1 else np.hypot(a[:, 0], a[:, 1])
        relative = np.where(gap == 0, 0, gap / size)
        relative[np.isnan(relative)] = math.inf  # the reference or the difference is not finite
        self.max_abs = max(self.max_abs, float(gap.max()))
        self.max_rel = max(self.max_rel, float(relative.max()))

    def _parts(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return numbers as rows of one part, or two if complex; in float64, long doubles as they are."""
        decoded = data if self._format is None or self._complex else self._format.decode(data)
        real: NDArray[Any] = decoded.view(decoded.real.dtype).reshape(data.size, -1)
        return real if self._format is None else real.astype(np.float64)

    def _part_bits_differ(self, reference: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
        differ: NDArray[np.bool_]
        if self._format is None:
            real = reference.real.dtype
            differ = (_significant_bytes(reference.view(real)) != _significant_bytes(other.view(real))).any(axis=1)
        else:
            differ = reference.view(self._format.signed) != other.view(self._format.signed)
        return differ.reshape(reference.size, -1)

    def _steps(self, reference: NDArray[Any], other: NDArray[Any]) -> NDArray[np.uint64] | None:
        """Return the ULP distance of each part, None for long doubles."""
        if self._format is None:
            return None
        a, b = (self._format.positions(x.view(x.real.dtype)) for x in (reference, other))
        return ulp.distances(a, b).reshape(reference.size, -1)

    # --- counting ---------------------------------------------------------------------------

    def _count(self, start: int, unequal: NDArray[np.bool_], count: int) -> None:
        first = start + int(unequal.argmax()) if self.first < 0 or self.first_outside < 0 else -1
        self.unequal += count
        if self.first < 0:
            self.first = first
        if self._tolerance.exact:
            self.outside += count
            if self.first_outside < 0:
                self.first_outside = first

    def _judge(self, start: int, reference: NDArray[Any], other: NDArray[Any], where: NDArray[np.intp]) -> None:
        a, b = reference[where], other[where]
        if self._format is not None and not self._complex:
            agree = arrays_agree(self._format.decode(a), self._format.decode(b), self._tolerance)
        else:
            agree = arrays_agree(a, b, self._tolerance)
        if self._tolerance.ulp and (steps := self._steps(a, b)) is not None:
            agree |= self._near(self._parts(a), self._parts(b), steps)
        outside = where[~agree]
        if outside.size and self.first_outside < 0:
            self.first_outside = start + int(outside[0])
        self.outside += int(outside.size)

    def _near(self, a: NDArray[Any], b: NDArray[Any], steps: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return whether all parts are at most `ulp` apart; an infinity is near to nothing but itself."""
        near = np.isfinite(a) & np.isfinite(b) & (steps <= np.uint64(min(self._tolerance.ulp, 2**64 - 1)))
        near |= a == b
        if not self._tolerance.nan_payload:
            near |= np.isnan(a) & np.isnan(b)
        all_near: NDArray[np.bool_] = near.all(axis=1)
        return all_near


def _any_part(parts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    whole: NDArray[np.bool_] = np.logical_or.reduce(parts, axis=1)
    return whole


def _gaps(
    a: NDArray[Any], b: NDArray[Any], differ: NDArray[np.bool_], nan_a: NDArray[np.bool_], nan_b: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return ``|a - b|`` per part: infinite between a number and NaN or a different infinity, 0 between NaNs."""
    gaps: NDArray[Any] = np.abs(a - b)
    gaps[~differ] = 0
    gaps[nan_a ^ nan_b] = math.inf
    gaps[nan_a & nan_b] = 0
    return gaps


def _significant_bytes(data: NDArray[Any]) -> NDArray[np.uint8]:
    """Return long doubles as rows of bytes, without the padding of x87's 80-bit format."""
    real = data.real.dtype
    rows = data.view(np.uint8).reshape(-1, real.itemsize)
    used = rows[:, :10] if np.finfo(real).nmant == 63 else rows
    return used.reshape(data.size, -1)


def _position(value: float) -> int:
    """Return the place of a non-negative float64 on the number line."""
    return int(np.float64(value).view(np.int64))
