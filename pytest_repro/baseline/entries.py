"""The text form of what was recorded under one name, and back.

::

    0.93                                               a scalar, as `values.encode` writes it
    {"array": {..., "values": [0.1, "nan"]}}           a small array, its elements in plain sight
    {"digest": {...}}                                  a value too big for text
    {"series": {"steps": "0..9", "type": "float", "values": [...]}}
    {"series": {"steps": "0..9999", "digest": {...}, "first": 2.3, "last": 0.1}}
    {"series": {"points": [...]}}                      points that are no numbers of one kind
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from pytest_repro.baseline import digests
from pytest_repro.baseline.digests import SERIES_BLOCKS, Digest, column, digest_of, points_of, weight
from pytest_repro.baseline.plain import plain_arrays, plain_values, read_plain, read_plain_arrays
from pytest_repro.baseline.steps import read_steps, steps_text
from pytest_repro.errors import StoredDataError
from pytest_repro.model import Branch, Layout, Node
from pytest_repro.values import decode, encode

if TYPE_CHECKING:
    from pytest_repro.model import Observation, Recording

__all__ = [
    "LONG",
    "Entry",
    "Point",
    "Series",
    "big_values",
    "entry_from_json",
    "entry_of",
    "entry_to_json",
    "values_of",
]

#: points of a series that is kept as text
LONG = 200
#: points that no series has: each step is a number in memory, however short the text that lists them
MAX_POINTS = 5_000_000

Point: TypeAlias = Union[Node, Digest]  # noqa: UP007


@dataclass(frozen=True, slots=True)
class Series:
    """Several values of one name, by step where they have steps."""

    #: increasing; None where they were recorded without
    steps: tuple[int, ...] | None
    points: tuple[Point, ...] | Digest


Entry: TypeAlias = Union[Point, Series]  # noqa: UP007


def _by_name(recording: Recording) -> dict[str, list[Observation]]:
    named: dict[str, list[Observation]] = {}
    for observation in recording.observations:
        named.setdefault(observation.name, []).append(observation)
    return named


def _in_order(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Return the points of a series by step, those without steps as they came."""
    if observations[0].step is None:
        return observations
    return sorted(observations, key=lambda observation: observation.step or 0)


def entry_of(observations: Sequence[Observation]) -> Entry:
    """Return what is kept of the observations of one name."""
    first = observations[0]
    if len(observations) == 1 and first.step is None:
        return _point(first)
    observations = _in_order(observations)
    steps = None if first.step is None else tuple(observation.step or 0 for observation in observations)
    if len(observations) <= LONG:
        return Series(steps, tuple(_point(observation) for observation in observations))
    nan_payload = first.tolerance.nan_payload
    return Series(steps, digest_of(series_node(observations), nan_payload=nan_payload, blocks=SERIES_BLOCKS))


def series_node(observations: Sequence[Observation]) -> Node:
    """Return the values of a long series as one value."""
    points = [observation.value for observation in observations]
    return column(points) or Branch("list", Layout.SEQUENCE, (), tuple(points))


def _point(observation: Observation) -> Point:
    value = observation.value
    if weight(value) <= digests.INLINE_WEIGHT:
        return value
    return digest_of(value, nan_payload=observation.tolerance.nan_payload)


def big_values(recording: Recording) -> Iterator[tuple[Node, bool]]:
    """Yield (value, whether NaN payloads count) of all that is kept as a digest: what the store is for."""
    for observations in _by_name(recording).values():
        nan_payload = observations[0].tolerance.nan_payload
        if len(observations) > LONG:
            yield series_node(_in_order(observations)), nan_payload
            continue
        for observation in observations:
            if weight(observation.value) > digests.INLINE_WEIGHT:
                yield observation.value, observation.tolerance.nan_payload


def values_of(recording: Recording) -> dict[str, object]:
    """Return what a baseline keeps of a run: name -> entry, as data for JSON."""
    return {
        name: entry_to_json(entry_of(observations), ends=_ends(observations))
        for name, observations in _by_name(recording).items()
    }


def _ends(observations: Sequence[Observation]) -> tuple[Node, Node] | None:
    ordered = _in_order(observations)
    first, last = ordered[0], ordered[-1]
    return None if max(weight(first.value), weight(last.value)) > 1 else (first.value, last.value)


# --- writing ----------------------------------------------------------------------------------


def entry_to_json(entry: Entry, *, ends: tuple[Node, Node] | None = None) -> object:
    """Return `entry` as data for JSON; `ends` are the first and last value of a long series, to be read by people."""
    if not isinstance(entry, Series):
        return _point_to_json(entry)
    body: dict[str, object] = {}
    if entry.steps is not None:
        body["steps"] = steps_text(entry.steps)
    if isinstance(entry.points, Digest):
        body["digest"] = digests.to_json(entry.points)
        if ends is not None:
            body["first"], body["last"] = (_point_to_json(end) for end in ends)
    else:
        body |= _points_to_json(entry.points)
    return {"series": body}


def _point_to_json(point: Point) -> object:
    if isinstance(point, Digest):
        return {"digest": digests.to_json(point)}
    return plain_arrays(encode(point, put=_refuse_big))


def _points_to_json(points: Sequence[Point]) -> dict[str, object]:
    nodes = [point for point in points if not isinstance(point, Digest)]
    if len(nodes) == len(points):
        joined = column(nodes)
        values = None if joined is None else plain_values(joined)
        if joined is not None and values is not None:
            kind = (
                {"type": joined.type}
                if joined.type in ("float", "int")
                else {"type": joined.type, "dtype": joined.dtype}
            )
            return {**kind, "values": values}
    return {"points": [_point_to_json(point) for point in points]}


def _refuse_big(_: object) -> object:
    msg = "an array that is kept as text is small"
    raise AssertionError(msg)


# --- reading ----------------------------------------------------------------------------------


def entry_from_json(body: object) -> Entry:
    """Read an entry.

    Raises:
        StoredDataError: it is not as `entry_to_json` writes it.
    """
    if not (isinstance(body, dict) and body.keys() == {"series"}):
        return _point_from_json(body)
    series = body["series"]
    if not isinstance(series, dict):
        msg = "a series is damaged: expected an object"
        raise StoredDataError(msg)
    points: tuple[Point, ...] | Digest
    if "digest" in series:
        points = digests.from_json(series["digest"])
        count = points.count
        if not 0 < count <= MAX_POINTS:
            msg = f"a series is damaged: it says to have {count:,} points"
            raise StoredDataError(msg)
    else:
        points = _points_from_json(series)
        count = len(points)
    steps = read_steps(series["steps"], count) if series.get("steps") is not None else None
    return Series(steps, points)


def _points_from_json(series: dict[str, Any]) -> tuple[Point, ...]:
    if "values" in series:
        kind, values = str(series.get("type")), series["values"]
        dtype = {"float": "float64", "int": "int64"}.get(kind) or str(series.get("dtype"))
        if not isinstance(values, list):
            msg = "a series is damaged: its values are no list"
            raise StoredDataError(msg)
        return points_of(read_plain(kind, dtype, (len(values),), values))
    points = series.get("points")
    if not isinstance(points, list):
        msg = "a series is damaged: it has neither values nor points"
        raise StoredDataError(msg)
    return tuple(_point_from_json(point) for point in points)


def _point_from_json(body: object) -> Point:
    if isinstance(body, dict) and body.keys() == {"digest"}:
        return digests.from_json(body["digest"])
    return decode(read_plain_arrays(body), get=_nothing_outside)


def _nothing_outside(_: object) -> Any:
    msg = "a value is damaged: it refers to an array outside the file"
    raise StoredDataError(msg)
