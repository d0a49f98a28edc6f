"""How far two arrays or numbers of one dtype and shape lie apart. Pure; never rounds before comparing.

What the fields of `NumberStats` mean at the edges:

- *unequal*: the bits differ. All NaNs are equal unless ``nan_payload``; ``-0.0`` differs from ``0.0``;
  padding of long doubles does not count. Complex numbers differ if either part does.
- *first_index*: the element to show: in C order the first beyond the tolerance, or the first unequal
  one while all are within it.
- *max_abs*: ``abs(reference - other)``, in float64 for all narrower floats (exact but for its own
  rounding), in long double for those, exact for integers of every size (a Python int where float64
  cannot hold it). Between a number and NaN, or between an infinity and anything else: ``inf``.
- *max_rel*: ``abs(reference - other) / abs(reference)``; ``inf`` where only the reference is zero, and
  wherever max_abs is ``inf``.
- *max_ulp*: pairs with NaN do not count, infinities count as the neighbours of the largest numbers,
  the zeros lie at one place. None for integers, long doubles, and when only NaNs differ.
- text, dates, booleans have no distance: max_abs and max_rel are NaN.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.compare.floats import FloatScan
from pytest_repro.compare.formats import float_format
from pytest_repro.compare.others import BitScan, IntScan
from pytest_repro.compare.pairs import CHUNK, pairs
from pytest_repro.model import NumberStats, Tolerance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_repro.model import Array

    Scan = FloatScan | IntScan | BitScan

__all__ = ["distances", "element_text", "element_texts", "is_numeric", "number_stats", "real_number"]

#: dtype kinds whose elements are text or bytes of a fixed width
_TEXT = "USV"
#: dtype kinds of floats and complex numbers, and of integers
_FLOATS = "fc"
_INTEGERS = "iu"
_WIDTH = 200


def number_stats(reference: Array, other: Array, tolerance: Tolerance) -> tuple[NumberStats | None, int]:
    """Return how two arrays of equal dtype and shape differ, and how many elements are outside `tolerance`.

    (None, 0) when they are equal. Extra memory is a few hundred KiB whatever the size.
    """
    if reference.dtype != other.dtype or reference.shape != other.shape:
        message = f"arrays of one dtype and shape, not {reference.dtype} {reference.shape}, {other.dtype} {other.shape}"
        raise ValueError(message)
    if reference.data is other.data:
        return None, 0
    scan = _scan(reference, tolerance)
    with np.errstate(all="ignore"):  # infinities and NaNs are results here
        for start, a, b in pairs(reference.data, other.data):
            scan.add(start, a, b)
    if not scan.unequal:
        return None, 0
    return _stats(scan, reference), scan.outside


def distances(like: Array, reference: NDArray[Any], other: NDArray[Any], *, nan_payload: bool) -> NDArray[np.float64]:
    """Return ``|reference - other|`` of two small one-dimensional contiguous pieces of arrays of numbers as `like`.

    -1 where the bits are equal, NaN between a number and NaN.
    """
    scan = _scan(like, Tolerance(nan_payload=nan_payload))
    assert not isinstance(scan, BitScan)
    with np.errstate(all="ignore"):
        return scan.distances(reference, other)


def is_numeric(array: Array) -> bool:
    """Return whether the elements are numbers, to which tolerances and distances apply."""
    kind = array.data.dtype.kind
    return float_format(array.dtype) is not None or kind in _FLOATS or (kind in _INTEGERS and not _opaque(array))


def element_texts(reference: Array, other: Array, index: tuple[int, ...]) -> tuple[str, str, int | None]:
    """Return two elements as texts, and their distance in representable numbers.

    The texts read back to the same numbers; long text is cut around the first place where it differs.
    """
    if reference.data.dtype.kind in _TEXT:
        from pytest_repro.compare.excerpt import both

        return (*both(*(array.data[index].item() for array in (reference, other)), width=_WIDTH), None)
    x, y = element_text(reference, index), element_text(other, index)
    if x == y:  # NaNs that differ in their payload
        x, y = (f"{text} (0x{_big_endian(array, index)})" for text, array in ((x, reference), (y, other)))
    one, two = (replace(array, shape=(), data=np.asarray(array.data[index])) for array in (reference, other))
    stats, _ = number_stats(one, two, Tolerance())
    return x, y, None if stats is None else stats.max_ulp


def element_text(array: Array, index: tuple[int, ...]) -> str:
    """Return one number, date or truth value as text from which it can be read back."""
    element = array.data[index]
    form = float_format(array.dtype)
    if form is not None and array.data.dtype.kind != "f":
        return repr(float(form.decode(np.asarray(element).reshape(1))[0]))
    return str(element)


def real_number(array: Array) -> float | None:
    """Return the only element of an array as a float, None if it is no real number."""
    if not is_numeric(array) or array.data.dtype.kind == "c":
        return None
    form = float_format(array.dtype)
    flat = array.data.ravel()
    return float((form.decode(flat) if form is not None else flat)[0])


def _big_endian(array: Array, index: tuple[int, ...]) -> str:
    return np.asarray(array.data[index]).tobytes()[:: -1 if sys.byteorder == "little" else 1].hex()


def _opaque(array: Array) -> bool:
    """Return whether the data are bits of a dtype that neither numpy nor we can read as numbers."""
    return array.data.dtype.kind == "u" and array.dtype != array.data.dtype.name


def _scan(array: Array, tolerance: Tolerance) -> Scan:
    kind = array.data.dtype.kind
    if kind in _FLOATS or float_format(array.dtype) is not None:
        return FloatScan(dtype=array.dtype, tolerance=tolerance, largest_piece=min(CHUNK, max(1, array.data.size)))
    if kind in _INTEGERS and not _opaque(array):
        return IntScan(tolerance=tolerance)
    return BitScan()


def _stats(scan: Scan, array: Array) -> NumberStats:
    flat = scan.first_outside if scan.first_outside >= 0 else scan.first
    index = tuple(int(i) for i in np.unravel_index(flat, array.shape))
    return NumberStats(
        total=array.data.size,
        unequal=scan.unequal,
        first_index=index,
        max_abs=scan.max_abs,
        max_rel=scan.max_rel,
        max_ulp=scan.max_ulp,
        sign_of_zero_only=isinstance(scan, FloatScan) and scan.zeros_only,
        outside=scan.outside,
    )
