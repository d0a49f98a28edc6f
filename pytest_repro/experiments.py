"""Extra runs of a test beyond its plan: to find the cause of a drift, and to see that the test can see anything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from pytest_repro.explaining import explain_drift
from pytest_repro.lab import Outcome
from pytest_repro.model import (
    Condition,
    Place,
    RunSpec,
    Violation,
)
from pytest_repro.progress import no_progress

if TYPE_CHECKING:
    from pytest_repro.execute.types import ProcessExecutor
    from pytest_repro.explaining import Budget
    from pytest_repro.model import (
        Cause,
        EntropyDraw,
        Location,
        Recording,
        TestResult,
    )
    from pytest_repro.pipeline import Control
    from pytest_repro.progress import Waiting
    from pytest_repro.settings import Settings

__all__ = ["Experiments", "violations"]


@dataclass(slots=True)
class Experiments:
    """Builds, for one test, the functions that the judge asks for more runs."""

    config: pytest.Config
    processes: Callable[[], ProcessExecutor]
    budget: Budget
    waiting: Waiting = no_progress
    #: when the session began, in ns
    since: int = 0

    def _run(self, item: pytest.Item, settings: Settings, spec: RunSpec, limit: float = 0.0) -> Outcome:
        """One extra run, ended after `limit` seconds, or after those that any run has; 0 is no limit."""
        limits = [seconds for seconds in (limit, settings.timeout) if seconds]
        settings = replace(settings, timeout=min(limits, default=0.0))
        run = self.processes().execute(item, spec, settings=settings, gate=None)
        if run.recording is None:
            return Outcome(None, run.lost or "it recorded nothing")
        return Outcome(run.recording)

    def explainer(self, item: pytest.Item, settings: Settings) -> Callable[[TestResult, Sequence[Recording]], Cause]:
        """Find causes by re-running in fresh interpreters."""

        def explain(result: TestResult, recordings: Sequence[Recording]) -> Cause:
            from pytest_repro.suspects import static_suspects

            return explain_drift(
                result,
                recordings,
                execute=partial(self._run, item, settings),
                budget=self.budget,
                seconds=settings.budget,
                suspects=static_suspects(_modules_of(item), root=self.config.rootpath),
                waiting=self.waiting,
                since=self.since,
            )

        return explain

    def control(self, item: pytest.Item, settings: Settings) -> Control:
        """Two more runs that differ in nothing but the seed: something recorded must differ."""

        def control(_reference: Recording) -> str:
            from pytest_repro.compare import compare_recordings

            other = settings.seed + 1
            condition = Condition(Place.PROCESS, (("hash-seed", "1"),))
            with self.waiting(lambda: f"control run with seed {other}"):
                same = self._run(item, settings, RunSpec(settings.runs + 1, condition))
                changed = self._run(item, replace(settings, seed=other), RunSpec(settings.runs + 2, condition))
            if same.recording is None or changed.recording is None:
                return f"the control run could not be made: {same.reason or changed.reason}"
            if compare_recordings([same.recording, changed.recording]).drifts:
                return ""
            return (
                f"seed {other} in place of {settings.seed} changes nothing that is recorded, so the test cannot see "
                "what depends on the seed; use repro.seed, record more, or mark the test seed_free=True"
            )

        return control


def _modules_of(item: pytest.Item) -> list[ModuleType]:
    """The loaded modules that the test may use: all but those of other tests."""
    own = getattr(item, "module", None)
    others = {getattr(other, "module", None) for other in item.session.items} - {own}
    return [module for module in list(sys.modules.values()) if module not in others]


def violations(draws: Sequence[EntropyDraw], *, allow: Sequence[str]) -> Sequence[Violation]:
    """What a strict test must not draw, each line once, with the fix."""
    from pytest_repro.entropy.advice import fix_for, strict_violations

    counts: dict[tuple[str, Location], int] = {}
    for draw in strict_violations(draws, allow):
        key = (draw.call, draw.location)
        counts[key] = max(counts.get(key, 0), draw.count)
    return [
        Violation(call, location, count, fix_for(call, location.file)) for (call, location), count in counts.items()
    ]
