"""Containers of Python's standard library, read without ever asking them whether they are equal."""

from __future__ import annotations

import array
import collections
import operator
import random
import types
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_repro.model import Array, Branch, Layout
from pytest_repro.values.keys import segments, text_segments
from pytest_repro.values.registry import type_name
from pytest_repro.values.scalars import PLAIN, inner_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_repro.model import Node
    from pytest_repro.values.walk import Walker

__all__ = ["EXACT", "KeyLayout", "mapping_branch", "object_branch", "read", "sequence_branch", "set_branch"]

_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_ODICT = collections.OrderedDict[Any, Any]()
_ORDERED_VIEWS: tuple[type, ...] = (type(_ODICT.keys()), type(_ODICT.values()), type(_ODICT.items()))

_KEPT_LAYOUTS = 1000


def sequence_branch(type_: str, values: Sequence[Any], walker: Walker) -> Branch:
    """Return the node of a sequence."""
    parts = tuple(values)  # reading an item may run the user's code, which may change the list
    walker.count(len(parts))
    if not PLAIN.issuperset(map(type, parts)):
        parts = tuple(_nodes(parts, [f"[{index}]" for index in range(len(parts))], walker))
    return Branch(type_, Layout.SEQUENCE, (), parts)


def mapping_branch(type_: str, value: Mapping[Any, Any], walker: Walker) -> Branch:
    """Return the node of a mapping, sorted by path segment."""
    keys, items = tuple(value.keys()), list(value.values())
    walker.count(len(keys))
    if not keys or set(map(type, keys)) != {str}:  # a key of another type can be equal to a text
        names = segments(keys, walker.walk, "[]")
        return Branch(type_, Layout.MAPPING, *_sorted_unique(names, _nodes(items, names, walker)))
    layout = walker.layouts.get(keys) or _text_layout(keys, walker)
    nodes = _nodes(items, layout.names, walker)
    return Branch(type_, Layout.MAPPING, layout.in_order, layout.sort(nodes))


class KeyLayout(NamedTuple):
    """The path segments of one tuple of keys, kept because records repeat their keys."""

    names: list[str]
    in_order: tuple[str, ...]
    #: brings what belongs to `names` into the order of `in_order`
    sort: Callable[[Sequence[Node]], tuple[Node, ...]]


def _text_layout(keys: tuple[str, ...], walker: Walker) -> KeyLayout:
    names = text_segments(keys)
    order = sorted(range(len(names)), key=names.__getitem__)
    # an itemgetter of one index gives no tuple
    sort = operator.itemgetter(*order) if len(order) > 1 else tuple
    layout = KeyLayout(names, tuple(map(names.__getitem__, order)), sort)
    if len(keys) <= _KEPT_LAYOUTS and len(walker.layouts) < _KEPT_LAYOUTS:
        walker.layouts[keys] = layout
    return layout


def set_branch(type_: str, values: Iterable[Any], walker: Walker) -> Branch:
    """Return the node of an unordered collection, sorted by path segment."""
    items = list(values)
    walker.count(len(items))
    names = segments(items, walker.walk, "{}")
    return Branch(type_, Layout.SET, *_sorted_unique(names, _nodes(items, names, walker)))


def _nodes(items: Sequence[Any], names: list[str], walker: Walker) -> list[Node]:
    """Return the canonical form of each item (a loop, not a comprehension: that would be one more stack frame)."""
    nodes = list(items)
    if PLAIN.issuperset(map(type, nodes)):
        return nodes
    walk = walker.walk
    for index, item in enumerate(items):
        if type(item) not in PLAIN:
            nodes[index] = walk(item, names[index])
    return nodes


def _sorted_unique(names: list[str], nodes: list[Node]) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """Return both in the order of the names; equal names (NaN keys) numbered in the order of their fingerprints."""
    if len(names) == len(set(names)):
        order = sorted(range(len(names)), key=names.__getitem__)
        return tuple(map(names.__getitem__, order)), tuple(map(nodes.__getitem__, order))
    from pytest_repro.values.digest import fingerprint

    repeated = {name for name, count in collections.Counter(names).items() if count > 1}
    pairs = sorted(
        zip(names, nodes, strict=True), key=lambda pair: (pair[0], fingerprint(pair[1]) if pair[0] in repeated else "")
    )
    seen: collections.Counter[str] = collections.Counter()
    told_apart: dict[str, Node] = {}
    for name, node in pairs:
        seen[name] += 1
        told_apart[name if seen[name] == 1 else f"{name[:-1]}#{seen[name]}{name[-1]}"] = node
    unique = sorted(told_apart)
    return tuple(unique), tuple(map(told_apart.__getitem__, unique))


