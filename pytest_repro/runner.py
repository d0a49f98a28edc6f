"""Drive one item through its plan: ask an executor for each run, and log one native report.

This is the composing row: it decides nothing about values (`pipeline.judge` does) and knows how to
execute nothing (the executors do).
"""

from __future__ import annotations

import bdb
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.execute import inline
from pytest_repro.execute.active import ACTIVE, ActiveRun
from pytest_repro.execute.hooks import RunHooks
from pytest_repro.execute.outcomes import ReproDrift, ReproFailure, ReproLost, failure_for, polish
from pytest_repro.execute.seeding import hypothesis_seed, own_seeds
from pytest_repro.execute.timers import rearm, timer_paused
from pytest_repro.execute.types import ProcessExecutor, ProcessRun
from pytest_repro.excuses import Watched
from pytest_repro.keeping import Keeping
from pytest_repro.model import Location, Place, Plan, Recording, RunSpec, TestResult, Verdict
from pytest_repro.pipeline import Control, Explainer, Strict, judge, unfinished
from pytest_repro.recorder import Keeper, Recorder, Repro
from pytest_repro.report.codec import to_json
from pytest_repro.report.terminal import failure_text, summary_line
from pytest_repro.rng import Seeders
from pytest_repro.settings import Settings

if TYPE_CHECKING:
    from pytest_repro.autolog import Sink
    from pytest_repro.entropy import Watch

__all__ = ["ItemRunner", "Tools"]


def _as_it_is(result: TestResult, settings: Settings) -> TestResult:
    return result


def _nothing_kept(_item: pytest.Item, _settings: Settings) -> Keeping | None:
    return None


@dataclass(slots=True)
class Tools:
    """What a test's run needs, built once a session."""

    seeders: Seeders
    hooks: RunHooks
    root: Path
    processes: Callable[[], ProcessExecutor]
    explainer_for: Callable[[pytest.Item, Settings], Explainer | None]
    control_for: Callable[[pytest.Item, Settings], Control | None]
    strict: Strict | None = None
    #: a verdict with the reason why it is only reported, where there is one
    excused: Callable[[TestResult, Settings], TestResult] = _as_it_is
    #: automatic observations of one run
    autolog: Callable[[pytest.Item, ActiveRun, Settings], AbstractContextManager[Sink]] | None = None
    #: what the runs of a test are compared with beyond each other, and kept as
    keeping_for: Callable[[pytest.Item, Settings], Keeping | None] = _nothing_kept
    #: taps on entropy for one run; None leaves them out
    watching: Callable[[], AbstractContextManager[Watch]] | None = None
    rules: Sequence[Callable[[object], object]] = ()
    environment: Callable[[], tuple[tuple[str, str], ...]] = tuple
    spool: Path | None = None
    width: int = 80
    verbose: bool = False


