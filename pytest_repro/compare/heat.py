"""Where in an array the differences lie, on a grid small enough to draw."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare.numbers import distances, is_numeric
from pytest_repro.compare.pairs import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.model import Array, Tolerance

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
    a, b = (_as_rows(array.data) for array in (reference, other))
    if a is None or b is None:
        return ()
    rows, columns = (_edges(size) for size in a.shape)
    grid = np.full((len(rows) - 1, len(columns) - 1), -1.0)
    for line, (top, bottom) in zip(grid, pairwise(rows), strict=True):
        for rows_of_piece in _pieces(top, bottom, max(1, CHUNK // a.shape[1])):
            for columns_of_piece in _pieces(0, a.shape[1], CHUNK):
                x, y = (np.ascontiguousarray(data[rows_of_piece, columns_of_piece]) for data in (a, b))
                gaps = distances(reference, x.ravel(), y.ravel(), nan_payload=tolerance.nan_payload)
                _take(line, gaps.reshape(x.shape), columns, columns_of_piece.start)
    return tuple(tuple(None if cell < 0 else float(cell) for cell in line) for line in grid)


def _take(line: NDArray[np.float64], gaps: NDArray[np.float64], columns: list[int], start: int) -> None:
    """Raise the cells of a line to the largest of some rows, whose first column is `start`; NaN is the largest."""
    first = bisect_right(columns, start) - 1
    starts = [0, *(edge - start for edge in columns[first + 1 : -1] if edge - start < gaps.shape[1])]
    largest = np.maximum.reduce(np.maximum.reduceat(gaps, starts, axis=1))
    cells = line[first : first + len(starts)]
    np.maximum(cells, largest, out=cells)


def _pieces(start: int, stop: int, step: int) -> list[slice]:
    return [slice(place, min(place + step, stop)) for place in range(start, stop, step)]


def _as_rows(data: NDArray[Any]) -> NDArray[Any] | None:
    if data.ndim == 1:
        return data[np.newaxis, :]
    if data.ndim == 2:
        return data
    if not data.flags.c_contiguous and data.nbytes > _COPY:
        return None
    return data.reshape(data.shape[0], -1)


def _edges(size: int) -> list[int]:
    count = min(SIDE, size)
    return [i * size // count for i in range(count + 1)]
