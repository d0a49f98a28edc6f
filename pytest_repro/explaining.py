"""Carry out the experiment that `explain` proposes, within a budget, and word its result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_repro.causes import make_cause
from pytest_repro.explain import investigate, rank
from pytest_repro.lab import Candidate, Outcome
from pytest_repro.leftovers import FACTOR as LEFT_FILES
from pytest_repro.leftovers import FACTORS
from pytest_repro.model import (
    CauseStatus,
    Place,
    RunSpec,
)
from pytest_repro.progress import no_progress

if TYPE_CHECKING:
    from pytest_repro.lab import Experiment, Finding, Findings, Trial
    from pytest_repro.model import (
        Cause,
        Comparison,
        EntropyDraw,
        Recording,
        Suspect,
        TestResult,
    )
    from pytest_repro.progress import Waiting

__all__ = ["Budget", "candidates", "explain_drift"]

#: factors that are the same in every run of a plan, unless they are varied
_SAME = frozenset({"threads", "files", "gpu"})
#: the level of the clock that is as far from the pinned one as runs are from each other; others are weeks away
_SOON = "pinned=soon"

#: executes one extra run, and ends it after so many seconds
Execute = Callable[[RunSpec, float], Outcome]


@dataclass(slots=True)
class Budget:
    """Seconds that explaining may take in this session, and for one test."""

    session: float
    clock: Callable[[], float] = time.monotonic
    spent: float = 0.0
    _started: float = field(default=0.0)

    def start(self) -> None:
        """Begin with one test."""
        self._started = self.clock()

    def stop(self) -> None:
        """Book what the test took."""
        self.spent += self.clock() - self._started

    @property
    def used(self) -> float:
        """Seconds that this test has taken."""
        return self.clock() - self._started

    def exhausted(self, per_test: float) -> str:
        """Why no further run may be made; empty while there is time."""
        used = self.used
        if used >= per_test:
            return f"the budget of {per_test:g} s for one test is spent (--repro-budget)"
        if self.spent + used >= self.session:
            return f"the budget of {self.session:g} s for the session is spent (--repro-session-budget)"
        return ""

    def left(self, per_test: float) -> float:
        """Seconds that one more run may take."""
        return max(min(per_test, self.session - self.spent) - self.used, 0.0)


def drifts_within_one_process(comparison: Comparison, recordings: Sequence[Recording]) -> bool:
    """Whether two runs of one process differ."""
    inline = {r.spec.number for r in recordings if r.spec.condition.place is Place.INLINE}
    return any(sum(bool(inline & set(group)) for group in drift.groups) > 1 for drift in comparison.drifts)


def fresh_runs_differ(comparison: Comparison, recordings: Sequence[Recording]) -> bool:
    """Whether a run in a fresh interpreter differs from the first run here, which state alone would not explain."""
    places = {r.spec.number: r.spec.condition.place for r in recordings}
    fresh = {number for number, place in places.items() if place is not Place.INLINE}
    return any(fresh & set(group) for drift in comparison.drifts for group in drift.groups[1:])


def candidates(
    result: TestResult,
    recordings: Sequence[Recording],
    *,
    pinned: Mapping[str, str],
    switched: Mapping[str, Sequence[str]],
    draws: Sequence[EntropyDraw] = (),
    suspects: Sequence[Suspect] = (),
    left: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Candidate, ...]:
    """Weigh every factor by the evidence that needed no re-run: pattern, taps, source, and what runs `left`."""
    repeats = drifts_within_one_process(result.comparison, recordings)
    suspected = {suspect.factor for suspect in suspects}
    asked = set(result.varied) - {"process", "hash-seed", "memory"}  # those are varied in any case
    drawn = {"files" if draw.source == "listing" else "entropy" for draw in draws}
    found = []
    for factor in ("entropy", "clock", "files", "state", "pid", "hash-seed", "memory", "threads", "gpu", "import"):
        if (factor not in pinned) or (factor == "state" and not repeats):
            continue
        name = "environment" if factor == "pid" else factor
        weight = 2 * (name in suspected) + 3 * (factor in drawn) + 4 * (factor in asked)
        weight += 1 if repeats == (factor in ("entropy", "clock", "state", "threads", "files")) else 0
        levels = tuple(switched[factor])
        remote = frozenset() if factor in asked else _remote(factor, levels)
        found.append(Candidate(factor, levels, weight, remote))
    varied = [name for name in result.varied if name in switched and name not in {c.factor for c in found}]
    found += [Candidate(name, tuple(switched[name]), 4) for name in varied]
    # a path of its own may itself be what moves a result: without those of other places only runs are made that differ
    found += [Candidate(LEFT_FILES, (left[LEFT_FILES],), 1)] if LEFT_FILES in left else []
    return rank(found)


def _remote(factor: str, levels: Sequence[str]) -> frozenset[str]:
    """Levels that no two runs of a plan differ by."""
    if factor == "clock":
        return frozenset(levels) - {_SOON}
    return frozenset(levels) if factor in _SAME else frozenset()


def _enough(found: Sequence[Finding], candidate: Candidate, *, beyond_state: bool, first: str = "") -> bool:
    """Once the cause of the first drift is shown, only factors with evidence of their own are tried as well.

    State left by an earlier run explains nothing about fresh interpreters: where those differ, too
    (`beyond_state`), the search goes on.
    """
    causes = [finding for finding in found if finding.status is CauseStatus.CAUSE]
    shown = {finding.factor for finding in causes if not first or not finding.moved or first in finding.moved}
    if beyond_state:
        shown.discard("state")
    return bool(shown) and candidate.weight < 3


def _drive(experiment: Experiment, execute: Callable[[RunSpec, str], Outcome]) -> Findings:
    try:
        trial: Trial = next(experiment)
        while True:
            # number 0: no run of the plan
            trial = experiment.send(execute(RunSpec(0, trial.condition), trial.factor))
    except StopIteration as stop:
        findings: Findings = stop.value
        return findings


@dataclass(slots=True)
class _Bounded:
    """Executes runs while the budget lasts; none longer than what is left of it."""

    execute: Execute
    budget: Budget
    seconds: float
    waiting: Waiting
    #: what the quickest run has taken
    quickest: float = math.inf

    def __call__(self, spec: RunSpec, factor: str) -> Outcome:
        budget = self.budget
        reason = budget.exhausted(self.seconds)
        left = budget.left(self.seconds)
        if not reason and self.quickest < math.inf and left < self.quickest:
            reason = (
                f"{left:.0f} s of the budget of {self.seconds:g} s are left, and a run takes {self.quickest:.0f} s "
                "(--repro-budget)"
            )
        if reason:
            return Outcome(None, reason, final=True)
        tried = "all pinned" if factor == "pinned" else factor.replace("-", " ")
        with self.waiting(lambda: f"looking for the cause: {tried}, {budget.used:.0f} of {self.seconds:g} s"):
            before = budget.used
            outcome = self.execute(spec, left)
            took = budget.used - before
        if outcome.recording is None and took >= left:
            reason = f"a run took longer than the {left:.0f} s that were left of the budget (--repro-budget)"
            return Outcome(None, reason, final=True)
        if outcome.recording is not None:
            self.quickest = min(self.quickest, took)
        return outcome


def explain_drift(
    result: TestResult,
    recordings: Sequence[Recording],
    *,
    execute: Execute,
    budget: Budget,
    seconds: float,
    suspects: Sequence[Suspect] = (),
    waiting: Waiting = no_progress,
    since: int = 0,
) -> Cause:
    """Find out why a test drifted.

    Args:
        result: with its comparison.
        recordings: of the runs that drifted.
        execute: makes one extra run under a condition, in so many seconds at most.
        budget: of the session.
        seconds: that this test may take.
        suspects: lines of the user's code that no tap can see.
        waiting: is entered while a run is made, with what it is for.
        since: when the session began (ns): files that changed after that, runs left there.
    """
    from pytest_repro.compare import compare_recordings
    from pytest_repro.conditions.pins import entropy_site
    from pytest_repro.entropy.advice import fix_for

    draws = _all_draws(recordings)
    pinned, switched = _levels(result, recordings)
    begun, (files, unseen) = time.time_ns(), _left(since) if since else ({}, {})
    left = dict.fromkeys(files, f"without={since}")
    chosen = candidates(result, recordings, pinned=pinned, switched=switched, draws=draws, suspects=suspects, left=left)
    first = result.comparison.first.name if result.comparison.first is not None else ""
    budget.start()
    try:
        findings = _drive(
            investigate(
                chosen,
                pinned=pinned,
                differ=lambda ours, theirs: [drift.name for drift in compare_recordings([ours, theirs]).drifts],
                first=first,
                draws=draws,
                site_level=lambda place, key: entropy_site(file=place.file, line=place.line, key=key),
                enough=partial(_enough, first=first, beyond_state=fresh_runs_differ(result.comparison, recordings)),
                left=left,
            ),
            _Bounded(execute, budget, seconds, waiting),
        )
    finally:
        budget.stop()
    shown = _to_show(files, findings, begun=begun)
    fixes = {draw: fix_for(draw.call, draw.location.file) for draw in draws}
    return make_cause(findings, suspects=suspects, fixes=fixes, first=first, left=shown, unseen=unseen)


def _left(since: int, places: Collection[str] = FACTORS) -> tuple[dict[str, list[str]], dict[str, str]]:
    """What runs left, by the factor that takes it away, where they left anything; and why a place was not looked at."""
    looked = {place: _look(place, since) for place in places}
    found = {place: files for place, (files, _) in looked.items() if files}
    return found, {place: reason for place, (_, reason) in looked.items() if reason}


def _look(place: str, since: int) -> tuple[list[str], str]:
    from pytest_repro.conditions.left_files import left_since
    from pytest_repro.conditions.left_places import left_in_place

    try:
        return (left_since(since) if place == LEFT_FILES else left_in_place(place, since)), ""
    except OSError as error:
        return [], str(error)


def _to_show(files: Mapping[str, list[str]], findings: Findings, *, begun: int) -> dict[str, list[str]]:
    """Files that runs left and that those of the search wrote again: other programs leave some, too.

    Where such files are the cause, all of them if none was written again; where nothing is found, those in the
    working directory, which is the runs' own.
    """
    found = {finding.factor for finding in findings.found}
    places = [place for place in files if place in (found or {LEFT_FILES})]
    again, _ = _left(begun, places)
    written = {place: [name for name in files[place] if name in again.get(place, ())] for place in places}
    return {place: names or files[place] for place, names in written.items() if names or found}


def _all_draws(recordings: Sequence[Recording]) -> tuple[EntropyDraw, ...]:
    """Every line that drew, once, in the order of the runs."""
    seen: dict[tuple[str, str], EntropyDraw] = {}
    for recording in recordings:
        for draw in recording.draws:
            seen.setdefault((draw.call, str(draw.location)), draw)
    return tuple(seen.values())


def _levels(result: TestResult, recordings: Sequence[Recording]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The pinned level of every factor that this platform offers, and the levels to switch to."""
    from pytest_repro.conditions import AS_IS, FACTORS
    from pytest_repro.conditions.pins import ALL_PINNED, PIN_FACTORS, SWITCHED
    from pytest_repro.conditions.variables import is_added

    known = {**FACTORS, **PIN_FACTORS}
    pinned = {name: level for name, level in ALL_PINNED.items() if known[name].available() is None}
    wanted = {*pinned, *result.varied}  # whether a factor is available may cost a process: ask for these only
    switched = {name: tuple(SWITCHED[name]) for name in SWITCHED if name in wanted and known[name].available() is None}
    for factor in result.varied:
        if factor in switched and factor not in pinned:
            pinned[factor] = known[factor].levels(0)
        elif is_added(factor):  # its ladder is the project's own; the runs had the levels that matter
            levels = dict.fromkeys(each.spec.condition.level(factor) or AS_IS for each in recordings)
            pinned[factor], *rest = levels
            switched[factor] = tuple(rest)
    return pinned, switched
