"""Relative differences by way of ``other / reference``, for numbers so small that their difference is subnormal.

To divide a subnormal number takes some fifty times as long as another. The quotient of both numbers is a normal one.
It is rounded, so it only tells within what the relative differences lie; the few that may be the largest are divided
as they are everywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Limits", "around", "tiny"]

#: numbers above do not differ by a subnormal number: neighbours lie farther apart
_TINY = 2.0**-969
#: every so many-th number is looked at to see whether there are such
_STRIDE = 64
#: how far ``1 - other / reference`` lies at most from ``(reference - other) / reference`` where both are within a
#: factor of two: half an ULP of the quotient, which is at most 2
_ROUNDING = 2.0**-52
#: candidates are picked out where they are less than one in so many
_FEW = 16


class Limits(NamedTuple):
    """Between what ``(reference - other) / reference`` lies, and its largest size, or what was known if that is more."""

    bottom: float
    top: float
    largest: float


def tiny(reference: Numbers) -> bool:
    """Return whether a sample of the numbers has some whose differences may be subnormal."""
    return bool(np.absolute(reference[::_STRIDE]).min() < _TINY)


def around(
    reference: Numbers, other: Numbers, difference: Numbers, *, known: float, scratch: tuple[Numbers, NDArray[Any]]
) -> Limits | None:  # fmt: skip
    """Measure pairs, none of which differ by more than a factor of two; None where that does not hold, or will not do.

    `known`: the largest relative difference so far; `scratch`: room for a quotient and a truth value of each pair.
    """
    quotient, mask = np.divide(other, reference, out=scratch[0]), scratch[1]
    low, high = float(np.minimum.reduce(quotient)), float(np.maximum.reduce(quotient))
    if not (low >= 0.5 and high <= 2):  # NaN for 0 / 0 too
        return None
    bottom, top = 1 - high - _ROUNDING, 1 - low + _ROUNDING
    if max(top, -bottom) <= known:
        return Limits(bottom, top, known)
    np.less(quotient, 1 - known + _ROUNDING, out=mask)
    mask |= quotient > 1 + known - _ROUNDING
    if np.count_nonzero(mask) * _FEW >= mask.size:
        return None
    where = mask.nonzero()[0]
    largest = np.absolute(difference[where] / reference[where]).max(initial=known)
    return Limits(bottom, top, float(largest))
