"""Controller side of runs on a cluster: hand each to the engine as a task of its own, and judge what comes back.

The engine's processes see a call of `subprocess.run`; see `tasks` for what travels. A run that does not come back,
for whatever reason, is lost and never drift.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.environment import difference
from pytest_repro.environment.machine import read_machine
from pytest_repro.errors import ReproError, SettingsError, WorkerError
from pytest_repro.execute.courier import Courier, Overdue, refusal
from pytest_repro.execute.dispatch import Dispatch, project_of
from pytest_repro.execute.endings import Stop, stop_error
from pytest_repro.execute.engines import open_engine, parse_spec
from pytest_repro.execute.identity import commit_of, versions_in
from pytest_repro.execute.outcomes import polish
from pytest_repro.execute.protocol import FrameKind
from pytest_repro.execute.protocol import field as frame_field
from pytest_repro.execute.replies import Warned, read_reports
from pytest_repro.execute.tasks import CarriedArrays
from pytest_repro.execute.types import ProcessRun
from pytest_repro.execute.wire import recording_from
from pytest_repro.ids import own_id
from pytest_repro.settings import Source

if TYPE_CHECKING:
    from pytest_repro.execute.courier import Sent
    from pytest_repro.execute.engines import Spec
    from pytest_repro.execute.outcomes import ReproFailure
    from pytest_repro.execute.tasks import Reply
    from pytest_repro.execute.types import Gate
    from pytest_repro.model import EnvChange, EnvField, Recording, RunSpec
    from pytest_repro.settings import Settings

__all__ = ["ClusterPool"]

#: seconds after which a run counts as lost where nobody said how long it may take: no run waits for ever
_TIMEOUT = 3600.0


class ClusterPool:
    """Executes runs on the machines of a cluster: all runs of one test at once."""

    def __init__(self, config: pytest.Config, *, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._spec: Spec = parse_spec(settings.executor)
        self._dispatch = Dispatch.of(config, settings=settings, spec=self._spec)
        self._warned = Warned(config)
        self._courier: Courier | None = None
        self._connected = False
        self._sent: dict[tuple[str, int], Sent] = {}
        #: hosts in the order in which runs are spread over them; empty where the engine places them
        self._hosts: tuple[str, ...] = ()
        self._own: tuple[EnvField, ...] = ()
        self._commit: dict[str, str] | None = None
        self._remarks: dict[str, None] = {}

    # --- before anything runs -----------------------------------------------------------------

    def connect(self) -> None:
        """Reach the engine, and refuse what would not be comparable.

        Raises:
            SettingsError: it cannot be reached, executes nothing, or a node has other versions.
        """
        if self._connected:
            return
        hosts = self._open().engine.hosts()
        if self._settings.spread and not hosts:
            msg = (
                f"--repro-spread: {self._spec.name} does not say where it can run something; use dask://, or give the "
                "executor the methods repro_hosts() and repro_submit(host, function, *args, **kwargs)"
            )
            raise SettingsError(msg)
        greeted = [(host, self._greet(host)) for host in hosts or ("",)]  # all at once
        answers = [(host, self._greeted(host, sent)) for host, sent in greeted]
        machines = [(host, name) for host, name in answers if name]
        busy = [host for host, name in answers if not name]
        if not machines:
            self._refuse_idle(busy)
        if busy:
            text = (
                f"no worker of {', '.join(busy)} was free within {self._spec.wait:g} s; tasks there check versions, too"
            )
            self._remarks[text] = None
        if self._settings.spread:
            self._hosts = self._spread_over(machines)
        self._connected = True

    def _open(self) -> Courier:
        if self._courier is None:
            hook = self._config.hook.pytest_repro_make_executor
            engine = open_engine(self._spec, hook=lambda name: hook(config=self._config, spec=name))
            self._courier = Courier(engine, self._dispatch, self._spec)
        return self._courier

    def _greet(self, host: str) -> Sent:
        expected = {**versions_in(self._here()), **self._project()}
        return self._open().send(None, expected=self._expected(expected), host=host, seconds=0.0)

    def _refuse_idle(self, hosts: Sequence[str]) -> None:
        where = f" on {', '.join(hosts)}" if any(hosts) else ""
        asked = ", ".join(f"{name}={amount:g}" for name, amount in self._spec.resources.items())
        msg = (
            f"--repro-executor={self._spec.text}: a first small task{where} was not executed within "
            f"{self._spec.wait:g} s{f' by a worker with {asked}' if asked else ''}; see whether the engine has a free "
            "worker, or let it take longer with ?wait=SECONDS"
        )
        raise SettingsError(msg)

    def _greeted(self, host: str, sent: Sent) -> str:
        """The name of the machine that executed a first small task; empty where none did in time."""
        courier = self._open()
        try:
            reply = courier.fetch(sent)
            problem = refusal(reply)
        except Overdue:
            return ""
        except WorkerError as error:
            problem = str(error)
        if problem:
            msg = f"--repro-executor={self._spec.text}: {problem}"
            raise SettingsError(msg)
        courier.executions(sent, reply)  # lets go of the task
        return reply.host

    def _spread_over(self, machines: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Hosts that are other machines than this one first."""
        here = socket.gethostname()
        names = {name for _, name in machines} | ({here} if self._settings.isolation != "process" else set())
        if len(names) < 2:
            msg = (
                f"--repro-spread: there is one machine only, {', '.join(sorted(names))}; start a worker on another, or "
                "leave the option out"
            )
            raise SettingsError(msg)
        return tuple(host for host, name in sorted(machines, key=lambda pair: (pair[1] == here, pair)))

    def _here(self) -> tuple[EnvField, ...]:
        if not self._own:
            self._own = tuple(sorted(read_machine(), key=lambda one: one.name))
        return self._own

    def _project(self) -> Mapping[str, str]:
        if self._commit is None:
            self._commit = commit_of(self._config.rootpath)
        return self._commit

    def _expected(self, facts: Mapping[str, str]) -> Mapping[str, str] | None:
        return None if self._settings.allow_skew else facts

    # --- runs ---------------------------------------------------------------------------------

    def waiting(self, item: pytest.Item) -> bool:
        """Whether runs of this test are on their way."""
        return any(nodeid == own_id(item) for nodeid, _ in self._sent)

    def submit(self, item: pytest.Item, specs: Sequence[RunSpec], *, settings: Settings) -> None:
        """Hand these runs of one test to the engine, and return at once."""
        # without the digest of changes: what a session writes into the project must not make it refuse its own runs
        commit = {name: value for name, value in self._project().items() if name == "git.commit"}
        expected = {**versions_in(self._here()), **commit, **project_of(item, self._config.rootpath)}
        for index, spec in enumerate(specs):
            self._sent[own_id(item), spec.number] = self._open().send(
                self._dispatch.request(item, spec, settings=settings),
                expected=self._expected(expected),
                host=self._hosts[index % len(self._hosts)] if self._hosts else "",
                seconds=_limit_of(settings),
            )

    def forget(self, item: pytest.Item) -> None:
        """Cancel the runs of this test that nobody will ask for."""
        for nodeid, number in list(self._sent):
            if nodeid == own_id(item):
                self._sent.pop((nodeid, number)).future.cancel()

    def execute(self, item: pytest.Item, spec: RunSpec, *, settings: Settings, gate: Gate | None) -> ProcessRun:
        """Wait for one run; see `ProcessExecutor`."""
        if (own_id(item), spec.number) not in self._sent:
            self.submit(item, [spec], settings=settings)
        sent = self._sent.pop((own_id(item), spec.number))
        try:
            run = self._run(item, spec, sent, settings)
        except Overdue:
            return _lost(
                f"the engine brought nothing back for longer than a run may take: {_limit_of(settings):g} s for itself "
                f"(--repro-timeout), {self._spec.wait:g} s to start, and as long in the queue (?wait=SECONDS in "
                "--repro-executor)"
            )
        except ReproError as error:
            return _lost(str(error))
        except Stop as stop:
            raise stop.error from None
        for report in run.reports:
            report.nodeid = item.nodeid
        failure = gate(run.recording) if gate is not None and run.passed and run.recording is not None else None
        return run if failure is None else _failed(item, run, failure)

    def _run(self, item: pytest.Item, spec: RunSpec, sent: Sent, settings: Settings) -> ProcessRun:
        courier = self._open()
        reply = courier.fetch(sent)
        executions = courier.executions(sent, reply)
        self._remark(item, spec, reply, executions)
        if refusal(reply):
            return _lost(refusal(reply))
        if reply.lost:
            return ProcessRun(recording=None, lost=f"on {reply.host}, {reply.lost}", sections=reply.sections)
        recording: Recording | None = None
        for frame in reply.frames:
            body = frame.body()
            if frame.kind is FrameKind.STOPPED:
                raise Stop(stop_error(body))
            if frame.kind is FrameKind.RECORDED:
                recording = recording_from(body, spec=spec, files=CarriedArrays(reply.arrays))
                recording = _marked(recording, reply, executions)
            elif frame.kind is FrameKind.DONE:
                return self._done(body, recording, settings)
        raise WorkerError("the reply of a node ends in the middle of a run")

    def _done(self, body: Mapping[str, Any], recording: Recording | None, settings: Settings) -> ProcessRun:
        if settings.isolation == "process":  # else the runs in this process give the same warnings
            self._warned.replay([entry for entry in frame_field(body, "warnings", list) if isinstance(entry, dict)])
        passed = frame_field(body, "passed", bool)
        if passed and recording is None:  # nothing would be compared, and nobody would see it
            raise WorkerError("a node says that the run passed, but sent no recording of it")
        return ProcessRun(
            recording=recording,
            reports=read_reports(self._config, frame_field(body, "reports", list)),
            passed=passed,
            subtests=read_reports(self._config, frame_field(body, "subtests", list)),
        )

    def _remark(self, item: pytest.Item, spec: RunSpec, reply: Reply, executions: int) -> None:
        if executions > 1:
            text = (
                f"{item.nodeid}: the engine handed out run {spec.number} {executions} times, because it lost a worker; "
                "the last one counts"
            )
            self._remarks[text] = None
        if reply.engine:
            changed = ", ".join(f"{name}={value}" if value else f"{name} unset" for name, value in reply.engine)
            text = f"the engine's processes on {reply.host} have {changed}; runs had this session's values instead"
            self._remarks[text] = None

    # --- afterwards ---------------------------------------------------------------------------

    def changes(self, reference: Recording, other: Recording) -> tuple[EnvChange, ...]:
        """How the machine of one run differs from that of another; nothing where it is the same one."""
        before, after = (dict(each.environment).get("host", "") for each in (reference, other))
        if before == after or self._courier is None:
            return ()
        known = {**self._courier.machines, socket.gethostname(): self._here()}
        return difference(known.get(before, ()), known.get(after, ()))

    def notices(self) -> list[str]:
        """What is to be said at the end of the session."""
        return list(self._remarks)

    def close(self) -> None:
        """Let go of the engine."""
        for sent in self._sent.values():
            sent.future.cancel()
        self._sent.clear()
        if self._courier is not None:
            self._courier.engine.close()
            self._courier = None


