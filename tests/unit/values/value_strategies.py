"""Hypothesis strategies for nested values, and what turns a value into an equal or an unequal one."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Fit:
    weights: Any
    label: str


class Point(NamedTuple):
    x: Any
    y: Any


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(allow_nan=True),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.sampled_from(Colour),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.timezone.utc)),
    st.decimals(allow_nan=True).filter(lambda number: not number.is_snan()),
    st.fractions(),
    st.uuids(),
)

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.datetime64_dtypes(endianness="?"),
    hnp.byte_string_dtypes(max_len=5),
    hnp.unicode_string_dtypes(max_len=5, endianness="?"),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))

KEYS: st.SearchStrategy[Hashable] = st.recursive(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.binary(), st.sampled_from(Colour)),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(KEYS, inner, max_size=4),
        st.builds(Fit, inner, st.text(max_size=3)),
        st.builds(Point, inner, inner),
    )


VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | ARRAYS | st.sets(KEYS, max_size=4) | st.frozensets(KEYS, max_size=4), _containers, max_leaves=10
)


def rebuilt(value: Any, random: Random) -> Any:
    """Return an equal value that shares nothing, with other dict orders, set orders and array layouts."""
    if isinstance(value, np.ndarray):
        return _other_layout(value, random)
    if isinstance(value, dict):
        pairs = [(key, rebuilt(item, random)) for key, item in value.items()]
        random.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, (set, frozenset)):
        elements = list(value)
        random.shuffle(elements)
        return type(value)(elements)
    if isinstance(value, Point):
        return Point(rebuilt(value.x, random), rebuilt(value.y, random))
    if isinstance(value, (list, tuple, deque)):
        return type(value)(rebuilt(item, random) for item in value)
    if isinstance(value, Fit):
        return Fit(rebuilt(value.weights, random), value.label)
    return value


def _other_layout(value: Any, random: Random) -> Any:
    choice = random.randrange(4)
    if choice == 0 or value.ndim == 0:
        return value.copy()
    if choice == 1:
        return np.asfortranarray(value)
    if choice == 2:
        return value[::-1].copy()[::-1]
    return value.astype(value.dtype.newbyteorder("S"))


def changed(value: Any, random: Random) -> Any:
    """Return `value` with exactly one thing changed that is part of its meaning."""
    if isinstance(value, np.ndarray):
        return _changed_array(value, random)
    if isinstance(value, dict) and value:
        return _changed_dict(value, random)
    if isinstance(value, (set, frozenset)):
        return type(value)([*value, ("new", len(value))])
    if isinstance(value, Fit):
        return Fit(changed(value.weights, random), value.label)
    if isinstance(value, Point):
        return Point(value.x, changed(value.y, random))
    if isinstance(value, (list, tuple, deque)):
        return _changed_sequence(value, random)
    return _changed_scalar(value)


def _changed_sequence(value: Any, random: Random) -> Any:
    items = list(value)
    if not items or random.random() < 0.2:
        return type(value)([*items, None])
    if random.random() < 0.2:
        return tuple(items) if isinstance(value, list) else items
    at = random.randrange(len(items))
    items[at] = changed(items[at], random)
    return type(value)(items)


def _changed_dict(value: dict[Any, Any], random: Random) -> dict[Any, Any]:
    key = random.choice(list(value))
    if random.random() < 0.3:
        return {("new", k) if k is key else k: item for k, item in value.items()}
    return {k: changed(item, random) if k is key else item for k, item in value.items()}


def _changed_array(value: Any, random: Random) -> Any:
    if value.size == 0 or random.random() < 0.2:
        return value.reshape((1, *value.shape))
    result = np.array(value, order="C")
    at = np.unravel_index(random.randrange(value.size), value.shape)
    result[at] = _other_element(result[at])
    return result


def _other_element(element: Any) -> Any:
    """Return the nearest other element: one bit for numbers, one step for dates, one character for text."""
    if element.dtype.kind == "f":
        return type(element)(0) if np.isnan(element) else np.nextafter(element, -element or type(element)(1))
    if element.dtype.kind == "c":
        return element.conjugate() if element.imag == element.imag and element.imag else type(element)(complex(3, 0.5))
    if element.dtype.kind == "b":
        return ~element
    if element.dtype.kind in "iu":
        return element ^ element.dtype.type(1)
    if element.dtype.kind == "M":
        return np.datetime64(0 if np.isnat(element) or element.astype(np.int64) != 0 else 1, element.dtype.str[4:-1])
    first = element[:1]
    return (b"b" if first == b"a" else b"a") if element.dtype.kind == "S" else ("b" if first == "a" else "a")


def _changed_scalar(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return {None: False, False: 0, True: 1}[value]
    if isinstance(value, float):
        return int(value) if value == value and abs(value) < 1e300 else 0.0
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, decimal.Decimal):
        return decimal.Decimal(0) if value.is_nan() else float(value)
    return [value]
