"""What the family modules share: building nodes for objects, tables and plain data.

A *family module* teaches the canonical form of one library's types. It offers
``canonical(value, walk) -> Node | None``, where ``walk(child, segment)`` canonicalises a child and
None means "not mine", and it is imported only when a value of that library appears.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values.arrays import from_numpy
from pytest_repro.values.registry import Walk, type_name

__all__ = [
    "Field",
    "Walk",
    "fields",
    "json_node",
    "key_segment",
    "mapping",
    "numpy_node",
    "refuse",
    "sequence",
    "type_name",
    "unique",
]

#: one named part of an object: path segment and node
Field: TypeAlias = tuple[str, Node]

#: numpy kinds whose elements are plain numbers, dates or booleans
_PLAIN_KINDS = frozenset("biufcmM")


def unique(segments: Iterable[str]) -> tuple[str, ...]:
    """Return `segments` with repeated ones told apart: ``['a']``, ``['a'#2]``."""
    seen: set[str] = set()
    result = []
    for segment in segments:
        name, count = segment, 1
        while name in seen:
            count += 1
            name = f"{segment[:-1]}#{count}]" if segment.endswith("]") else f"{segment}#{count}"
        seen.add(name)
        result.append(name)
    return tuple(result)


def fields(type_: str, parts: Iterable[Field], notes: Iterable[str] = ()) -> Branch:
    """Return the node of an object with named parts."""
    pairs = tuple(parts)
    keys = unique(segment for segment, _ in pairs)
    return Branch(type_, Layout.OBJECT, keys, tuple(node for _, node in pairs), tuple(notes))


def mapping(type_: str, parts: Iterable[Field], notes: Iterable[str] = ()) -> Branch:
    """Return the node of a mapping, whose order is not part of the value; segments must be unique."""
    pairs = sorted(parts, key=lambda part: part[0])
    return Branch(type_, Layout.MAPPING, tuple(k for k, _ in pairs), tuple(node for _, node in pairs), tuple(notes))


def sequence(type_: str, items: Iterable[Node], notes: Iterable[str] = ()) -> Branch:
    """Return the node of a sequence."""
    return Branch(type_, Layout.SEQUENCE, (), tuple(items), tuple(notes))


def key_segment(label: object) -> str:
    """Return the path segment of a key or label: ``['loss']``, ``[3]``."""
    if isinstance(label, np.generic):
        label = label.item()
    return f"[{label!r}]" if isinstance(label, (str, bytes, int, float)) else f"[{label}]"


def numpy_node(type_: str, data: np.ndarray[Any, Any], walk: Walk, segment: str, *, owned: bool = False) -> Node:
    """Return the node of numpy data that a library's object holds; `type_` is that object's type."""
    if data.dtype.kind in _PLAIN_KINDS:
        return from_numpy(data, type_name=type_, walk=walk, owned=owned)
    return walk(data, segment)


def refuse(value: object, *, why: str, instead: str) -> ValueTypeError:
    """Return the error for a value that has no meaning to compare."""
    return ValueTypeError(f"cannot compare a {type_name(type(value))} by meaning: {why}; {instead}")


def json_node(value: object, *, one_number: bool = False) -> Node:
    """Return the node of parsed JSON, with lists of numbers as arrays (compact; still one path per element).

    `one_number` says that the writer has one kind of number, so that ``[0, 0.5]`` is a list of floats.
    """
    if isinstance(value, dict):
        return mapping(
            "dict", [(key_segment(key), json_node(item, one_number=one_number)) for key, item in value.items()]
        )
    if isinstance(value, list):
        numbers = _number_array(value, one_number=one_number)
        if numbers is not None:
            return numbers
        return sequence("list", [json_node(item, one_number=one_number) for item in value])
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return Atom(type_name(type(value)), str(value))


def _number_array(items: Sequence[Any], *, one_number: bool) -> Array | None:
    """Return a list of ints, or of floats, as an array; None for anything else."""
    kinds = {type(item) for item in items}
    if kinds == {float} or (one_number and kinds <= {int, float} and kinds and max(map(abs, items)) <= 2**53):
        data: np.ndarray[Any, Any] = np.array(items, dtype=np.float64)
    elif kinds == {int} and min(items) >= -(2**63) and max(items) < 2**63:
        data = np.array(items, dtype=np.int64)
    else:
        return None
    return Array("list", data.dtype.name, data.shape, data, owned=True)
