"""A run against what a baseline says, by the same comparison that compares runs with each other.

Values whose elements are at hand are decoded into a recording of their own, run 0. Of the others only
the digest is known: equal digests mean equal values; for different ones the ladder tells the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.baseline.digests import Digest, points_of
from pytest_repro.baseline.document import REMEDY
from pytest_repro.baseline.entries import Series, entry_from_json, series_node
from pytest_repro.baseline.gaps import array_gap, series_gap
from pytest_repro.compare import compare_recordings
from pytest_repro.errors import StoredDataError
from pytest_repro.model import (
    Array,
    Branch,
    Kind,
    Observation,
    Recording,
    RunSpec,
    Tolerance,
)
from pytest_repro.values import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_repro.baseline.document import Known
    from pytest_repro.baseline.entries import Entry, Point
    from pytest_repro.baseline.objects import ObjectStore
    from pytest_repro.model import (
        Comparison,
        Location,
        Node,
        ValueDrift,
    )

__all__ = ["check_run"]

#: (step, occurrence): as in `compare.align`
Key: TypeAlias = "tuple[int | None, int]"


def check_run(
    known: Known,
    recording: Recording,
    *,
    path: Path,
    store: ObjectStore,
    machine: Tolerance,
    location: Location,
) -> Comparison:
    """Compare a run with what a baseline knows; the baseline is run 0.

    Args:
        known: the values of one environment.
        recording: the run.
        path: of the baseline, for errors.
        store: where elements of big values may be.
        machine: what is allowed beyond each value's own tolerance.
        location: of the test, for values that it recorded once and does not any more.

    Raises:
        StoredDataError: an entry of the baseline is damaged.
    """
    checks = {name: _Check(name, store, machine) for name in (*known.values, *_names(recording))}
    for observation in recording.observations:
        checks[observation.name].add(observation)
    for name, body in known.values.items():
        _resolve(checks[name], body, path)
    gaps = {name: check.gap for name, check in checks.items() if check.gap is not None}
    run = replace(recording, observations=tuple(seen for seen in recording.observations if seen.name not in gaps))
    comparison = compare_recordings([_reference(run, checks, location), run])
    return _with_gaps(comparison, gaps, recording)


def _resolve(check: _Check, body: object, path: Path) -> None:
    try:
        check.resolve(entry_from_json(body))
    except (StoredDataError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        msg = f"{path}: value {check.name[:80]!r}: {reason}; {REMEDY}"
        raise StoredDataError(msg) from None


def _names(recording: Recording) -> tuple[str, ...]:
    return tuple(observation.name for observation in recording.observations)


@dataclass(slots=True)
class _Stored:
    """One value of the baseline."""

    key: Key
    value: Node


class _Check:
    """One name: what the run recorded, what the baseline knows."""

    def __init__(self, name: str, store: ObjectStore, machine: Tolerance) -> None:
        self.name = name
        self.seen: dict[Key, Observation] = {}
        self.stored: list[_Stored] = []
        self.gap: ValueDrift | None = None
        self._store = store
        self._machine = machine

    def add(self, observation: Observation) -> None:
        """Take in what the run recorded."""
        key = (observation.step, len(self.seen) if observation.step is None else 0)
        self.seen[key] = observation

    def resolve(self, entry: Entry) -> None:
        """Find the values of an entry, or say what is known of the difference."""
        if isinstance(entry, Series) and isinstance(entry.points, Digest):
            self._resolve_long(entry.steps, entry.points)
            return
        points: Sequence[Point] = entry.points if isinstance(entry, Series) else (entry,)  # type: ignore[assignment]
        steps = entry.steps if isinstance(entry, Series) else None
        for key, point in zip(_keys(steps, len(points)), points, strict=True):
            value = self._value(key, point) if isinstance(point, Digest) else point
            if isinstance(value, Digest):
                self.gap = self.gap or array_gap(
                    self.name, key, value, self.seen.get(key), tolerance=self._tolerance(key)
                )
            else:
                self.stored.append(_Stored(key, value))

    def _value(self, key: Key, digest: Digest) -> Point:
        seen = self.seen.get(key)
        if seen is not None and fingerprint(seen.value, nan_payload=seen.tolerance.nan_payload) == digest.fingerprint:
            return seen.value
        return self._fetched(digest)

    def _fetched(self, digest: Digest) -> Point:
        try:
            return self._store.get(digest.fingerprint, array=digest.array)
        except FileNotFoundError:
            return digest

    def _resolve_long(self, steps: tuple[int, ...] | None, digest: Digest) -> None:
        ordered = sorted(self.seen.items(), key=lambda pair: (pair[0][0] or 0, pair[0][1]))
        now = series_node([observation for _, observation in ordered]) if ordered else None
        keys = _keys(steps, digest.count)
        payload = bool(ordered) and ordered[0][1].tolerance.nan_payload
        same_steps = [key for key, _ in ordered] == keys
        if same_steps and now is not None and fingerprint(now, nan_payload=payload) == digest.fingerprint:
            self.stored = [_Stored(key, observation.value) for key, observation in ordered]
            return
        found = self._fetched(digest)
        if isinstance(found, Digest):
            self.gap = series_gap(self.name, keys, digest, ordered, now, tolerance=self._tolerance(keys[0]))
            return
        values = points_of(found) if isinstance(found, Array) else found.items if isinstance(found, Branch) else ()
        if len(values) != len(keys):
            msg = "its elements in the store are not as many as its steps"
            raise StoredDataError(msg)
        self.stored = [_Stored(key, value) for key, value in zip(keys, values, strict=True)]

    def _tolerance(self, key: Key) -> Tolerance:
        seen = self.seen.get(key)
        own = seen.tolerance if seen is not None else Tolerance()
        return _joined(own, self._machine)

    # --- as observations of run 0 -------------------------------------------------------------

    def observation(self, stored: _Stored, location: Location) -> Observation:
        """Return a stored value as the run would have recorded it."""
        seen = self.seen.get(stored.key)
        if seen is None:
            return Observation(0, self.name, stored.key[0], Kind.METRIC, stored.value, location, self._machine)
        return replace(seen, value=stored.value, tolerance=_joined(seen.tolerance, self._machine), ledger=())


def _keys(steps: tuple[int, ...] | None, count: int) -> list[Key]:
    return [(None, i) for i in range(count)] if steps is None else [(step, 0) for step in steps]


def _joined(own: Tolerance, machine: Tolerance) -> Tolerance:
    if machine.exact:
        return own
    return replace(
        own, rtol=max(own.rtol, machine.rtol), atol=max(own.atol, machine.atol), ulp=max(own.ulp, machine.ulp)
    )


def _reference(run: Recording, checks: Mapping[str, _Check], location: Location) -> Recording:
    """Return the baseline as a recording in the run's order: the file is sorted by name and knows no other."""
    following = {name: _followers(check) for name, check in checks.items() if check.gap is None}
    started: set[str] = set()
    observations: list[Observation] = []

    def emit(name: str, stored: Sequence[_Stored]) -> None:
        observations.extend(checks[name].observation(one, location) for one in stored)

    occurrences: dict[str, int] = {}
    for seen in run.observations:
        occurrence = occurrences.get(seen.name, 0)
        occurrences[seen.name] = occurrence + 1
        key: Key = (seen.step, occurrence if seen.step is None else 0)
        if seen.name not in started:
            started.add(seen.name)
            emit(seen.name, following[seen.name].get(None, ()))
        emit(seen.name, following[seen.name].get(key, ()))
    for name in checks:
        if name in following and name not in started:
            emit(name, checks[name].stored)
    numbered = tuple(replace(observation, seq=i) for i, observation in enumerate(observations))
    return Recording(RunSpec(0), numbered)


