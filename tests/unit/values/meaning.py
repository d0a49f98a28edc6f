"""Whether two values mean the same: the two assertions that every row of docs/values.md is tested with."""

from __future__ import annotations

from typing import Any

from pytest_repro.model import Branch, Layout, Node
from pytest_repro.values import canonical, fingerprint, identical, walk_leaves


def assert_same(a: object, b: object) -> None:
    """Two values mean the same: node, fingerprint."""
    x, y = canonical(a), canonical(b)
    assert identical(x, y), differing(x, y)
    assert fingerprint(x) == fingerprint(y)


def assert_differ(a: object, b: object, path: str | None = None) -> None:
    """Two values mean something else, and the path of a leaf that differs is `path`."""
    x, y = canonical(a), canonical(b)
    assert not identical(x, y)
    assert fingerprint(x) != fingerprint(y)
    if path is not None:
        assert path in differing(x, y)


def differing(x: Node, y: Node) -> list[str]:
    """Return the paths of all leaves that differ, are missing or extra."""
    a, b = dict(walk_leaves(x)), dict(walk_leaves(y))
    paths = [path for path in a if path not in b or not identical(a[path], b[path])]
    return paths + [path for path in b if path not in a]


def node_at(value: object, path: str) -> Any:
    """Return the leaf at `path`."""
    return dict(walk_leaves(canonical(value)))[path]


def notes(node: Node) -> list[str]:
    """Return everything that was left out anywhere in a value."""
    if not isinstance(node, Branch):
        return []
    return [*node.notes, *(note for item in node.items for note in notes(item))]


def assert_well_formed(node: Node) -> None:
    """A tree keeps the promises of `model.Branch`: unique keys, as many as items, mappings sorted."""
    if not isinstance(node, Branch):
        return
    if node.layout is Layout.SEQUENCE:
        assert node.keys == ()
    else:
        assert len(set(node.keys)) == len(node.keys) == len(node.items)
    if node.layout in (Layout.MAPPING, Layout.SET):
        assert list(node.keys) == sorted(node.keys)
    for item in node.items:
        assert_well_formed(item)
