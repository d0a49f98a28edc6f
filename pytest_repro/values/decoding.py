"""Reading canonical values back. Stored data is not trusted: types, sizes, depth and dtypes are checked first."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values.bits import storage_dtype
from pytest_repro.values.npy import MAX_DIMENSIONS, MAX_EMPTY, is_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_repro.model import Node
    from pytest_repro.values.bits import AnyArray

    Get = Callable[[object], AnyArray]

__all__ = ["decode"]

MAX_DEPTH = 250  # a little more than the canonical form allows: rules and families may wrap
MAX_NODES = 5_000_000
#: no array that a test compares is larger; keeps a forged shape from asking for all memory
MAX_ARRAY_BYTES = 1 << 40
INLINE_BYTES = 4096

_DTYPE_NAME = re.compile(r"[A-Za-z0-9_.\[\]]{1,64}")
_NAN = re.compile(r"nan:([0-9a-f]{16})")


def decode(obj: object, *, get: Get) -> Node:
    """Return the canonical value that `obj` describes."""
    try:
        return _Decoder(get).read(obj, 0)
    except RecursionError:  # the caller left little of Python's stack
        raise _too_large() from None


def _too_large() -> StoredDataError:
    return StoredDataError(f"stored value is larger than any that is written ({MAX_DEPTH} levels, {MAX_NODES:,} parts)")


def _refuse(expected: str, found: object) -> StoredDataError:
    """Return the error; `expected` in words, `found` shortened."""
    shown = repr(found if not isinstance(found, (dict, list)) else type(found).__name__)[:80]
    return StoredDataError(f"stored value is damaged: expected {expected}, found {shown}; record it again")


class _Opened(NamedTuple):
    """A branch whose items are still to be read."""

    type: str
    layout: Layout
    keys: tuple[str, ...]
    notes: tuple[str, ...]
    items: list[object]


class _Decoder:
    def __init__(self, get: Get) -> None:
        self._get = get
        self._nodes = 0

    def read(self, obj: object, depth: int) -> Node:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise _too_large()
        if obj is None or isinstance(obj, (bool, int, str)):
            return obj
        if isinstance(obj, float):
            if not math.isfinite(obj):
                raise _refuse("a finite number", obj)
            return obj
        found = _Opened("list", Layout.SEQUENCE, (), (), obj) if isinstance(obj, list) else self._tagged(obj)
        if not isinstance(found, _Opened):
            return found
        items: list[Any] = list(found.items)
        for index, item in enumerate(found.items):  # a loop here: all else would cost more stack frames for a level
            items[index] = self.read(item, depth + 1)
        return Branch(found.type, found.layout, found.keys, tuple(items), found.notes)

    def _tagged(self, obj: object) -> Node | _Opened:
        if not isinstance(obj, dict) or len(obj) != 1:
            raise _refuse("a value", obj)
        ((tag, body),) = obj.items()
        if tag in _SCALARS:
            return _SCALARS[tag](body)
        if tag == "array":
            return self._array(_record(body))
        if tag == "branch":
            return _branch(_record(body))
        if tag == "dict":
            fields = _record(body)
            keys = tuple(sorted(fields))
            return _Opened("dict", Layout.MAPPING, keys, (), [fields[key] for key in keys])
        raise _refuse("a known kind of value", tag)

    def _array(self, body: dict[str, object]) -> Array:
        name = _string(body.get("dtype"))
        dtype = _dtype(name, body.get("bits"))
        shape = _shape(body.get("shape"))
        size = math.prod(shape) * dtype.itemsize
        if size > MAX_ARRAY_BYTES or (not dtype.itemsize and math.prod(shape) > MAX_EMPTY):
            raise _refuse("an array of a possible size", f"{shape!r:.50} of {name}")
        data = self._fetched(body["ref"], dtype, shape) if "ref" in body else _inline(body.get("data"), dtype, shape)
        return Array(_string(body.get("type")), name, shape, data, owned=True)

    def _fetched(self, ref: object, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> AnyArray:
        data = self._get(ref)
        if not isinstance(data, np.ndarray) or data.dtype.newbyteorder("=") != dtype:
            raise _refuse("an array of its dtype", getattr(data, "dtype", type(data).__name__))
        if data.shape != shape:
            raise _refuse("an array of its shape", data.shape)
        return data if data.dtype.isnative else data.astype(dtype)


def _branch(body: dict[str, object]) -> _Opened:
    try:
        layout = Layout(_string(body.get("layout")))
    except ValueError:
        raise _refuse("a layout", body.get("layout")) from None
    items = _list(body.get("items"))
    keys = tuple([_string(key) for key in _list(body.get("keys", []))])
    if len(keys) != len(items) and (keys or layout is not Layout.SEQUENCE):
        raise _refuse("as many keys as items", f"{len(keys)} and {len(items)}")
    if len(set(keys)) != len(keys):
        raise _refuse("keys that differ", "repeated keys")
    notes = tuple([_string(note) for note in _list(body.get("notes", []))])
    return _Opened(_string(body.get("type")), layout, keys, notes, items)


def _record(body: object) -> dict[str, object]:
    if not isinstance(body, dict) or not all(isinstance(key, str) for key in body):
        raise _refuse("an object", body)
    return body


def _list(body: object) -> list[object]:
    if not isinstance(body, list):
        raise _refuse("a list", body)
    return body


def _string(body: object) -> str:
    if isinstance(body, dict) and len(body) == 1 and "text" in body:
        return _surrogates(body["text"])
    if not isinstance(body, str):
        raise _refuse("text", body)
    return body


def _dtype(name: str, bits: object) -> np.dtype[np.generic]:
    """Return the dtype of the stored elements: one of numpy's own, or the unsigned integers behind another's name."""
    own = storage_dtype(name)
    if bits is None:
        if own is None:
            raise _refuse("a dtype", name)
        return own
    if own is not None or not _DTYPE_NAME.fullmatch(name) or bits not in ("uint8", "uint16", "uint32", "uint64"):
        raise _refuse("a dtype with its bits", f"{name}, {bits}")
    return np.dtype(str(bits))


def _shape(body: object) -> tuple[int, ...]:
    extents = _list(body)
    if len(extents) > MAX_DIMENSIONS:
        raise _refuse("fewer dimensions", len(extents))
    shape = tuple([extent for extent in extents if type(extent) is int and 0 <= extent < 1 << 62])
    if len(shape) != len(extents):
        raise _refuse("a shape", extents)
    return shape


def _inline(body: object, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> AnyArray:
    raw = _bytes(body)
    size = math.prod(shape) * dtype.itemsize
    if len(raw) != size or size >= INLINE_BYTES:
        raise _refuse("as many bytes as the shape needs, and few", f"{len(raw)} bytes for {shape} of {dtype.name}")
    data: AnyArray = np.frombuffer(raw, dtype=dtype) if size else np.empty(math.prod(shape), dtype)
    if sys.byteorder != "little":
        data = data.byteswap()
    if not is_text(data):
        raise _refuse("text and dates", "what is no character, or no date")
    try:
        data = data.reshape(shape)
    except ValueError:  # no elements, in dimensions whose product is beyond what numpy counts
        raise _refuse("a shape", f"{shape!r:.50}") from None
    data.flags.writeable = False
    return data


def _bytes(body: object) -> bytes:
    if not isinstance(body, str):
        raise _refuse("base64", body)
    try:
        return base64.b64decode(body.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _refuse("base64", body) from None


def _surrogates(body: object) -> str:
    try:
        return _bytes(body).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise _refuse("text", body) from None


def _float(body: object) -> float:
    if body in ("inf", "-inf", "nan"):
        return float(str(body))
    match = _NAN.fullmatch(body) if isinstance(body, str) else None
    number: float = struct.unpack(">d", bytes.fromhex(match.group(1)))[0] if match else 0.0
    if not math.isnan(number):
        raise _refuse("a number that is not finite", body)
    return number


def _int(body: object) -> int:
    if not isinstance(body, str) or not re.fullmatch(r"-?0x[0-9a-f]+", body):
        raise _refuse("a hexadecimal integer", body)
    return int(body, 16)


def _complex(body: object) -> complex:
    parts = [_float(part["float"]) if isinstance(part, dict) and "float" in part else part for part in _list(body)]
    if len(parts) != 2 or not all(isinstance(part, float) for part in parts):
        raise _refuse("a complex number", body)
    return complex(*[part for part in parts if isinstance(part, float)])


def _atom(body: object) -> Atom:
    parts = _list(body)
    if len(parts) != 2:
        raise _refuse("a type and a text", body)
    return Atom(_string(parts[0]), _string(parts[1]))


_SCALARS: dict[object, Callable[[object], Node]] = {
    "bytes": _bytes,
    "float": _float,
    "int": _int,
    "complex": _complex,
    "atom": _atom,
    "text": _surrogates,
}