def _followers(check: _Check) -> dict[Key | None, list[_Stored]]:
    """Return, for each key that the run has, the stored value and those after it that the run lacks."""
    found: dict[Key | None, list[_Stored]] = {}
    last: Key | None = None
    for stored in check.stored:
        if stored.key in check.seen:
            last = stored.key
        found.setdefault(last, []).append(stored)
    return found


def _with_gaps(comparison: Comparison, gaps: Mapping[str, ValueDrift], recording: Recording) -> Comparison:
    if not gaps:
        return comparison
    position: dict[tuple[str, int | None], int] = dict(_positions(recording))
    end = len(recording.observations)

    def order(drift: ValueDrift) -> int:
        exact = position.get((drift.name, drift.first.step))
        return exact if exact is not None else position.get((drift.name, None), end)

    drifts = tuple(sorted((*comparison.drifts, *gaps.values()), key=order))
    return replace(comparison, drifts=drifts, first=drifts[0].first)


def _positions(recording: Recording) -> Iterator[tuple[tuple[str, int | None], int]]:
    """Yield where each step of each name was recorded, backwards: the first of a name counts for the name."""
    for i in reversed(range(len(recording.observations))):
        observation = recording.observations[i]
        yield (observation.name, observation.step), i
        yield (observation.name, None), i
