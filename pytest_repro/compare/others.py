"""The scans over arrays that are not floats: integers, and elements that have no distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare.agree import arrays_agree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.model import Tolerance

__all__ = ["BitScan", "IntScan"]

#: integers up to here are floats too
_EXACT = 1 << 53
#: dtype kinds of dates and durations
_TIMES = "mM"


class IntScan:
    """Running statistics over pieces of two arrays of integers."""

    max_ulp = None

    def __init__(self, *, tolerance: Tolerance) -> None:
        self.unequal = 0
        self.outside = 0
        self.first = -1
        self.first_outside = -1
        self.max_rel = 0.0
        self._gap = 0
        self._tolerance = tolerance

    @property
    def max_abs(self) -> float:
        """The largest difference: an int where a float could not hold it exactly."""
        return float(self._gap) if self._gap <= _EXACT else self._gap

    def distances(self, reference: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
        """Return ``|reference - other|`` of all pairs of a piece, -1 for equal ones."""
        gap: NDArray[np.float64] = _gaps(reference, other).astype(np.float64)
        gap[reference == other] = -1
        return gap

    def add(self, start: int, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one piece that begins at flat position `start`; the caller keeps numpy from warning of infinities."""
        where = np.flatnonzero(reference != other)
        if not where.size:
            return
        a, b = reference[where], other[where]
        gap = _gaps(a, b)
        self._gap = max(self._gap, int(gap.max()))
        relative = gap / np.abs(a.astype(np.float64))
        self.max_rel = max(self.max_rel, float(relative.max()))
        outside = where[~arrays_agree(a, b, self._tolerance)]
        if self.first < 0:
            self.first = start + int(where[0])
        if outside.size and self.first_outside < 0:
            self.first_outside = start + int(outside[0])
        self.unequal += int(where.size)
        self.outside += int(outside.size)


def _gaps(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    unsigned = np.dtype(f"u{a.itemsize}")  # the difference wraps as signed and is right as unsigned
    gaps: NDArray[Any] = np.maximum(a, b).view(unsigned) - np.minimum(a, b).view(unsigned)
    return gaps


class BitScan:
    """Running count over pieces of two arrays whose elements are equal or not, and nothing in between."""

    max_abs = math.nan
    max_rel = math.nan
    max_ulp = None

    def __init__(self) -> None:
        self.unequal = 0
        self.first = -1

    @property
    def outside(self) -> int:
        """How many differ: no tolerance applies."""
        return self.unequal

    @property
    def first_outside(self) -> int:
        """Flat position of the first that differs."""
        return self.first

    def add(self, start: int, reference: NDArray[Any], other: NDArray[Any]) -> None:
        """Take in one piece that begins at flat position `start`."""
        if reference.dtype.kind in _TIMES:  # NaT is unequal to itself otherwise
            reference, other = reference.view(np.int64), other.view(np.int64)
        where = np.flatnonzero(reference != other)
        if where.size and self.first < 0:
            self.first = start + int(where[0])
        self.unequal += int(where.size)
