"""The call that a frame is executing, as syntax, and the objects that its names stand for.

Nothing here runs the user's code: names are looked up in namespaces, never through properties,
descriptors or ``__getattr__``.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType

__all__ = [
    "UNRESOLVED",
    "attribute",
    "calls_at",
    "dotted",
    "home",
    "is_a",
    "parsed",
    "resolve",
    "statement_at",
    "unwrapped",
]

#: what `resolve` gives where a name cannot be found without running code
UNRESOLVED: Final = object()
_CALLABLES: Final = (
    *(type, FunctionType, BuiltinFunctionType, MethodType),
    *(MethodDescriptorType, ClassMethodDescriptorType, WrapperDescriptorType),
)
#: a statement longer than this is not searched for its end (Python 3.10 only)
_MAX_STATEMENT: Final = 20


def calls_at(frame: FrameType) -> tuple[ast.Call, ...]:
    """Find the call that `frame` is in, or every call on its line where only the line is known."""
    exact = _exact_call(frame.f_code, frame.f_lasti)
    return (exact,) if exact is not None else _calls_on_line(frame)


def _exact_call(code: CodeType, lasti: int) -> ast.Call | None:
    if sys.version_info < (3, 11):
        return None
    line, end_line, column, end_column = next(itertools.islice(code.co_positions(), lasti // 2, None))
    if line is None or end_line is None or column is None or end_column is None:
        return None
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[line - 1 : end_line]]
    if not lines:
        return None
    lines[-1] = lines[-1][:end_column]  # first the end: both may be on one line
    lines[0] = lines[0][column:]
    tree = parsed(b"(" + b"".join(lines) + b"\n)")
    node = tree.body[0] if tree is not None else None
    return node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None


def _calls_on_line(frame: FrameType) -> tuple[ast.Call, ...]:
    """The one call that the frame is in, told by its place among those of its line; all of them where it is not."""
    tree = statement_at(frame.f_code.co_filename, frame.f_lineno)
    calls = () if tree is None else tuple(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    if tree is None or len(calls) < 2:
        return calls
    from pytest_repro.entropy.calls import call_of_instruction

    told = call_of_instruction(frame.f_code, frame.f_lasti, tree)
    return calls if told is None else (told,)


def statement_at(filename: str, line: int) -> ast.AST | None:
    """Parse the statement that starts on `line`, the bodies of compound statements left out."""
    lines = linecache.getlines(filename)[line - 1 : line - 1 + _MAX_STATEMENT]
    for end in range(1, len(lines) + 1):
        text = "".join(lines[:end]).strip()
        for candidate in (text, f"{text} pass", f"{text}\n pass", f"if 0: pass\n{text} pass"):
            tree = parsed(candidate)
            if tree is not None:
                return tree
    return None


def parsed(text: str | bytes) -> ast.Module | None:
    """Parse `text`, or give None where it is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_a(value: object, kind: type | tuple[type, ...]) -> bool:
    """Do what ``isinstance`` does, without asking the object: proxies answer with code of their own."""
    return issubclass(type(value), kind)


def home(value: object) -> str | None:
    """Name the module of a function or class; other objects are not asked: their answer would be code."""
    if not (is_a(value, _CALLABLES) or type(value).__name__ == "cython_function_or_method"):
        return None
    module = _module_of(value)
    if module is None:
        # bound methods of extension types, ``numpy.random.seed``, have no module of their own
        module = _module_of(type(getattr(value, "__self__", None)))
    return module if isinstance(module, str) else None


def _module_of(value: object) -> object:
    """The module that a function or class names, or None: a class may have a metaclass that raises instead."""
    try:
        return getattr(value, "__module__", None)
    except Exception:  # noqa: BLE001 - whatever the user's metaclass raises
        return None


def unwrapped(value: object) -> object:
    """Give what a stand-in of this plugin (a tap, a pinned function) stands for; anything else as it is."""
    while str(_module_of(type(value))).startswith("pytest_repro.") and "original" in getattr(value, "__dict__", {}):
        value = vars(value)["original"]
    return value


def dotted(expression: ast.expr) -> tuple[str, ...]:
    """``np.random.seed`` as its parts; empty for anything but names joined by dots."""
    parts: list[str] = []
    while isinstance(expression, ast.Attribute):
        parts.append(expression.attr)
        expression = expression.value
    if not isinstance(expression, ast.Name):
        return ()
    return (expression.id, *reversed(parts))


def resolve(expression: ast.expr, *namespaces: Mapping[str, object]) -> object:
    """Look up the object that a dotted name stands for, or `UNRESOLVED`."""
    parts = dotted(expression)
    if not parts:
        return UNRESOLVED
    value: object = UNRESOLVED
    for namespace in (*namespaces, vars(builtins)):
        if parts[0] in namespace:
            value = namespace[parts[0]]
            break
    for name in parts[1:]:
        if value is UNRESOLVED:
            break
        value = attribute(value, name)
    return value


def attribute(owner: object, name: str) -> object:
    """``owner.name`` as far as namespaces alone tell it, or `UNRESOLVED`."""
    if is_a(owner, ModuleType):
        return vars(owner).get(name, sys.modules.get(f"{vars(owner).get('__name__')}.{name}", UNRESOLVED))
    if is_a(owner, type):
        return _unwrapped(_in_classes(cast("type", owner), name))
    try:
        own = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        own = {}
    if is_a(own, dict) and name in own:
        return own[name]
    return _unwrapped(_in_classes(type(owner), name))


def _in_classes(cls: type, name: str) -> object:
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), UNRESOLVED)


def _unwrapped(value: object) -> object:
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    return UNRESOLVED if isinstance(value, property) else value
