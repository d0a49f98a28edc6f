"""Canonical values for human eyes: their kind, a short line, the paths of their leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values.quoting import cut_middle, number_text, one_line, quote, type_tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_repro.model import Node

__all__ = ["describe", "render", "walk_leaves"]

#: elements of an array that are worth showing before the line is full anyway
_SHOWN = 12
_BRACKETS = {"list": "[]", "tuple": "()", "dict": "{}", "set": "{}", "frozenset": "{}"}


def describe(node: Node) -> str:
    """Return the kind of a value: ``float``, ``float64 (4, 3)``, ``dict, 3 keys``, ``list, 10 items``, ``SVC``."""
    if isinstance(node, Array):
        return one_line(f"{node.dtype} {node.shape}" if node.shape else node.dtype)
    if isinstance(node, Atom):
        return one_line(type_tail(node.type))
    if not isinstance(node, Branch):
        return "None" if node is None else type(node).__name__
    name, count = one_line(type_tail(node.type)), len(node.items)
    if node.layout is Layout.OBJECT:
        return name
    word = "key" if node.layout is Layout.MAPPING else "item"
    return f"{name}, {count:,} {word}{'' if count == 1 else 's'}"


def render(node: Node, *, width: int = 40) -> str:
    """Return `node` as one line of at most `width` characters."""
    if isinstance(node, str):
        # Quoting before cutting could take long for a long text, and cut an escape in two.
        return cut_middle(quote(cut_middle(node, 2 * width)), width)
    if isinstance(node, (bytes, Atom)) or not isinstance(node, (Array, Branch)):
        return cut_middle(_scalar_text(node, width), width)
    if isinstance(node, Array):
        return _array_text(node, width)
    return _branch_text(node, width)


def _scalar_text(node: Node, width: int) -> str:
    if isinstance(node, Atom):
        return one_line(cut_middle(node.text, 2 * width)) or one_line(type_tail(node.type))
    if isinstance(node, bytes):
        return repr(node if len(node) <= 2 * width else node[:width] + b"..." + node[-width:])
    if isinstance(node, int) and not isinstance(node, bool):
        return number_text(node)
    return repr(node)


def _array_text(node: Array, width: int) -> str:
    if not node.shape:
        return cut_middle(_element_text(node, 0, width), width)
    head = describe(node)
    if not node.data.size:
        return cut_middle(head, width)
    count = min(_SHOWN, node.data.size)
    shown = ", ".join([_element_text(node, position, width) for position in range(count)])
    return _cut_end(f"{head} [{shown}{', ...' if count < node.data.size else ''}]", width)


def _element_text(node: Array, position: int, width: int) -> str:
    """Return one element, by C order position, by shortest round trip in its own precision."""
    import numpy as np

    element = node.data[np.unravel_index(position, node.shape)]
    kind = node.data.dtype.kind
    if kind in "fc":
        return str(element)  # numpy's scalars print their shortest round trip, whatever the print options
    if kind in "biu" and node.dtype == node.data.dtype.name:
        return repr(element.item())
    if kind in "biu":  # bits of a dtype that numpy lacks
        return f"0x{int(element):0{2 * node.data.dtype.itemsize}x}"
    return (
        one_line(str(element))
        if kind in "mM"
        else render(element.item() if kind in "US" else bytes(element), width=width)
    )


def _branch_text(node: Branch, width: int) -> str:
    brackets = _BRACKETS.get(node.type)
    if brackets is None or len(node.items) > width:
        return _cut_end(describe(node), width)
    parts = [render(item, width=width) for item in node.items]
    if node.layout is Layout.MAPPING:
        parts = [f"{key[1:-1]}: {part}" for key, part in zip(node.keys, parts, strict=True)]
    inner = ", ".join(parts)
    text = f"{brackets[0]}{inner}{',' if node.type == 'tuple' and len(parts) == 1 else ''}{brackets[1]}"
    if not parts and node.layout is Layout.SET:
        text = f"{node.type}()"
    return text if len(text) <= width else _cut_end(describe(node), width)


def _cut_end(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def walk_leaves(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield (path, leaf) in the order of the tree; an empty branch is a leaf of its own."""
    pending: list[tuple[str, Node]] = [("", node)]
    while pending:
        path, current = pending.pop()
        if not isinstance(current, Branch) or not current.items:
            yield path, current
            continue
        steps = current.keys or tuple([f"[{index}]" for index in range(len(current.items))])
        pending.extend(reversed([(path + step, item) for step, item in zip(steps, current.items, strict=True)]))
