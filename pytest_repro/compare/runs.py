"""The recordings of one test against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_repro.compare.align import align
from pytest_repro.compare.calls import paired
from pytest_repro.model import Comparison, Match, MatchStatus
from pytest_repro.values import identical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_repro.compare.align import Aligned, Key, Order
    from pytest_repro.model import Node, Recording, ValueDrift, WithinTolerance

__all__ = ["Judged", "compare_recordings"]

_EQUAL = Match(MatchStatus.EQUAL)
_GOOD = (MatchStatus.EQUAL, MatchStatus.WITHIN)


class Judged(NamedTuple):
    """One name, matched in every run against the reference."""

    aligned: Aligned
    #: run numbers, the reference's first
    runs: tuple[int, ...]
    #: per run after the reference, the keys at which it is not equal bit for bit
    matches: tuple[dict[Key, Match], ...]

    def drifting(self) -> Iterator[tuple[Order, int, Key, Match]]:
        """Yield (time, index of the run, key, match) of all that is neither equal nor within tolerance."""
        for index, matches in enumerate(self.matches, start=1):
            for key, found in matches.items():
                if found.status not in _GOOD:
                    order = self.aligned.order
                    yield order[0].get(key) or order[index][key], index, key, found


def compare_recordings(recordings: Sequence[Recording], *, one_session: bool) -> Comparison:
    """Compare recordings of one test; the first is the reference.

    Values align on name and step. The order in which different names are recorded is not part of the
    values, nor is that of equal calls that were recorded automatically. To be given only runs that finished:
    what a lost run did not record would count as missing.

    one_session: one run may have found in a cache what another had computed there, and that call is no drift.
    """
    if not recordings:
        return Comparison()
    recordings = paired(recordings)
    judged = [_judge(aligned, recordings) for aligned in align(recordings)]
    drifts = [pair for one in judged if (pair := _drift(one)) is not None]
    drifts.sort(key=lambda pair: pair[0])
    drifting = {drift.name for _, drift in drifts}
    calm = [one for one in judged if one.aligned.name not in drifting]
    found_done = _found_done(drifting, recordings) if one_session else {}
    if found_done:
        drifts = []
    equal = [one.aligned.name for one in calm if not any(one.matches)]
    if not calm:  # what two runs made gave the same, and that is all there is; one alone is compared with nothing
        equal = [name for name, runs in found_done.items() if len(runs) > 1]
    return Comparison(
        drifts=tuple(drift for _, drift in drifts),
        equal=tuple(equal),
        within=tuple(_within(one) for one in calm if any(one.matches)),
        first=drifts[0][1].first if drifts else None,
        notes=(
            *_notes([one.aligned for one in judged]),
            *(
                f"{name}: called in run {' and '.join(map(str, runs))} only (other runs found it done)"
                for name, runs in found_done.items()
            ),
        ),
    )


def _found_done(names: set[str], recordings: Sequence[Recording]) -> dict[str, tuple[int, ...]]:
    """Return `names` with the runs that made them, if all of them are calls whose results other runs found."""
    if not names:
        return {}
    from pytest_repro.compare.reuse import reused

    found = reused(recordings)
    return {name: found[name] for name in sorted(names)} if names <= found.keys() else {}


def _judge(aligned: Aligned, recordings: Sequence[Recording]) -> Judged:
    matches: list[dict[Key, Match]] = []
    for index in range(1, len(recordings)):
        found = {key: _match(aligned, key, index) for key in aligned.keys}
        matches.append({key: one for key, one in found.items() if one.status is not MatchStatus.EQUAL})
    return Judged(aligned, tuple(recording.spec.number for recording in recordings), tuple(matches))


def _match(aligned: Aligned, key: Key, index: int) -> Match:
    reference, other = aligned.found[0].get(key), aligned.found[index].get(key)
    if reference is None:
        return _EQUAL if other is None else Match(MatchStatus.EXTRA)
    if other is None:
        return Match(MatchStatus.MISSING)
    if identical(reference.value, other.value, nan_payload=reference.tolerance.nan_payload):
        return _EQUAL
    from pytest_repro.compare.tree import differences

    return differences(reference.value, other.value, reference.tolerance)


def _drift(judged: Judged) -> tuple[tuple[Order, int], ValueDrift] | None:
    first = min(judged.drifting(), key=lambda found: found[:2], default=None)
    if first is None:
        return None
    from pytest_repro.compare.drift import value_drift

    return first[:2], value_drift(judged, first)


def _within(judged: Judged) -> WithinTolerance:
    from pytest_repro.compare.tally import largest_of, sum_of
    from pytest_repro.model import WithinTolerance

    stats = largest_of(sum_of(found.stats for found in matches.values()) for matches in judged.matches)
    reference = judged.aligned.found[0]
    used = next(key for matches in judged.matches for key in matches)
    return WithinTolerance(judged.aligned.name, reference[used].tolerance, stats)


def _notes(names: Sequence[Aligned]) -> tuple[str, ...]:
    kinds = {type(seen.value) for aligned in names for found in aligned.found for seen in found.values()}
    if not any(hasattr(kind, "notes") for kind in kinds):
        return ()  # most tests record numbers and arrays only
    notes: dict[str, None] = {}
    for aligned in names:
        read: set[int] = set()  # equal runs share their values
        for observations in aligned.found:
            for observation in observations.values():
                value = observation.value
                if id(value) not in read:
                    read.add(id(value))
                    notes.update(dict.fromkeys(f"{aligned.name}: {note}" for note in _notes_of(value)))
    return tuple(notes)


def _notes_of(root: Node) -> Iterator[str]:
    from pytest_repro.model import Branch

    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Branch):
            yield from node.notes
            pending.extend(item for item in reversed(node.items) if isinstance(item, Branch))
