"""Values without parts, from Python's standard library, and what is known by its name: types, functions."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import logging
import pathlib
import random
import re
import sys
import types
import uuid
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom, Branch, Layout
from pytest_repro.values.registry import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_repro.model import Node
    from pytest_repro.values.walk import Walker

__all__ = ["PLAIN", "inner_value", "read"]

#: types whose values stand for themselves
PLAIN = frozenset({float, int, str, bool, type(None), bytes, complex})

_EXTRACT: dict[type, Callable[[Any], Node]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(complex.real.__get__(value), complex.imag.__get__(value)),
    str: lambda value: str.__getitem__(value, slice(None)),
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}


def read(value: object, walker: Walker) -> Node | None:
    """Return the canonical form of a value without parts, or None where it is something else."""
    if isinstance(value, enum.Enum):
        return _enum(value)
    text = _TEXT.get(type(value))
    if text is not None:
        return Atom(*text(value))
    if isinstance(value, pathlib.PurePath):
        return Atom(_path_type(value), value.as_posix())
    if isinstance(value, type):
        return Atom("type", type_name(value))
    if isinstance(value, dt.tzinfo):
        return _tzinfo(value)
    if isinstance(value, types.ModuleType):
        return _module(value, walker)
    if isinstance(value, logging.Logger):
        return Atom("logging.Logger", value.name)
    if isinstance(value, slice):
        return _slice(value, walker)
    return None if walker.at_root else _global_generator(value)


def inner_value(value: object) -> Node:
    """Return the plain value inside an instance of a subclass of a plain type, or None.

    By the base's own methods: the subclass may override any conversion.
    """
    for base, extract in _EXTRACT.items():
        if isinstance(value, base):
            return extract(value)
    return None


def _enum(value: enum.Enum) -> Atom:
    name = type_name(type(value))
    if isinstance(value, enum.Flag):  # a combination has a name only since Python 3.11
        return Atom(name, hex(value.value) if isinstance(value.value, int) else str(value.name))
    return Atom(name, value.name)


def _path_type(value: pathlib.PurePath) -> str:
    """Return one name for the same class on every platform and version (3.13 moved the module)."""
    return "pathlib.Path" if isinstance(value, pathlib.Path) else "pathlib.PurePath"


def _module(value: types.ModuleType, walker: Walker) -> Atom:
    if walker.at_root:
        raise walker.refusal("a module is state without end; record the values in it that matter", value)
    return Atom("module", value.__name__)  # an object that holds a module means the module's name


def _global_generator(value: object) -> Atom | None:
    """Return what stands for a generator of the whole process in an object: the name of its type.

    Its state is that of the process, whatever the object has drawn from it.
    """
    if type(value).__name__ not in ("Random", "RandomState"):
        return None
    library = sys.modules.get("numpy.random.mtrand")
    if value is getattr(random, "_inst", None) or (library is not None and value is library._rand):
        return Atom(type_name(type(value)).replace(".mtrand.", "."), "the global one")
    return None


def _zone_text(zone: dt.tzinfo) -> str | None:
    if isinstance(zone, dt.timezone):
        offset = str(dt.timezone(zone.utcoffset(None)))
        return offset if str(zone) == offset else f"{zone} {offset}"  # a name says nothing about the offset
    for attribute in ("key", "zone"):  # zoneinfo, pytz
        name = getattr(zone, attribute, None)
        if isinstance(name, str):
            return name
    return None


def _tzinfo(value: dt.tzinfo) -> Node | None:
    text = _zone_text(value)
    return None if text is None else Atom(type_name(type(value)), text)


def _moment(value: dt.datetime | dt.time) -> tuple[str, str]:
    parts = [value.isoformat()]
    if value.tzinfo is not None:
        parts.append(_zone_text(value.tzinfo) or type_name(type(value.tzinfo)))
    if value.fold:
        parts.append("fold=1")
    return f"datetime.{type(value).__name__}", " ".join(parts)


def _pattern(value: re.Pattern[Any]) -> tuple[str, str]:
    return "re.Pattern", f"{value.pattern!r} flags={value.flags}"


def _slice(value: slice, walker: Walker) -> Branch:
    parts = {".start": value.start, ".stop": value.stop, ".step": value.step}
    items = tuple([walker.walk(part, segment) for segment, part in parts.items()])
    return Branch("slice", Layout.OBJECT, tuple(parts), items)


_TEXT: dict[type, Callable[[Any], tuple[str, str]]] = {
    dt.date: lambda value: ("datetime.date", value.isoformat()),
    dt.datetime: _moment,
    dt.time: _moment,
    dt.timedelta: lambda value: ("datetime.timedelta", f"{value.days} d {value.seconds} s {value.microseconds} us"),
    decimal.Decimal: lambda value: ("decimal.Decimal", str(value)),
    fractions.Fraction: lambda value: (
        ("fractions.Fraction", f"{value.numerator:#x}/{value.denominator:#x}")
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > 1000
        else ("fractions.Fraction", str(value))
    ),
    uuid.UUID: lambda value: ("uuid.UUID", str(value)),
    range: lambda value: ("range", f"{value.start}, {value.stop}, {value.step}"),
    re.Pattern: _pattern,
    types.UnionType: lambda value: ("types.UnionType", str(value)),
    type(Ellipsis): lambda _: ("ellipsis", "..."),
    type(NotImplemented): lambda _: ("NotImplementedType", "NotImplemented"),
}
