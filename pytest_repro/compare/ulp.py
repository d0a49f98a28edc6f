"""Distance in representable numbers (ULP), exact for every pair of finite numbers and infinities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["distances", "largest_across", "largest_beside"]


def distances(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Distance between positions on the number line, element by element.

    Positions of opposite sign can lie 2**64 - 2 apart: the difference wraps as int64 and is right as uint64.
    """
    high, low = np.maximum(a, b), np.minimum(a, b)
    return high.view(np.uint64) - low.view(np.uint64)


def largest_beside(
    a: NDArray[Any], b: NDArray[Any], *, keep: NDArray[np.bool_] | None, scratch: NDArray[Any]
) -> int:  # fmt: skip
    """Return the largest distance of pairs of one sign, the zeros of both signs at one place.

    `a` and `b` are bits as signed integers; `keep`: pairs that count, None: all.
    """
    gap = np.subtract(a, b, out=scratch)
    if keep is not None:
        gap *= keep
    low, wrapped = int(gap[gap.argmin()]), int(np.iinfo(a.dtype).min)  # quicker than to reduce integers
    if low == wrapped:  # 0 and -0, whichever comes first; nothing else wraps
        gap[gap == wrapped] = 0
        low = int(gap[gap.argmin()])
    return max(int(gap[gap.argmax()]), -low)


def largest_across(
    a: NDArray[Any], b: NDArray[Any], *, keep: NDArray[np.bool_] | None, scratch: tuple[NDArray[Any], NDArray[Any]]
) -> int:
    """Return the largest distance of pairs whose signs differ, 0 if there is none; see `largest_beside`.

    The sign bit of such a pair stands in one of them, so that ``a + b`` without it is the sum of both magnitudes.
    """
    total, opposite = scratch
    np.add(a, b, out=total)
    np.bitwise_xor(total, np.iinfo(a.dtype).min, out=total)
    np.bitwise_xor(a, b, out=opposite)
    np.right_shift(opposite, 8 * a.itemsize - 1, out=opposite)  # all ones where signs differ, else zero
    np.bitwise_and(total, opposite, out=total)
    if keep is not None:
        total *= keep
    unsigned = total.view(f"u{a.itemsize}")
    return int(unsigned[unsigned.argmax()])


def largest_magnitudes_apart(
    a: NDArray[Any], b: NDArray[Any], *, keep: NDArray[np.bool_] | None, scratch: tuple[NDArray[Any], NDArray[Any]]
) -> int:
    """Return the largest difference of magnitudes: the distance of pairs of one sign, less than that of others."""
    magnitude = np.iinfo(a.dtype).max
    x, y = np.bitwise_and(a, magnitude, out=scratch[0]), np.bitwise_and(b, magnitude, out=scratch[1])
    return largest_beside(x, y, keep=keep, scratch=x)
