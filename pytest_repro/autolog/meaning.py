"""What a value means, for values that nobody chose: only types whose reading runs none of the user's code.

The user's own objects are left out unless they are plain data: their ``__getstate__`` may count its
calls, and their fields may hold handles and times. Recording them is what `repro.artifact` is for.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import ValueTypeError

if TYPE_CHECKING:
    from pytest_repro.model import Node

__all__ = ["read"]

Rule = Callable[[object], object]

#: packages whose values are understood by a family of `values`, or are plain data of the standard library
_KNOWN = frozenset(
    {"builtins", "collections", "decimal", "fractions", "datetime", "zoneinfo", "pathlib", "uuid", "array", "enum"}
    | {"numpy", "scipy", "pandas", "polars", "pyarrow", "torch", "sklearn", "xgboost", "lightgbm", "catboost"}
    | {"_catboost", "jax", "jaxlib", "tensorflow", "keras", "cupy", "networkx", "PIL", "ml_dtypes"}
)
#: values of known packages that mean something only in this process
_HANDLES = (types.GeneratorType, types.CoroutineType, types.ModuleType, types.FunctionType, types.MethodType)
_NOT_A_RESULT = (*_HANDLES, types.BuiltinFunctionType, type, types.MappingProxyType)

#: fields of a model that only look on while it is fitted
_CALLBACKS = frozenset({"._skl_callbacks"})


def read(value: object, *, rules: Sequence[Rule] = (), state: bool = False) -> Node:
    """Return the canonical form of `value`.

    Args:
        value: anything.
        rules: of the hook ``pytest_repro_canonical``.
        state: `value` is a model: where it cannot be read as a whole, its fitted fields are read one by one.

    Raises:
        ValueTypeError: it has no meaning that can be read without running the user's code.
    """
    from pytest_repro.values import canonical

    if not state:
        value = _expected(value)
        return canonical(value, rules=(*rules, _known_only))
    try:
        return _without_callbacks(canonical(value, rules=rules))
    except ValueTypeError:
        return _fitted(value, rules)


def _without_callbacks(node: Node) -> Node:
    """Leave out what only looks on while a model is fitted; it holds handles on other processes."""
    from pytest_repro.model import Branch

    if not isinstance(node, Branch) or not _CALLBACKS.intersection(node.keys):
        return node
    kept = [(key, item) for key, item in zip(node.keys, node.items, strict=True) if key not in _CALLBACKS]
    keys, items = tuple(key for key, _ in kept), tuple(item for _, item in kept)
    return dataclasses.replace(node, keys=keys, items=items, notes=(*node.notes, "callbacks (execution)"))


def _expected(value: Any) -> object:
    """Return what ``pytest.approx`` was given."""
    cls = type(value)
    # `_pytest.python_api`, from pytest 9 on `_pytest.approx`
    approx = cls.__module__.startswith("_pytest.") and cls.__name__.startswith("Approx")
    return value.expected if approx and hasattr(value, "expected") else value


def _known_only(value: object) -> object:
    """Refuse what is not plain data; a rule of `canonical`, asked of every value that is no plain builtin."""
    cls = type(value)
    if isinstance(value, _NOT_A_RESULT) or not _is_known(cls):
        msg = f"a {cls.__module__}.{cls.__qualname__} is not read without being asked to"
        raise ValueTypeError(msg)
    return None


def _is_known(cls: type) -> bool:
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__") or issubclass(cls, BaseException):
        return True
    return any(base.__module__.partition(".")[0] in _KNOWN for base in cls.__mro__ if base is not object)


def _fitted(value: Any, rules: Sequence[Rule]) -> Node:
    from pytest_repro.model import Branch, Layout
    from pytest_repro.values import canonical
    from pytest_repro.values.registry import type_name

    keys, items, left = [], [], []
    for name, item in sorted(vars(value).items()):
        if not name.endswith("_") or name.startswith("_"):
            continue
        try:
            items.append(canonical(item, rules=rules))
            keys.append(f".{name}")
        except ValueTypeError:
            left.append(f"{name} (cannot be compared)")
    if not items:
        msg = f"no fitted field of a {type(value).__qualname__} can be compared"
        raise ValueTypeError(msg)
    return Branch(type_name(type(value)), Layout.OBJECT, tuple(keys), tuple(items), tuple(left))
