"""Quick ways that do not always work, and what is found with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEW", "Extremes", "Shortcut", "few"]

#: what is left of a piece is picked out where it is less than one in so many
FEW = 16
#: pieces for which a shortcut that did not work is not tried again
_PAUSE = 15


def few(mask: NDArray[np.bool_]) -> NDArray[np.intp] | None:
    """Return the places of a mask, None if they are many."""
    return mask.nonzero()[0] if np.count_nonzero(mask) * FEW < mask.size else None


class Shortcut:
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


class Extremes:
    """The lowest and highest of floats, which are quicker to find among their bits where there are no NaNs."""

    def __init__(self) -> None:
        self._without_nan = Shortcut()

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
