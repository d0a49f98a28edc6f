"""What an experiment keeps: its pinned arm, what it may compare, what was tried, lost and found. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.model import CauseStatus, Condition, Evidence, Place, Recording

if TYPE_CHECKING:
    from pytest_repro.model import EntropyDraw

__all__ = ["Candidate", "Experiment", "Finding", "Findings", "Lab", "Outcome", "Trial", "fisher", "rank"]

#: runs per arm before a deciding factor is called the cause
ARM = 3
#: largest number of runs per arm that a race is given
RACE_ARM = 8
FISHER_LIMIT = 0.002
#: factors that let code race, with each level's arm made of several runs
RACY = frozenset({"threads", "gpu"})
#: what code reads more or less often, or in processes that nobody pins, once threads are let loose
READ = frozenset({"entropy", "clock"})


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
    #: no further run may be made
    final: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A factor that may be the cause."""

    factor: str
    levels: tuple[str, ...]
    #: evidence for it that needed no re-run; the highest is tried first
    weight: int = 0
    #: levels that are further from the pinned one than the runs that drifted were from each other: what such a
    #: level decides did not drift, unless it lets a race loose
    remote: frozenset[str] = frozenset()


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
    #: names of the values that it moves
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """The whole experiment."""

    found: tuple[Finding, ...] = ()
    #: switched, and nothing changed; ``addresses`` where of ``memory`` only those were
    cleared: tuple[str, ...] = ()
    not_tried: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    #: everything pinned gave one result
    pinned_agrees: bool = True
    #: why the experiment ended early
    stopped: str = ""
    #: (factor, level, reason) of runs that were lost; the factor is empty where all was pinned
    lost: tuple[tuple[str, str, str], ...] = ()
    #: factors that move nothing but what memory addresses move as well
    masked: tuple[str, ...] = ()
    #: factors that decide the result too, but the same way in every run
    latent: tuple[str, ...] = ()
    #: factors that could not be held, since the run is lost with them
    unheld: tuple[str, ...] = ()
    #: names of values that differ between runs with everything pinned
    unstable: tuple[str, ...] = ()


