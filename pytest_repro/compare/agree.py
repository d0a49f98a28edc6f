"""Whether numbers that differ in their bits agree under a tolerance."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.model import Tolerance

__all__ = ["arrays_agree", "floats_agree", "ints_agree"]


def arrays_agree(reference: NDArray[Any], other: NDArray[Any], tolerance: Tolerance) -> NDArray[np.bool_]:
    """Return, element by element, whether rtol and atol allow the difference.

    This *is* `numpy.isclose`, with the reference as its second argument, so that its rule and its
    rounding (it computes in the arrays' own dtype) are numpy's exactly; but where ``rtol * abs(reference)``
    overflows, it would let an infinity pass for a number. `numpy.testing` does not, and neither do we.
    """
    if not (tolerance.rtol or tolerance.atol):
        return np.zeros(reference.shape, np.bool_)
    with np.errstate(all="ignore"):
        close: NDArray[np.bool_] = np.isclose(
            other, reference, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=not tolerance.nan_payload
        )
        close &= np.isfinite(other) | (other == reference) | (np.isnan(other) & np.isnan(reference))
    return close


def floats_agree(reference: float, other: float, tolerance: Tolerance) -> bool:
    """Return what `numpy.isclose` says about two Python floats that are not both NaN."""
    if not (tolerance.rtol or tolerance.atol):
        return False
    if reference == other:
        return True
    finite = math.isfinite(reference) and math.isfinite(other)
    return finite and abs(other - reference) <= tolerance.atol + tolerance.rtol * abs(reference)


def ints_agree(reference: int, other: int, tolerance: Tolerance) -> bool:
    """Return numpy's rule for Python integers of any size, in exact arithmetic."""
    if not (tolerance.rtol or tolerance.atol):
        return False
    if math.isinf(tolerance.rtol) or math.isinf(tolerance.atol):
        return reference != 0 or math.isinf(tolerance.atol)
    return abs(other - reference) <= Fraction(tolerance.atol) + Fraction(tolerance.rtol) * abs(reference)
