"""Reading ``.npy`` files that others may have made: nothing is evaluated, unpickled or unpacked.

`numpy.load` is not used: it evaluates the header as Python's literals, and takes for an archive or a
pickle what looks like one. The format is documented at
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html; this reads what `numpy.save` writes
for plain elements, and nothing else.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pytest_repro.errors import StoredDataError

if TYPE_CHECKING:
    from pytest_repro.values.bits import AnyArray

__all__ = ["MAPPED_BYTES", "MAX_DIMENSIONS", "MAX_EMPTY", "is_text", "npy_from_bytes", "read_npy"]

#: arrays of this many bytes and more are mapped, not read: a mapping holds a descriptor, of which there are few
MAPPED_BYTES = 1 << 20
MAX_DIMENSIONS = 64
#: elements of no bytes (text of width 0) cost a file nothing, and whoever walks over them much
MAX_EMPTY = 1 << 20

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    r"\{'descr': '([<>=|][?bhilqBHILQefdgFDGSUVmMiufcO]\d{0,9}(?:\[\d{0,9}[A-Za-z]{1,2}\])?)', "
    r"'fortran_order': (True|False), 'shape': \(((?:\d{1,19}, ?)*\d{0,19})\), \} *\n"
)


def read_npy(path: Path, *, remedy: str) -> AnyArray:
    """Return the elements of the file, mapped read-only where they are many.

    Args:
        path: the file.
        remedy: what to do about a damaged one; the end of the error's message.

    Raises:
        FileNotFoundError: there is none.
        StoredDataError: it is no such file, holds objects, or is not as long as its header says.
    """
    try:
        # without this flag, opening a named pipe would wait for its other end
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("it is not a regular file")
            return _read(file, status.st_size, mapped=True)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"{path}: {reason[:200]}; {remedy}"
        raise StoredDataError(msg) from None


def npy_from_bytes(data: bytes) -> AnyArray:
    """Return the elements of what would be such a file.

    Raises:
        ValueError: it is none, or not as long as its header says.
    """
    return _read(io.BytesIO(data), len(data), mapped=False)


def _read(file: BinaryIO, total: int, *, mapped: bool) -> AnyArray:
    dtype, fortran, shape = _header(file)
    start, count = file.tell(), math.prod(shape)
    size, expected = total - start, count * dtype.itemsize
    if size != expected:
        msg = f"it has {size:,} bytes of elements, and its header says {expected:,}"
        raise ValueError(msg)
    order: Any = "F" if fortran else "C"
    if mapped and size >= MAPPED_BYTES and dtype.kind not in "UM":
        return np.memmap(file, dtype, "r", start, shape, order)
    data = np.frombuffer(file.read(size), dtype) if size else np.empty(count, dtype)
    if not is_text(data):
        raise ValueError("it holds what is no character, or no date")
    return data.reshape(shape, order=order)


def is_text(data: AnyArray) -> bool:
    """Return whether all elements can become text.

    Python itself fails on strings of characters that do not exist, and numpy on a date without a unit.
    """
    if data.dtype == np.dtype("M8"):
        return bool(np.isnat(data).all())
    if data.dtype.kind != "U" or not data.nbytes:
        return True
    return int(np.ascontiguousarray(data).view(np.uint32).max()) <= sys.maxunicode


def _header(file: BinaryIO) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    opening = file.read(10)
    if opening[:6] != _MAGIC or opening[6:8] != b"\x01\x00":
        raise ValueError("it is no .npy file of version 1.0")
    text = file.read(int.from_bytes(opening[8:10], "little")).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError("its header is not one that is written for plain elements")
    if "O" in match[1]:
        raise ValueError("it holds pickled objects, which are never loaded")
    shape = tuple(int(extent) for extent in match[3].split(",") if extent.strip())
    try:
        dtype = np.dtype(match[1])
    except TypeError:
        msg = f"its elements are of the unknown type {match[1]!r}"
        raise ValueError(msg) from None
    if len(shape) > MAX_DIMENSIONS or (not dtype.itemsize and math.prod(shape) > MAX_EMPTY):
        msg = f"it says to have the shape {shape!r:.60}"
        raise ValueError(msg)
    return dtype, match[2] == "True", shape
