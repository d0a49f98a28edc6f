"""polars: frames, series and lazy frames.

A frame is its column names in order and the dtype, nulls and values of every column. Chunks, what
lies under a null, and sortedness flags are not part of it. A lazy frame is what it collects to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pytest_repro.model import Atom
from pytest_repro.values.family import fields, key_segment, numpy_node, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]

#: dates and times, whose integers are compared; the unit is in the dtype
_TEMPORAL = (pl.Date, pl.Datetime, pl.Duration, pl.Time)
#: dtypes whose values Python shows as text or bytes
_TEXT = (pl.String, pl.Categorical, pl.Enum)


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a polars value, or None if another rule applies."""
    if isinstance(value, pl.LazyFrame):
        return fields(
            "polars.LazyFrame", _columns(value.collect(), walk), ["query plan (compared by what it collects)"]
        )
    if isinstance(value, pl.DataFrame):
        return fields(_public(value), _columns(value, walk))
    if isinstance(value, pl.Series):
        return fields(_public(value), [(".name", value.name), *_series(value, walk)])
    if isinstance(value, pl.DataType):
        return Atom("polars.DataType", repr(value))
    if type(value).__module__.startswith("polars.") and not isinstance(value, (dict, tuple, list, Exception)):
        raise refuse(value, why="it is a computation, not data", instead="record the frame or series it computes")
    return None


def _public(value: object) -> str:
    cls = type(value)
    return f"polars.{cls.__name__}" if cls in (pl.DataFrame, pl.Series) else type_name(cls)


def _columns(frame: pl.DataFrame, walk: Walk) -> list[Field]:
    """Return a frame's labels, height and columns."""
    head: list[Field] = [(".columns", sequence("list", frame.columns)), (".height", frame.height)]
    return head + [(key_segment(series.name), _column(series, walk)) for series in frame.get_columns()]


def _column(series: pl.Series, walk: Walk) -> Node:
    return fields("polars.Series", _series(series, walk))


def _series(series: pl.Series, walk: Walk) -> list[Field]:
    """Return a series by dtype, null mask (None without nulls) and values."""
    nulls = _numbers(series.is_null().to_numpy(), walk) if series.null_count() else None
    return [(".dtype", repr(series.dtype)), (".is_null", nulls), *_values(series, walk)]


def _values(series: pl.Series, walk: Walk) -> list[Field]:
    """Return the values of a series, by its dtype."""
    dtype = series.dtype
    if isinstance(dtype, _TEMPORAL):
        series = series.to_physical()
        dtype = series.dtype
    if isinstance(dtype, pl.Boolean):
        return [(".values", _numbers(series.fill_null(value=False).to_numpy(), walk))]
    if dtype.is_numeric() and not dtype.is_decimal() and not isinstance(dtype, _wide()):
        return [(".values", _numbers(series.fill_null(0).to_numpy(), walk))]
    if isinstance(dtype, _TEXT):
        return [(".values", sequence("list", series.cast(pl.String).to_list()))]
    if isinstance(dtype, pl.Binary):
        return [(".values", sequence("list", series.to_list()))]
    if isinstance(dtype, pl.Struct):
        inner = [(key_segment(part.name), _column(part, walk)) for part in series.struct.unnest().get_columns()]
        return [(".length", len(series)), *inner]
    if isinstance(dtype, pl.Array):
        series = series.arr.to_list()
        dtype = series.dtype
    if isinstance(dtype, pl.List):
        return _list(series, walk)
    return [(".values", walk(series.to_list(), ".values"))]


def _list(series: pl.Series, walk: Walk) -> list[Field]:
    """Return lists by their lengths and their items one after the other."""
    lengths = series.list.len().fill_null(0)
    items = series.filter(lengths > 0).explode()  # an empty list would explode to a null
    return [(".lengths", _numbers(lengths.to_numpy(), walk)), (".values", _column(items, walk))]


def _wide() -> tuple[Any, ...]:
    """Return the numeric dtypes that numpy lacks, as far as this polars has them."""
    return tuple(getattr(pl, name) for name in ("Int128", "UInt128", "Float16") if hasattr(pl, name))


def _numbers(data: np.ndarray[Any, Any], walk: Walk) -> Node:
    return numpy_node("numpy.ndarray", data, walk, ".values")
