"""What two versions of a library have in common of the models that they fitted. Pure.

A version adds a private attribute, takes a parameter out or moves a class to another module, and the model is the same.
Only observations that nobody wrote down are reduced to common fields; who records a model asks for all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_repro.model import Branch, Kind, Layout

if TYPE_CHECKING:
    from pytest_repro.model import Node, Observation

__all__ = ["reduced"]

_WHY = "in one version only"


def reduced(
    before: Sequence[Observation], after: Sequence[Observation]
) -> tuple[tuple[Observation, ...], tuple[Observation, ...]]:
    """Return the observations of both versions, those made by themselves without fields that only one of them has.

    What was left out is said in notes of `after`.
    """
    theirs = dict(zip(_places(before), before, strict=True))
    ours = dict(zip(_places(after), after, strict=True))
    for place, seen in ours.items():
        other = theirs.get(place)
        if other is not None and seen.kind is Kind.AUTO:
            one, two = _common(other.value, seen.value)
            # calls are paired by their lines, and the version's own may have moved
            theirs[place] = replace(other, value=one, location=seen.location)
            ours[place] = replace(seen, value=two)
    return tuple(theirs.values()), tuple(ours.values())


def _places(observations: Sequence[Observation]) -> list[tuple[str, int | None, int]]:
    """Name and step of each, and how often they were there before."""
    counts: Counter[tuple[str, int | None]] = Counter()
    places = []
    for seen in observations:
        places.append((seen.name, seen.step, counts[seen.name, seen.step]))
        counts[seen.name, seen.step] += 1
    return places


def _common(before: Node, after: Node) -> tuple[Node, Node]:
    if not isinstance(before, Branch) or not isinstance(after, Branch) or before.layout is not after.layout:
        return before, after
    if before.layout is Layout.OBJECT:
        return _common_fields(before, after)
    if before.layout is Layout.SET or before.keys != after.keys or len(before.items) != len(after.items):
        return before, after
    return _with_items(before, after, before.items, after.items)


def _common_fields(before: Branch, after: Branch) -> tuple[Node, Node]:
    theirs, ours = dict(zip(before.keys, before.items, strict=True)), dict(zip(after.keys, after.items, strict=True))
    names = tuple(name for name in after.keys if name in theirs)
    alone = [name for name in (*before.keys, *after.keys) if name not in theirs or name not in ours]
    if _last(before.type) == _last(after.type):
        before = replace(before, type=after.type)
    after = replace(after, notes=(*after.notes, *(f"{name.lstrip('.')} ({_WHY})" for name in alone)))
    return _with_items(
        replace(before, keys=names), replace(after, keys=names), [theirs[n] for n in names], [ours[n] for n in names]
    )


def _with_items(
    before: Branch, after: Branch, theirs: Sequence[Node], ours: Sequence[Node]
) -> tuple[Branch, Branch]:  # fmt: skip
    pairs = [_common(one, two) for one, two in zip(theirs, ours, strict=True)]
    return (
        replace(before, items=tuple(one for one, _ in pairs)),
        replace(after, items=tuple(two for _, two in pairs)),
    )


def _last(type_name: str) -> str:
    return type_name.rpartition(".")[2]
