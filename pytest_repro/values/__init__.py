"""Any value -> canonical form -> fingerprint: comparison by meaning.

The functions here are the whole interface. Each imports what it needs when it is called, so that
loading the plugin loads neither numpy nor any library whose values are understood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from pytest_repro.model import Node

__all__ = [
    "canonical",
    "decode",
    "describe",
    "encode",
    "fingerprint",
    "freeze",
    "identical",
    "render",
    "walk_leaves",
]

#: immutable scalars that stand for themselves in the canonical form
_PLAIN = frozenset({float, int, str, bool, type(None), bytes, complex})
#: of those, the ones whose ``==`` is equality of bits
_EXACT = frozenset({int, str, bool, bytes})


def canonical(value: object, *, rules: Sequence[Callable[[object], object | None]] = ()) -> Node:
    """Return the canonical form of `value`: a tree that is equal exactly when the meaning is.

    `rules` are asked first about every value that is not a plain builtin; what a rule returns (other
    than None) stands for the value, under the value's own type name. The tree may still be a view of
    memory that the user can change: see `freeze`.

    Raises `ValueTypeError` for what cannot be compared by meaning, naming type, path and remedy.
    """
    if type(value) in _PLAIN:
        return value  # type: ignore[return-value]
    from pytest_repro.values.walk import canonical as implementation

    return implementation(value, rules=rules)


def identical(a: Node, b: Node, *, nan_payload: bool = False) -> bool:
    """Return whether two canonical values are equal bit for bit.

    All NaNs are equal unless `nan_payload`; ``-0.0`` differs from ``0.0``; type, dtype and shape are
    part of the value; the order of mappings and sets is not.
    """
    if a is b:
        return True
    if type(a) is type(b):  # most metrics, for which nothing more is loaded
        if type(a) is float and a == b != 0.0:
            return True
        if type(a) in _EXACT:
            return a == b
    from pytest_repro.values.equality import identical as implementation

    return implementation(a, b, nan_payload=nan_payload)


def fingerprint(node: Node, *, nan_payload: bool = False) -> str:
    """Return 32 hex digits that are equal exactly when two canonical values are `identical`.

    Stable across processes, hash seeds, platforms and versions of Python.
    """
    from pytest_repro.values.digest import fingerprint as implementation

    return implementation(node, nan_payload=nan_payload)


def freeze(node: Node, *, spool: Path | None = None) -> Node:
    """Return the same value as a tree that the user can no longer change.

    With `spool`, arrays of 1 MiB and more are written into that folder and mapped read-only, so that
    memory stays flat. Returns `node` itself where nothing had to be copied.
    """
    if type(node) in _PLAIN:
        return node
    from pytest_repro.values.owned import freeze as implementation

    return implementation(node, spool=spool)


def encode(node: Node, *, put: Callable[[np.ndarray], object]) -> object:
    """Return `node` as a structure that JSON can hold; arrays of 4 KiB and more go through `put`.

    `put` stores an array and returns a JSON-able reference that `decode`'s `get` understands.
    """
    from pytest_repro.values.codec import encode as implementation

    return implementation(node, put=put)


def decode(obj: object, *, get: Callable[[object], np.ndarray]) -> Node:
    """Return the canonical value that `encode` wrote. Checks everything, executes nothing.

    Raises `StoredDataError` for whatever `encode` would not have written.
    """
    from pytest_repro.values.codec import decode as implementation

    return implementation(obj, get=get)


def describe(node: Node) -> str:
    """Return the kind of a value for tables: ``float``, ``float64 (4, 3)``, ``dict, 3 keys``, ``SVC``."""
    from pytest_repro.values.text import describe as implementation

    return implementation(node)


def render(node: Node, *, width: int = 40) -> str:
    """Return a value as one short line without control characters; floats by shortest round trip."""
    from pytest_repro.values.text import render as implementation

    return implementation(node, width=width)


def walk_leaves(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield (path, leaf) for every leaf: ``[3]``, ``['a'].coef_``; the path of a bare leaf is empty."""
    from pytest_repro.values.text import walk_leaves as implementation

    return implementation(node)
