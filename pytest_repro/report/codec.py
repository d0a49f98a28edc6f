"""Results as JSON-simple data and back, for the report file and for the trip from an xdist worker.

One generic codec reads the frozen dataclasses of `model` by their annotations, so a field that is
added there is carried without a change here. Names of fields are the keys; enums are their values;
tuples are lists; a float that JSON lacks is ``"nan"``, ``"inf"`` or ``"-inf"``; integers are exact at
any size. Reading is strict about types and lenient about keys: unknown ones are ignored, missing ones
take the field's default. What is written holds only plain dicts, lists, strings, numbers, booleans and
None of exactly these types.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import numbers
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar, Union

from pytest_repro import model
from pytest_repro.errors import StoredDataError
from pytest_repro.model import TestResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_repro.model import SessionReport

__all__ = ["carried", "decode", "encode", "result_of", "test_from_json", "to_json", "was_sent"]

T = TypeVar("T")

#: no count, seed or distance has so many; beyond, a number cannot be shown
_MAX_BITS = 1000
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(result: TestResult | SessionReport) -> dict[str, Any]:
    """Turn `result` into a dict of JSON-simple values; `decode` reads it."""
    data = encode(result)
    assert isinstance(data, dict)
    return data


class _Carried(dict[str, Any]):
    """The verdict, with the whole result for a reader in the same process."""

    __slots__ = ("result",)

    def __init__(self, result: TestResult) -> None:
        super().__init__(verdict=result.verdict.value)
        self.result = result


def carried(result: TestResult, *, sent: bool) -> dict[str, Any]:
    """What the report of a test carries to `result_of`.

    An xdist worker sends it, as text: execnet refuses lone surrogates, which stand for bytes of a file name.
    """
    if not sent:
        return _Carried(result)
    return {"verdict": result.verdict.value, "json": json.dumps(encode(result), allow_nan=False)}


def result_of(obj: object) -> TestResult:
    """The result that `carried` or `to_json` was given; raises as `test_from_json` does."""
    if isinstance(obj, _Carried):
        return obj.result
    text = obj.get("json") if isinstance(obj, dict) else None
    return test_from_json(json.loads(text) if isinstance(text, str) else obj)


def was_sent(obj: object) -> bool:
    """Whether what a report carries came from another process, so that its parts are objects of their own."""
    return not isinstance(obj, _Carried)


def test_from_json(obj: object) -> TestResult:
    """Read the result that `to_json` wrote; raises `StoredDataError` that names the field that is wrong."""
    return decode(TestResult, obj)


test_from_json.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name where it is imported


# --- writing ----------------------------------------------------------------------------------


def encode(value: object) -> Any:
    """Turn `value` (dataclasses, tuples, enums and scalars) into JSON-simple data."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is tuple:
        return [encode(item) for item in value] if value else []  # type: ignore[attr-defined]
    if isinstance(value, enum.Enum):
        return encode(value.value)
    if dataclasses.is_dataclass(kind):
        return {name: encode(getattr(value, name)) for name in _names(kind)}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Real):
        return _encode_number(value)
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    msg = f"a result cannot hold a {type(value).__qualname__}: {value!r:.80}"
    raise TypeError(msg)


@functools.cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(spec.name for spec in dataclasses.fields(cls))


def _encode_number(value: numbers.Real) -> int | float | str:
    if isinstance(value, numbers.Integral):
        return int(value)
    number = float(value)
    if math.isfinite(number):
        return number
    return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"


# --- reading ----------------------------------------------------------------------------------


def decode(cls: type[T], obj: object, *, where: str = "") -> T:
    """Read the `cls` (a dataclass of `model`) that `encode` wrote; `where` is the field that holds it."""
    value: T = _decode(cls, obj, where)
    return value


@functools.cache
def _hints(cls: type) -> Mapping[str, Any]:
    # the types of fields may stand in modules that are loaded late
    return typing.get_type_hints(cls, localns={name: getattr(model, name) for name in model.__all__})


def _decode(hint: Any, obj: object, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(hint, obj, where)
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _decode_tuple(typing.get_args(hint), obj, where)
    if origin in (Union, types.UnionType):
        return _decode_optional(typing.get_args(hint), obj, where)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _decode_enum(hint, obj, where)
    return _decode_scalar(hint, obj, where)


def _decode_dataclass(cls: Any, obj: object, where: str) -> Any:
    if not isinstance(obj, dict):
        raise _wrong(where or cls.__name__, "an object", obj)
    hints = _hints(cls)
    found = {}
    for spec in dataclasses.fields(cls):
        path = f"{where}.{spec.name}" if where else spec.name
        if spec.name in obj:
            found[spec.name] = _decode(hints[spec.name], obj[spec.name], path)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            msg = f"{path} is missing: the data is damaged or not a {cls.__name__}; make it anew"
            raise StoredDataError(msg)
    return cls(**found)


def _decode_tuple(args: tuple[Any, ...], obj: object, where: str) -> tuple[Any, ...]:
    if not isinstance(obj, (list, tuple)):
        raise _wrong(where, "a list", obj)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], item, f"{where}[{index}]") for index, item in enumerate(obj))
    if len(args) != len(obj):
        raise _wrong(where, f"a list of {len(args)}", obj)
    return tuple(_decode(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, obj, strict=True)))


def _decode_optional(args: tuple[Any, ...], obj: object, where: str) -> Any:
    if obj is None and type(None) in args:
        return None
    [inner] = [arg for arg in args if arg is not type(None)]
    return _decode(inner, obj, where)


def _decode_enum(cls: type[enum.Enum], obj: object, where: str) -> enum.Enum:
    for member in cls:
        if isinstance(obj, str) and member.value == obj:
            return member
    raise _wrong(where, "one of " + ", ".join(repr(member.value) for member in cls), obj)


def _decode_scalar(hint: type, obj: object, where: str) -> object:
    if hint is float:
        return _decode_float(obj, where)
    # type, not isinstance: True is no number of runs
    if type(obj) is hint and hint in (bool, int, str):
        if type(obj) is int and obj.bit_length() > _MAX_BITS:
            raise _wrong(where, "an integer within a double's range", obj)
        return obj
    raise _wrong(where, {bool: "true or false", int: "an integer", str: "text"}[hint], obj)


def _decode_float(obj: object, where: str) -> float:
    if isinstance(obj, str) and obj in _NON_FINITE:
        return _NON_FINITE[obj]
    if type(obj) not in (int, float):
        raise _wrong(where, "a number", obj)
    try:
        return float(obj)  # type: ignore[arg-type]
    except OverflowError:
        raise _wrong(where, "a number within a double's range", obj) from None


def _wrong(where: str, expected: str, got: object) -> StoredDataError:
    # Not repr() of the whole: it may be huge, and an integer of over 4300 digits refuses to become text.
    shown = repr(got)[:60] if isinstance(got, (str, bool, float)) or got is None else type(got).__name__
    return StoredDataError(f"{where} should be {expected}, got {shown}: the data is damaged; make it anew")
