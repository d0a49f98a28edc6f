"""Canonical values of any size → values that are cheap to keep: small parts as they are, large ones by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_repro.model import Array, Branch, Layout

if TYPE_CHECKING:
    from pytest_repro.model import Node

__all__ = ["LIMIT", "compact"]

#: elements of a value that is kept as it is
LIMIT = 1000
#: fields of an object that are looked at one by one
_FIELDS = 100
_DEPTH = 5
#: parts of a list that get a digest each: the trees of a model, so that a drift names the first that differs
_PARTS = 1000


def compact(node: Node, *, limit: int = LIMIT) -> Node:
    """Return `node` itself where it has at most `limit` elements, else its large parts by digest, dtype and shape."""
    return node if _fits(node, limit) else _shorten(node, limit, _DEPTH)


def _shorten(node: Node, limit: int, depth: int) -> Node:
    if _fits(node, limit):
        return node
    if not isinstance(node, Branch) or not depth:
        return _digest(node)
    if node.layout is Layout.SEQUENCE and 1 < len(node.items) <= _PARTS and all(map(_is_large, node.items)):
        return Branch(node.type, node.layout, node.keys, tuple(map(_digest_text, node.items)), node.notes)
    if node.layout is Layout.SEQUENCE or len(node.items) > _FIELDS:
        return _digest(node)
    # what remains is shared out, so that a hundred fields of a thousand elements are not kept
    share = max(limit // 4, 16)
    items = tuple(_shorten(item, share, depth - 1) for item in node.items)
    return Branch(node.type, node.layout, node.keys, items, node.notes)


def _is_large(node: Node) -> bool:
    return isinstance(node, Array | Branch)


def _digest_text(node: Node) -> str:
    from pytest_repro.values import fingerprint

    return fingerprint(node)


def _digest(node: Node) -> Branch:
    from pytest_repro.values import describe, fingerprint

    if isinstance(node, Array):
        keys: tuple[str, ...] = (".digest", ".dtype", ".shape")
        shape = Branch("tuple", Layout.SEQUENCE, (), tuple(int(extent) for extent in node.shape))
        return Branch(node.type, Layout.OBJECT, keys, (fingerprint(node), node.dtype, shape))
    name = node.type if isinstance(node, Branch) else type(node).__name__
    return Branch(name, Layout.OBJECT, (".digest", ".kind"), (fingerprint(node), describe(node)))


def _fits(node: Node, limit: int) -> bool:
    """Whether `node` has at most `limit` elements; stops counting there."""
    pending, seen = [node], 0
    while pending:
        item = pending.pop()
        if isinstance(item, Array):
            seen += int(item.data.size)
        elif isinstance(item, Branch):
            seen += 1
            if len(item.items) > limit:
                return False
            pending += item.items
        elif isinstance(item, str | bytes):
            seen += 1 + len(item) // 64
        else:
            seen += 1
        if seen > limit:
            return False
    return True
