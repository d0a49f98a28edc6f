"""Equality of canonical values by bits. Imports numpy only where an array is met."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pytest_repro.model import Array, Atom, Branch, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.model import Node

__all__ = ["identical"]

_FLOATS = frozenset({float})


def identical(a: Node, b: Node, *, nan_payload: bool = False) -> bool:
    """Return whether `a` and `b` are equal bit for bit."""
    pending: list[tuple[Node, Node]] = []
    if not _equal_or_pending(a, b, pending, nan_payload):
        return False
    while pending:
        x, y = pending.pop()
        if isinstance(x, Array) and isinstance(y, Array):
            if not _arrays_identical(x, y, nan_payload=nan_payload):
                return False
        elif isinstance(x, Branch) and isinstance(y, Branch):  # noqa: SIM102  one step per kind of node
            if not (_same_frame(x, y) and _items_equal(x.items, y.items, pending, nan_payload)):
                return False
    return True


def _same_frame(x: Branch, y: Branch) -> bool:
    return (
        x.type == y.type
        and x.layout is y.layout
        and len(x.items) == len(y.items)
        and (x.layout is Layout.SEQUENCE or x.keys == y.keys)
    )


def _items_equal(xs: Sequence[Node], ys: Sequence[Node], pending: list[tuple[Node, Node]], nan_payload: bool) -> bool:
    if _FLOATS.issuperset(map(type, xs)) and _FLOATS.issuperset(map(type, ys)) and xs == ys and 0.0 not in xs:
        return True  # in a third of the time; zeros have signs, and NaN is not equal to itself
    for x, y in zip(xs, ys, strict=True):
        # The common case, inlined: the same object, or equal floats that are not zero.
        if x is y or (type(x) is float and type(y) is float and x == y != 0.0):
            continue
        if not _equal_or_pending(x, y, pending, nan_payload):
            return False
    return True


def _equal_or_pending(x: Node, y: Node, pending: list[tuple[Node, Node]], nan_payload: bool) -> bool:
    """Return False where `x` and `y` are known to differ; pairs with children go to `pending`."""
    if x is y:
        return True
    kind = type(x)
    if kind is not type(y):
        return False
    if kind is float:
        return _floats_equal(x, y, nan_payload)  # type: ignore[arg-type]
    if kind is complex:
        return _floats_equal(x.real, y.real, nan_payload) and _floats_equal(x.imag, y.imag, nan_payload)  # type: ignore[union-attr]
    if isinstance(x, (Branch, Array)):
        pending.append((x, y))
        return True
    if isinstance(x, Atom) and isinstance(y, Atom):
        return x.type == y.type and x.text == y.text
    return x == y


def _floats_equal(x: float, y: float, nan_payload: bool) -> bool:
    if x == y != 0.0:
        return True
    if x != x and y != y and not nan_payload:  # only NaN differs from itself
        return True
    return struct.pack("=d", x) == struct.pack("=d", y)


def _arrays_identical(x: Array, y: Array, *, nan_payload: bool) -> bool:
    if x.type != y.type or x.dtype != y.dtype or x.shape != y.shape:
        return False
    from pytest_repro.values.bits import arrays_equal

    return x.data is y.data or arrays_equal(x.data, y.data, x.dtype, nan_payload=nan_payload)