def _limit_of(settings: Settings) -> float:
    """Seconds that a run itself may take; 0 where somebody said never."""
    return _TIMEOUT if settings.source("timeout") is Source.DEFAULT else settings.timeout


def _lost(reason: str) -> ProcessRun:
    return ProcessRun(recording=None, lost=reason)


def _marked(recording: Recording, reply: Reply, executions: int) -> Recording:
    """With where it was made, and how often it was begun."""
    facts = {**dict(recording.environment), "host": reply.host}
    if executions > 1:
        facts["executions"] = str(executions)
    return replace(recording, environment=tuple(sorted(facts.items())), nonce=f"{reply.nonce}-{recording.nonce}")


def _failed(item: pytest.Item, run: ProcessRun, failure: ReproFailure) -> ProcessRun:
    """The same run, whose call phase ends in the verdict that was found here."""

    def throw() -> None:
        raise failure

    call: pytest.CallInfo[None] = pytest.CallInfo.from_call(throw, when="call")
    reports = []
    for report in run.reports:
        if report.when == "call":
            verdict = pytest.TestReport.from_item_and_call(item, call)
            polish(verdict, failure)
            verdict.duration, verdict.sections = report.duration, report.sections
            report = verdict
        reports.append(report)
    return replace(run, reports=tuple(reports), passed=False)
