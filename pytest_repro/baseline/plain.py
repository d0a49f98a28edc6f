"""Small arrays with their elements in plain sight, by shortest round trip in their own precision.

Whatever would not come back bit for bit stays in the form that `values.encode` gives it.
"""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array
from pytest_repro.values import decode
from pytest_repro.values.bits import arrays_equal, storage_dtype

__all__ = ["plain_arrays", "plain_values", "read_plain", "read_plain_arrays"]

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def plain_values(array: Array) -> list[object] | None:
    """Return the elements in C order as JSON has them; None where that would lose something."""
    data = array.data
    if data.dtype.kind not in "fiub" or storage_dtype(array.dtype) != data.dtype:
        return None
    flat = np.ascontiguousarray(data).reshape(-1)
    values: list[object]
    if data.dtype.kind == "f":
        values = [_float_out(str(element)) for element in flat]
    else:
        values = flat.tolist()
    try:
        back = read_plain(array.type, array.dtype, array.shape, values)
    except StoredDataError:
        return None
    return values if arrays_equal(back.data, np.ascontiguousarray(data), array.dtype, nan_payload=True) else None


def _float_out(text: str) -> object:
    number = float(text)
    return number if math.isfinite(number) else text


def read_plain(kind: str, dtype: str, shape: tuple[int, ...], values: list[object]) -> Array:
    """Read what `plain_values` gave.

    Raises:
        StoredDataError: the elements are not of the dtype, or not as many as the shape says.
    """
    own = storage_dtype(dtype)
    if own is None or own.kind not in "fiub":
        raise _refuse("a dtype of numbers", dtype)
    if math.prod(shape) != len(values):
        raise _refuse(expected=f"{math.prod(shape)} elements", found=len(values))
    whole = _whole(own)
    numbers = [_element(value, own.kind, whole) for value in values]
    try:
        with np.errstate(all="ignore"):
            data: np.ndarray[Any, np.dtype[Any]] = np.array(numbers, own).reshape(shape)
    except (OverflowError, ValueError, TypeError):
        raise _refuse(expected=f"elements that {dtype} can hold", found="others") from None
    return Array(kind, dtype, shape, data, owned=True)


def _whole(own: np.dtype[Any]) -> range:
    """The integers that the dtype holds: numpy 1 wraps one that does not fit, without an error."""
    if own.kind not in "iu":
        return range(0)
    limits = np.iinfo(own)
    return range(int(limits.min), int(limits.max) + 1)


def _element(value: object, kind: str, whole: range) -> object:
    if kind == "b":
        good = type(value) is bool
    elif kind in "iu":
        good = type(value) is int and value in whole
    elif isinstance(value, str):
        if value in _NON_FINITE:
            return _NON_FINITE[value]
        good = False
    else:
        good = type(value) in (int, float)
    if not good:
        expected = "true or false" if kind == "b" else "an integer that fits" if kind in "iu" else "a number"
        raise _refuse(expected, value)
    return value


# --- within the form of `values.encode` --------------------------------------------------------


def plain_arrays(obj: object) -> object:
    """Return the encoded value with the elements of its arrays in plain sight."""
    return _map_arrays(obj, _show)


def read_plain_arrays(obj: object) -> object:
    """Return what `plain_arrays` was given."""
    return _map_arrays(obj, _hide)


def _map_arrays(obj: object, change: Callable[[dict[str, Any]], object]) -> object:
    if isinstance(obj, list):
        return [_map_arrays(item, change) for item in obj]
    if not isinstance(obj, dict) or len(obj) != 1:
        return obj
    ((tag, body),) = obj.items()
    if not isinstance(body, dict):
        return obj
    if tag == "array":
        return {"array": change(body)}
    if tag == "dict":
        return {"dict": {key: _map_arrays(item, change) for key, item in body.items()}}
    if tag == "branch" and isinstance(body.get("items"), list):
        return {"branch": {**body, "items": [_map_arrays(item, change) for item in body["items"]]}}
    return obj


def _show(body: dict[str, Any]) -> dict[str, Any]:
    node = decode({"array": body}, get=_no_reference)
    assert isinstance(node, Array)
    values = plain_values(node)
    if values is None:
        return body
    return {**{key: value for key, value in body.items() if key != "data"}, "values": values}


def _hide(body: dict[str, Any]) -> dict[str, Any]:
    if "values" not in body:
        return body
    shape, values = body.get("shape"), body["values"]
    if not isinstance(values, list) or not isinstance(shape, list) or any(type(extent) is not int for extent in shape):
        raise _refuse("an array with a shape and a list of values", body)
    array = read_plain("", str(body.get("dtype")), tuple(shape), values)
    data = np.ascontiguousarray(array.data)
    raw = (data if sys.byteorder == "little" else data.byteswap()).tobytes()
    rest = {key: value for key, value in body.items() if key != "values"}
    return {**rest, "data": base64.b64encode(raw).decode("ascii")}


def _no_reference(_: object) -> Any:
    raise _refuse("an array with its elements", "a reference")


def _refuse(expected: str, found: object) -> StoredDataError:
    shown = repr(found)[:60] if isinstance(found, (str, int, float)) or found is None else type(found).__name__
    return StoredDataError(f"an array is damaged: expected {expected}, found {shown}")
