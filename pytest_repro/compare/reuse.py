"""Calls that were seen by themselves and that a run in this process did not make again, because it found their results.

A fit behind ``functools.lru_cache``, in a cached property of an object that tests share, or in whatever a module keeps,
is made by the first test that wants it. A run that finds it done is no other computation. What tells it from work that
was left out: the call is missing altogether, in runs of this process only, in all of them from some run on, and gave
the same wherever it was made. Or it is made less often there, while one result is all that it ever gave, often enough
by every fresh interpreter: ``predict()`` in the test's line and in a cached property that the line reads. What a test
asserts on and what it records itself must be there in every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_repro.compare.calls import calls_of
from pytest_repro.model import Place
from pytest_repro.values import identical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.model import Observation, Recording, RunSpec

__all__ = ["reused"]


def reused(recordings: Sequence[Recording]) -> dict[str, tuple[int, ...]]:
    """Return the names of calls that were not made again, with the numbers of the runs that made them."""
    runs = [(recording.spec, calls_of(recording.observations)) for recording in recordings]
    names: dict[str, tuple[int, ...]] = {}
    for call in dict.fromkeys(call for _, calls in runs for call in calls):
        found = [(spec, calls.get(call)) for spec, calls in runs]
        if call[0].startswith("assert"):
            continue
        if _less_often(found) or (_left_to_others(found) and _equal([seen for _, seen in found if seen])):
            by_run = [(spec.number, {each.name for each in seen or ()}) for spec, seen in found]
            for name in sorted(set().union(*(there for _, there in by_run))):
                names[name] = tuple(number for number, there in by_run if name in there)
    return names


def _left_to_others(found: Sequence[tuple[RunSpec, list[Observation] | None]]) -> bool:
    """Whether every run elsewhere made the call, and no run here made it after one that did not."""
    elsewhere = [bool(seen) for spec, seen in found if spec.condition.place is not Place.INLINE]
    here = [bool(seen) for spec, seen in found if spec.condition.place is Place.INLINE]
    return all(elsewhere) and here == sorted(here, reverse=True)


def _less_often(found: Sequence[tuple[RunSpec, list[Observation] | None]]) -> bool:
    """Whether runs here made the call less often than every run elsewhere, with the one result that all had."""
    elsewhere = {len(seen or ()) for spec, seen in found if spec.condition.place is not Place.INLINE}
    here = [len(seen or ()) for spec, seen in found if spec.condition.place is Place.INLINE]
    if len(elsewhere) != 1 or not here or here != sorted(here, reverse=True):
        return False
    if not 0 < here[-1] <= here[0] <= min(elsewhere):
        return False
    first, *others = [each.value for _, seen in found for each in seen or ()]
    return all(identical(first, other) for other in others)


def _equal(calls: list[list[Observation]]) -> bool:
    reference, *others = [[seen.value for seen in some] for some in calls]
    return all(len(reference) == len(other) and all(map(identical, reference, other)) for other in others)
