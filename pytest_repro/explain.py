"""Which factor to pin next, and when the evidence is enough. Pure: it proposes trials and judges their results.

The procedure is that of an experiment, not of a guess:

1. Everything that the platform can pin is pinned, and the test is run three times (A A A). Where
   those differ, the cause is *unknown*: nothing that can be pinned explains the drift.
2. Suspects first, one factor is switched to another level while all others stay pinned (B). Equal:
   it is cleared. Different: A and B are repeated in turn until three each.
3. B agrees with itself and never with A: the factor decides the result, a *cause*. (Simulated to be
   wrong in less than 2 % of cases, whatever else drifts.)
4. B disagrees with itself while A never does: a race that this factor enables. That is a *suspect*,
   unless so many runs separate the two arms that chance is excluded: Fisher's exact test below
   0.2 %, which with eight factors keeps the same 2 %.

Memory is tried before a factor that needs another start of the interpreter is blamed, since such a
start moves addresses too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.model import CauseStatus, Condition, Evidence, Place, Recording

if TYPE_CHECKING:
    from pytest_repro.model import EntropyDraw, Location

__all__ = ["FISHER_LIMIT", "Candidate", "Finding", "Findings", "Outcome", "Trial", "fisher", "investigate", "rank"]

#: runs per arm before a deciding factor is called the cause
ARM = 3
#: largest number of runs per arm that a race is given
RACE_ARM = 8
FISHER_LIMIT = 0.002
#: a race may hide in one run: this many before such a factor is cleared
RACE_TRIES = 4
#: factors whose switch needs another start of the interpreter, which moves addresses
LAUNCHED = frozenset({"hash-seed", "threads", "cpu", "environ", "home", "locale"})
RACY = frozenset({"threads", "gpu"})
#: only the addresses move: all together, and among themselves
MEMORY_CHECK = ("perturb=165", "perturb=165,aslr=off,scattered")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run that is asked for."""

    condition: Condition
    #: ``pinned`` or the name of the factor that is switched
    factor: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial; without a recording it could not be carried out, for the reason given."""

    recording: Recording | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A factor that may be the cause."""

    factor: str
    levels: tuple[str, ...]
    #: evidence for it that needed no re-run; the highest is tried first
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What switching one factor showed."""

    status: CauseStatus
    factor: str
    level: str
    #: runs with everything pinned
    pinned: int
    #: runs with the factor switched
    switched: int
    #: how many of those differ from the pinned result
    differ: int
    distinct: int
    #: lines whose stream alone decides the result
    sites: tuple[EntropyDraw, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """The whole experiment."""

    found: tuple[Finding, ...] = ()
    cleared: tuple[str, ...] = ()
    not_tried: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    #: everything pinned gave one result
    pinned_agrees: bool = True
    #: why the experiment ended early
    stopped: str = ""


Experiment: TypeAlias = Generator[Trial, Outcome, Findings]
Agree: TypeAlias = Callable[[Recording, Recording], bool]


def fisher(*, differ: int, switched: int, pinned: int) -> float:
    """Probability that all `differ` differing runs fall into the switched arm by chance.

    Fisher's exact test, one-sided, for a two-by-two table whose pinned arm has no differing run.
    """
    return math.comb(switched, differ) / math.comb(switched + pinned, differ)


def rank(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Heaviest evidence first, otherwise in the order given."""
    return tuple(sorted(candidates, key=lambda candidate: -candidate.weight))


class _Lab:
    """The pinned arm and the bookkeeping of one experiment."""

    def __init__(self, pinned: Mapping[str, str], agree: Agree) -> None:
        self.levels = dict(pinned)
        self.agree = agree
        self.pinned: list[Recording] = []
        self.evidence: list[Evidence] = []
        self.stopped = ""
        self.residual = False

    def trial(self, factor: str = "pinned", level: str = "") -> Trial:
        levels = dict(self.levels)
        if factor != "pinned":
            levels[factor] = level
        return Trial(Condition(Place.PROCESS, tuple(sorted(levels.items()))), factor)

    def differs(self, recording: Recording) -> bool:
        return not self.agree(self.pinned[0], recording)

    def distinct(self, recordings: Sequence[Recording]) -> int:
        kinds: list[Recording] = []
        for recording in recordings:
            if not any(self.agree(kind, recording) for kind in kinds):
                kinds.append(recording)
        return len(kinds)

    def note(self, factor: str, level: str, recordings: Sequence[Recording]) -> None:
        differ = sum(self.differs(recording) for recording in recordings)
        self.evidence.append(
            Evidence(
                factor=factor,
                level=level,
                runs=len(recordings),
                distinct=self.distinct(recordings),
                differ=differ,
            )
        )


def _run_pinned(lab: _Lab) -> Generator[Trial, Outcome, bool]:
    """One more run with everything pinned; False where it cannot serve as evidence."""
    outcome = yield lab.trial()
    if outcome.recording is None:
        lab.stopped = outcome.reason
        return False
    lab.pinned.append(outcome.recording)
    if lab.differs(outcome.recording):
        lab.residual = True
        return False
    return True


