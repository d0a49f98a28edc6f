"""The whole of a canonical form as lines of text: for tests that say what a value consists of."""

from __future__ import annotations

from typing import Any

from pytest_repro.model import Array, Atom, Branch, Layout, Node

__all__ = ["outline", "seen"]


def outline(node: Node | None, path: str = "") -> list[str]:
    """One line for each part: its path, what it is, what of it is left out."""
    if isinstance(node, Array):
        assert node.shape == node.data.shape
        held = "" if node.data.dtype.name in (node.dtype, "bool_") else f" as {node.data.dtype.name}"
        return [f"{path} {node.type} {node.dtype}{held} {node.data.tolist()}{' owned' * (node.owned is True)}".strip()]
    if isinstance(node, Atom):
        return [f"{path} {node.type} {node.text}".strip()]
    if not isinstance(node, Branch):
        return [f"{path} {node!r}".strip()]
    kind = "" if node.layout is Layout.OBJECT else f" ({node.layout.value})"
    without = f" without {', '.join(node.notes)}" if node.notes else ""
    lines = [f"{path} {node.type}{kind}{without}".strip()]
    keys = [f"[{i}]" for i in range(len(node.items))] if node.layout is Layout.SEQUENCE else node.keys
    for key, item in zip(keys, node.items, strict=True):
        lines += outline(item, path + key)
    return lines


def seen(part: Any, segment: str) -> Node:
    """Stands in for the walk over parts: says which part it was given, and where that is."""
    return f"{part!r} at {segment}"
