"""The scan over two arrays of floats or complex numbers, piece by piece.

Real numbers of the usual formats go through `maxima`, pieces of which little differs by what differs
alone. Complex numbers, long doubles, 8-bit floats and tolerances go through plain masked code over the
elements that differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare import ulp
from pytest_repro.compare.agree import arrays_agree
from pytest_repro.compare.formats import float_format
from pytest_repro.compare.maxima import Maxima

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.compare.formats import FloatFormat
    from pytest_repro.model import Tolerance

__all__ = ["FloatScan"]

#: a piece of which less than one in so many differs is looked at element by element
_SPARSE = 8
_COMPLEX_PARTS = {"complex64": "float32", "complex128": "float64"}


class FloatScan:
    """Running statistics over pieces of two arrays of one dtype. To be used under ``np.errstate(all="ignore")``."""

    def __init__(self, *, dtype: str, tolerance: Tolerance, largest_piece: int) -> None:
        self.unequal = 0
        self.outside = 0
        #: flat positions of the first unequal element, and of the first beyond the tolerance
        self.first = -1
        self.first_outside = -1
        #: NaNs that differ only in their payload
        self.payloads = 0
        self._tolerance = tolerance
        self._format: FloatFormat | None = float_format(_COMPLEX_PARTS.get(dtype, dtype))
        self._complex = dtype.startswith("complex")
        self._size = largest_piece
        #: a real format that numpy's own operations can work on, or that is a float32 cut short
        self._simple = self._format is not None and self._format.table is None and not self._complex
        #: much of the last piece differed
        self._dense = False
        self._mask = np.empty(largest_piece, np.bool_)
        self._maxima: Maxima | None = None
        self._max_abs = 0.0
        self._max_rel = 0.0
        #: a gap of long doubles may be too small for `_max_abs`
        self._apart = False
        self._max_ulp: int | None = None
        #: unequal pairs without NaN that `_maxima` took in
        self._numbers = 0

    @property
    def max_abs(self) -> float:
        """The largest absolute difference."""
        return max(self._max_abs, self._maxima.max_abs) if self._maxima is not None else self._max_abs

    @property
    def max_rel(self) -> float:
        """The largest relative difference."""
        return max(self._max_rel, self._maxima.max_rel) if self._maxima is not None else self._max_rel

    @property
    def zeros_only(self) -> bool:
        """Whether every unequal pair are zeros of both signs."""
        return self.max_abs == 0 and not self._apart and not self.payloads

    @property
    def max_ulp(self) -> int | None:
        """The largest ULP distance; None where there is none."""
        return self._maxima.max_ulp if self._maxima is not None and self._numbers else self._max_ulp

    def add(self, start: int, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one piece that begins at flat position `start`."""
        if self._dense:  # then the next piece is taken to be so too, and compared where it is subtracted
            self._add_simple(start, reference, other)
            return
        unequal = self._bits_differ(reference, other)
        count = int(np.count_nonzero(unequal))
        if not count:
            return
        if not self._simple:
            self._add_masked(start, reference, other, np.flatnonzero(unequal))
        elif count * _SPARSE < reference.size:
            where = np.flatnonzero(unequal)
            self._add_simple(start, reference[where], other[where], where)
        else:
            self._dense = True
            self._add_simple(start, reference, other)

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

    # --- real numbers, fast -------------------------------------------------------------------

    def _add_simple(self, start: int, a: NDArray[Any], b: NDArray[Any], places: NDArray[np.intp] | None = None) -> None:
        """Take in pairs; `places`: where in the piece they stand, if they were picked out."""
        if self._maxima is None:
            assert self._format is not None
            self._maxima = Maxima(form=self._format, size=self._size, nan_payload=self._tolerance.nan_payload)
        unequal = self._mask[: a.size]
        piece = self._maxima.add(a, b, unequal)
        self._dense = places is None and piece.unequal * _SPARSE >= a.size
        self._numbers += piece.numbers
        if self._tolerance.nan_payload:
            self.payloads += piece.payloads
        if not piece.unequal:
            return
        first = int(unequal.argmax()) if self._wants_first() else 0
        self._count(start, first if places is None else int(places[first]), piece.unequal)
        if not self._tolerance.exact:
            where = np.flatnonzero(unequal)
            self._judge(start, a[where], b[where], where if places is None else places[where])

    # --- everything else --------------------------------------------------------------------

    def _add_masked(self, start: int, reference: NDArray[Any], other: NDArray[Any], where: NDArray[np.intp]) -> None:
        """Take in the pairs at `where`, whose bits differ."""
        a, nan_a, nan_b, differ, gaps = self._look(reference[where], other[where])
        keep = _any_part(differ)
        if not keep.any():
            return
        where, nan_a, nan_b, differ = where[keep], nan_a[keep], nan_b[keep], differ[keep]
        self._masked_maxima(a[keep], gaps[keep])
        self.payloads += int(np.count_nonzero((differ & nan_a & nan_b).any(axis=1)))
        steps = self._steps(reference[where], other[where])
        if steps is not None and (comparable := differ & ~nan_a & ~nan_b).any():
            self._max_ulp = max(self._max_ulp or 0, int(steps[comparable].max()))
        self._count(start, int(where[0]), int(where.size))
        if not self._tolerance.exact:
            self._judge(start, reference[where], other[where], where)

    def distances(self, reference: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
        """Return ``|reference - other|`` of all pairs of a piece: -1 for equal ones, NaN between a number and NaN."""
        _, nan_a, nan_b, differ, gaps = self._look(reference, other)
        gap: NDArray[np.float64] = _length(gaps).astype(np.float64)
        gap[_any_part(nan_a ^ nan_b)] = math.nan
        gap[~_any_part(differ)] = -1
        return gap

    def _look(self, reference: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return part by part: the reference, which are NaN on either side, which differ, and by how much."""
        a, b = self._parts(reference), self._parts(other)
        nan_a, nan_b = np.isnan(a), np.isnan(b)
        differ = self._part_bits_differ(reference, other)
        if not self._tolerance.nan_payload:
            differ &= ~(nan_a & nan_b)
        return a, nan_a, nan_b, differ, _gaps(a, b, differ, nan_a, nan_b)

    def _masked_maxima(self, a: NDArray[Any], gaps: NDArray[Any]) -> None:
        gap, size = _length(gaps), _length(np.abs(a))
        relative = np.where(gap == 0, 0, gap / size)
        relative[np.isnan(relative)] = math.inf  # the reference or the difference is not finite
        self._apart |= bool(gap.any())
        self._max_abs = max(self._max_abs, float(gap.max()))
        self._max_rel = max(self._max_rel, float(relative.max()))

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

    def _wants_first(self) -> bool:
        return self.first < 0 or self.first_outside < 0

    def _count(self, start: int, first: int, count: int) -> None:
        """Take note of `count` unequal elements, of which `first` is the first in the piece."""
        self.unequal += count
        if self.first < 0:
            self.first = start + first
        if self._tolerance.exact:
            self.outside += count
            if self.first_outside < 0:
                self.first_outside = start + first

    def _judge(self, start: int, a: NDArray[Any], b: NDArray[Any], places: NDArray[np.intp]) -> None:
        if self._format is not None and not self._complex:
            agree = arrays_agree(self._format.decode(a), self._format.decode(b), self._tolerance)
        else:
            agree = arrays_agree(a, b, self._tolerance)
        if self._tolerance.ulp and (steps := self._steps(a, b)) is not None:
            agree |= self._near(self._parts(a), self._parts(b), steps)
        outside = places[~agree]
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


def _length(parts: NDArray[Any]) -> NDArray[Any]:
    """Return the absolute values of numbers given by those of their parts."""
    length: NDArray[Any] = parts[:, 0] if parts.shape[1] == 1 else np.hypot(parts[:, 0], parts[:, 1])
    return length


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
