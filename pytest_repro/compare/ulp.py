"""Distance in representable numbers (ULP), exact for every pair of finite numbers and infinities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Buffers", "distances", "largest"]


class Buffers:
    """Scratch space for one piece, allocated once per comparison."""

    def __init__(self, *, size: int, integer: np.dtype[Any]) -> None:
        self.difference = _aligned(size, np.dtype(np.float64))
        self.ratio = _aligned(size, np.dtype(np.float64))
        narrow = size if integer.itemsize < 8 else 0
        self.reference = _aligned(narrow, np.dtype(np.float64))
        self.other = _aligned(narrow, np.dtype(np.float64))
        # the differences and ratios are done with when positions are looked at
        self.integers = (self.difference.view(integer), self.ratio.view(integer), _aligned(size, integer))


def _aligned(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return scratch space on a 64-byte boundary: numpy's own are not, which halves the speed of writing."""
    raw = np.empty(size * dtype.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * dtype.itemsize].view(dtype)


def distances(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Distance between positions on the number line, element by element.

    Positions of opposite sign can lie 2**64 - 2 apart: the difference wraps as int64 and is right as uint64.
    """
    high, low = np.maximum(a, b), np.minimum(a, b)
    return high.view(np.uint64) - low.view(np.uint64)


def largest(a: NDArray[Any], b: NDArray[Any], *, same_sign: bool, known: int, buffers: Buffers) -> int:
    """Return the largest distance between the bits `a` and `b` (signed integers), or `known` if that is larger.

    `same_sign`: no pair has opposite signs, zeros aside.
    """
    x, y, t = (row[: a.size] for row in buffers.integers)
    if same_sign:
        return max(known, _largest_gap(a, b, out=t))
    magnitude = a.dtype.type(np.iinfo(a.dtype).max)
    np.bitwise_and(a, magnitude, out=x)
    np.bitwise_and(b, magnitude, out=y)
    known = max(known, _largest_gap(x, y, out=t))  # never more than the distance, whatever the signs
    return max(known, _largest_across_zero(a, b, x, y, t))


def _largest_gap(a: NDArray[Any], b: NDArray[Any], *, out: NDArray[Any]) -> int:
    """Return the largest distance of pairs of one sign; the zeros of both signs lie at one place."""
    np.subtract(a, b, out=out)
    low, wrapped = int(np.minimum.reduce(out)), int(np.iinfo(a.dtype).min)
    if low == wrapped:  # 0 and -0, whichever comes first; nothing else wraps
        out[out == wrapped] = 0
        low = int(np.minimum.reduce(out))
    return max(int(np.maximum.reduce(out)), -low)


def _largest_across_zero(a: NDArray[Any], b: NDArray[Any], x: NDArray[Any], y: NDArray[Any], mask: NDArray[Any]) -> int:
    """Return the largest ``x + y`` (magnitudes, destroyed) over pairs whose signs differ, 0 if there is none."""
    np.bitwise_xor(a, b, out=mask)
    np.right_shift(mask, 8 * a.itemsize - 1, out=mask)  # all ones where signs differ, else zero
    unsigned = np.dtype(f"u{a.itemsize}")
    total = x.view(unsigned)
    np.add(total, y.view(unsigned), out=total)
    np.bitwise_and(total, mask.view(unsigned), out=total)
    return int(np.maximum.reduce(total))
