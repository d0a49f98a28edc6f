"""Why a test drifted, and draws on entropy: what is made only where something was found."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pytest_repro.model.runs import Location

__all__ = ["Cause", "CauseStatus", "EntropyDraw", "Evidence", "Suspect", "Violation"]


class CauseStatus(str, enum.Enum):
    """How sure the explanation is: three words with three meanings."""

    CAUSE = "cause"  # it alone was switched, everything else pinned, and it decided the result
    SUSPECT = "suspect"  # evidence points at it, and does not prove it
    UNKNOWN = "unknown"  # nothing that could be pinned explains the drift


@dataclass(frozen=True, slots=True)
class Evidence:
    """One arm of the experiment: what was held, what was switched, what came out."""

    factor: str
    #: ``pinned`` or the level that the factor was switched to
    level: str
    runs: int
    #: distinct results among them
    distinct: int
    #: how many of them differ from the pinned result
    differ: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a test drifted, as far as re-running has shown."""

    status: CauseStatus
    #: ``hash-seed``, ``entropy``, ``clock``, ``threads``, ``state``, ``files``, ``memory``,
    #: ``environment``, ``cpu``, ``gpu``, ``order``; empty when unknown
    factor: str
    #: one sentence with the counts of both arms
    summary: str
    evidence: tuple[Evidence, ...] = ()
    #: what to change, in the vocabulary of the library at fault
    advice: str = ""
    location: Location | None = None
    #: factors that were switched and changed nothing
    ruled_out: tuple[str, ...] = ()
    #: further causes, when several factors act
    also: tuple[str, ...] = ()
    #: lines for the reader beyond the summary: suspects, budget
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line of the user's code that may make results differ; found by reading, not by running."""

    #: as in `Cause`: ``clock``, ``hash-seed``, ``state`` …
    factor: str
    #: what stands there: ``time.time()``, ``for token in set(...)``
    call: str
    location: Location
    advice: str = ""


@dataclass(frozen=True, slots=True)
class EntropyDraw:
    """Draws on uncontrolled entropy (or a directory listing) from one line of the user's code."""

    #: ``os-entropy``, ``uuid``, ``listing``, ``clock``
    source: str
    #: the call as the user would write it: ``numpy.random.default_rng()``
    call: str
    location: Location
    count: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A draw on uncontrolled entropy that the strict mode does not let pass."""

    call: str
    location: Location
    count: int
    #: what to write instead
    fix: str