def rank(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Heaviest evidence first, otherwise in the order given; before a race, one level of all that it may read."""
    ordered: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda candidate: -candidate.weight):
        if candidate.factor in RACY:
            before = {earlier.factor for earlier in ordered}
            unread = [other for other in candidates if other.factor in READ - before]
            ordered += [replace(other, levels=other.levels[:1]) for other in unread]
        ordered.append(candidate)
    return tuple(ordered)


Experiment: TypeAlias = Generator[Trial, Outcome, Findings]
#: the names of the values that differ between two recordings, tolerances included
Differ: TypeAlias = Callable[[Recording, Recording], Collection[str]]


def fisher(*, differ: int, switched: int, pinned: int) -> float:
    """Probability that all `differ` differing runs fall into the switched arm by chance.

    Fisher's exact test, one-sided, for a two-by-two table whose pinned arm has no differing run.
    """
    return math.comb(switched, differ) / math.comb(switched + pinned, differ)


def _kinds(recordings: Sequence[Recording], differ: Differ) -> int:
    kinds: list[Recording] = []
    for recording in recordings:
        if all(differ(kind, recording) for kind in kinds):
            kinds.append(recording)
    return len(kinds)


class Lab:
    """The pinned arm and the bookkeeping of one experiment."""

    def __init__(self, pinned: Mapping[str, str], differ: Differ, first: str) -> None:
        self.levels = dict(pinned)
        self.first = first
        self.pinned: list[Recording] = []
        self.found: list[Finding] = []
        self.lost: list[tuple[str, str, str]] = []
        self.masked: list[str] = []
        self.latent: list[str] = []
        self.unheld: list[str] = []
        self.stopped = ""
        #: values that differ between pinned runs
        self.unstable: set[str] = set()
        #: values that memory moves: they prove nothing about other factors, which move memory a little, too
        self.by_memory: set[str] = set()
        #: values that entropy or the clock moves: they prove nothing about threads, which read them
        self.by_reading: set[str] = set()
        #: factors that moved such values
        self.hidden: set[str] = set()
        #: factors that moved values, all of which memory moves
        self.shadowed: set[str] = set()
        #: every run in an interpreter of its own, whose heap has no history of earlier runs
        self.fresh = False
        self._starts = 0
        self._differ = differ
        self._arms: list[tuple[str, str, list[Recording]]] = []
        #: arms before this one were forks, and tell nothing of what interpreters of their own do
        self._begun = 0

    # --- what differs -------------------------------------------------------------------------

    @property
    def residual(self) -> bool:
        """Whether the pinned runs differ in what is to be explained."""
        return bool(self.unstable) and (not self.first or self.first in self.unstable)

    def _names(self, ours: Recording, theirs: Recording) -> set[str]:
        names = set(self._differ(ours, theirs))
        # once something drifts by itself, only the value that is to be explained counts
        return names & {self.first} if self.unstable else names

    def moved(self, recording: Recording, factor: str) -> set[str]:
        """Values that a switched factor moved, as far as they prove anything."""
        names = self._names(self.pinned[0], recording)
        if factor in RACY and names & self.by_reading:
            self.hidden.add(factor)
            names -= self.by_reading
        if factor == "memory":
            return names
        if names and names <= self.by_memory:
            self.shadowed.add(factor)
        return names - self.by_memory

    def apart(self, ours: Recording, theirs: Recording) -> Collection[str]:
        """Names of the values in which two recordings differ."""
        return self._differ(ours, theirs)

    def distinct(self, recordings: Sequence[Recording]) -> int:
        """How many different results there are."""
        return _kinds(recordings, self._names)

    def hold(self, recording: Recording) -> None:
        """Add a run with everything pinned."""
        self.pinned.append(recording)
        self.unstable.update(self._differ(self.pinned[0], recording))

    def begin_fresh(self) -> None:
        """Begin anew, with an interpreter for every run; what there is stays evidence."""
        self.note("", "pinned, forked", self.pinned)
        self.fresh, self.pinned, self.unstable = True, [], set()
        self.found, self.masked, self.latent = [], [], []
        self.by_memory, self.by_reading, self.hidden, self.shadowed = set(), set(), set(), set()
        self._begun = len(self._arms)

    # --- trials -------------------------------------------------------------------------------

    def trial(self, factor: str = "pinned", level: str = "") -> Trial:
        """Everything pinned, or one factor switched."""
        return self._trial(factor, self.levels if factor == "pinned" else {**self.levels, factor: level})

    def without(self, factor: str) -> Trial:
        """Everything pinned but this factor."""
        return self._trial("pinned", {name: level for name, level in self.levels.items() if name != factor})

    def _trial(self, factor: str, levels: Mapping[str, str]) -> Trial:
        levels = dict(levels)
        if self.fresh:
            self._starts += 1
            levels["start"] = f"{self._starts:04}"
        return Trial(Condition(Place.PROCESS, tuple(sorted(levels.items()))), factor)

    def miss(self, factor: str, level: str, outcome: Outcome) -> None:
        """Book a trial that gave no recording: the search is over, or one run of it was lost."""
        if outcome.final:
            self.stopped = outcome.reason
        else:
            self.lost.append((factor, level, outcome.reason))

    def note(self, factor: str, level: str, recordings: list[Recording]) -> None:
        """Keep one arm for the evidence."""
        self._arms.append((factor, level, recordings))

    def tried(self, factor: str) -> set[str]:
        """Levels at which a factor was tried without a loss."""
        return {level for name, level, _ in self._arms[self._begun :] if name == factor}

    # --- what it comes to ---------------------------------------------------------------------

    def certain(self, factor: str, switched: Sequence[Recording]) -> bool:
        """Whether so many runs separate the arms that chance is excluded."""
        differ = sum(bool(self.moved(recording, factor)) for recording in switched)
        return fisher(differ=differ, switched=len(switched), pinned=len(self.pinned)) < FISHER_LIMIT

    def weigh(self, factor: str, level: str, switched: Sequence[Recording], *, remote: bool) -> Finding | None:
        """What an arm shows; None where it moves nothing that counts.

        A level that is `remote` from those of the runs that drifted makes no cause where it gives one result.
        """
        moves = [self.moved(recording, factor) for recording in switched]
        moved = set().union(*moves)
        if not moved:
            return None
        distinct = self.distinct(switched)
        certain = self.certain(factor, switched)
        shown = certain and distinct > 1 if remote else certain or (distinct == 1 and len(switched) >= ARM)
        return Finding(
            status=CauseStatus.CAUSE if shown else CauseStatus.SUSPECT,
            factor=factor,
            level=level,
            pinned=len(self.pinned),
            switched=len(switched),
            differ=sum(map(bool, moves)),
            distinct=distinct,
            moved=tuple(sorted(moved)),
        )

    def evidence(self) -> tuple[Evidence, ...]:
        """Every arm with its counts, the pinned one first."""
        return tuple(
            Evidence(
                factor=factor,
                level=level,
                runs=len(recordings),
                distinct=_kinds(recordings, self._differ),
                differ=sum(bool(self._differ(self.pinned[0], recording)) for recording in recordings),
            )
            for factor, level, recordings in [("", "pinned", self.pinned), *self._arms]
        )

    def findings(self, cleared: Sequence[str], left: Sequence[str]) -> Findings:
        """Everything, taken back where values turned out to drift by themselves."""
        found = [] if self.residual else self.found
        if self.unstable:
            found = [finding for finding in found if self.first in finding.moved]
        names = {finding.factor for finding in found}
        return Findings(
            found=tuple(found),
            cleared=tuple(name for name in cleared if name not in names),
            not_tried=tuple(name for name in left if name not in names),
            evidence=self.evidence(),
            pinned_agrees=not self.residual,
            stopped=self.stopped,
            lost=tuple(self.lost),
            masked=tuple(self.masked),
            latent=tuple(self.latent),
            unheld=tuple(self.unheld),
            unstable=tuple(sorted(self.unstable)),
        )
