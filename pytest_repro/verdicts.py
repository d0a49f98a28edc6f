"""From the runs of one item to its verdict, and to the one native report that pytest gets.

A run that does not pass is not always a failure: where the test is in quarantine, its drift is known,
or nobody marked it and it cannot be repeated in one process, the reports of its first run are logged
in place of the last one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from pytest_repro.excuses import Watched
from pytest_repro.execute.inline import holds_shared
from pytest_repro.execute.outcomes import ReproLost, failure_for, polish, target_of
from pytest_repro.execute.timers import timer_paused
from pytest_repro.ids import own_id
from pytest_repro.model import Location, Place, Verdict
from pytest_repro.pipeline import compared_nothing, judge, unfinished
from pytest_repro.recorder import Keeper
from pytest_repro.report.codec import carried
from pytest_repro.verdict_reports import failed_in, failing, interactive, late_skip, properties_of, reason_of

if TYPE_CHECKING:
    from pytest_repro.execute.outcomes import ReproFailure
    from pytest_repro.execute.types import ProcessRun
    from pytest_repro.model import Plan, Recording, RunSpec, TestResult
    from pytest_repro.pipeline import Explainer
    from pytest_repro.settings import Settings
    from pytest_repro.tools import Tools

__all__ = ["ItemVerdicts"]


class ItemVerdicts:
    """What is known of one item's runs, and what pytest is told of them."""

    def __init__(
        self,
        *,
        item: pytest.Item,
        nextitem: pytest.Item | None,
        settings: Settings,
        plan: Plan,
        tools: Tools,
        unmarked: bool = False,
    ) -> None:
        self.item = item
        self.nodeid = own_id(item)
        self.nextitem = nextitem
        self.settings = settings
        self.plan = plan
        self.tools = tools
        #: nobody marked it, so nothing but a drift may change how it comes out
        self.unmarked = unmarked
        self.result: TestResult | None = None
        self.recordings: list[Recording] = []
        self.keeper = Keeper(spool=tools.spool)
        self.properties = list(item.user_properties)
        self._durations: dict[str, float] = {}
        self._teardown_error: pytest.TestReport | None = None
        #: the failure that is logged is our own verdict
        self._gated = False
        self._keeping = tools.keeping_for(item, settings)
        #: reports of the first run that passed: what is logged where a later one does not count
        self._first: tuple[pytest.TestReport, ...] = ()
        #: reports of a run that may not count, until that is known
        self._held: list[pytest.TestReport] | None = None
        self._unrepeatable = ""
        #: all that was observed were calls whose results earlier tests had left
        self._compared_nothing = False
        self._skipped = 0

    def _is_last(self, spec: RunSpec) -> bool:
        return spec is self.plan.runs[-1]

    def _kept(self, recording: Recording) -> Recording:
        """The same recording, sharing every value that another run recorded too."""
        counts: dict[str, int] = {}
        observations = []
        for observation in recording.observations:
            count = counts.get(observation.name, 0)
            if observation.step is None:
                counts[observation.name] = count + 1
            value = self.keeper.keep(
                (observation.name, observation.step, count if observation.step is None else 0),
                observation.value,
                nan_payload=observation.tolerance.nan_payload,
            )
            observations.append(replace(observation, value=value))
        return replace(recording, observations=tuple(observations))

    def _log_lost(self, spec: RunSpec, run: ProcessRun) -> None:
        headline = f"run {spec.number} of {len(self.plan.runs)} was lost: {run.lost}"
        self._keep_records()
        self.result = self.tools.excused(self._unfinished(Verdict.LOST, headline), self.settings)
        if self.result.excuse and self._first:
            self._emit_first(spec)
            return
        self._emit_failure(ReproLost(headline, summary=headline), spec, sections=run.sections)

    # --- runs that may not count --------------------------------------------------------------

    @property
    def _observed(self) -> bool:
        judged = self.result is not None and self.result.verdict is not Verdict.INCONCLUSIVE
        return judged or (not self._compared_nothing and any(recording.observations for recording in self.recordings))

    def _keep_first(self, *reports: pytest.TestReport | None) -> None:
        if not self._first:
            self._first = tuple(report for report in reports if report is not None)

    def _may_not_count(self, *, here: bool) -> bool:
        """Whether the run that just failed may turn out to be only reported."""
        if not self._first or self.result is None:
            return False
        return bool(self.result.excuse) or (here and self.unmarked and self._has_fresh)

    @property
    def _has_fresh(self) -> bool:
        return any(recording.spec.condition.place is not Place.INLINE for recording in self.recordings)

    def _release(self, spec: RunSpec) -> None:
        """Log the reports that were held back, or those of the first run in their place."""
        held, self._held = self._held, None
        if held is None:
            return
        here = spec.condition.place is Place.INLINE
        if here and self.unmarked and self._has_fresh and self.result is not None and not self.result.excuse:
            self._unrepeatable = reason_of(held)
            # run 1 and those in fresh interpreters remain, and are judged without this one
            failure = self._judge_others()
            if failure is not None:
                self._emit_failure(failure, spec)
                return
        self._emit_first(spec)

    def _judge_others(self) -> ReproFailure | None:
        """Judge the runs that passed, without one that does not count."""
        if len(self.recordings) < 2:
            return None
        last = self.recordings.pop()
        failure = self._judge(last)
        self.recordings.append(last)
        return failure

    def _emit_first(self, spec: RunSpec) -> None:
        for report in self._first:
            if report.when == "teardown" and self._teardown_error is not None:
                report = self._teardown_error
            report.duration = 0.0  # what is remembered holds it already
            self._decorate(report, spec)
            self._emit(report)

    def _emit_failure(self, failure: ReproFailure, spec: RunSpec, *, sections: Sequence[tuple[str, str]] = ()) -> None:
        call, report = self._reported(failure)
        report.sections += list(sections)
        self._log(call, report, spec=spec)

    def _reported(self, failure: ReproFailure) -> tuple[pytest.CallInfo[None], pytest.TestReport]:
        """The test's call and report, had it raised `failure` in this process."""
        call = failing(failure)
        # not through the hook: other plugins expect a setup in this process before
        report = pytest.TestReport.from_item_and_call(self.item, call)
        polish(report, failure)
        return call, report

    def _lost(self, spec: RunSpec, run: ProcessRun) -> bool | None:
        """A run elsewhere did not come about; whether that ends the test. None where it did."""
        if run.lost and not (self.unmarked and self._first):
            self._log_lost(spec, run)
            return True
        reason = f"run {spec.number} was lost: {run.lost}" if run.lost else self._cannot_be_set_up(spec, run)
        return self._left_out(spec, reason) if reason else None

    def _left_out(self, spec: RunSpec, reason: str) -> bool:
        """A run elsewhere does not count; whether that ends the test."""
        self._unrepeatable = reason
        if not self._is_last(spec):
            return False
        failure = self._judge_others()
        if failure is not None:
            self._emit_failure(failure, spec)
            return True
        self._emit_first(spec)
        return True

    def _cannot_be_set_up(self, spec: RunSpec, run: ProcessRun) -> str:
        """Why a fresh interpreter could not set up what this process holds for several tests; empty where it could.

        A fixture of a class, a module or the session may hold what is there once: a port, a lock, a device.
        """
        failed = [report for report in run.reports if report.failed]
        if not (self.unmarked and self._first and failed and failed[0].when == "setup" and holds_shared(self.item)):
            return ""
        return f"run {spec.number} in a fresh interpreter, {reason_of(run.reports)}"

    # --- verdicts -----------------------------------------------------------------------------

    def _judge(self, recording: Recording) -> ReproFailure | None:
        recordings = [*self.recordings, recording]
        with timer_paused(self.item):
            found = judge(
                nodeid=self.nodeid,
                plan=self.plan,
                recordings=recordings,
                location=_location(self.item),
                explainer=self.tools.explainer_for(self.item, self.settings),
                control=self.tools.control_for(self.item, self.settings),
                strict=self.tools.strict,
                needed=1 if self._keeping is not None and len(self.plan.runs) == 1 else 2,
                target=target_of(self.item),
            )
            self._compared_nothing = compared_nothing(found)
            observed = not self._compared_nothing and any(recording.observations for recording in recordings)
            # nothing was observed, which nobody had asked for, or what was to be varied was not
            silent = not observed or (found.good and self._lacks_fresh(recordings))
            missed = not observed and self._keeping is not None and self._keeping.expects_values
            result = None if self.unmarked and silent and not missed else found
            if result is not None and self.plan.executor and self.tools.cluster is not None:
                from pytest_repro.machines import on_machines

                result = on_machines(result, recordings, changes=self.tools.cluster().changes)
            if self._keeping is not None:
                self._keeping.keep_records(recordings if observed or not self.unmarked else [], seed=self.plan.seed)
                result = self._keeping.judged(result, recordings) if result is not None else None
            if result is not None:
                result = self.tools.excused(result, self.settings)
        self.result = result
        failure = None if result is None or result.excuse else self._failure(result)
        self._gated = failure is not None
        return failure

    def _lacks_fresh(self, recordings: Sequence[Recording]) -> bool:
        """Whether a run in a fresh interpreter was left out."""
        there = {recording.spec.number for recording in recordings}
        return any(spec.condition.place is not Place.INLINE and spec.number not in there for spec in self.plan.runs)

    def _keep_records(self) -> None:
        if self._keeping is not None:
            self._keeping.keep_records(self.recordings, seed=self.plan.seed)

    def _judge_remote(self, recording: Recording) -> ReproFailure | None:
        return self._judge(self._kept(recording))

    def _failure(self, result: TestResult) -> ReproFailure | None:
        if result.good:
            return None
        from pytest_repro.report.terminal import failure_text, summary_line

        text = failure_text(result, width=self.tools.width, verbose=self.tools.verbose)
        return failure_for(result, text=text, summary=summary_line(result))

    def _raise_verdict(self, recording: Recording) -> None:
        failure = self._judge(recording)
        if failure is not None:
            raise failure

    def _stopped(self, spec: RunSpec, recording: Recording | None) -> TestResult | None:
        """The verdict where a run did not pass: an outcome that differs between runs is drift."""
        self._keep_records()
        if not self.recordings:
            return None
        before = "run " if len(self.recordings) == 1 else "runs "
        before += ", ".join(str(earlier.spec.number) for earlier in self.recordings)
        headline = f"{before} passed and run {spec.number} of {len(self.plan.runs)} did not"
        here = spec.condition.place is Place.INLINE
        # a run that may turn out not to count is not worth the extra ones
        wanted = recording is not None and not (here and self.unmarked and self._has_fresh)
        explainer = self.tools.explainer_for(self.item, self.settings) if wanted else None
        with timer_paused(self.item):
            result = self._unfinished(Verdict.DRIFTED, headline, extra=recording, explainer=explainer)
        return self.tools.excused(result, self.settings)

    def _unfinished(
        self, verdict: Verdict, headline: str, extra: Recording | None = None, explainer: Explainer | None = None
    ) -> TestResult:
        return unfinished(
            nodeid=self.nodeid,
            plan=self.plan,
            recordings=[*self.recordings, *([extra] if extra is not None else [])],
            location=_location(self.item),
            verdict=verdict,
            headline=headline,
            explainer=explainer,
            target=target_of(self.item),
        )

    # --- logging ------------------------------------------------------------------------------

    def _log(self, call: pytest.CallInfo[None], report: pytest.TestReport, *, spec: RunSpec) -> None:
        if self._held is not None:
            self._held.append(report)
            return
        if report.when == "teardown" and not report.failed and self._teardown_error is not None:
            report = self._teardown_error
        late = late_skip(report, self.result)
        if late is not None:
            call = failing(late)
            report = self.item.ihook.pytest_runtest_makereport(item=self.item, call=call)
            polish(report, late)
        self._decorate(report, spec)
        self._emit(report)
        if interactive(call, report):
            self.item.ihook.pytest_exception_interact(node=self.item, call=call, report=report)

    def _decorate(self, report: pytest.TestReport, spec: RunSpec) -> None:
        report.duration += self._durations.pop(report.when or "", 0.0)
        raised = self.result is None or not self.result.verdict.good
        mid_plan = report.failed and raised and not self._gated
        if mid_plan and len(self.plan.runs) > 1:
            report.sections.append(
                ("repro", failed_in(report, number=spec.number, of=len(self.plan.runs), result=self.result))
            )
        if report.when == "call" and not self.unmarked:
            report.repro_marked = True  # type: ignore[attr-defined]
        if not (report.when == "call" or (report.when == "setup" and not report.passed)):
            return
        if self._keeping is not None:
            self._keeping.attach(report)
        if self.settings.autolog and not report.skipped:
            uncompared = self._keeping.uncompared if self._keeping is not None else ""
            watched = Watched(self.nodeid, self._observed, self._skipped, self._unrepeatable, uncompared)
            report.repro_watched = asdict(watched)  # type: ignore[attr-defined]
        if self.result is None:
            return
        sent = hasattr(self.item.config, "workerinput")
        report.repro = carried(self.result, sent=sent)  # type: ignore[attr-defined]
        if mid_plan and self.result.verdict is Verdict.DRIFTED and self.result.comparison.first is not None:
            from pytest_repro.report.terminal import failure_text

            body = failure_text(self.result, width=self.tools.width, verbose=self.tools.verbose)
            add = getattr(report.longrepr, "addsection", None)
            if add is not None:
                add("repro drift", body)
        properties = properties_of(self.result)
        self.item.user_properties += properties
        report.user_properties += [entry for entry in properties if entry not in report.user_properties]

    def _emit(self, report: pytest.TestReport) -> None:
        self.tools.progress.clear()
        self.item.ihook.pytest_runtest_logreport(report=report)


def _location(item: pytest.Item) -> Location | None:
    file, line, _ = item.location
    return Location(file, (line or 0) + 1)
