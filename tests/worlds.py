"""Simulated worlds for the experiment that finds causes: what a run records is a function of its levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_repro.explain import Candidate, Finding, Findings, Outcome, Trial, investigate
from pytest_repro.model import Kind, Location, Observation, Recording, RunSpec

LEVELS: Mapping[str, tuple[str, ...]] = {
    "entropy": ("b",),
    "clock": ("b",),
    "files": ("b",),
    "state": ("b",),
    "pid": ("b",),
    "memory": ("b",),
    "hash-seed": ("1", "2", "3", "4"),
    "threads": ("4",),
}
PINNED = dict.fromkeys(LEVELS, "a")
ALL = tuple(Candidate(factor, levels) for factor, levels in LEVELS.items())

#: the levels of a run → what it records: one value, or several by name
World = Callable[[Mapping[str, str]], object]


def never_enough(_found: Sequence[Finding], _candidate: Candidate) -> bool:
    return False


@dataclass
class Bench:
    """Executes the trials of one experiment in a world."""

    world: World
    limit: int = 1000
    pinned: Mapping[str, str] = field(default_factory=lambda: PINNED)
    trials: list[Trial] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)

    def __call__(self, candidates: Sequence[Candidate] = ALL, **options: object) -> Findings:
        experiment = investigate(
            candidates,
            pinned=self.pinned,
            differ=lambda ours, theirs: [
                mine.name
                for mine, other in zip(ours.observations, theirs.observations, strict=True)
                if mine.value != other.value
            ],
            **options,  # type: ignore[arg-type]
        )
        try:
            trial = next(experiment)
            while True:
                self.trials.append(trial)
                trial = experiment.send(self.outcome(trial))
        except StopIteration as stop:
            findings: Findings = stop.value
            return findings

    def outcome(self, trial: Trial) -> Outcome:
        if len(self.trials) > self.limit:
            return Outcome(None, "the budget is spent", final=True)
        result = self.world(dict(trial.condition.levels))
        values = result if isinstance(result, dict) else {"x": result}
        seen = tuple(
            Observation(
                seq=seq, name=name, step=None, kind=Kind.METRIC, value=repr(value), location=Location("t.py", 1)
            )
            for seq, (name, value) in enumerate(values.items())
        )
        self.recordings.append(Recording(RunSpec(0, trial.condition), seen))
        return Outcome(self.recordings[-1])

    def arms(self) -> list[str]:
        return [trial.factor for trial in self.trials]


def reads(*factors: str) -> World:
    """A world whose result depends on the levels of these factors and on nothing else."""
    return lambda levels: [levels[factor] for factor in factors]
