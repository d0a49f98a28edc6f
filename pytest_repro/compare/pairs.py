"""Walk over two arrays together, in pieces of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pair = tuple[int, NDArray[Any], NDArray[Any]]

__all__ = ["CHUNK", "pairs"]

#: elements of one piece: two pieces of float64 and the buffers stay in a core's second-level cache,
#: and numpy's cost per call is still below a tenth
CHUNK = 1 << 15
#: bound for elements that are wide themselves (text)
CHUNK_BYTES = 1 << 22


def pairs(a: NDArray[Any], b: NDArray[Any]) -> Iterator[Pair]:
    """Yield (offset, piece of `a`, piece of `b`) in C order; pieces are one-dimensional and contiguous.

    A piece is only valid until the next one is asked for: arrays that do not lie in C order are copied
    piece by piece into one buffer.
    """
    size = max(1, min(CHUNK, CHUNK_BYTES // max(1, a.dtype.itemsize)))
    if a.size == 0:
        return
    if a.flags.c_contiguous and b.flags.c_contiguous:
        flat_a, flat_b = a.ravel(), b.ravel()
        for start in range(0, flat_a.size, size):
            yield start, flat_a[start : start + size], flat_b[start : start + size]
        return
    yield from _strided(a, b, size)


def _strided(a: NDArray[Any], b: NDArray[Any], size: int) -> Iterator[Pair]:
    flags: list[Any] = ["external_loop", "buffered"]
    read: list[Any] = ["readonly", "contig"]
    iterator = np.nditer(
        (a, b),
        flags=flags,
        op_flags=[read, read],
        order="C",
        buffersize=size,
    )
    start = 0
    with iterator:
        for piece_a, piece_b in iterator:
            yield start, piece_a, piece_b
            start += piece_a.size
