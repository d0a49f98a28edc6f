"""pandas: frames, series, every index and extension array, and the scalars that live in them.

A frame is its column labels in order, its index, the dtype and values of every column, and
``attrs``. How columns are stored together in blocks is not part of it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from pandas.tseries.offsets import BaseOffset

from pytest_repro.model import Atom
from pytest_repro.values.extension_arrays import array_node
from pytest_repro.values.family import fields, key_segment, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]

#: labels whose text is their value
_LABELS = (str, bytes, int, float, np.generic, dt.date, dt.timedelta, pd.Period, pd.Interval, type(None))
#: what has no values of its own until it is asked for some
_LAZY_HINT = "record what it computes, for example `grouped.mean()` or a frame"


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a pandas value, or None if another rule applies."""
    if isinstance(value, pd.DataFrame):
        return _frame(value, walk)
    if isinstance(value, pd.Series):
        return _series(value, walk)
    if isinstance(value, pd.Index):
        return _index(value, walk)
    if isinstance(value, ExtensionArray):
        return array_node(value, walk)
    scalar = _scalar(value, walk)
    if scalar is not None:
        return scalar
    if isinstance(value, pd.CategoricalDtype):  # its text is cut after a few categories
        categories = None if value.categories is None else _index(value.categories, walk)
        return fields("pandas.CategoricalDtype", [(".ordered", value.ordered), (".categories", categories)])
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return Atom(type_name(type(value)), repr(value))
    if type(value).__module__.startswith("pandas.") and not isinstance(value, (dict, tuple, list, Exception)):
        raise refuse(value, why="it is a computation or a view, not data", instead=_LAZY_HINT)
    return None


# --- frames, series, indexes ------------------------------------------------------------------


def _frame(frame: pd.DataFrame, walk: Walk) -> Node:
    """Return a frame by its labels and columns; columns that share a label read ``['loss']``, ``['loss'#2]``."""
    parts: list[Field] = [(".columns", _index(frame.columns, walk)), (".index", _index(frame.index, walk))]
    for position, label in enumerate(frame.columns):
        parts.append((_segment(label, position), array_node(frame.iloc[:, position].array, walk)))
    return fields(type_name(type(frame)), parts + _attrs(frame, walk))


def _segment(label: object, position: int) -> str:
    """Return the path to a column; one whose label's text may hold an address goes by its position."""
    if isinstance(label, tuple):
        labelled = all(isinstance(part, _LABELS) for part in label)
    else:
        labelled = isinstance(label, _LABELS)
    return key_segment(label) if labelled else f"[column {position}]"


def _series(series: pd.Series[Any], walk: Walk) -> Node:
    parts: list[Field] = [
        (".name", walk(series.name, ".name")),
        (".index", _index(series.index, walk)),
        (".values", array_node(series.array, walk)),
    ]
    return fields(type_name(type(series)), parts + _attrs(series, walk))


def _attrs(value: Any, walk: Walk) -> list[Field]:
    """Return ``attrs``, and what a subclass says that it keeps beside the data."""
    names = [name for name in type(value)._metadata if name.lstrip("_") != "name"]
    parts = [(f".{name}", walk(getattr(value, name, None), f".{name}")) for name in names]
    return [*parts, (".attrs", walk(dict(value.attrs), ".attrs"))] if value.attrs else parts


def _index(index: pd.Index[Any], walk: Walk) -> Node:
    """Return an index by its class, names and labels; levels of a MultiIndex that no row uses do not count."""
    names: Field = (".names", sequence("list", (walk(name, f".names[{i}]") for i, name in enumerate(index.names))))
    kind = type_name(type(index))
    if isinstance(index, pd.MultiIndex):
        levels = (array_node(index.get_level_values(i).array, walk) for i in range(index.nlevels))
        return fields(kind, [names, *((f".levels[{i}]", level) for i, level in enumerate(levels))])
    if isinstance(index, pd.RangeIndex):
        return fields(kind, [names, *_range(range(index.start, index.stop, index.step))])
    parts = [names, (".values", array_node(index.array, walk))]
    if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        parts.append((".freq", None if index.freq is None else index.freq.freqstr))
    return fields(kind, parts)


def _range(labels: range) -> list[Field]:
    """Return the one range that has these labels: every second row of 3 is every second row of 4."""
    count = len(labels)
    start, step = (labels[0] if count else 0), (labels.step if count > 1 else 1)
    return [(".start", start), (".stop", start + count * step), (".step", step)]


# --- scalars ----------------------------------------------------------------------------------


def _scalar(value: Any, walk: Walk) -> Node | None:
    """Return a pandas scalar, or None if `value` is not one."""
    if value is pd.NA or value is pd.NaT:
        return Atom(f"pandas.{'NA' if value is pd.NA else 'NaT'}", str(value))
    if isinstance(value, pd.Timestamp):
        zone = f" {value.tz}" if value.tz is not None else ""
        return Atom("pandas.Timestamp", f"{value.isoformat()}{zone} [{value.unit}]")
    if isinstance(value, pd.Timedelta):
        return Atom("pandas.Timedelta", f"{value.isoformat()} [{value.unit}]")
    if isinstance(value, pd.Period):
        return Atom("pandas.Period", f"{value} [{value.freqstr}]")
    if isinstance(value, pd.Interval):
        sides: list[Field] = [(".left", walk(value.left, ".left")), (".right", walk(value.right, ".right"))]
        return fields("pandas.Interval", [*sides, (".closed", value.closed)])
    if isinstance(value, BaseOffset):
        return _offset(value, walk)
    return None


def _offset(offset: Any, walk: Walk) -> Node:
    """Return a date offset by its name and arguments; a holiday calendar counts by its holidays."""
    arguments = {key: item for key, item in sorted(offset.kwds.items()) if key != "calendar"}
    head: list[Field] = [(".freqstr", offset.freqstr), (".normalize", bool(offset.normalize))]
    return fields(type_name(type(offset)), [*head, (".kwds", walk(arguments, ".kwds"))])
