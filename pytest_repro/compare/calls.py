"""Automatic observations of the same calls in another order: the calls are paired by what they gave.

A test that loops over a set makes the same calls in another order under another hash seed. Their
numbers then differ, and no result does. So the calls of one line are paired with the reference's:
equal values first, what is left in order. What a test records itself is never paired so: it has the
name and the step that the test gave it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.model import Kind
from pytest_repro.values import fingerprint, identical

if TYPE_CHECKING:
    from pytest_repro.model import Node, Observation, Recording

__all__ = ["EXTRA", "calls_of", "paired"]

#: the name without its number, and the file and line of the call
_Call: TypeAlias = "tuple[str, str, int]"

#: ends the name of a call that has no counterpart in the reference, where that has its name for another
EXTRA = " (extra)"
_NUMBER = re.compile(r"^(\w+)#\d+(?= |$)")
#: another interpreter or machine has installed packages elsewhere
_INSTALLED = re.compile(r"^.*[/\\](?:site|dist)-packages[/\\]")


def paired(recordings: Sequence[Recording]) -> Sequence[Recording]:
    """Return recordings in which automatic observations have the reference's names; the first is the reference."""
    calls = calls_of(recordings[0].observations)
    if not calls:
        return recordings
    names = {seen.name for seen in recordings[0].observations}
    return [recordings[0], *(_renamed(other, calls, names) for other in recordings[1:])]


def calls_of(observations: Sequence[Observation]) -> dict[_Call, list[Observation]]:
    """Return automatic observations by the call that they are of, numbers aside."""
    calls: dict[_Call, list[Observation]] = {}
    for seen in observations:
        if seen.step is None and seen.kind is Kind.AUTO:
            stem, found = _NUMBER.subn(r"\1#", seen.name.removesuffix(EXTRA))
            if found:
                file = _INSTALLED.sub("", seen.location.file)
                calls.setdefault((stem, file, seen.location.line), []).append(seen)
    return calls


def _renamed(other: Recording, calls: dict[_Call, list[Observation]], names: set[str]) -> Recording:
    renamed: dict[int, str] = {}
    for call, theirs in calls_of(other.observations).items():
        ours = calls.get(call, [])
        for reference, seen in _pairs(ours, theirs):
            if reference is not None:
                renamed[seen.seq] = reference.name
            elif seen.name in names:
                renamed[seen.seq] = f"{seen.name}{EXTRA}"
    if all(renamed.get(seen.seq, seen.name) == seen.name for seen in other.observations):
        return other
    observations = tuple(replace(seen, name=renamed.get(seen.seq, seen.name)) for seen in other.observations)
    return replace(other, observations=observations)


def _pairs(ours: list[Observation], theirs: list[Observation]) -> list[tuple[Observation | None, Observation]]:
    """Pair each of `theirs` with one of `ours`: the one in its place if equal, else an equal one, else in order."""
    pairs: dict[int, Observation | None] = {}
    taken: set[int] = set()
    for index, (reference, seen) in enumerate(zip(ours, theirs, strict=False)):
        if _same(reference.value, seen.value):
            pairs[index] = reference
            taken.add(index)
    free: dict[str, deque[int]] = {}
    if len(pairs) < len(theirs):
        for index, reference in enumerate(ours):
            if index not in taken:
                free.setdefault(fingerprint(reference.value), deque()).append(index)
    for index, seen in enumerate(theirs):
        equal = free.get(fingerprint(seen.value)) if index not in pairs and free else None
        if equal:
            found = equal.popleft()
            pairs[index] = ours[found]
            taken.add(found)
    left = iter([reference for index, reference in enumerate(ours) if index not in taken])
    return [(pairs[index] if index in pairs else next(left, None), seen) for index, seen in enumerate(theirs)]


def _same(one: Node, other: Node) -> bool:
    return one is other or identical(one, other)
