"""The list of leaves that differ, while two values are walked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_repro.compare.tally import Tally
from pytest_repro.model import Array, LeafDifference, Match, MatchStatus, Tolerance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_repro.model import Node, NumberStats

__all__ = ["ABSENT", "LIMIT", "LeafList", "packed"]

#: leaves kept of one value
LIMIT = 1000
#: what is shown for a part that the other side lacks
ABSENT = "(absent)"
_WIDTH = 200


class LeafList:
    """Leaves in the order in which they are met, cut at `LIMIT`, with sums over all of them."""

    def __init__(self) -> None:
        self._number = 0
        self._leaves: list[LeafDifference] = []
        self._tally = Tally()
        self._within = False
        #: floats that are compared together later on
        self._counted: tuple[list[float], list[float]] = ([], [])

    @property
    def n_leaves(self) -> int:
        """How many leaves differ."""
        self._measure_counted()
        return self._number

    @property
    def full(self) -> bool:
        """Whether further leaves are only counted."""
        return len(self._leaves) >= LIMIT

    def add(self, path: Any, what: str, reference: str, other: str) -> None:
        """Take in a leaf that no tolerance can excuse."""
        self._number += 1
        if not self.full:
            self._leaves.append(LeafDifference(path_text(path), what, reference, other))

    def values(self, path: Any, reference: Node, other: Node) -> None:
        """Take in two leaves of one type that are not numbers."""
        self._number += 1
        if not self.full:
            from pytest_repro.compare.excerpt import both

            self._leaves.append(LeafDifference(path_text(path), "value", *both(reference, other, width=_WIDTH)))

    def one_sided(self, path: Any, what: str, node: Node) -> None:
        """Take in a part that only one side has: `what` is ``missing`` or ``extra``."""
        from pytest_repro.values import render

        text = render(node, width=_WIDTH)
        self.add(path, what, *((text, ABSENT) if what == "missing" else (ABSENT, text)))

    def numbers(
        self, path: Any, stats: NumberStats, outside: int, texts: Callable[[], tuple[str, str, int | None]]
    ) -> None:
        """Take in numbers that differ; a leaf only where some of them are beyond the tolerance."""
        self.tally(stats)
        if outside:
            self.number_leaf(path, stats, texts)

    def tally(self, stats: NumberStats) -> None:
        """Count numbers that differ, without a leaf."""
        self._within = True
        self._tally.add(stats)

    def number_leaf(self, path: Any, stats: NumberStats, texts: Callable[[], tuple[str, str, int | None]]) -> None:
        """Add a leaf of numbers that are counted already."""
        self._number += 1
        if not self.full:
            reference, other, ulp = texts()
            self._leaves.append(LeafDifference(path_text(path), "value", reference, other, stats, ulp))

    def count_floats(self, references: Iterable[float], others: Iterable[float]) -> None:
        """Take in pairs of floats, of which the unequal ones are leaves that are not listed any more.

        No tolerance is given, and all NaNs are equal. A hundred thousand of them are measured at once by numpy in less
        time than one by one.
        """
        self._counted[0].extend(references)
        self._counted[1].extend(others)

    def skip(self, number: int) -> None:
        """Count leaves that are not listed and whose statistics are counted already."""
        self._number += number

    def _measure_counted(self) -> None:
        if not self._counted[0]:
            return
        a, b = (packed(values) for values in self._counted)
        self._counted = ([], [])
        self._number += self.tally_packed(a, b, Tolerance())

    def tally_packed(self, a: Array, b: Array, tolerance: Tolerance) -> int:
        """Count those of many floats that differ, each a leaf of its own; return how many are beyond the tolerance."""
        from pytest_repro.compare.numbers import number_stats

        stats, outside = number_stats(a, b, tolerance)
        if stats is not None:
            self.tally(replace(stats, total=stats.unequal, first_index=()))
        return outside

    def result(self) -> Match:
        """Return what was found."""
        n_leaves = self.n_leaves
        if n_leaves:
            status = MatchStatus.DIFFERENT
        else:
            status = MatchStatus.WITHIN if self._within else MatchStatus.EQUAL
        return Match(status, tuple(self._leaves), n_leaves, self._tally.result())


def packed(floats: Sequence[Any]) -> Array:
    """Return Python floats as an array, which is compared in a fraction of the time."""
    import numpy as np

    data = np.array(floats, np.float64)
    return Array("list", "float64", data.shape, data)


def path_text(path: Any) -> str:
    """Return the path as the user would write it after the value's name."""
    segments: list[str] = []
    while path is not None:
        path, segment = path
        segments.append(segment if isinstance(segment, str) else f"[{segment}]")
    return "".join(reversed(segments))
