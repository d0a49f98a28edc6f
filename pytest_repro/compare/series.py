"""The points of a numeric series, for charts: bounded, never without the first step that differs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.compare.align import Key
    from pytest_repro.compare.runs import Judged
    from pytest_repro.model import Node

    Curve: TypeAlias = tuple[int, tuple[int, ...], tuple[float, ...]]

__all__ = ["POINTS", "numeric_series"]

#: points kept of one run
POINTS = 2000


def numeric_series(judged: Judged, first: Key) -> tuple[Curve, ...]:
    """Return (run, steps, values) per run, the reference first; empty unless all values are real numbers.

    Long series keep the smallest and the largest value of each of equally long pieces, their ends,
    and the step `first`.
    """
    aligned = judged.aligned
    if not aligned.series:
        return ()
    curves: list[Curve] = []
    for run, found in zip(judged.runs, aligned.found, strict=True):
        keys = [key for key in aligned.keys if key in found]
        values = [number(found[key].value) for key in keys]
        if None in values:
            return ()
        numbers = [value for value in values if value is not None]
        kept = _kept(numbers, keys.index(first) if first in found else 0)
        steps = tuple(aligned.step(keys[i]) or 0 for i in kept)
        curves.append((run, steps, tuple(numbers[i] for i in kept)))
    return tuple(curves)


def number(node: Node) -> float | None:
    """Return a real number as a float, None for anything else."""
    if isinstance(node, bool):
        return None
    if isinstance(node, (int, float)):
        try:
            return float(node)
        except OverflowError:
            return math.inf if node > 0 else -math.inf
    from pytest_repro.model import Array

    if isinstance(node, Array) and node.data.size == 1:
        from pytest_repro.compare.numbers import real_number

        return real_number(node)
    return None


def _kept(values: Sequence[float], first: int) -> list[int]:
    """Return the indices to keep, in order."""
    if len(values) <= POINTS:
        return list(range(len(values)))
    pieces = (POINTS - 3) // 2
    kept = {0, first, len(values) - 1}
    for i in range(pieces):
        piece = range(i * len(values) // pieces, (i + 1) * len(values) // pieces)
        finite = [j for j in piece if not math.isnan(values[j])] or [piece[0]]
        kept |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)}
    return sorted(kept)
