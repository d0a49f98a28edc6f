"""Calls that were seen by themselves and that a run in this process did not make again, because it found their results.

A fit behind ``functools.lru_cache``, in a cached property of an object that tests share, or in whatever a module keeps,
is made by the first test that wants it. A run that finds it done is no other computation. What tells it from work that
was left out: the call is missing altogether, in runs of this process only, in all of them from some run on, and gave
the same wherever it was made. What a test asserts on and what it records itself must be there in every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_repro.compare.calls import calls_of
from pytest_repro.model import Place
from pytest_repro.values import identical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.model import Observation, Recording

__all__ = ["reused"]


def reused(recordings: Sequence[Recording]) -> dict[str, tuple[int, ...]]:
    """Return the names of calls that were not made again, with the numbers of the runs that made them."""
    inline = [recording.spec.condition.place is Place.INLINE for recording in recordings]
    made = [calls_of(recording.observations) for recording in recordings]
    names: dict[str, tuple[int, ...]] = {}
    for call in dict.fromkeys(call for calls in made for call in calls):
        found = [calls.get(call, []) for calls in made]
        if not call[0].startswith("assert") and not all(found) and _left_to_others(found, inline) and _equal(found):
            runs = tuple(recording.spec.number for recording, some in zip(recordings, found, strict=True) if some)
            names.update({seen.name: runs for some in found for seen in some})
    return names


def _left_to_others(found: list[list[Observation]], inline: list[bool]) -> bool:
    """Whether every run elsewhere made the call, and no run here made it after one that did not."""
    here = [bool(some) for some, is_here in zip(found, inline, strict=True) if is_here]
    elsewhere = [bool(some) for some, is_here in zip(found, inline, strict=True) if not is_here]
    return all(elsewhere) and here == sorted(here, reverse=True)


def _equal(found: list[list[Observation]]) -> bool:
    reference, *others = [some for some in found if some]
    return all(
        len(reference) == len(other)
        and all(identical(one.value, two.value) for one, two in zip(reference, other, strict=True))
        for other in others
    )
