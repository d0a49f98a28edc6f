"""Drive one item through its plan: ask an executor for each run, and log one native report.

This is the composing row: it decides nothing about values (`pipeline.judge` does) and knows how to
execute nothing (the executors do).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_repro.execute import inline
from pytest_repro.execute.active import ACTIVE, ActiveRun
from pytest_repro.execute.seeding import hypothesis_seed, own_seeds
from pytest_repro.execute.timers import rearm, timer_paused
from pytest_repro.model import Place, Verdict
from pytest_repro.recorder import Recorder, Repro
from pytest_repro.verdict_reports import late_skip
from pytest_repro.verdicts import ItemVerdicts

if TYPE_CHECKING:
    from pytest_repro.autolog import Sink
    from pytest_repro.entropy import Watch
    from pytest_repro.execute.types import ProcessExecutor
    from pytest_repro.model import Recording, RunSpec

__all__ = ["ItemRunner"]


class ItemRunner(ItemVerdicts):
    """All runs of one item."""

    _inline_since_process = True
    _watch: Watch | None = None

    # --- the loop -----------------------------------------------------------------------------

    def go(self) -> None:
        """Execute the plan; stop at the first run that does not pass."""
        self.tools.progress.begin(self.item.nodeid)
        with ExitStack() as stack:
            stack.callback(self.tools.progress.clear)
            stack.callback(self._forget)
            stack.enter_context(self.tools.seeders.restored())
            stack.enter_context(own_seeds(self.item.config))
            stack.enter_context(hypothesis_seed(self.item, self.plan.seed))
            if self.tools.watching is not None:
                # once for all runs: putting the taps in costs more than a small test
                self._watch = stack.enter_context(self.tools.watching())
            for spec in self.plan.runs:
                run = self._inline if spec.condition.place is Place.INLINE else self._process
                if run(spec):
                    break
        if not self._inline_since_process:
            report = inline.tear_down_wider(self.item, self.nextitem)
            if report is not None:
                self._emit(report)

    def _which(self, spec: RunSpec) -> str:
        return f"run {spec.number} of {len(self.plan.runs)}"

    # --- runs here ----------------------------------------------------------------------------

    def activate(self, spec: RunSpec) -> ActiveRun:
        """The recorder and fixture object of one run."""
        seeders, seed = self.tools.seeders, self.plan.seed
        recorder = Recorder(
            nodeid=self.nodeid,
            keeper=self.keeper,
            tolerance_for=self.settings.tolerance_for,
            rules=self.tools.rules,
            root=self.tools.root,
            streams=seeders.streams if len(self.plan.runs) > 1 else None,
        )
        repro = Repro(
            seed=seed,
            run=spec.number,
            runs=len(self.plan.runs),
            recorder=recorder,
            reseed=lambda: seeders.seed(seed),
        )
        return ActiveRun(spec, recorder, repro, seeders, environment=self.tools.environment)

    @cached_property
    def _border(self) -> pytest.Item:
        return inline.boundary(self.item)

    def _inline(self, spec: RunSpec) -> bool:
        inline.reset(self.item, self.properties)
        active = self.activate(spec)
        last = self._is_last(spec)
        if last:
            active.gate = self._raise_verdict
        elif not self.unmarked:
            active.gate = self._raise_if_stopping
        self._inline_since_process = True
        rearm(self.item, again=bool(self.recordings))
        self.tools.progress.say(self._which(spec))

        def is_final(passed: bool) -> bool:
            if not passed and self.result is None:
                self.result = self._stopped(spec, active.recording)
                self._held = [] if self._may_not_count(here=True) else None
            return last or not passed or self._stopping

        with self._live(active):
            phases = inline.execute(
                self.item,
                nextitem=self.nextitem,
                border=lambda: self._border,
                is_final=is_final,
                log=lambda call, report: self._log(call, report, spec=spec),
                subtest_failed=lambda: active.subtest_failed,
            )
        if phases.passed and active.recording is not None:
            self.recordings.append(active.recording)
            self._keep_first(phases.setup, phases.call, phases.teardown)
        if active.sink is not None:
            self._skipped = max(self._skipped, active.sink.skipped)
        self._remember((phases.setup, phases.call, phases.teardown))
        self._release(spec)
        return not phases.passed or self._stopping

    @property
    def _stopping(self) -> bool:
        return bool(self.item.session.shouldfail or self.item.session.shouldstop)

    def _raise_if_stopping(self, _recording: Recording) -> None:
        """Leave no pass behind where the session ends before the runs could be compared."""
        if not self._stopping:
            return
        runs = f"{len(self.recordings) + 1} of {len(self.plan.runs)} runs"
        headline = f"the session was stopped after {runs}, so nothing was compared; run the test again"
        self.result = self.tools.excused(self._unfinished(Verdict.INCONCLUSIVE, headline), self.settings)
        failure = None if self.result.excuse else self._failure(self.result)
        if failure is not None:
            self._gated = True
            raise failure

    @contextmanager
    def _live(self, active: ActiveRun) -> Iterator[None]:
        with self.tools.seeders.seeding_imports(self.plan.seed), self._observing(active) as active.sink:
            if self._watch is not None:
                self._watch.restart()
                active.draws = self._watch.draws
            self.item.stash[ACTIVE] = active
            try:
                self.tools.hooks.current = active
                yield
            finally:
                self.tools.hooks.current = None
                del self.item.stash[ACTIVE]

    def _observing(self, active: ActiveRun) -> AbstractContextManager[Sink | None]:
        if not self.settings.autolog or self.tools.autolog is None:
            return nullcontext()
        return self.tools.autolog(self.item, active, self.settings)

    def _remember(self, reports: Iterable[pytest.TestReport | None]) -> None:
        for report in reports:
            if report is None:
                continue
            self._durations[report.when or ""] = self._durations.get(report.when or "", 0.0) + report.duration
            if report.when == "teardown" and report.failed and self._teardown_error is None:
                self._teardown_error = report

    # --- runs in other processes --------------------------------------------------------------

    def _elsewhere(self, spec: RunSpec) -> ProcessExecutor:
        if spec.condition.place is not Place.CLUSTER or self.tools.cluster is None:
            return self.tools.processes()
        cluster = self.tools.cluster()
        if not cluster.waiting(self.item) and not any(_is_far(recording.spec) for recording in self.recordings):
            # all of them at once: the engine has more than one machine
            cluster.submit(self.item, [each for each in self.plan.runs if _is_far(each)], settings=self.settings)
        return cluster

    def _forget(self) -> None:
        """Cancel runs that nobody waits for any more."""
        if self.plan.executor and self.tools.cluster is not None:
            self.tools.cluster().forget(self.item)

    def _process(self, spec: RunSpec) -> bool:
        self._inline_since_process = False
        gate = self._judge_remote if self._is_last(spec) else None
        with timer_paused(self.item), self.tools.progress.waiting(lambda: self._which(spec)):
            run = self._elsewhere(spec).execute(self.item, spec, settings=self.settings, gate=gate)
        ended = self._lost(spec, run)
        if ended is not None:
            return ended
        if run.passed and run.recording is not None:
            self.recordings.append(self._kept(run.recording))
            self._keep_first(*run.reports)
        if run.passed and gate is None:
            self._remember(run.reports)
            return False
        if not run.passed and self.result is None:
            self.result = self._stopped(spec, run.recording)
            if self._may_not_count(here=False):
                self._held = list(run.reports)
                self._release(spec)
                return True
        for report in run.subtests:
            self._emit(report)
        for report in run.reports:
            if report.when == "teardown" and not report.failed and self._teardown_error is not None:
                report = self._teardown_error
            late = late_skip(report, self.result)
            if late is not None:
                _, report = self._reported(late)
            self._decorate(report, spec)
            # JUnit takes what is in the last report; the child could not know what we added to the item
            report.user_properties += [each for each in self.item.user_properties if each not in report.user_properties]
            report.repro_marked = True  # type: ignore[attr-defined]
            self._emit(report)
        return True


def _is_far(spec: RunSpec) -> bool:
    return spec.condition.place is Place.CLUSTER
