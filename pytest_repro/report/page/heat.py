"""Where an array differs, as a small picture: one cell per element or block."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Grid", "coarsen", "data_uri", "logarithms", "sizes"]

#: rows of |difference|; None where all bits are equal, NaN where there is no distance
Grid: TypeAlias = "tuple[tuple[float | None, ...], ...]"

_EQUAL = (0xC9, 0xCE, 0xD6)
_NO_DISTANCE = (0x8E, 0x44, 0xAD)
_SMALL, _LARGE = (0xFD, 0xD0, 0xA2), (0x8C, 0x2D, 0x04)
_SHADES = 64


def coarsen(grid: Grid, side: int) -> Grid:
    """Merge blocks until neither side is longer than `side`; a block is as far off as its worst cell."""
    height = math.ceil(len(grid) / side) or 1
    width = math.ceil(len(grid[0]) / side) or 1 if grid else 1
    if height == width == 1:
        return grid
    return tuple(
        tuple(
            _worst(cell for row in grid[top : top + height] for cell in row[left : left + width])
            for left in range(0, len(grid[0]), width)
        )
        for top in range(0, len(grid), height)
    )


def sizes(grid: Grid) -> tuple[float, float] | None:
    """Find the smallest and the largest distance that a logarithm can show."""
    found = [cell for row in grid for cell in row if cell is not None and cell > 0 and math.isfinite(cell)]
    return (min(found), max(found)) if found else None


def logarithms(grid: Grid) -> list[list[float | None]]:
    """Give log10 of each distance, rounded as a colour needs it; None where there is none."""
    return [[_logarithm(cell) for cell in row] for row in grid]


def data_uri(grid: Grid) -> str:
    """Draw the grid as a PNG of one pixel per cell, ready for ``src``."""
    limits = sizes(grid)
    low, high = (math.log10(limits[0]), math.log10(limits[1])) if limits else (0.0, 1.0)
    rows = b"".join(b"\0" + bytes(_index(cell, low, high) for cell in row) for row in grid)
    header = struct.pack(">IIBBBBB", len(grid[0]), len(grid), 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _worst(cells: Iterable[float | None]) -> float | None:
    found = [cell for cell in cells if cell is not None]
    if any(math.isnan(cell) for cell in found):
        return math.nan
    return max(found, default=None)


def _logarithm(cell: float | None) -> float | None:
    return None if cell is None or not cell > 0 or not math.isfinite(cell) else round(math.log10(cell), 2)


def _index(cell: float | None, low: float, high: float) -> int:
    if cell is None:
        return 0
    size = _logarithm(cell)
    if size is None:
        # Bits differ without a distance (NaN, 0.0 against -0.0) or by an infinite one.
        return 1
    share = (size - low) / (high - low) if high > low else 1.0
    return 2 + round(min(max(share, 0.0), 1.0) * (_SHADES - 1))


def _palette() -> bytes:
    def mix(share: float) -> Sequence[int]:
        return [round(a + (b - a) * share) for a, b in zip(_SMALL, _LARGE, strict=True)]

    return bytes([*_EQUAL, *_NO_DISTANCE, *(part for shade in range(_SHADES) for part in mix(shade / (_SHADES - 1)))])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
