"""Objects that no rule and no family knows: by their fields, never by address, never by `repr`.

Tried in this order: dataclass, attrs, pydantic, a dask collection by what it computes, a `__getstate__` of
the class's own, `__array__` or `__dlpack__`, `__dict__` and `__slots__`, `__reduce_ex__` of a type written
in C. What is a handle on something outside the value (a file, a lock, a generator) is refused.
"""

from __future__ import annotations

import dataclasses
import io
import struct
import types
import weakref
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom, Branch, Layout
from pytest_repro.values import callables
from pytest_repro.values.containers import object_branch
from pytest_repro.values.registry import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_repro.model import Node
    from pytest_repro.values.walk import Walker

__all__ = ["read"]

_POINTER = struct.calcsize("P")
_MANAGED = ("__dict__", "__weakref__")
_ABSENT = object()

#: handle -> why it has no meaning of its own
_REFUSED: dict[Any, str] = {
    (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType): "it is a computation under way; record"
    " list(...) of it or what it returns",
    io.IOBase: "it is an open file; record its path or its content",
    (types.FrameType, types.TracebackType): "it is part of the interpreter's state",
    weakref.ReferenceType: "it is a weak reference; record what it refers to",
}


def read(value: object, walker: Walker) -> Node | None:
    """Return the canonical form of any object by its fields, or None where it has none to see."""
    for base, why in _REFUSED.items():
        if isinstance(value, base):
            raise walker.refusal(why, value)
    node = callables.read(value, walker)
    if node is not None:
        return node
    for reader in _READERS:
        node = reader(value, walker)
        if node is not None:
            return node
    return None


def _dataclass(value: Any, walker: Walker) -> Node | None:
    cls: Any = type(value)
    declared = _dataclass_fields(cls)
    if declared is None:
        return None
    return _declared(value, declared, walker, left_out="compare=False", mark="__dataclass_fields__")


@lru_cache(maxsize=256)  # there are often many of one class, and to ask it takes as long as to read its fields
def _dataclass_fields(cls: type) -> dict[str, bool] | None:
    """Return which fields of a dataclass count."""
    if not dataclasses.is_dataclass(cls):
        return None
    return {field.name: field.compare for field in dataclasses.fields(cls)}


def _attrs(value: Any, walker: Walker) -> Node | None:
    attributes = getattr(type(value), "__attrs_attrs__", None)
    if attributes is None:
        return None
    declared = {attribute.name: bool(attribute.eq) for attribute in attributes}
    return _declared(value, declared, walker, left_out="eq=False", mark="__attrs_attrs__")


def _declared(value: Any, declared: dict[str, bool], walker: Walker, *, left_out: str, mark: str) -> Node:
    """Return an object by its declared fields, and by what was set on it besides: what a method fitted, mostly.

    Left out are fields that are declared not to count, and private attributes of a class that declares its
    fields: caches, mostly. A class that only inherits the declaration, and has no `mark`, adds state as any other.
    """
    cls = type(value)
    held = {name: getattr(value, name, _ABSENT) for name, counts in declared.items() if counts}
    shown = {name: item for name, item in held.items() if item is not _ABSENT}  # a field that was not set yet
    notes = [f".{name} ({left_out})" for name, counts in declared.items() if not counts]
    set_later = getattr(value, "__dict__", {}).keys() - declared.keys()
    for name in sorted(set_later, key=str):
        if str(name).startswith("_") and mark in cls.__dict__:
            notes.append(f".{name} (no field)")
        else:
            shown[name] = value.__dict__[name]
    return object_branch(type_name(cls), shown, walker, notes=notes)


def _pydantic(value: Any, walker: Walker) -> Node | None:
    fields = getattr(type(value), "model_fields", None) or getattr(type(value), "__fields__", None)
    if not isinstance(fields, dict) or not any(base.__module__.startswith("pydantic") for base in type(value).__mro__):
        return None
    shown = {name: getattr(value, name) for name in fields}
    extra = getattr(value, "__pydantic_extra__", None) or {}
    notes = [f".{name} (private)" for name in sorted(getattr(value, "__pydantic_private__", None) or {})]
    return object_branch(type_name(type(value)), {**shown, **dict(sorted(extra.items()))}, walker, notes=notes)


