"""Random schedules of faults between the real controller's side of the worker protocol and scripted workers.

Everything on our side is real: `WorkerPool`, `start`, `Remote`, `Channel`. What is scripted is the operating system's
part (`subprocess.Popen` starts a thread, which speaks for a worker at the other end of the socket) and the faults.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from pytest_repro.errors import WorkerError
from pytest_repro.execute import launch, protocol, remote, transport
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.outcomes import ReproDrift, ReproFailure
from pytest_repro.execute.protocol import Channel, FrameKind
from pytest_repro.execute.types import ProcessRun
from pytest_repro.execute.wire import recording_body
from pytest_repro.execute.workers import WorkerPool
from pytest_repro.model import Condition, Place, Recording, RunSpec
from pytest_repro.settings import Settings
from tests.peers import serialized_report
from tests.unit.baseline.kept import make_recording

__all__ = ["FAULTS", "STARTS", "STEPS", "Fault", "Schedule", "play"]

#: what a worker says, in order
STEPS = ("ready", "started", "recorded", "done")
#: what goes wrong while it says that
FAULTS = (
    "killed", "stopped", "cut off and killed", "cut off and stopped", "slow", "garbage", "another frame", "twice",
    "nothing in it", "died", "disk full", "clock forward", "clock back", "closed pipe",
)  # fmt: skip
#: what goes wrong before there is a worker
STARTS = ("no process", "no descriptors for a socket", "no descriptors for a pipe", "no room for a file")

_PIDS = 2**22 + 10  # beyond those that Linux gives out


@dataclass
class Fault:
    """One fault, and whether it came about."""

    step: str
    kind: str
    fired: bool = False


@dataclass
class Schedule:
    """What happens: a function of the seed."""

    seed: int
    requests: int = 4
    workers: int = field(init=False)
    #: of each worker that is started, in order; None: nothing goes wrong
    faults: list[Fault | None] = field(init=False)
    #: of each start
    starts: list[str] = field(init=False)
    single_use: bool = field(init=False)
    #: of each request: None is not gated, else whether the verdict is a failure
    gates: list[bool | None] = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.workers = rng.choice((1, 1, 2))
        count = self.requests * 3
        self.faults = [
            Fault(rng.choice(STEPS), rng.choice(FAULTS)) if rng.random() < 0.6 else None for _ in range(count)
        ]
        self.starts = [rng.choice(STARTS) if rng.random() < 0.08 else "" for _ in range(count)]
        self.single_use = rng.random() < 0.3
        self.gates = [rng.choice((None, False, True)) for _ in range(self.requests)]


# --- a worker ---------------------------------------------------------------------------------


class _Gone(Exception):
    """The worker ends here."""


class _ChildGone(Exception):
    """Its child ends here."""


class FakeWorker(subprocess.Popen[bytes]):
    """In place of a process: a thread that speaks for one, until it is told to end or has left."""

    def __init__(self, world: World, sock: socket.socket, pid: int, fault: Fault | None) -> None:
        # not that of the base class, which would start a process
        self.pid = pid
        self.returncode = None
        self._world, self._sock, self._fault = world, sock, fault
        self._ended = threading.Event()
        self._status = 0
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def __del__(self) -> None:
        """Nothing to warn of."""

    def poll(self) -> int | None:
        """Whether it has left."""
        if self.returncode is None and self._ended.is_set():
            self.returncode = self._status
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("worker", timeout or 0)
        found = self.poll()
        assert found is not None
        return found

    def kill(self) -> None:
        """End it, whatever it does."""
        self._status = -9
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._ended.set()

    @property
    def left_running(self) -> bool:
        """Whether it still speaks."""
        self._thread.join(timeout=2)
        return self._thread.is_alive() or self.returncode is None

    # --- its life -----------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            self._serve()
        except (_Gone, _ChildGone, WorkerError, OSError):
            pass
        finally:
            self._sock.close()
            self._ended.set()

    def _serve(self) -> None:
        channel = Channel(self._sock)
        no_fork = "it must not" if self._world.schedule.single_use else ""
        self._say("ready", FrameKind.READY, {"pid": self.pid, "items": 1, "no_fork": no_fork, "errors": []})
        while True:
            request = channel.receive().body()
            with contextlib.suppress(_ChildGone):
                self._execute(channel, request)
            if no_fork:
                return

    def _execute(self, channel: Channel, request: Any) -> None:
        self._say("started", FrameKind.STARTED, {"group": self.pid})
        self._say("recorded", FrameKind.RECORDED, {**self._recorded(), "waits": request["gated"]})
        passed = not request["gated"] or channel.receive().body()["failure"] is None
        report = serialized_report(self._world.config, failing=not passed)
        self._say("done", FrameKind.DONE, {"passed": passed, "reports": [report], "subtests": [], "warnings": []})

    def _recorded(self) -> dict[str, object]:
        recording = make_recording(("x", 0.5), ("a", np.arange(600.0)))
        return recording_body(recording, files=ArrayFiles(self._world.spool))

    def _say(self, step: str, kind: FrameKind, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        raw = struct.pack("!BI", kind, len(payload)) + payload
        fault = self._fault
        if fault is None or fault.step != step or fault.fired:
            self._sock.sendall(raw)
            return
        fault.fired = True
        _DEEDS[fault.kind](self, raw, kind, body)

    # --- faults -------------------------------------------------------------------------------

    def killed(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Die without a word."""
        self._status = -9
        raise _Gone

    def stopped(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say nothing any more, and do not leave before somebody ends it.

        What would be waited for is over soon: the clock of the other side jumps, and a byte now and then wakes it.
        """
        for i in range(len(raw) - 1):
            self._world.jump += 3600.0
            self._sock.sendall(raw[i : i + 1])
            if self._ended.wait(0.01):
                raise _Gone
        self._ended.wait(60)
        raise _Gone

    def cut_off(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say half, and die."""
        self._sock.sendall(raw[: len(raw) // 2])
        self.killed(raw, kind, body)

    def cut_off_stopped(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say half, and stop."""
        half = len(raw) // 2
        self._sock.sendall(raw[:half])
        self.stopped(raw[half:], kind, body)

    def slow(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say it in pieces."""
        size = len(raw) // 5 + 1
        for i in range(0, len(raw), size):
            time.sleep(0.0005)
            self._sock.sendall(raw[i : i + size])

    def garbage(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say what is no frame."""
        self._sock.sendall(random.Random(len(raw)).randbytes(64))

    def another(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say something whose time it is not."""
        other = FrameKind(kind % 9 + 1)
        self._sock.sendall(struct.pack("!BI", other, len(raw) - 5) + raw[5:])

    def twice(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say it again."""
        self._world.repeated = True
        self._sock.sendall(raw + raw)

    def empty(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Say it without what belongs to it."""
        self._sock.sendall(struct.pack("!BI", kind, 2) + b"{}")

    def died(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Report the death of a child."""
        payload = json.dumps({"reason": "", "status": 9, "sections": []}).encode()
        self._sock.sendall(struct.pack("!BI", FrameKind.LOST, len(payload)) + payload)
        raise _ChildGone

    def disk_full(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Let what was written to files be cut off."""
        for path in self._world.spool.glob("*.npy"):
            path.write_bytes(path.read_bytes()[:-100])
        self._sock.sendall(raw)

    def forward(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Let a day go by on both clocks."""
        self._world.jump += 86_400.0
        self._sock.sendall(raw)

    def back(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Set the wall clock back; the other one never goes back."""
        self._world.wall = -86_400.0
        self._sock.sendall(raw)

    def closed(self, raw: bytes, kind: FrameKind, body: dict[str, Any]) -> None:
        """Hear nothing any more, but go on."""
        self._sock.shutdown(socket.SHUT_RD)
        self._sock.sendall(raw)


_DEEDS: dict[str, Callable[..., None]] = {
    "killed": FakeWorker.killed,
    "stopped": FakeWorker.stopped,
    "cut off and killed": FakeWorker.cut_off,
    "cut off and stopped": FakeWorker.cut_off_stopped,
    "slow": FakeWorker.slow,
    "garbage": FakeWorker.garbage,
    "another frame": FakeWorker.another,
    "twice": FakeWorker.twice,
    "nothing in it": FakeWorker.empty,
    "died": FakeWorker.died,
    "disk full": FakeWorker.disk_full,
    "clock forward": FakeWorker.forward,
    "clock back": FakeWorker.back,
    "closed pipe": FakeWorker.closed,
}


# --- the world around -------------------------------------------------------------------------


class World:
    """The operating system, as the controller sees it."""

    def __init__(self, schedule: Schedule, config: pytest.Config, spool: Path) -> None:
        self.schedule, self.config, self.spool = schedule, config, spool
        self.workers: list[FakeWorker] = []
        self.jump = self.wall = 0.0
        self.failed_starts = 0
        #: what is left over from one run may cost the next one
        self.repeated = False
        self._starts = iter(schedule.starts)
        self._faults = iter(schedule.faults)
        self._start = ""

    def popen(self, command: list[str], **options: Any) -> FakeWorker:
        """`subprocess.Popen`."""
        if self._start == "no process":
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        sock = socket.socket(fileno=os.dup(options["pass_fds"][0]))
        worker = FakeWorker(self, sock, _PIDS + len(self.workers), next(self._faults, None))
        self.workers.append(worker)
        return worker

    def kill_group(self, group: int, number: int | None = None) -> bool:
        """`os.killpg`, for the processes that there are here."""
        del number
        found = [worker for worker in self.workers if worker.pid == group]
        for worker in found:
            worker.kill()
        return bool(found)

    def make_transport(self, kind: str) -> transport.Pair | transport.Listener:
        """The first thing of a start that can fail; draws what goes wrong with this one."""
        self._start = next(self._starts, "")
        self.failed_starts += bool(self._start)
        if self._start == "no descriptors for a socket":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return transport.make_transport(kind)

    def pipe(self) -> tuple[int, int]:
        """`os.pipe`."""
        if self._start == "no descriptors for a pipe":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return _PIPE()

    def write_text(self, path: Path, text: str, **options: Any) -> int:
        """`Path.write_text`."""
        if self._start == "no room for a file":
            path.write_bytes(text.encode()[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return _WRITE(path, text, **options)

    def monotonic(self) -> float:
        """`time.monotonic`."""
        return _MONOTONIC() + self.jump

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put it in place of the real one, with limits that a test can wait for."""
        clock = mock.Mock(monotonic=self.monotonic, time=lambda: time.time() + self.wall)
        with contextlib.ExitStack() as stack:

            def patch(target: object, name: str, value: object) -> None:
                stack.enter_context(mock.patch.object(target, name, value))

            patch(subprocess, "Popen", self.popen)
            patch(launch, "make_transport", self.make_transport)
            patch(os, "pipe", self.pipe)
            patch(Path, "write_text", lambda path, text, **options: self.write_text(path, text, **options))
            patch(remote, "kill_group", self.kill_group)
            for module in (remote, protocol):
                patch(module, "time", clock)
            patch(remote, "_LEAVE_LIMIT", 0.1)
            yield


_PIPE, _MONOTONIC, _WRITE = os.pipe, time.monotonic, Path.write_text


# --- a schedule -------------------------------------------------------------------------------


def play(schedule: Schedule, *, config: pytest.Config, spool: Path) -> list[ProcessRun]:
    """Execute a schedule and check what must hold whatever happens; what became of each request."""
    world = World(schedule, config, spool)
    answers = []
    with world.in_place():
        pool = WorkerPool(config, settings=Settings(workers=schedule.workers), spool=spool)
        try:
            for number, gate in enumerate(schedule.gates, start=1):
                answers.append(_ask(world, pool, number, gate))
        finally:
            pool.close()
    assert not [worker.pid for worker in world.workers if worker.left_running], "a worker outlives its pool"
    left = [path.name for path in spool.iterdir() if path.is_dir()]
    assert not left, f"folders of workers are left: {left}"
    for path in spool.glob("*.npy"):  # of runs that were lost before anybody read them; the spool goes with the session
        path.unlink()
    return answers


def _ask(world: World, pool: WorkerPool, number: int, failing: bool | None) -> ProcessRun:
    asked: list[Recording] = []
    fired = sum(fault.fired for fault in world.schedule.faults if fault is not None)

    def gate(recording: Recording) -> ReproFailure | None:
        asked.append(recording)
        return ReproDrift("DRIFT") if failing else None

    spec = RunSpec(number, Condition(Place.PROCESS))
    settings = Settings(timeout=30, runs=2)
    start = _MONOTONIC()
    try:
        run = pool.run("test_it.py::test_it", spec, seed=0, settings=settings, gate=None if failing is None else gate)
    except (pytest.exit.Exception, KeyboardInterrupt):  # "another frame": the test asked for the end of the session
        return ProcessRun(recording=None, lost="the session ends")
    assert _MONOTONIC() - start < 25, "it takes for ever"
    quiet = fired == sum(fault.fired for fault in world.schedule.faults if fault is not None)
    # workers are started ahead, so that what goes wrong there may show only later
    early = any(fault.fired and fault.step == "ready" for fault in world.schedule.faults if fault is not None)
    _check(run, asked, failing, trouble=not quiet or early or world.failed_starts > 0 or world.repeated)
    return run


def _check(run: ProcessRun, asked: list[Recording], failing: bool | None, *, trouble: bool) -> None:
    """One verdict or one clear error."""
    assert len(asked) <= 1, "the verdict was given twice"
    if run.lost:
        assert trouble, f"lost for no reason: {run.lost}"
        assert len(run.lost) > 10
        assert not run.passed
        return
    assert len(run.reports) == 1, "neither an error nor a report"
    if run.passed:
        assert not failing, "it passes although the verdict was a failure"
        assert failing is None or asked, "it passes without a verdict"