def investigate(
    candidates: Sequence[Candidate],
    *,
    pinned: Mapping[str, str],
    agree: Agree,
    draws: Sequence[EntropyDraw] = (),
    site_level: Callable[[Location], str] | None = None,
    enough: Callable[[Sequence[Finding], Candidate], bool] = lambda found, _candidate: bool(found),
) -> Experiment:
    """Find the factors that decide the result.

    A generator: yields a `Trial`, is sent its `Outcome`, returns the `Findings`.

    Args:
        candidates: factors and levels to try, in order.
        pinned: the level of every factor in the pinned arm.
        agree: whether two recordings are equal, tolerances included.
        draws: draws on entropy that were seen, to tell which line matters.
        site_level: the level that switches the stream of one line only.
        enough: told what was found and the next candidate; whether to leave that one out.
    """
    lab = _Lab(pinned, agree)
    for _ in range(ARM):
        if not (yield from _run_pinned(lab)):
            return _findings(lab, [], [], [candidate.factor for candidate in candidates])
    found: list[Finding] = []
    cleared: list[str] = []
    left: list[str] = []
    for candidate in candidates:
        if lab.stopped or lab.residual or enough(found, candidate):
            left.append(candidate.factor)
            continue
        finding = yield from _try(lab, candidate, [*cleared, *(entry.factor for entry in found)])
        if finding is None:
            (left if lab.stopped or lab.residual else cleared).append(candidate.factor)
        elif finding.factor not in [entry.factor for entry in found]:
            found.append(finding)
    if any(entry.factor == "entropy" for entry in found) and site_level is not None and not lab.stopped:
        found = yield from _name_sites(lab, found, draws, site_level)
    return _findings(lab, found, cleared, left)


def _findings(lab: _Lab, found: list[Finding], cleared: list[str], left: list[str]) -> Findings:
    names = {entry.factor for entry in found}
    if lab.residual:
        found = []
    return Findings(
        found=tuple(found),
        cleared=tuple(name for name in cleared if name not in names),
        not_tried=tuple(name for name in left if name not in names),
        evidence=(_pinned_evidence(lab), *lab.evidence),
        pinned_agrees=not lab.residual,
        stopped=lab.stopped,
    )


def _pinned_evidence(lab: _Lab) -> Evidence:
    differ = sum(lab.differs(recording) for recording in lab.pinned)
    distinct = lab.distinct(lab.pinned)
    return Evidence(factor="", level="pinned", runs=len(lab.pinned), distinct=distinct, differ=differ)


def _try(lab: _Lab, candidate: Candidate, known: Sequence[str]) -> Generator[Trial, Outcome, Finding | None]:
    """Switch one factor through its levels until one differs; None clears it (or the experiment stopped)."""
    for level in candidate.levels:
        switched: list[Recording] = []
        for _ in range(RACE_TRIES if candidate.factor in RACY else 1):
            outcome = yield lab.trial(candidate.factor, level)
            if outcome.recording is None:
                lab.stopped = outcome.reason
                return None
            switched.append(outcome.recording)
            if lab.differs(outcome.recording):
                break
        if not lab.differs(switched[-1]):
            lab.note(candidate.factor, level, switched)
            continue
        if candidate.factor in LAUNCHED and "memory" in lab.levels and "memory" not in known:
            memory = yield from _try(lab, Candidate("memory", MEMORY_CHECK), known)
            if memory is not None or lab.stopped or lab.residual:
                return memory
        return (yield from _confirm(lab, candidate.factor, level, switched))
    return None


def _confirm(
    lab: _Lab, factor: str, level: str, switched: list[Recording]
) -> Generator[Trial, Outcome, Finding | None]:
    """A B A B until the evidence is enough or shown to be weak; what there is of it when the search must end."""
    while not _settled(lab, switched):
        if not (yield from _run_pinned(lab)):
            return None if lab.residual else _weigh(lab, factor, level, switched)
        outcome = yield lab.trial(factor, level)
        if outcome.recording is None:
            lab.stopped = outcome.reason
            break
        switched.append(outcome.recording)
    return _weigh(lab, factor, level, switched)


def _settled(lab: _Lab, switched: Sequence[Recording]) -> bool:
    if len(switched) < ARM:
        return False
    return lab.distinct(switched) == 1 or _race_settled(lab, switched)


def _weigh(lab: _Lab, factor: str, level: str, switched: Sequence[Recording]) -> Finding:
    lab.note(factor, level, switched)
    differ = sum(lab.differs(recording) for recording in switched)
    distinct = lab.distinct(switched)
    steady = distinct == 1 and len(switched) >= ARM
    proven = steady or fisher(differ=differ, switched=len(switched), pinned=len(lab.pinned)) < FISHER_LIMIT
    return Finding(
        status=CauseStatus.CAUSE if proven else CauseStatus.SUSPECT,
        factor=factor,
        level=level,
        pinned=len(lab.pinned),
        switched=len(switched),
        differ=differ,
        distinct=distinct,
    )


def _race_settled(lab: _Lab, switched: Sequence[Recording]) -> bool:
    differ = sum(lab.differs(recording) for recording in switched)
    certain = fisher(differ=differ, switched=len(switched), pinned=len(lab.pinned)) < FISHER_LIMIT
    return certain or len(switched) >= RACE_ARM


def _name_sites(
    lab: _Lab,
    found: list[Finding],
    draws: Sequence[EntropyDraw],
    site_level: Callable[[Location], str],
) -> Generator[Trial, Outcome, list[Finding]]:
    """Switch the stream of one line at a time: which of the draws reaches the result."""
    from dataclasses import replace

    sources = [draw for draw in draws if draw.source != "listing" and draw.location.line > 0]
    if len(sources) <= 1:
        sites = tuple(sources)
    else:
        matter = []
        for draw in sources:
            outcome = yield lab.trial("entropy", site_level(draw.location))
            if outcome.recording is None:
                break
            if lab.differs(outcome.recording):
                matter.append(draw)
        sites = tuple(matter)
    return [replace(entry, sites=sites) if entry.factor == "entropy" else entry for entry in found]
