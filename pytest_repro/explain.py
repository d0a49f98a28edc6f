"""Which factor to pin next, and when the evidence is enough. Pure: it proposes trials and judges their results.

The procedure is that of an experiment, not of a guess:

1. Everything that the platform can pin is pinned, and the test is run three times (A A A). Where
   those differ in the value that is to be explained, the cause is *unknown*: nothing that can be
   pinned explains the drift.
2. Suspects first, one factor is switched to another level while all others stay pinned (B). Equal:
   it is cleared. Different: A and B are repeated in turn until three each.
3. B agrees with itself and never with A: the factor decides the result, a *cause*. (Simulated to be
   wrong in less than 2 % of cases, whatever else drifts.)
4. B disagrees with itself while A never does: a race that this factor enables. That is a *suspect*,
   unless so many runs separate the two arms that chance is excluded: Fisher's exact test below
   0.2 %, which with eight factors keeps the same 2 %.
5. What was the same in all runs that drifted (threads, directory order, the date, unless varied)
   explains them by such a race only. Where B agrees with itself, it decides the result, but not
   the drift: it is named beside the cause, never as the cause.

Whatever is switched moves objects a little. Before anything is blamed the order of addresses is
therefore switched by itself, too: values that it moves prove nothing about another factor. Threads that
are let loose read clocks more or less often, and draw in processes that nobody pins: values that entropy
or the clock moves prove nothing about them.

Forks of one process inherit a heap with a history. Where the pinned runs differ, they are made again in
an interpreter each, also where they differ late: results that agree then, and follow the order of
addresses, are told by that.

A run that is lost costs the arm that it belongs to. Where even the first run is lost, each pin is
left out in turn: a program may not stand one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_repro.lab import (
    ARM,
    FISHER_LIMIT,
    RACE_ARM,
    RACY,
    READ,
    Candidate,
    Finding,
    Findings,
    Lab,
    Outcome,
    Trial,
    fisher,
    rank,
)
from pytest_repro.leftovers import take_away
from pytest_repro.model import CauseStatus
from pytest_repro.pinned_arm import fresh_arm, pinned_arm, run_pinned

if TYPE_CHECKING:
    from pytest_repro.lab import Differ, Experiment
    from pytest_repro.model import EntropyDraw, Location, Recording

__all__ = ["FISHER_LIMIT", "Candidate", "Finding", "Findings", "Outcome", "Trial", "fisher", "investigate", "rank"]

#: a race may hide in one run: this many before such a factor is cleared
RACE_TRIES = 4
#: factors whose switch needs another start of the interpreter, which moves the base of the heap as well
LAUNCHED = frozenset({"hash-seed", "threads", "cpu", "environ", "home", "locale"})
#: factors whose switched level leaves something to chance
LOOSE = RACY | {"files"}
#: only the addresses move: among themselves, and all together
ORDERS = ("perturb=165,aslr=off,scattered", "perturb=165,aslr=off,scattered=1")
BASE = "perturb=165,packed"
#: weight of a candidate that taps saw or that stands in the source: believed where time runs out before memory is tried
_EVIDENT = 2


def investigate(
    candidates: Sequence[Candidate],
    *,
    pinned: Mapping[str, str],
    differ: Differ,
    first: str = "",
    draws: Sequence[EntropyDraw] = (),
    site_level: Callable[[Location, str], str] | None = None,
    enough: Callable[[Sequence[Finding], Candidate], bool] = lambda found, _candidate: bool(found),
    left: Mapping[str, str] = MappingProxyType({}),
) -> Experiment:
    """Find the factors that decide the result.

    A generator: yields a `Trial`, is sent its `Outcome`, returns the `Findings`.

    Args:
        candidates: factors and levels to try, in order.
        pinned: the level of every factor in the pinned arm.
        differ: the names of the values in which two recordings differ, tolerances included.
        first: name of the first value that drifted: the one to explain. Empty: any of them.
        draws: draws on entropy that were seen, to tell which line matters.
        site_level: the level that switches the stream of one line only, given the key to switch it to.
        enough: told what was found and the next candidate; whether to leave that one out.
        left: factor of `leftovers` → its level at which nothing is there that runs left; of those where they left any.
    """
    lab = Lab(pinned, differ, first)
    steady = yield from pinned_arm(lab)
    cleared, undecided = yield from _search(lab, candidates if steady else (), enough)
    for factor, level in left.items():
        if lab.first and lab.residual and not lab.stopped:
            steady = yield from take_away(lab, factor, level)
    if lab.residual and "memory" in lab.levels and not lab.stopped:
        steady = yield from fresh_arm(lab)
        candidates = sorted(candidates, key=lambda candidate: candidate.factor != "memory")
        cleared, undecided = yield from _search(lab, candidates if steady else (), enough)
    if not steady:
        undecided = list(dict.fromkeys(candidate.factor for candidate in candidates))
    if site_level is not None and _found(lab, "entropy") and not lab.stopped:
        yield from _name_sites(lab, draws, site_level)
    if "memory" not in cleared and set(ORDERS) <= lab.tried("memory"):
        cleared += [] if _found(lab, "memory") or lab.residual else ["addresses"]
    return lab.findings(cleared, undecided)


def _found(lab: Lab, factor: str) -> bool:
    return any(finding.factor == factor for finding in lab.found)


def _search(
    lab: Lab, candidates: Sequence[Candidate], enough: Callable[[Sequence[Finding], Candidate], bool]
) -> Generator[Trial, Outcome, tuple[list[str], list[str]]]:
    """Try one candidate after the other; the factors that were cleared, and those that were not decided."""
    cleared: list[str] = []
    left: list[str] = []
    for place, candidate in enumerate(candidates, start=1):
        ended = lab.stopped or lab.residual or candidate.factor in lab.unheld
        ended = ended or (candidate.factor in RACY and lab.first in lab.by_reading)
        again = any(later.factor == candidate.factor for later in candidates[place:])
        if ended or enough(lab.found, candidate):
            left += [] if again else [candidate.factor]
            continue
        finding = yield from _try(lab, candidate)
        if finding is not None and _latent(candidate, finding):
            lab.latent.append(candidate.factor)
        elif finding is not None:
            _keep(lab, finding)
        elif not again and not _found(lab, candidate.factor):
            lab.masked += {candidate.factor} & lab.shadowed - {*lab.masked}
            (left if _undecided(lab, candidate.factor) else cleared).append(candidate.factor)
    return cleared, left


def _latent(candidate: Candidate, finding: Finding) -> bool:
    """Whether a finding shows what the result depends on, and not what drifted.

    Code that collects what threads give may nearly always get it in one order: with such a line in
    the source, threads stay a suspect.
    """
    steady = finding.level in candidate.remote and finding.distinct == 1 and finding.switched >= _patience(candidate)
    return steady and not (candidate.factor in RACY and candidate.weight >= _EVIDENT)


def _patience(candidate: Candidate) -> int:
    """Runs of an arm that agrees with itself before it is taken for steady."""
    return RACE_ARM if candidate.factor in LOOSE and candidate.remote else ARM


def _lost(lab: Lab, factor: str) -> bool:
    return any(name == factor for name, _, _ in lab.lost)


def _undecided(lab: Lab, factor: str) -> bool:
    return bool(lab.stopped) or lab.residual or factor in {*lab.masked, *lab.hidden} or _lost(lab, factor)


def _keep(lab: Lab, finding: Finding) -> None:
    if not _found(lab, finding.factor):
        lab.found.append(finding)
        if finding.factor in READ:
            lab.by_reading.update(finding.moved)
        if finding.factor == "memory":
            lab.by_memory.update(finding.moved)


# --- one factor -----------------------------------------------------------------------------------


def _try(lab: Lab, candidate: Candidate) -> Generator[Trial, Outcome, Finding | None]:
    """Switch one factor through its levels until one moves the value to explain; None where none moves any."""
    factor = candidate.factor
    best: tuple[str, list[Recording]] | None = None
    for level in candidate.levels:
        if level in lab.tried(factor):
            continue
        switched = yield from _probe(lab, factor, level)
        if lab.stopped:
            break
        if not switched or not lab.moved(switched[-1], factor):
            continue
        if best is not None and lab.first not in lab.moved(switched[-1], factor):
            lab.note(factor, level, switched)
            continue
        if best is not None:
            lab.note(factor, *best)
        best = level, switched
        if not lab.first or lab.first in lab.moved(switched[-1], factor):
            break
    if best is None:
        return None
    finding = yield from _confirm(lab, candidate, *best)
    if factor == "memory" or finding is None or _latent(candidate, finding):
        return finding
    return (yield from _apart_from_memory(lab, candidate, finding, best[1]))


def _probe(lab: Lab, factor: str, level: str) -> Generator[Trial, Outcome, list[Recording]]:
    """Run with one factor switched, a race several times; what was run until something moved."""
    switched: list[Recording] = []
    for _ in range(RACE_TRIES if factor in RACY else 1):
        outcome = yield lab.trial(factor, level)
        if outcome.recording is None:
            lab.miss(factor, level, outcome)
            return switched
        switched.append(outcome.recording)
        if lab.moved(outcome.recording, factor):
            return switched
    lab.note(factor, level, switched)
    return switched


def _apart_from_memory(
    lab: Lab, candidate: Candidate, finding: Finding, switched: Sequence[Recording]
) -> Generator[Trial, Outcome, Finding | None]:
    """What is left of a finding once the order of addresses was switched by itself, if it was not yet."""
    factor = candidate.factor
    levels = (*ORDERS, BASE) if factor in LAUNCHED else ORDERS
    if "memory" in lab.levels and not lab.stopped and not _found(lab, "memory") and not _lost(lab, "memory"):
        memory = yield from _try(lab, Candidate("memory", levels))
        if memory is not None:
            _keep(lab, memory)
    if lab.residual:
        return None
    weighed = lab.weigh(factor, finding.level, switched, remote=finding.level in candidate.remote)
    if weighed is None:
        lab.masked.append(factor)
        return None
    told = "memory" not in lab.levels or _found(lab, "memory") or set(levels) <= lab.tried("memory")
    if told or (candidate.weight >= _EVIDENT and factor not in LAUNCHED):
        return replace(finding, status=weighed.status, differ=weighed.differ, moved=weighed.moved)
    return replace(finding, status=CauseStatus.SUSPECT, moved=weighed.moved)


def _confirm(
    lab: Lab, candidate: Candidate, level: str, switched: list[Recording]
) -> Generator[Trial, Outcome, Finding | None]:
    """A B A B until the evidence is enough or shown to be weak; what there is of it when the search must end."""
    factor = candidate.factor
    while not lab.stopped and not _settled(lab, candidate, switched):
        if not (yield from run_pinned(lab)):
            break
        outcome = yield lab.trial(factor, level)
        if outcome.recording is None:
            lab.miss(factor, level, outcome)
            break
        switched.append(outcome.recording)
    lab.note(factor, level, switched)
    return None if lab.residual else lab.weigh(factor, level, switched, remote=level in candidate.remote)


def _settled(lab: Lab, candidate: Candidate, switched: Sequence[Recording]) -> bool:
    if len(switched) < ARM:
        return False
    if lab.distinct(switched) == 1:
        return len(switched) >= _patience(candidate)
    return lab.certain(candidate.factor, switched) or len(switched) >= RACE_ARM


# --- lines that draw ------------------------------------------------------------------------------


def _name_sites(
    lab: Lab, draws: Sequence[EntropyDraw], site_level: Callable[[Location, str], str]
) -> Generator[Trial, Outcome, None]:
    """Switch the stream of one line at a time: which of the draws reaches the result."""
    index = next(number for number, finding in enumerate(lab.found) if finding.factor == "entropy")
    sources = [draw for draw in draws if draw.source != "listing" and draw.location.line > 0]
    matter = sources if len(sources) <= 1 else []
    for draw in sources if len(sources) > 1 else ():
        outcome = yield lab.trial("entropy", site_level(draw.location, lab.found[index].level))
        if outcome.recording is None and outcome.final:
            break
        if outcome.recording is not None and lab.moved(outcome.recording, "entropy"):
            matter.append(draw)
    lab.found[index] = replace(lab.found[index], sites=tuple(matter))
