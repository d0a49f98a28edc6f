"""Execute one test in a process that was made for it: all its fixtures, under one condition, once.

Runs in a worker's child (or in a worker that cannot fork). The phases are those of any run; what
differs is that reports and the recording go to the controller and nowhere else.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.conditions import applied, settled
from pytest_repro.entropy import Taps
from pytest_repro.environment import Effective
from pytest_repro.errors import ReproError, WorkerError
from pytest_repro.execute import inline
from pytest_repro.execute.active import ACTIVE, ActiveRun, make_nonce
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.hooks import ChildHooks
from pytest_repro.execute.protocol import Closed, FrameKind
from pytest_repro.execute.seeding import hypothesis_seed, own_seeds, seeders_for
from pytest_repro.execute.timers import TIMEOUT, timer_paused
from pytest_repro.execute.watching import AutologSource
from pytest_repro.execute.wire import failure_from, recording_body
from pytest_repro.recorder import Keeper, Recorder, Repro
from pytest_repro.values import canonical
from pytest_repro.values.registry import FAMILIES

if TYPE_CHECKING:
    from pytest_repro.execute.protocol import Channel, Frame
    from pytest_repro.execute.wire import Request
    from pytest_repro.model import Recording

__all__ = ["Isolated"]

#: imported before the first fork, so that no child pays for them: what recording anything but a number needs
_WARM = ("pytest_repro.values.codec", "pytest_repro.values.owned", "numpy.random")
#: the same where the tests have loaded a library, besides the module of its family
_WARM_WITH = {
    "pandas": "pytest_repro.values.frames_pandas",
    "polars": "pytest_repro.values.frames_polars",
    "pyarrow": "pytest_repro.values.frames_arrow",
}


@dataclass(slots=True)
class _Job:
    """One request while it is executed."""

    request: Request
    channel: Channel
    receive: Callable[[], Frame]
    files: ArrayFiles
    phases: inline.Phases | None = None
    recorded: bool = False
    #: the execution does not count
    rehearsing: bool = False
    #: why the test could not be called under its condition
    unsettled: str = ""
    #: what is executed next in this process
    follower: pytest.Item | None = None
    subtests: list[pytest.TestReport] = field(default_factory=list)
    warned: list[dict[str, object]] = field(default_factory=list)


class Isolated:
    """The plugin that executes requests and keeps what pytest would report."""

    def __init__(self, config: pytest.Config, *, spool: Path) -> None:
        self._config = config
        self._spool = spool
        self._hooks = ChildHooks()
        self._seeders = seeders_for(config)
        self._effective = Effective()
        self._taps = Taps(root=config.rootpath)
        self._autolog = AutologSource(config)
        self._job: _Job | None = None
        config.pluginmanager.register(self._hooks, "repro-run-hooks")

    def warm_up(self) -> None:
        """Do once what every child would have to do."""
        ours = [*FAMILIES.items(), *_WARM_WITH.items()]
        for name in (*_WARM, *(name for library, name in ours if library in sys.modules)):
            importlib.import_module(name)
        canonical([{"a": importlib.import_module("numpy").zeros(1)}])  # the families load when first asked
        with self._taps.watching():  # tells the user's modules from all others
            pass
        self._autolog.warm_up()
        self._effective()  # last: it looks again whenever something was imported

    def execute(
        self,
        item: pytest.Item,
        request: Request,
        *,
        channel: Channel,
        receive: Callable[[], Frame],
        others: Sequence[pytest.Item] = (),
    ) -> None:
        """Execute `item` and send everything that is to be known of it.

        Args:
            item: the test.
            request: the condition, the seed and whether a verdict is to be waited for.
            channel: to the controller.
            receive: waits for the next frame from there.
            others: tests that are executed first.
        """
        nonce = make_nonce()  # before anything is pinned
        job = self._job = _Job(request, channel, receive, ArrayFiles(self._spool))
        channel.send(FrameKind.STARTED, {"group": os.getpid()})
        stopped: dict[str, object] | None = None
        active: ActiveRun | None = None
        with ExitStack() as stack:
            held = stack.enter_context(ExitStack())
            try:
                held.enter_context(applied(request.spec.condition, own_process=True))
            except (ReproError, OSError) as error:
                channel.send(FrameKind.LOST, {"reason": f"its condition cannot be had: {error}", "sections": []})
                return
            try:
                if others:
                    self._run_others(item, job, others)
                if request.spec.condition.level("state") == "repeated":
                    self._rehearse(item, job)
                    # begins anew for the run that counts: a pinned stream that went on would look like state
                    held.close()
                    held.enter_context(applied(request.spec.condition, own_process=True))
                active = self._activate(stack, item, job, nonce)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            except pytest.exit.Exception as error:
                stopped = {"what": "exit", "reason": str(error.msg), "status": error.returncode}
            except KeyboardInterrupt:
                stopped = {"what": "interrupt"}
        self._finish(job, active, stopped)

    def _run_others(self, item: pytest.Item, job: _Job, others: Sequence[pytest.Item]) -> None:
        """Execute other tests before the one that counts, sharing fixtures as in any session."""
        for other, job.follower in zip(others, [*others, item][1:], strict=True):
            with ExitStack() as stack:
                self._activate(stack, other, job, "").gate = None
                other.config.hook.pytest_runtest_protocol(item=other, nextitem=job.follower)
        job.follower = None
        job.subtests.clear()
        job.warned.clear()

    def _rehearse(self, item: pytest.Item, job: _Job) -> None:
        """Execute the test once before the run that counts, in the manner of a run repeated in one process."""
        with ExitStack() as stack:
            self._activate(stack, item, job, "").gate = None
            job.rehearsing = True
            stack.callback(setattr, job, "rehearsing", False)
            properties = list(item.user_properties)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            inline.reset(item, properties)

    def _activate(self, stack: ExitStack, item: pytest.Item, job: _Job, nonce: str) -> ActiveRun:
        request, seed = job.request, job.request.seed
        rules = self._config.hook.pytest_repro_canonical
        recorder = Recorder(
            nodeid=request.nodeid,
            keeper=Keeper(spool=lambda: self._spool),
            tolerance_for=request.settings.tolerance_for,
            rules=(lambda value: rules(value=value),) if rules.get_hookimpls() else (),
            root=self._config.rootpath,
            streams=self._seeders.streams,
        )
        repro = Repro(
            seed=seed,
            run=request.spec.number,
            runs=request.runs,
            recorder=recorder,
            reseed=lambda: self._seeders.seed(seed),
        )
        active = ActiveRun(request.spec, recorder, repro, self._seeders, nonce=nonce, environment=self._effective)
        active.gate = lambda recording: self._gate(item, job, recording)
        active.settle = lambda: _settle(job)
        stack.enter_context(own_seeds(self._config))
        stack.enter_context(hypothesis_seed(item, seed))
        stack.enter_context(self._seeders.seeding_imports(seed))
        watch = stack.enter_context(self._taps.watching())
        active.draws = watch.draws
        if request.settings.autolog:
            active.sink = stack.enter_context(self._autolog.watching(item, active, request.settings))
        item.stash[ACTIVE] = active
        self._hooks.current = active
        return active

    def _gate(self, item: pytest.Item, job: _Job, recording: Recording) -> None:
        """Send the recording; where it is the last run's, the verdict comes back and may fail the test."""
        self._send_recording(job, recording, waits=job.request.gated)
        if job.request.gated:
            with timer_paused(item):
                failure = failure_from(job.receive().body())
            if failure is not None:
                raise failure

    def _send_recording(self, job: _Job, recording: Recording, *, waits: bool) -> None:
        job.channel.send(FrameKind.RECORDED, {**recording_body(recording, files=job.files), "waits": waits})
        job.recorded = True

    def _finish(self, job: _Job, active: ActiveRun | None, stopped: dict[str, object] | None) -> None:
        self._job = None
        _save_coverage()
        if stopped is not None:
            job.channel.send(FrameKind.STOPPED, stopped)
            return
        if job.unsettled:  # what the test did then says nothing of the test
            job.channel.send(FrameKind.LOST, {"reason": job.unsettled, "sections": []})
            return
        if active is not None and active.recording is not None and not job.recorded:
            try:
                self._send_recording(job, active.recording, waits=False)
            except Closed:
                raise
            except WorkerError as error:  # too many values for a frame, or too large ones for the disk
                job.channel.send(FrameKind.LOST, {"reason": str(error), "sections": []})
                return
        phases = job.phases
        reports = [] if phases is None else [phases.setup, phases.call, phases.teardown]
        if phases is not None and phases.call is not None:
            _count_subtests(phases.call, job.subtests)
        job.channel.send(
            FrameKind.DONE,
            {
                "passed": phases is not None and phases.passed,
                "reports": [self._written(report) for report in reports if report is not None],
                "subtests": [self._written(report) for report in job.subtests],
                "warnings": job.warned,
            },
            text_for=str,
        )

    def _written(self, report: pytest.TestReport) -> object:
        return self._config.hook.pytest_report_to_serializable(config=self._config, report=report)

    # --- hooks --------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Execute the phases and log nothing: nobody here is to see a report."""
        job = self._job
        if job is None:
            return None
        job.phases = inline.execute(
            item,
            nextitem=job.follower,
            border=lambda: inline.boundary(item),
            is_final=lambda _passed: not job.rehearsing,
            log=lambda _call, _report: None,
            subtest_failed=lambda: bool(self._hooks.current and self._hooks.current.subtest_failed),
        )
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep sub-tests: they log by themselves."""
        if self._job is not None:
            self._job.subtests.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        """Keep warnings for the controller's summary."""
        if self._job is not None:
            self._job.warned.append(
                {
                    "text": str(warning_message.message),
                    "module": warning_message.category.__module__,
                    "category": warning_message.category.__qualname__,
                    "file": warning_message.filename,
                    "line": warning_message.lineno,
                    "when": when,
                    "nodeid": nodeid,
                    "location": list(location) if location is not None else None,
                }
            )

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: object) -> None:
        """Remember the time limit: waiting for the verdict does not count against it."""
        item.stash.setdefault(TIMEOUT, settings)


def _settle(job: _Job) -> list[object]:
    """Lay the heap out; a failure of that ends the test, and is no failure of the test's."""
    try:
        return settled(job.request.spec.condition)
    except Exception as error:
        job.unsettled = f"its condition cannot be had: {type(error).__name__}: {error}"
        raise


def _count_subtests(report: pytest.TestReport, subtests: Sequence[pytest.TestReport]) -> None:
    """Say of a test what pytest 9 says when it reports one, from a count that only this process has."""
    failed = sum(each.failed for each in subtests if type(each).__module__.startswith("_pytest."))
    if failed and report.passed:
        report.outcome = "failed"
        report.longrepr = f"contains {failed} failed subtest{'s' if failed > 1 else ''}"


def _save_coverage() -> None:
    """This process leaves without its exit handlers: what coverage has counted is written now."""
    coverage: Any = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage is not None else None
    if current is not None:
        with contextlib.suppress(Exception):
            current.stop()
            current.save()
