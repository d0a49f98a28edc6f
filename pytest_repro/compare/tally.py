"""Adding up statistics: over the leaves of a value, the steps of a series, the runs of a test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_repro.model import NumberStats

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tally", "largest_of", "sum_of"]


class Tally:
    """The sum of statistics over different numbers: counts add up, maxima are maxima."""

    def __init__(self) -> None:
        self._only: NumberStats | None = None
        self._parts = 0
        self._total = 0
        self._unequal = 0
        self._outside = 0
        self._max_abs = 0.0
        self._max_rel = 0.0
        self._max_ulp: int | None = None
        self._zeros_only = True

    def add(self, stats: NumberStats) -> None:
        """Take in one part; what has no distance (text, dates) has no place in the sum."""
        if math.isnan(stats.max_abs):
            return
        self._parts += 1
        self._only = stats
        self._total += stats.total
        self._unequal += stats.unequal
        self._outside += stats.outside
        self._max_abs = max(self._max_abs, stats.max_abs)
        self._max_rel = max(self._max_rel, stats.max_rel)
        if stats.max_ulp is not None:
            self._max_ulp = max(self._max_ulp or 0, stats.max_ulp)
        self._zeros_only = self._zeros_only and stats.sign_of_zero_only

    def result(self) -> NumberStats | None:
        """Return the sum; the part itself if there was one; None if there was none."""
        if self._parts <= 1:
            return self._only
        return NumberStats(
            self._total, self._unequal, (), self._max_abs, self._max_rel, self._max_ulp, self._zeros_only, self._outside
        )


def sum_of(parts: Iterable[NumberStats | None]) -> NumberStats | None:
    """Return the sum over different numbers."""
    tally = Tally()
    for stats in parts:
        if stats is not None:
            tally.add(stats)
    return tally.result()


def largest_of(parts: Iterable[NumberStats | None]) -> NumberStats | None:
    """Return the maxima over several runs of the same numbers; the index is that of the first."""
    known = [stats for stats in parts if stats is not None]
    if len(known) <= 1:
        return known[0] if known else None
    ulps = [stats.max_ulp for stats in known if stats.max_ulp is not None]
    return NumberStats(
        total=max(stats.total for stats in known),
        unequal=max(stats.unequal for stats in known),
        first_index=known[0].first_index,
        max_abs=max(stats.max_abs for stats in known),
        max_rel=max(stats.max_rel for stats in known),
        max_ulp=max(ulps) if ulps else None,
        sign_of_zero_only=all(stats.sign_of_zero_only for stats in known),
        outside=max(stats.outside for stats in known),
    )
