"""Where in an array the differences lie, on a grid small enough to draw."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare.formats import float_format
from pytest_repro.compare.numbers import is_numeric, number_stats
from pytest_repro.model import Array, Tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = tuple[tuple[float | None, ...], ...]

__all__ = ["SIDE", "heat"]

#: rows and columns at most
SIDE = 64
#: arrays of more dimensions that do not lie in C order are copied up to here, larger ones have no grid
_COPY = 32 << 20


def heat(reference: Array, other: Array, tolerance: Tolerance) -> Grid:
    """Return the largest difference per block of the array, seen as rows of its first axis.

    None where all bits of a block are equal, NaN where a difference has no distance (a number against
    NaN). Empty for scalars and for what is not numeric.
    """
    if not (reference.shape and reference.data.size and is_numeric(reference)):
        return ()
    flat = [_as_rows(array.data) for array in (reference, other)]
    if flat[0] is None or flat[1] is None:
        return ()
    a, b = flat[0], flat[1]
    exact = Tolerance(nan_payload=tolerance.nan_payload)
    rows, columns = (_edges(size) for size in a.shape)
    return tuple(
        tuple(_cell(reference, a[i:i_end, j:j_end], b[i:i_end, j:j_end], exact) for j, j_end in pairwise(columns))
        for i, i_end in pairwise(rows)
    )


def _as_rows(data: NDArray[Any]) -> NDArray[Any] | None:
    if data.ndim == 1:
        return data.reshape(1, -1)
    if data.ndim == 2:
        return data
    if not data.flags.c_contiguous and data.nbytes > _COPY:
        return None
    return data.reshape(data.shape[0], -1)


def _edges(size: int) -> list[int]:
    count = min(SIDE, size)
    return [i * size // count for i in range(count + 1)]


def _cell(like: Array, a: NDArray[Any], b: NDArray[Any], exact: Tolerance) -> float | None:
    stats, _ = number_stats(Array(like.type, like.dtype, a.shape, a), Array(like.type, like.dtype, b.shape, b), exact)
    if stats is None:
        return None
    if math.isinf(stats.max_abs) and _has_nan(like.dtype, a) != _has_nan(like.dtype, b):
        return math.nan
    return float(stats.max_abs)


def _has_nan(dtype: str, data: NDArray[Any]) -> bool:
    form = float_format(dtype)
    values = data if form is None else form.decode(np.ascontiguousarray(data))
    return values.dtype.kind in "fc" and bool(np.isnan(values).any())