@dataclass(slots=True)
class ItemRunner:
    """All runs of one item."""

    item: pytest.Item
    nextitem: pytest.Item | None
    settings: Settings
    plan: Plan
    tools: Tools
    #: nobody marked it, so nothing but a drift may change how it comes out
    unmarked: bool = False
    result: TestResult | None = None
    recordings: list[Recording] = field(default_factory=list)
    keeper: Keeper = field(init=False)
    properties: list[tuple[str, object]] = field(init=False)
    _durations: dict[str, float] = field(default_factory=dict)
    _inline_since_process: bool = True
    _teardown_error: pytest.TestReport | None = None
    #: the failure that is logged is our own verdict
    _gated: bool = False
    _keeping: Keeping | None = None
    #: reports of the first run that passed: what is logged where a later one does not count
    _first: tuple[pytest.TestReport, ...] = ()
    #: reports of a run that may not count, until that is known
    _held: list[pytest.TestReport] | None = None
    _unrepeatable: str = ""
    _skipped: int = 0

    def __post_init__(self) -> None:
        self.keeper = Keeper(spool=self.tools.spool)
        self.properties = list(self.item.user_properties)
        self._keeping = self.tools.keeping_for(self.item, self.settings)

    # --- the loop -----------------------------------------------------------------------------

    def go(self) -> None:
        """Execute the plan; stop at the first run that does not pass."""
        with self.tools.seeders.restored(), own_seeds(self.item.config), hypothesis_seed(self.item, self.plan.seed):
            for spec in self.plan.runs:
                run = self._inline if spec.condition.place is Place.INLINE else self._process
                if run(spec):
                    break
        if not self._inline_since_process:
            report = inline.tear_down_wider(self.item, self.nextitem)
            if report is not None:
                self._emit(report)

    def _is_last(self, spec: RunSpec) -> bool:
        return spec is self.plan.runs[-1]

    # --- runs here ----------------------------------------------------------------------------

    def activate(self, spec: RunSpec) -> ActiveRun:
        """The recorder and fixture object of one run."""
        recorder = Recorder(
            nodeid=self.item.nodeid,
            keeper=self.keeper,
            tolerance_for=self.settings.tolerance_for,
            rules=self.tools.rules,
            root=self.tools.root,
        )
        seeders, seed = self.tools.seeders, self.plan.seed
        repro = Repro(
            seed=seed,
            run=spec.number,
            runs=len(self.plan.runs),
            recorder=recorder,
            reseed=lambda: seeders.seed(seed),
        )
        return ActiveRun(spec, recorder, repro, seeders, environment=self.tools.environment)

    def _inline(self, spec: RunSpec) -> bool:
        inline.reset(self.item, self.properties)
        active = self.activate(spec)
        last = self._is_last(spec)
        if last:
            active.gate = self._raise_verdict
        self._inline_since_process = True
        rearm(self.item, again=bool(self.recordings))

        def is_final(passed: bool) -> bool:
            if not passed and self.result is None:
                self.result = self._not_passed(active, spec)
                self._held = [] if self._may_not_count(here=True) else None
            session = self.item.session
            return last or not passed or bool(session.shouldfail or session.shouldstop)

        with self._live(active):
            phases = inline.execute(
                self.item,
                nextitem=self.nextitem,
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
        session = self.item.session
        return not phases.passed or bool(session.shouldfail or session.shouldstop)

    @contextmanager
    def _live(self, active: ActiveRun) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self.tools.seeders.seeding_imports(self.plan.seed))
            if self.tools.watching is not None:
                active.draws = stack.enter_context(self.tools.watching()).draws
            if self.settings.autolog and self.tools.autolog is not None:
                active.sink = stack.enter_context(self.tools.autolog(self.item, active, self.settings))
            self.item.stash[ACTIVE] = active
            self.tools.hooks.current = active
            stack.callback(setattr, self.tools.hooks, "current", None)
            stack.callback(self.item.stash.__delitem__, ACTIVE)
            yield

    def _remember(self, reports: Iterable[pytest.TestReport | None]) -> None:
        for report in reports:
            if report is None:
                continue
            self._durations[report.when or ""] = self._durations.get(report.when or "", 0.0) + report.duration
            if report.when == "teardown" and report.failed and self._teardown_error is None:
                self._teardown_error = report

    # --- runs in other processes --------------------------------------------------------------

    def _process(self, spec: RunSpec) -> bool:
        self._inline_since_process = False
        gate = self._judge_remote if self._is_last(spec) else None
        with timer_paused(self.item):
            run = self.tools.processes().execute(self.item, spec, settings=self.settings, gate=gate)
        if run.lost:
            return self._lost(spec, run)
        if run.passed and run.recording is not None:
            self.recordings.append(self._kept(run.recording))
            self._keep_first(*run.reports)
        if run.passed and gate is None:
            self._remember(run.reports)
            return False
        if not run.passed and self.result is None:
            self.result = self._stopped(spec, run.reports, run.recording)
            if self._may_not_count(here=False):
                self._held = list(run.reports)
                self._release(spec)
                return True
        for report in run.subtests:
            self._emit(report)
        for report in run.reports:
            if report.when == "teardown" and not report.failed and self._teardown_error is not None:
                report = self._teardown_error
            late = self._late_skip(report)
            if late is not None:
                # not through the hook: other plugins expect a setup in this process before
                report = pytest.TestReport.from_item_and_call(self.item, late[0])
                polish(report, late[1])
            self._decorate(report, spec)
            # JUnit takes what is in the last report; the child could not know what we added to the item
            report.user_properties += [each for each in self.item.user_properties if each not in report.user_properties]
            self._emit(report)
        return True

    def _kept(self, recording: Recording) -> Recording:
        """The same recording, sharing every value that another run recorded too."""
        from dataclasses import replace

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
        self.result = self.tools.excused(self._unfinished(Verdict.LOST, headline), self.settings)
        if self.result.excuse and self._first:
            self._emit_first(spec)
            return
        failure = ReproLost(headline, summary=headline)
        call: pytest.CallInfo[None] = pytest.CallInfo.from_call(lambda: _throw(failure), when="call")
        # not through the hook: other plugins expect a setup in this process before
        report = pytest.TestReport.from_item_and_call(self.item, call)
        polish(report, failure)
        report.sections += list(run.sections)
        self._log(call, report, spec=spec)

    # --- runs that may not count --------------------------------------------------------------

    @property
    def _observed(self) -> bool:
        return any(recording.observations for recording in self.recordings) or self.result is not None

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
            self._unrepeatable = _reason(held)
            # run 1 and those in fresh interpreters remain, and are judged without this one
            last = self.recordings.pop()
            failure = self._judge(last)
            self.recordings.append(last)
            if failure is not None:
                self._emit_failure(failure, spec)
                return
        self._emit_first(spec)

    def _emit_first(self, spec: RunSpec) -> None:
        for report in self._first:
            if report.when == "teardown" and self._teardown_error is not None:
                report = self._teardown_error
            report.duration = 0.0  # what is remembered holds it already
            self._decorate(report, spec)
            self._emit(report)

    def _emit_failure(self, failure: ReproFailure, spec: RunSpec) -> None:
        call: pytest.CallInfo[None] = pytest.CallInfo.from_call(lambda: _throw(failure), when="call")
        # not through the hook: other plugins expect a setup in this process before
        report = pytest.TestReport.from_item_and_call(self.item, call)
        polish(report, failure)
        self._log(call, report, spec=spec)

    def _lost(self, spec: RunSpec, run: ProcessRun) -> bool:
        """A run elsewhere did not come about; whether that ends the test."""
        if not (self.unmarked and self._first):
            self._log_lost(spec, run)
            return True
        self._unrepeatable = f"run {spec.number} was lost: {run.lost}"
        if not self._is_last(spec):
            return False
        self._emit_first(spec)
        return True

    # --- verdicts -----------------------------------------------------------------------------

    def _judge(self, recording: Recording) -> ReproFailure | None:
        recordings = [*self.recordings, recording]
        with timer_paused(self.item):
            result: TestResult | None = judge(
                nodeid=self.item.nodeid,
                plan=self.plan,
                recordings=recordings,
                location=_location(self.item),
                explainer=self.tools.explainer_for(self.item, self.settings),
                control=self.tools.control_for(self.item, self.settings),
                strict=self.tools.strict,
                needed=1 if self._keeping is not None and len(self.plan.runs) == 1 else 2,
            )
            if self.unmarked and not any(recording.observations for recording in recordings):
                result = None  # nothing was observed, which nobody had asked for
            if self._keeping is not None and result is not None:
                self._keeping.keep_records(recordings, seed=self.plan.seed)
                result = self._keeping.judged(result, recordings)
            if result is not None:
                result = self.tools.excused(result, self.settings)
        self.result = result
        failure = None if result is None or result.excuse else self._failure(result)
        self._gated = failure is not None
        return failure

    def _judge_remote(self, recording: Recording) -> ReproFailure | None:
        return self._judge(self._kept(recording))

    def _failure(self, result: TestResult) -> ReproFailure | None:
        text = failure_text(result, width=self.tools.width, verbose=self.tools.verbose)
        return failure_for(result, text=text, summary=summary_line(result))

    def _raise_verdict(self, recording: Recording) -> None:
        failure = self._judge(recording)
        if failure is not None:
            raise failure

    def _not_passed(self, active: ActiveRun, spec: RunSpec) -> TestResult | None:
        return self._stopped(spec, (), active.recording)

    def _stopped(
        self, spec: RunSpec, reports: Sequence[pytest.TestReport], recording: Recording | None
    ) -> TestResult | None:
        """The verdict where a run did not pass: an outcome that differs between runs is drift."""
        del reports
        if not self.recordings:
            return None
        if self._keeping is not None:
            self._keeping.keep_records(self.recordings, seed=self.plan.seed)
        before = ", ".join(str(earlier.spec.number) for earlier in self.recordings)
        word = "run" if len(self.recordings) == 1 else "runs"
        headline = f"{word} {before} passed and run {spec.number} of {len(self.plan.runs)} did not"
        return self.tools.excused(self._unfinished(Verdict.DRIFTED, headline, extra=recording), self.settings)

    def _unfinished(self, verdict: Verdict, headline: str, extra: Recording | None = None) -> TestResult:
        return unfinished(
            nodeid=self.item.nodeid,
            plan=self.plan,
            recordings=[*self.recordings, *([extra] if extra is not None else [])],
            location=_location(self.item),
            verdict=verdict,
            headline=headline,
        )

    # --- logging ------------------------------------------------------------------------------

    def _log(self, call: pytest.CallInfo[None], report: pytest.TestReport, *, spec: RunSpec) -> None:
        if self._held is not None:
            self._held.append(report)
            return
        if report.when == "teardown" and not report.failed and self._teardown_error is not None:
            report = self._teardown_error
        late = self._late_skip(report)
        if late is not None:
            call = late[0]
            report = self.item.ihook.pytest_runtest_makereport(item=self.item, call=call)
        self._decorate(report, spec)
        self._emit(report)
        if _interactive(call, report):
            self.item.ihook.pytest_exception_interact(node=self.item, call=call, report=report)

    def _late_skip(self, report: pytest.TestReport) -> tuple[pytest.CallInfo[None], ReproFailure] | None:
        """A skip after a run that passed is no skip: outcomes differ."""
        result = self.result
        if result is None or result.verdict is not Verdict.DRIFTED:
            return None
        if not report.skipped or hasattr(report, "wasxfail"):
            return None
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        failure = ReproDrift(f"DRIFT: {result.headline}: {reason}", summary=result.headline)
        return pytest.CallInfo.from_call(lambda: _throw(failure), when="call"), failure

    def _decorate(self, report: pytest.TestReport, spec: RunSpec) -> None:
        report.duration += self._durations.pop(report.when or "", 0.0)
        raised = self.result is None or not self.result.verdict.good
        mid_plan = report.failed and raised and not self._gated
        if mid_plan and len(self.plan.runs) > 1:
            report.sections.append(("repro", f"{report.when} failed in run {spec.number} of {len(self.plan.runs)}"))
        if not (report.when == "call" or (report.when == "setup" and not report.passed)):
            return
        if self._keeping is not None:
            self._keeping.attach(report)
        if self.settings.autolog and not report.skipped:
            watched = Watched(self.item.nodeid, self._observed, self._skipped, self._unrepeatable)
            report.repro_watched = asdict(watched)  # type: ignore[attr-defined]
        if self.result is None:
            return
        report.repro = to_json(self.result)  # type: ignore[attr-defined]
        if mid_plan and self.result.verdict is Verdict.DRIFTED and self.result.comparison.first is not None:
            body = failure_text(self.result, width=self.tools.width, verbose=self.tools.verbose)
            add = getattr(report.longrepr, "addsection", None)
            if add is not None:
                add("repro drift", body)
        properties = [("repro.verdict", self.result.verdict.value), ("repro.runs", str(self.result.runs))]
        if self.result.comparison.first is not None:
            properties.append(("repro.first_divergence", self.result.comparison.first.label))
        if self.result.cause is not None:
            properties.append(("repro.cause", f"{self.result.cause.status.value}: {self.result.cause.factor}"))
        self.item.user_properties += properties
        report.user_properties += [entry for entry in properties if entry not in report.user_properties]

    def _emit(self, report: pytest.TestReport) -> None:
        self.item.ihook.pytest_runtest_logreport(report=report)


def _throw(error: BaseException) -> None:
    raise error


def _reason(reports: Sequence[pytest.TestReport]) -> str:
    """Why a run did not pass, in one line."""
    for report in reports:
        if not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = str(getattr(crash, "message", "")) or report.longreprtext
            line = next((line.strip() for line in text.splitlines() if line.strip()), "")
            return f"{report.when}: {line[:200]}"
    return "a part of it failed"


def _location(item: pytest.Item) -> Location | None:
    file, line, _ = item.location
    return Location(file, (line or 0) + 1)


def _interactive(call: pytest.CallInfo[None], report: pytest.TestReport) -> bool:
    """Whether debuggers want to see it: pytest's own rule."""
    if call.excinfo is None or hasattr(report, "wasxfail"):
        return False
    return not isinstance(call.excinfo.value, pytest.skip.Exception | bdb.BdbQuit)
