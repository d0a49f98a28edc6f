"""Two values as a pair of short texts that show where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_repro.model import Node

__all__ = ["both", "first_difference"]

_BLOCK = 4096
#: characters kept before the first that differs
_LEAD = 12


def both(reference: Node, other: Node, *, width: int) -> tuple[str, str]:
    """Return both values as one line each; long text is cut around the first place where it differs."""
    from pytest_repro.values import render

    texts = isinstance(reference, str) and isinstance(other, str)
    if (texts or (isinstance(reference, bytes) and isinstance(other, bytes))) and (
        max(len(reference), len(other)) > width // 2  # type: ignore[arg-type]
    ):
        start = max(0, first_difference(reference, other) - _LEAD)  # type: ignore[arg-type]
        return _window(reference, start, width), _window(other, start, width)  # type: ignore[arg-type]
    return render(reference, width=width), render(other, width=width)


def _window(text: str | bytes, start: int, width: int) -> str:
    from pytest_repro.values import render

    shown = text[start : start + width // 2]
    head = "…" if start else ""
    tail = "…" if start + len(shown) < len(text) else ""
    return f"{head}{render(shown, width=width)}{tail}"


def first_difference(a: str | bytes, b: str | bytes) -> int:
    """Return the first position where two texts differ; the shorter one's end if it begins the other."""
    start, end = 0, min(len(a), len(b))
    while start < end and a[start : start + _BLOCK] == b[start : start + _BLOCK]:
        start += _BLOCK
    for i in range(start, min(start + _BLOCK, end)):
        if a[i] != b[i]:
            return i
    return end
