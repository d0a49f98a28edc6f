"""`dataclasses.dataclass` that compiles nothing: for the classes that every session makes.

The standard decorator writes and compiles up to six functions for each class, 4.4 million instructions or about 1 ms
(CPython 3.11, counted with cachegrind): half of all that our imports took. Here the functions are written once, for
all classes. Making an object takes 0.5 to 1.5 us longer: a class of which there are millions writes its ``__init__``
out, which is kept, or has the standard decorator.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from itertools import repeat
from types import FunctionType
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen, slots, kw_only=False):
        """Make a frozen, slotted dataclass; each argument means what it does for `dataclasses.dataclass`."""
        if not (frozen and slots):
            msg = "only frozen classes with slots are made here; for others take the standard decorator"
            raise TypeError(msg)
        return lambda cls: _made(cls, kw_only=kw_only)


def _made(cls: Any, *, kw_only: bool) -> Any:
    """The class anew, since only a new one can have slots."""
    names = tuple(cls.__annotations__)
    content = {name: value for name, value in vars(cls).items() if name not in (*names, "__dict__", "__weakref__")}
    methods = {name: value for name, value in vars(_Methods).items() if isinstance(value, FunctionType)}
    content = methods | content  # its own come first
    content["__slots__"] = names
    content["__match_args__"] = () if kw_only else names
    content["__layout__"] = _Layout({name: vars(cls).get(name, dataclasses.MISSING) for name in names}, kw_only=kw_only)
    content["__dataclass_fields__"] = _Fields()
    content["__signature__"] = _Signature()
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return made


_set = object.__setattr__


class _Layout:
    """What `__init__` must know of a class."""

    __slots__ = ("blank", "kw_only", "names", "required")

    def __init__(self, blank: dict[str, Any], *, kw_only: bool) -> None:
        #: field → its default, in order; what has none is `MISSING`
        self.blank = blank
        self.names = tuple(blank)
        self.required = {name for name, value in blank.items() if value is dataclasses.MISSING}
        self.kw_only = kw_only


class _Fields:
    """What `dataclasses.fields`, `replace` and `asdict` need of a class; made when they ask."""

    def __get__(self, obj: object, owner: Any) -> dict[str, dataclasses.Field[Any]]:
        layout = owner.__layout__
        defaults = {name: value for name, value in layout.blank.items() if value is not dataclasses.MISSING}
        # with a documentation: the standard decorator makes one of the signature where there is none
        content = {"__annotations__": owner.__annotations__, "__module__": owner.__module__, "__doc__": "-", **defaults}
        as_usual: Any = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=layout.kw_only)
        found: dict[str, dataclasses.Field[Any]] = as_usual(type("Fields", (), content)).__dataclass_fields__
        owner.__dataclass_fields__ = found
        return found


class _Signature:
    """What `inspect.signature` says of a class; made when it asks."""

    def __get__(self, obj: object, owner: Any) -> Any:
        from inspect import Parameter, Signature

        layout = owner.__layout__
        kind = Parameter.KEYWORD_ONLY if layout.kw_only else Parameter.POSITIONAL_OR_KEYWORD
        return Signature(
            [
                Parameter(
                    name,
                    kind,
                    default=Parameter.empty if name in layout.required else default,
                    annotation=owner.__annotations__[name],
                )
                for name, default in layout.blank.items()
            ]
        )


class _Methods:
    """Those of every class."""

    __layout__: _Layout
    __slots__: tuple[str, ...] = ()

    def __init__(self, /, *given: object, **named: object) -> None:
        layout = self.__layout__
        names, values = layout.names, given
        if len(given) != len(names) or named or layout.kw_only:
            values = tuple(_complete(self, given, named).values())
        deque(map(_set, repeat(self), names, values), maxlen=0)  # no loop of Python's

    def __replace__(self, **changes: object) -> Any:
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"cannot assign to field {name!r}"
        raise dataclasses.FrozenInstanceError(msg)

    def __delattr__(self, name: str) -> None:
        msg = f"cannot delete field {name!r}"
        raise dataclasses.FrozenInstanceError(msg)

    def __getstate__(self) -> tuple[object, ...]:
        return _values(self)

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(self.__slots__, state, strict=True):
            _set(self, name, value)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        parts = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__qualname__}({', '.join(parts)})"


def _values(obj: Any) -> tuple[object, ...]:
    return tuple([getattr(obj, name) for name in obj.__slots__])


def _complete(obj: Any, given: tuple[object, ...], named: dict[str, object]) -> dict[str, object]:
    """What was given, by field, and defaults for the rest.

    Raises:
        TypeError: it does not fit the fields.
    """
    layout = obj.__layout__
    if given:
        count = len(given) + len(named)
        # too many are told apart by the count
        named.update(zip(() if layout.kw_only else layout.names, given, strict=False))
        if len(named) != count:
            raise _unusable(obj, named, f"does not take these {len(given)} without names")
    values = {**layout.blank, **named}
    lacks = len(named) < len(layout.names) and not layout.required <= named.keys()
    if lacks or len(values) != len(layout.names):
        raise _unusable(obj, named)
    return values


def _unusable(obj: Any, named: dict[str, object], what: str = "") -> TypeError:
    layout = obj.__layout__
    absent = ", ".join(name for name in layout.blank if name in layout.required and name not in named)
    unknown = ", ".join(name for name in named if name not in layout.blank)
    what = what or (f"needs {absent}" if absent else f"takes no {unknown}")
    return TypeError(f"{type(obj).__qualname__}() {what}; its fields are {', '.join(layout.blank)}")
