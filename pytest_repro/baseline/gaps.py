"""What can be said of a difference when only digests are known: which blocks, and how statistics moved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.baseline.digests import SERIES_BLOCKS, differing_blocks, digest_of
from pytest_repro.model import Array, Divergence, ValueDrift
from pytest_repro.values import describe, walk_leaves

if TYPE_CHECKING:
    from pytest_repro.baseline.digests import Digest
    from pytest_repro.model import Node, Observation, Tolerance

__all__ = ["array_gap", "series_gap"]

Key: TypeAlias = "tuple[int | None, int]"

_LINES = 8
_ABSENT = "(not recorded)"


def array_gap(name: str, key: Key, stored: Digest, seen: Observation | None, *, tolerance: Tolerance) -> ValueDrift:
    """Return the drift of a value of which the baseline keeps the digest only."""
    if seen is None:
        return _drift(name, stored, [], now=_ABSENT, lines=[], step=key[0], seen=None)
    now = digest_of(seen.value, nan_payload=seen.tolerance.nan_payload)
    blocks = differing_blocks(stored, now)
    places = [_place(seen.value, block, stored.unit) for block in blocks]
    lines = [*_moved(stored, now), *_missing_elements(tolerance)]
    drift = _drift(name, stored, places, now=describe(seen.value), lines=lines, step=key[0], seen=seen)
    return replace(drift, n_different=_count(blocks, stored))


def series_gap(
    name: str,
    keys: Sequence[Key],
    stored: Digest,
    ordered: Sequence[tuple[Key, Observation]],
    now: Node,
    *,
    tolerance: Tolerance,
) -> ValueDrift:
    """Return the drift of a long series of which the baseline keeps the digest only."""
    if not ordered:
        return _drift(name, stored, [], now=_ABSENT, lines=[], step=None, seen=None)
    seen = ordered[0][1]
    present = digest_of(now, nan_payload=seen.tolerance.nan_payload, blocks=SERIES_BLOCKS)
    steps = [_step(key) for key in keys]
    places: list[str] = []
    lines: list[str] = []
    blocks: list[range] = []
    if [key for key, _ in ordered] != list(keys):
        lines.append(f"stored are {_span(keys)}, recorded {_span([key for key, _ in ordered])}")
    else:
        blocks = differing_blocks(stored, present)
        places = [f"steps {steps[block[0]]} to {steps[block[-1]]}" for block in blocks]
        if blocks:
            seen = ordered[blocks[0][0]][1]
    lines += [*_moved(stored, present), *_missing_elements(tolerance)]
    drift = _drift(name, stored, places, now=f"series, {len(ordered)}", lines=lines, step=None, seen=seen)
    return replace(drift, kind=f"series, {stored.count}", n_different=_count(blocks, stored))


def _count(ranges: Sequence[range], stored: Digest) -> int:
    """Return how many blocks these are; all where nothing is known."""
    return sum(math.ceil(len(one) / stored.block) for one in ranges) or len(stored.ladder) or 1


def _step(key: Key) -> int:
    return key[1] if key[0] is None else key[0]


def _span(keys: Sequence[Key]) -> str:
    return f"{len(keys)} steps from {_step(keys[0])} to {_step(keys[-1])}"


def _place(value: Node, block: range, unit: str) -> str:
    if isinstance(value, Array):
        import numpy as np

        ends = [", ".join(str(int(i)) for i in np.unravel_index(at, value.shape)) for at in (block[0], block[-1])]
        return f"elements [{ends[0]}] to [{ends[1]}]"
    if unit == "leaves":
        paths = [path for path, _ in walk_leaves(value)]
        first, last = paths[block[0]], paths[block[-1]]
        return first if first == last else f"{first} to {last}"
    return f"{unit} {block[0]} to {block[-1]}"


def _moved(stored: Digest, now: Digest) -> Iterator[str]:
    if stored.kind != now.kind:
        yield f"{stored.kind} -> {now.kind}"
    if stored.count != now.count:
        yield f"{stored.count:,} {stored.unit} -> {now.count:,} {now.unit}"
    before, after = dict(stored.statistics), dict(now.statistics)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"{name} {before.get(name, 0)!r} -> {after.get(name, 0)!r}"


def _missing_elements(tolerance: Tolerance) -> Iterator[str]:
    yield "its elements are not in .repro/objects, so only the block can be told"
    if not tolerance.exact:
        yield f"{tolerance} was asked for, and cannot be applied without the elements: restore .repro/objects"


def _drift(
    name: str,
    stored: Digest,
    places: Sequence[str],
    *,
    now: str,
    lines: Sequence[str],
    step: int | None,
    seen: Observation | None,
) -> ValueDrift:
    where = places[0] if places else stored.kind
    first = Divergence(
        name=name,
        step=step,
        run=1,
        path="",
        reference=f"{where} as stored",
        other=_ABSENT if now == _ABSENT else "differ" if places else now,
        ulp=None,
        location=None if seen is None else seen.location,
    )
    shown = [f"{place} differ" for place in places[:_LINES]]
    if len(places) > _LINES:
        shown.append(f"... and {len(places) - _LINES} more blocks")
    return ValueDrift(
        name=name,
        kind=stored.kind,
        groups=((0,), (1,)),
        first=first,
        n_different=max(1, len(stored.ladder)),
        n_total=max(1, len(stored.ladder)),
        stats=None,
        structure=(*shown, *lines),
    )
