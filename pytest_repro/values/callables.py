"""Functions, methods and partial applications: known by name; what has no name of its own, by its code."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom, Branch, Layout

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.walk import Walker

__all__ = ["read"]

_SLOT_WRAPPERS = (
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)

#: whether the last parameters are ``*args`` and ``**kwargs``
_STARRED = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def read(value: object, walker: Walker) -> Node | None:
    """Return the canonical form of a function-like value, or None where it is something else."""
    if isinstance(value, types.FunctionType):
        return _function(value, walker)
    if isinstance(value, (types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType)):
        return _method(value, walker)
    if isinstance(value, functools.partial):
        return _partial(value, walker)
    if isinstance(value, types.CodeType):
        return Branch("code", Layout.OBJECT, *_code_parts(value, walker))
    if isinstance(value, _SLOT_WRAPPERS):
        owner: Any = value
        return Atom(type(owner).__qualname__, f"{owner.__objclass__.__module__}.{owner.__qualname__}")
    if type(value).__name__ in ("cython_function_or_method", "_ArrayFunctionDispatcher", "fused_cython_function"):
        return Atom("function", _full_name(value))
    return None


def _full_name(value: Any) -> str:
    return f"{getattr(value, '__module__', None)}.{value.__qualname__}"


def _function(value: types.FunctionType, walker: Walker) -> Node:
    """Return a function's name; for a lambda or a local function also its code, defaults and closure."""
    name = _full_name(value)
    if "<" not in value.__qualname__:
        return Atom("function", name)
    parts: list[tuple[str, object]] = [(".__code__", value.__code__), (".__defaults__", value.__defaults__)]
    parts.append((".__kwdefaults__", value.__kwdefaults__))
    cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
    parts += [(f".__closure__[{variable!r}]", _cell(cell)) for variable, cell in cells]
    items = tuple([walker.walk(part, segment) for segment, part in parts])
    return Branch("function", Layout.OBJECT, (".__qualname__", *[s for s, _ in parts]), (name, *items))


def _cell(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _code_parts(code: types.CodeType, walker: Walker) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """Return what a code object does; not where it stands in which file."""
    parts: dict[str, object] = {
        ".co_code": code.co_code,
        ".parameters": (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _STARRED),
        ".co_names": code.co_names,
        ".co_varnames": code.co_varnames,
        ".co_consts": code.co_consts,
    }
    return tuple(parts), tuple([walker.walk(part, segment) for segment, part in parts.items()])


def _method(value: Any, walker: Walker) -> Node:
    """Return a method's name and the object that it is bound to (a module only gives the name)."""
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return Atom("function", f"{value.__module__}.{value.__qualname__}")
    name = value.__name__ if not isinstance(value, types.MethodType) else _full_name(value.__func__)
    keys = (".__name__", ".__self__")
    return Branch("method", Layout.OBJECT, keys, (name, walker.walk(owner, ".__self__")))


def _partial(value: functools.partial[Any], walker: Walker) -> Node:
    parts = {".func": value.func, ".args": value.args, ".keywords": value.keywords}
    items = tuple([walker.walk(part, segment) for segment, part in parts.items()])
    return Branch("functools.partial", Layout.OBJECT, tuple(parts), items)