def object_branch(type_: str, fields: Mapping[str, object], walker: Walker, *, notes: Sequence[str] = ()) -> Branch:
    """Return the node of an object with named fields, in the order given; names become ``.name``."""
    walker.count(len(fields))
    keys = [f".{name}" for name in fields]
    items = _nodes(list(fields.values()), keys, walker)
    return Branch(type_, Layout.OBJECT, tuple(keys), tuple(items), tuple(notes))


def read(value: object, walker: Walker) -> Node | None:
    """Return the canonical form of a standard container or of a subclass of one, or None."""
    name = type_name(type(value))
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and isinstance(names, tuple) and len(names) == len(value):
        parts = object_branch(name, dict(zip(names, tuple.__iter__(value), strict=True)), walker)
        return _with_attributes(parts, value, walker)
    content = _content(value, name, walker)
    if content is not None:
        return _with_attributes(content, value, walker)
    for base, reader in _INSTANCES.items():
        if isinstance(value, base):
            node: Node = reader(value, name, walker)
            return node
    return None


def _content(value: object, name: str, walker: Walker) -> Branch | None:
    if isinstance(value, dict):
        return mapping_branch(name, dict(dict.items(value)), walker)
    if isinstance(value, (list, tuple, collections.deque)):
        return sequence_branch(name, list(_BASE_ITER[_base(value)](value)), walker)
    if isinstance(value, (set, frozenset)):
        return set_branch(name, _BASE_ITER[_base(value)](value), walker)
    inner = inner_value(value)
    return None if inner is None else Branch(name, Layout.OBJECT, ("",), (inner,))


def _base(value: object) -> type:
    return next(base for base in _BASE_ITER if isinstance(value, base))


def _with_attributes(content: Branch, value: object, walker: Walker) -> Branch:
    """Return `content` with the attributes that instances of a subclass may carry as well."""
    if type(value).__module__ == "collections" or not getattr(value, "__dict__", None):
        return content
    attributes = object_branch(content.type, dict(sorted(vars(value).items())), walker)
    keys = content.keys or tuple([f"[{index}]" for index in range(len(content.items))])
    return Branch(content.type, Layout.OBJECT, (*keys, *attributes.keys), (*content.items, *attributes.items))


def _bytes_like(value: Any, name: str) -> Branch:
    return Branch(name, Layout.OBJECT, ("",), (bytes(value),))


def _memoryview(value: memoryview, name: str, walker: Walker) -> Branch:
    if value.format == "B" and value.ndim == 1:
        return _bytes_like(value, name)
    import numpy as np

    return object_branch(name, {"format": value.format, "data": np.asarray(value)}, walker)


def _typed_array(value: array.array[Any], _name: str, _walker: Walker) -> Node:
    """Return an `array.array` as numbers; characters as one text."""
    if value.typecode in ("u", "w"):
        return Branch("array.array", Layout.OBJECT, ("",), (value.tounicode(),))
    import numpy as np

    data = np.array(value)
    return Array("array.array", data.dtype.name, data.shape, data, owned=True)


def _random_state(value: random.Random, name: str, walker: Walker) -> Branch:
    try:
        state: object = value.getstate()
    except NotImplementedError:  # SystemRandom has no state
        state = None
    return object_branch(name, {"getstate()": state}, walker)


_BASE_ITER: dict[type, Callable[[Any], Any]] = {
    base: base.__iter__ for base in (list, tuple, collections.deque, set, frozenset)
}

_INSTANCES: dict[Any, Callable[[Any, str, Walker], Any]] = {
    types.MappingProxyType: lambda value, name, walker: mapping_branch(name, value, walker),
    types.SimpleNamespace: lambda value, name, walker: object_branch(name, dict(sorted(vars(value).items())), walker),
    _VIEWS: lambda value, name, walker: set_branch(name, value, walker),
    _ORDERED_VIEWS: lambda value, name, walker: set_branch(name.removeprefix("o"), value, walker),
    bytearray: lambda value, name, _walker: _bytes_like(value, name),
    memoryview: _memoryview,
    array.array: _typed_array,
    random.Random: _random_state,
}

#: builtin types whose meaning no rule may change (`partial` adds no stack frame, a lambda does)
EXACT: dict[type, Callable[[Any, Walker], Node]] = {
    list: partial(sequence_branch, "list"),
    tuple: partial(sequence_branch, "tuple"),
    dict: partial(mapping_branch, "dict"),
    set: partial(set_branch, "set"),
    frozenset: partial(set_branch, "frozenset"),
    bytearray: lambda value, _walker: _bytes_like(value, "bytearray"),
}
