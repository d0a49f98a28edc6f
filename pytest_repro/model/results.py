"""The verdict on a test, and the report of a session."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from pytest_repro.model.classes import dataclass
from pytest_repro.model.comparison import Comparison
from pytest_repro.model.runs import Condition, Location

if TYPE_CHECKING:
    from pytest_repro.model.causes import Cause, Violation
    from pytest_repro.model.environment import EnvChange

__all__ = ["SessionReport", "TestResult", "Verdict"]


class Verdict(str, enum.Enum):
    """What a test's runs came to."""

    REPRODUCED = "reproduced"
    WITHIN = "within tolerance"
    DRIFTED = "drifted"
    BASELINE_DRIFTED = "baseline drifted"
    INCONCLUSIVE = "inconclusive"
    LOST = "lost"

    @property
    def good(self) -> bool:
        """Whether the test may pass."""
        return self in (Verdict.REPRODUCED, Verdict.WITHIN)


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test from plan to verdict: everything any report needs."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    nodeid: str
    verdict: Verdict
    runs: int
    seed: int
    #: one sentence: ``2 of 5 values differ between 3 runs that should be equal``
    headline: str
    comparison: Comparison = Comparison()
    cause: Cause | None = None
    #: which global random streams had diverged before the first value that differs, or that none had
    streams: str = ""
    #: one per run, in the order of their numbers
    conditions: tuple[Condition, ...] = ()
    #: per run (name, value) of what was in effect
    environments: tuple[tuple[tuple[str, str], ...], ...] = ()
    varied: tuple[str, ...] = ()
    location: Location | None = None
    #: the command that shows it again
    again: str = ""
    #: draws that fail a strict test, whatever the verdict
    violations: tuple[Violation, ...] = ()
    #: what run 1 was compared with beside the other runs: ``baseline``; empty where it was not
    against: str = ""
    #: how the environment differs from the one it was compared with, what can change numbers first
    changes: tuple[EnvChange, ...] = ()
    #: how the user's code differs: commit range, changed files
    code: tuple[str, ...] = ()
    #: what to do about it
    advice: tuple[str, ...] = ()
    #: (run, name) where runs have other names than ``run 3``
    labels: tuple[tuple[int, str], ...] = ()
    #: (name, step or None, value) of the metrics of run 1, of a series the last; bounded
    metrics: tuple[tuple[str, int | None, float], ...] = ()
    #: why it is only reported where it is not good: a quarantine, a known drift, ``--repro-level=warn``
    excuse: str = ""

    @property
    def good(self) -> bool:
        """Whether the test may pass."""
        return self.verdict.good and not self.violations


@dataclass(frozen=True, slots=True)
class SessionReport:
    """A whole session, for any report."""

    tests: tuple[TestResult, ...]
    runs: int
    seed: int
    #: (name, value), sorted
    environment: tuple[tuple[str, str], ...] = ()
    varied: tuple[str, ...] = ()
    not_varied: tuple[str, ...] = ()
    #: field for later additions, so that readers can ignore what they do not know
    notes: tuple[str, ...] = ()
