"""What comparing recordings gives."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from pytest_repro.model.drift import Divergence, LeafDifference, NumberStats, ValueDrift, WithinTolerance

__all__ = ["Comparison", "Match", "MatchStatus"]


class MatchStatus(str, enum.Enum):
    """How one value of a run relates to the reference."""

    EQUAL = "equal"
    WITHIN = "within tolerance"
    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Match:
    """One value of a run against the reference's."""

    status: MatchStatus
    #: the leaves that differ in execution order, cut at a limit
    leaves: tuple[LeafDifference, ...] = ()
    #: how many leaves differ in all
    n_leaves: int = 0
    #: over all numeric leaves; None when nothing numeric differs
    stats: NumberStats | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The recordings of one test against each other."""

    #: in execution order of their first divergence
    drifts: tuple[ValueDrift, ...] = ()
    equal: tuple[str, ...] = ()
    within: tuple[WithinTolerance, ...] = ()
    first: Divergence | None = None
    #: what values left out on purpose: ``model: refit_time_ (timing)``
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many values were compared."""
        return len(self.drifts) + len(self.equal) + len(self.within)

    @property
    def differing(self) -> str:
        """``2 of 5 values differ``."""
        count, total = len(self.drifts), self.total
        return f"{count} of {total} {'value' if total == 1 else 'values'} {'differs' if count == 1 else 'differ'}"
