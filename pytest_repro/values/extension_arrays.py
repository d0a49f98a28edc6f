"""pandas arrays of every dtype: what a column or an index holds.

Values that a mask hides are not part of the value; which missing marker is used (``nan``, ``None``,
``NA``, ``NaT``) is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pytest_repro.values.family import fields, numpy_node, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["array_node"]

#: pandas 2.0 calls it PandasArray
_NUMPY_BACKED: type = getattr(pd.arrays, "NumpyExtensionArray", None) or pd.arrays.PandasArray


def array_node(array: Any, walk: Walk) -> Node:
    """Return the node of a pandas array."""
    dtype = array.dtype
    for kind, build in _BY_DTYPE:
        if isinstance(dtype, kind):
            return build(array, walk)
    if isinstance(dtype, np.dtype) or isinstance(array, _NUMPY_BACKED):
        return _plain(array, walk)
    if hasattr(pd, "ArrowDtype") and isinstance(dtype, pd.ArrowDtype):
        return _arrow(array, walk)
    if hasattr(dtype, "numpy_dtype") and hasattr(array, "_mask"):
        return _masked(array, walk)
    return _extension(array, [(".values", walk(np.asarray(array, dtype=object), ".values"))])


def _extension(array: Any, parts: list[Field]) -> Node:
    return fields(type_name(type(array)), [(".dtype", str(array.dtype)), *parts])


def _plain(array: Any, walk: Walk) -> Node:
    """Return an array of a numpy dtype; objects are looked into one by one."""
    return numpy_node("pandas.array", np.asarray(array), walk, "")


def _text(array: Any, walk: Walk) -> Node:
    """Return strings; whether Python or Arrow stores them is not part of the value, how a gap is written is."""
    missing = walk(array.dtype.na_value, ".na_value")
    gaps = np.asarray(array.isna())
    items = np.asarray(array, dtype=object).tolist()
    texts = (missing if gap else item for item, gap in zip(items, gaps.tolist(), strict=True))
    return sequence(f"pandas.array[{array.dtype.name}]", texts)


def _categorical(array: Any, walk: Walk) -> Node:
    """Return codes and categories: the order of the categories is part of the value."""
    return _extension(
        array,
        [
            (".ordered", bool(array.ordered)),
            (".categories", array_node(array.categories.array, walk)),
            (".codes", numpy_node("numpy.ndarray", np.asarray(array.codes), walk, ".codes")),
        ],
    )


def _zoned(array: Any, walk: Walk) -> Node:
    """Return times with a zone as instants; the zone is in the dtype."""
    instants = np.asarray(array.tz_convert("UTC").tz_localize(None))
    return _extension(array, [(".values", numpy_node("numpy.ndarray", instants, walk, ".values", owned=True))])


def _period(array: Any, walk: Walk) -> Node:
    return _extension(array, [(".ordinals", numpy_node("numpy.ndarray", np.asarray(array.asi8), walk, ".ordinals"))])


def _interval(array: Any, walk: Walk) -> Node:
    sides = [(f".{side}", array_node(getattr(array, side).array, walk)) for side in ("left", "right")]
    return _extension(array, [(".closed", array.closed), *sides])


def _sparse(array: Any, walk: Walk) -> Node:
    """Return a sparse array by its stored points; whether they are indexed by block or one by one does not count."""
    points = np.asarray(array.sp_index.indices)
    return _extension(
        array,
        [
            (".length", len(array)),
            (".fill_value", walk(array.fill_value, ".fill_value")),
            (".indices", numpy_node("numpy.ndarray", points, walk, ".indices")),
            (".values", numpy_node("numpy.ndarray", np.asarray(array.sp_values), walk, ".values")),
        ],
    )


def _masked(array: Any, walk: Walk) -> Node:
    """Return values and mask of a nullable array, with what the mask hides set to zero."""
    gaps = np.asarray(array._mask)  # isna() would count a NaN as missing
    values = np.asarray(array._data)
    if gaps.any():
        values = np.where(gaps, np.zeros((), values.dtype), values)
    return _extension(
        array,
        [
            (".isna", numpy_node("numpy.ndarray", gaps, walk, ".isna")),
            (".values", numpy_node("numpy.ndarray", values, walk, ".values")),
        ],
    )


def _arrow(array: Any, walk: Walk) -> Node:
    from pytest_repro.values.frames_arrow import column_node

    return _extension(array, [(".values", column_node(array.__arrow_array__(), walk))])


_BY_DTYPE = (
    (pd.StringDtype, _text),
    (pd.CategoricalDtype, _categorical),
    (pd.DatetimeTZDtype, _zoned),
    (pd.PeriodDtype, _period),
    (pd.IntervalDtype, _interval),
    (pd.SparseDtype, _sparse),
)