def _dask(value: Any, walker: Walker) -> Node | None:
    """Return an array, frame, bag or delayed call of dask by what it computes: names in its graph are random.

    https://docs.dask.org/en/stable/custom-collections.html: what has no graph now says None.
    """
    if not hasattr(type(value), "__dask_graph__") or value.__dask_graph__() is None:
        return None
    computed = walker.walk(value.compute(), ".compute()")
    notes = ("task graph (compared by what it computes)",)
    return Branch(type_name(type(value)), Layout.OBJECT, (".compute()",), (computed,), notes)


def _own_state(value: Any, walker: Walker) -> Node | None:
    """Return what the class itself says its state is; Python 3.11 gave every object a default, which is not that."""
    cls = type(value)
    if not hasattr(cls, "__getstate__") or cls.__getstate__ is getattr(object, "__getstate__", None):
        return None
    state = value.__getstate__()
    if isinstance(state, dict) and all(isinstance(key, str) for key in state):
        return object_branch(type_name(cls), dict(sorted(state.items())), walker)
    return object_branch(type_name(cls), {"__getstate__()": state}, walker)


def _array_like(value: Any, walker: Walker) -> Node | None:
    """Return anything that offers its elements as an array, looked up on the type: a mock has every attribute."""
    if not (hasattr(type(value), "__array__") or hasattr(type(value), "__dlpack__")):
        return None
    import numpy as np

    from pytest_repro.values.arrays import from_numpy

    data = np.asarray(value) if hasattr(type(value), "__array__") else np.from_dlpack(value)
    node = from_numpy(data, type_name=type_name(type(value)), walk=walker.walk)
    if not (getattr(value, "__dict__", None) or _slots(type(value))):
        return node
    return Branch(type_name(type(value)), Layout.OBJECT, ("",), (node,), ("all but its elements (__array__)",))


def _fields(value: Any, walker: Walker) -> Node | None:
    """Return the attributes of an instance of a Python class, sorted: their order follows the code's path."""
    cls = type(value)
    slots = _slots(cls)
    is_error = isinstance(value, BaseException)
    if _has_hidden_state(cls, len(slots)) and not is_error:
        return None
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    found.update(getattr(value, "__dict__", {}))
    if is_error:
        found["args"] = value.args
    return object_branch(type_name(cls), {str(name): found[name] for name in sorted(found, key=str)}, walker)


def _has_hidden_state(cls: type, slots: int) -> bool:
    """Return whether instances hold more than Python attributes: the check of `object.__reduce_ex__`.

    A dict or weak references at a negative offset stand before the object and are no part of its size:
    counted, they would hide as many bytes of another kind (the lock of Python 3.14).
    """
    offered = slots + (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0)
    return cls.__basicsize__ > object.__basicsize__ + _POINTER * offered or cls.__itemsize__ > 0


def _slots(cls: type) -> list[str]:
    names: list[str] = []
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            private = name.startswith("__") and not name.endswith("__")
            names.append(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return [name for name in names if name not in _MANAGED]


def _reduced(value: Any, walker: Walker) -> Node | None:
    """Return what a type written in C says would rebuild the object (the parts, never a pickle of them)."""
    cls: Any = type(value)
    default = cls.__reduce_ex__ is object.__reduce_ex__ and cls.__reduce__ is object.__reduce__
    if default or hasattr(cls, "__next__"):  # an iterator would be used up, or means the rest of another value
        return None
    parts = value.__reduce_ex__(2)
    if isinstance(parts, str):
        return Atom(type_name(cls), f"{getattr(value, '__module__', '')}.{parts}")
    names = ("callable", "args", "state", "listitems", "dictitems")
    shown = {name: _listed(part) for name, part in zip(names, parts, strict=False) if part is not None}
    return object_branch(type_name(cls), {f"__reduce__().{name}": part for name, part in shown.items()}, walker)


def _listed(part: Any) -> object:
    return list(part) if hasattr(part, "__next__") else part


_READERS: tuple[Callable[[Any, Walker], Node | None], ...] = (
    _dataclass,
    _attrs,
    _pydantic,
    _dask,
    _own_state,
    _array_like,
    _fields,
    _reduced,
)
