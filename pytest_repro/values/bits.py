"""The bits of arrays: dtype names, unsigned-integer views, NaN patterns, reading in chunks.

Everything that walks over large arrays goes through `chunks`, so that memory beyond the arrays
themselves stays at a few MiB, whatever their strides.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "AnyArray",
    "arrays_equal",
    "as_bits",
    "chunks",
    "dtype_name",
    "little_endian",
    "nan_elements",
    "storage_dtype",
]

AnyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

#: 1 MiB of two arrays and the comparison's result stay in a core's cache
CHUNK_BYTES = 1 << 20

#: dtypes that numpy lacks: (mask, limit): ``bits & mask > limit`` is a NaN. From the tables of
#: https://github.com/jax-ml/ml_dtypes#specifications-of-implemented-floating-point-formats
_NAN_ABOVE: dict[str, tuple[int, int]] = {
    "bfloat16": (0x7FFF, 0x7F80),
    "float8_e5m2": (0x7F, 0x7C),
    "float8_e4m3": (0x7F, 0x78),
    "float8_e3m4": (0x7F, 0x70),
    "float8_e4m3fn": (0x7F, 0x7E),
    "float8_e8m0fnu": (0xFF, 0xFE),
}
#: dtype kinds of floats and complex numbers
_FLOATS = "fc"

_STANDARD = re.compile(
    r"bool|u?int(8|16|32|64)|float(16|32|64|96|128)|complex(64|128|192|256)"
    r"|(datetime64|timedelta64)(\[\d{0,9}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?|[USV]\d{1,9}"
)


@lru_cache(maxsize=256)  # numpy builds the name anew each time, at the cost of reading a whole scalar
def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of `dtype` without byte order: ``float64``, ``datetime64[ns]``, ``U12``."""
    return dtype.str[1:] if dtype.kind in "SV" and dtype.isbuiltin != 2 else _text_name(dtype)


def _text_name(dtype: np.dtype[Any]) -> str:
    return f"U{dtype.itemsize // 4}" if dtype.kind == "U" else dtype.name


def storage_dtype(name: str) -> np.dtype[Any] | None:
    """Return the native dtype called `name`, or None where it is not one of numpy's own."""
    if not _STANDARD.fullmatch(name):
        return None
    try:
        return np.dtype(name)
    except TypeError:  # float128 on a platform whose long double is shorter
        return None


def chunks(array: AnyArray, size: int = CHUNK_BYTES, *, flat: bool = True) -> Iterator[AnyArray]:
    """Yield the elements of `array` in C order as one-dimensional contiguous pieces of about `size` bytes.

    Where the pieces end depends on dtype and shape alone if `flat` is False: two arrays of different
    strides can then be read side by side.
    """
    if array.size == 0:
        return
    if array.ndim < 2 or (flat and array.flags.c_contiguous):
        line = array.reshape(-1)
        step = max(1, size // max(1, array.itemsize))
        for start in range(0, line.size, step):
            yield np.ascontiguousarray(line[start : start + step])
    elif array[0].nbytes <= size:
        rows = max(1, size // max(1, array[0].nbytes))
        for start in range(0, len(array), rows):
            yield np.ascontiguousarray(array[start : start + rows]).reshape(-1)
    else:
        for row in array:
            yield from chunks(row, size, flat=flat)


def as_bits(piece: AnyArray) -> AnyArray:
    """Return a contiguous one-dimensional `piece` as unsigned integers, as wide as the platform compares fast."""
    dtype = piece.dtype
    if dtype.kind in _FLOATS and dtype.char in "gG":
        return _long_double_bits(piece)
    if dtype.itemsize == 0:
        return np.empty(0, np.uint8)
    if dtype.kind == "b":  # memory that was something else before is true in every byte but 0
        true: AnyArray = (piece.view(np.uint8) != 0).view(np.uint8)
        return true
    part = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize  # NaN is a matter of each part
    return piece.view(f"u{next(width for width in (8, 4, 2, 1) if part % width == 0)}")


def _long_double_bits(piece: AnyArray) -> AnyArray:
    """Return the bytes of long doubles without padding: x87 uses 10 of the 12 or 16 bytes."""
    real: AnyArray = piece.view(piece.real.dtype)
    if np.finfo(real.dtype).nmant != 63:
        return real.view(np.uint8)
    return np.ascontiguousarray(real.view(np.uint8).reshape(real.size, real.itemsize)[:, :10]).ravel()


def nan_elements(piece: AnyArray, name: str) -> AnyArray | None:
    """Return which parts of a one-dimensional contiguous `piece` of dtype `name` are NaN; None: it has one NaN or none.

    Complex numbers count as two parts each.
    """
    if piece.dtype.kind in _FLOATS:
        nans: AnyArray = np.isnan(piece.view(piece.real.dtype))
        return nans
    if name in _NAN_ABOVE:
        mask, limit = _NAN_ABOVE[name]
        above: AnyArray = (piece & piece.dtype.type(mask)) > piece.dtype.type(limit)
        return above
    return None


def little_endian(piece: AnyArray, name: str, *, nan_payload: bool) -> AnyArray:
    """Return what stands for a one-dimensional contiguous `piece` in a digest: all NaNs alike, little-endian."""
    if not nan_payload:
        nans = nan_elements(piece, name)
        if nans is not None and nans.any():
            piece = _same_nans(piece, nans)
    return as_bits(piece if sys.byteorder == "little" else piece.byteswap())


def _same_nans(piece: AnyArray, nans: AnyArray) -> AnyArray:
    parts: AnyArray = piece.view(piece.real.dtype).copy()
    if parts.dtype.kind == "f":
        parts[nans] = np.nan
    else:
        parts[nans] = parts.dtype.type(0xFF if parts.itemsize == 1 else 0x7FC0)
    return parts


def arrays_equal(a: AnyArray, b: AnyArray, name: str, *, nan_payload: bool) -> bool:
    """Return whether two arrays of one dtype and shape have equal bits, all NaNs being equal unless `nan_payload`."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    a, b = _in_memory_order(a, b)
    flat = a.flags.c_contiguous and b.flags.c_contiguous
    pieces = zip(chunks(a, flat=flat), chunks(b, flat=flat), strict=True)
    return all(_pieces_equal(x, y, name, nan_payload=nan_payload) for x, y in pieces)


def _in_memory_order(a: AnyArray, b: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return both with their axes in the order in which `a` lies in memory: no copies where the layouts agree."""
    if a.flags.c_contiguous and b.flags.c_contiguous:
        return a, b
    order = sorted(range(a.ndim), key=lambda axis: -abs(a.strides[axis]))
    return a.transpose(order), b.transpose(order)


def _pieces_equal(x: AnyArray, y: AnyArray, name: str, *, nan_payload: bool) -> bool:
    equal = as_bits(x) == as_bits(y)
    if equal.all():
        return True
    if nan_payload:
        return False
    x_nans, y_nans = nan_elements(x, name), nan_elements(y, name)
    if x_nans is None or y_nans is None:
        return False
    per_part = equal.reshape(x_nans.size, -1).all(axis=1)
    return bool((per_part | (x_nans & y_nans)).all())
