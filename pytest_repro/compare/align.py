"""Which observation of one run answers to which of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_repro.model import Observation, Recording

__all__ = ["Aligned", "Key", "Order", "align"]

#: (step, occurrence): a step recorded once has occurrence 0. The same name again and again without
#: step is a series in order: its occurrence stands for the step.
Key: TypeAlias = "tuple[int | None, int]"
#: sorts in execution order: position in the reference, then what the reference lacks, by position in its own run
Order: TypeAlias = "tuple[int, int]"


class Aligned(NamedTuple):
    """All observations of one name, over all recordings."""

    name: str
    #: the name is recorded more than once in some run, or with a step
    series: bool
    #: keys in execution order
    keys: tuple[Key, ...]
    #: per recording, what it has
    found: tuple[Mapping[Key, Observation], ...]
    #: per recording, where on the time line of the reference each of its keys lies
    order: tuple[Mapping[Key, Order], ...]

    def step(self, key: Key) -> int | None:
        """Return the step to show: the occurrence, where a series was recorded without steps."""
        step, occurrence = key
        return occurrence if step is None and self.series else step


def align(recordings: Sequence[Recording]) -> list[Aligned]:
    """Return the names of all recordings, those of the reference first, in the order of their recording."""
    keyed = [_keyed(recording) for recording in recordings]
    timelines = [_timeline(keyed[0], entries) for entries in keyed]
    names = list(dict.fromkeys(name for entries in keyed for name, _ in entries))
    found: dict[str, tuple[dict[Key, Observation], ...]] = {name: tuple({} for _ in keyed) for name in names}
    order: dict[str, tuple[dict[Key, Order], ...]] = {name: tuple({} for _ in keyed) for name in names}
    for i, (entries, times) in enumerate(zip(keyed, timelines, strict=True)):
        for (name, key), observation in entries.items():
            found[name][i][key] = observation
            order[name][i][key] = times[name, key]
    return [_aligned(name, found[name], order[name]) for name in names]


def _keyed(recording: Recording) -> dict[tuple[str, Key], Observation]:
    seen: dict[tuple[str, int | None], int] = {}
    entries: dict[tuple[str, Key], Observation] = {}
    for observation in recording.observations:
        name, step = at = observation.name, observation.step
        before = seen.get(at, 0)
        entries[name, (step, before)] = observation
        seen[at] = before + 1
    return entries


def _timeline(
    reference: Mapping[tuple[str, Key], Observation], entries: Mapping[tuple[str, Key], Observation]
) -> dict[tuple[str, Key], Order]:
    """Return when each entry happened, told by the reference: what that lacks comes after the last common one."""
    position = {entry: i for i, entry in enumerate(reference)}
    times: dict[tuple[str, Key], Order] = {}
    last = -1
    for i, entry in enumerate(entries):
        common = position.get(entry)
        if common is None:
            times[entry] = (last, i + 1)
        else:
            last = common
            times[entry] = (common, 0)
    return times


def _aligned(
    name: str, found: tuple[Mapping[Key, Observation], ...], order: tuple[Mapping[Key, Order], ...]
) -> Aligned:
    earliest: dict[Key, Order] = {}
    for times in order:
        for key, time in times.items():
            earliest[key] = min(time, earliest.get(key, time))
    keys = tuple(sorted(earliest, key=lambda key: (earliest[key], key[0] is not None, key)))
    series = len(keys) > 1 or keys[0][0] is not None
    return Aligned(name, series, keys, found, order)
