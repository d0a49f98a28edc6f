"""Canonical values as data that JSON can hold, and back. Reading checks everything and executes nothing.

The written form, beside ``null``, booleans, text and finite numbers that JSON has itself::

    [...]                      a list                {"bytes": "aGk="}           base64
    {"dict": {path: ...}}      a plain dict          {"complex": [re, im]}
    {"float": "inf"}           not finite            {"atom": [type, text]}
    {"int": "0x1f"}            beyond 64 bits        {"array": {...}}
    {"text": "7aCA"}           not valid Unicode     {"branch": {...}}
"""

from __future__ import annotations

import base64
import math
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np

from pytest_repro.model import Array, Atom, Layout
from pytest_repro.values.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_repro.model import Node
    from pytest_repro.values.bits import AnyArray

    Put = Callable[[AnyArray], object]

__all__ = ["decode", "encode"]

#: arrays of this many bytes and more go through `put`
INLINE_BYTES = 4096


def encode(node: Node, *, put: Put) -> object:
    """Return `node` as a structure of JSON's types."""
    if node is None or isinstance(node, (bool, int, float, complex, str, bytes)):
        return _scalar(node)
    if isinstance(node, Atom):
        return {"atom": [_text(node.type), _text(node.text)]}
    if isinstance(node, Array):
        return {"array": _array(node, put)}
    items = [encode(item, put=put) for item in node.items]
    if node.type == "list" and node.layout is Layout.SEQUENCE and not node.notes:
        return items
    keys = [_text(key) for key in node.keys]
    if node.type == "dict" and node.layout is Layout.MAPPING and not node.notes and _are_plain(keys):
        return {"dict": dict(zip(node.keys, items, strict=True))}
    branch: dict[str, object] = {"type": _text(node.type), "layout": node.layout.value, "items": items}
    if keys:
        branch["keys"] = keys
    if node.notes:
        branch["notes"] = [_text(note) for note in node.notes]
    return {"branch": branch}


def _are_plain(keys: list[object]) -> bool:
    return all(isinstance(key, str) for key in keys) and keys == sorted(keys, key=str)


def _scalar(value: complex | str | bytes | None) -> object:
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return {"bytes": _base64(value)}
    if isinstance(value, complex):
        return {"complex": [_float(value.real), _float(value.imag)]}
    if isinstance(value, int) and value.bit_length() > 64:
        return {"int": hex(value)}
    return value


def _float(value: float) -> object:
    if math.isfinite(value):
        return value
    if not math.isnan(value):
        return {"float": repr(value)}
    bits = struct.pack(">d", value).hex()
    return {"float": "nan" if bits == "7ff8000000000000" else f"nan:{bits}"}


def _text(text: str) -> object:
    """Return `text` itself, or its bytes where it holds surrogates: JSON would join two of them into one character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"text": _base64(text.encode("utf-8", "surrogatepass"))}
    return text


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _array(node: Array, put: Put) -> dict[str, object]:
    head: dict[str, object] = {"type": _text(node.type), "dtype": node.dtype, "shape": list(node.shape)}
    if node.data.dtype.kind == "u" and node.data.dtype.name != node.dtype:
        head["bits"] = node.data.dtype.name
    if node.data.nbytes >= INLINE_BYTES:
        return {**head, "ref": put(node.data)}
    data = np.ascontiguousarray(node.data)
    return {**head, "data": _base64((data if sys.byteorder == "little" else data.byteswap()).tobytes())}
