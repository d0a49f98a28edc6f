"""Node side: execute one task of a cluster run in a fresh interpreter of the project, and send back what happened.

Runs in a process that the engine starts for one task, in the project's own environment. It undoes what the engine
set, refuses to run where versions differ, and starts the worker of any process run, with this process as its
controller. It ends with everything that it started, also when the engine's process that waits for it dies.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_repro.environment.machine import read_machine
from pytest_repro.errors import ReproError, WorkerError
from pytest_repro.execute import attempts
from pytest_repro.execute.identity import commit_of, file_digest, skew_between, versions_in
from pytest_repro.execute.launch import LOG_LIMIT, Blueprint, session_environment, start
from pytest_repro.execute.lifeline import kill_group
from pytest_repro.execute.protocol import Closed, FrameKind, Late
from pytest_repro.execute.protocol import field as frame_field
from pytest_repro.execute.tasks import Reply, write_reply

if TYPE_CHECKING:
    from pytest_repro.execute.launch import Key, Process
    from pytest_repro.execute.protocol import Channel, Frame

__all__ = ["main"]

#: seconds that importing and collecting may take; the engine's own limit is the controller's business
_START_LIMIT = 900.0
#: seconds that a worker may take to leave after its last word
_LEAVE_LIMIT = 5.0
#: how often it is looked whether the engine's process is still there
_LOOK = 0.5
_NO_FORK = "a run on a node has an interpreter of its own"
_LAST = (FrameKind.DONE, FrameKind.STOPPED)


def main(task: Mapping[str, Any]) -> None:
    """Execute a task and write its reply to what was the standard output."""
    with _own_output() as output:
        _follow_parent()
        with attempts.counted(str(task["id"])) as executions:
            reply = _answer(task, Reply(id=str(task["id"]), nonce=secrets.token_hex(8), host=socket.gethostname()))
        write_reply(replace(reply, executions=executions), output)


@contextlib.contextmanager
def _own_output() -> Iterator[IO[bytes]]:
    """Whatever anybody prints from here on goes to the error stream; the reply stays whole."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(descriptor, "wb") as output:
        yield output


def _follow_parent() -> None:
    """End with the process of the engine that waits for us: nobody would read the reply."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)  # which ends the worker: its guard sees that our end of a pipe is gone

    if os.name == "posix":
        threading.Thread(target=watch, name="pytest-repro-parent", daemon=True).start()


def _answer(task: Mapping[str, Any], reply: Reply) -> Reply:
    directory = Path(task["directory"])
    reply = replace(reply, engine=_establish(task["variables"]))
    try:
        os.chdir(directory)
    except OSError as error:
        hint = "name the folder of the project there with ?dir=... in --repro-executor"
        return replace(reply, refused=f"there is no folder {directory} on {reply.host} ({error.strerror}); {hint}")
    fields = tuple(sorted(read_machine(), key=lambda one: one.name))
    reply = replace(reply, environment=fields)
    expected = task["expected"]
    if expected is not None:
        root = Path(task["root"])
        found = {**versions_in(fields), **commit_of(root), **_files(expected, root)}
        reply = replace(reply, skew=skew_between(expected, found))
    if reply.skew or task["request"] is None:
        return reply
    return _run(task, directory, reply)


def _files(expected: Mapping[str, str], root: Path) -> dict[str, str]:
    return {name: file_digest(root / name[5:]) for name in expected if name.startswith("file ")}


def _establish(variables: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """Give the variables the session's values; what the engine had in place of those that can change results."""
    found = []
    for name, value in sorted(variables.items()):
        before = os.environ.get(name)
        if before != value and name != "PYTHONPATH" and not name.startswith("PYTEST_"):
            found.append((name, before or ""))
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return tuple(found)


# --- one run ----------------------------------------------------------------------------------


def _run(task: Mapping[str, Any], directory: Path, reply: Reply) -> Reply:
    spool = Path(tempfile.mkdtemp(prefix="pytest-repro-"))
    try:
        key: Key = (tuple((str(name), value) for name, value in task["launch"]), tuple(task["prefix"]))
        blueprint = Blueprint(
            arguments=tuple(task["arguments"]),
            directory=directory,
            environment=session_environment(),
            preload=tuple(task["preload"]),
            spool=spool,
            transport="pair" if hasattr(os, "killpg") else "tcp",
            no_fork=_NO_FORK,
        )
        try:
            process = start(blueprint, key, number=1, no_fork=_NO_FORK)
        except WorkerError as error:
            return replace(reply, lost=str(error))
        run = _Run(process, timeout=float(task["timeout"]))
        try:
            run.converse(task["request"])
        finally:
            run.end()
        return run.told(reply, spool=spool, limit=int(task["limit"]))
    finally:
        shutil.rmtree(spool, ignore_errors=True)


@dataclass(slots=True)
class _Run:
    """The conversation with one worker, kept for the controller word by word."""

    process: Process
    #: seconds, 0 for no limit
    timeout: float
    frames: list[Frame] = field(default_factory=list)
    lost: str = ""
    sections: list[tuple[str, str]] = field(default_factory=list)
    _channel: Channel | None = None

    def converse(self, request: Mapping[str, Any]) -> None:
        """Have the test executed; whatever goes wrong is told, not raised."""
        try:
            self._converse(request)
        except Late:
            self._give_up(f"it took longer than {self.timeout:g} s (--repro-timeout) and was ended")
        except Closed:
            self._give_up(self.process.ending(within=_LEAVE_LIMIT) or "its connection broke")
        except ReproError as error:
            self._give_up(str(error))

    def _converse(self, request: Mapping[str, Any]) -> None:
        try:
            self._channel = channel = self.process.transport.channel(alive=self.process.alive, timeout=_START_LIMIT)
            ready = channel.receive(timeout=_START_LIMIT)
        except WorkerError as error:
            msg = f"its worker did not start: {self.process.ending(within=_LEAVE_LIMIT) or error}"
            raise WorkerError(msg) from None
        if ready.kind is not FrameKind.READY:
            msg = f"its worker did not start: {str(ready.body().get('message', ''))[-2000:]}"
            raise WorkerError(msg)
        channel.send(FrameKind.REQUEST, request)
        deadline: float | None = None
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            frame = channel.receive(timeout=left)
            if frame.kind is FrameKind.STARTED:
                deadline = time.monotonic() + self.timeout if self.timeout else None
            elif frame.kind is FrameKind.LOST:
                self._give_up(frame_field(frame.body(), "reason", str))
                return
            else:
                self.frames.append(frame)
                if frame.kind in _LAST:
                    return

    def _give_up(self, reason: str) -> None:
        self.lost = reason or "nothing is known of it"
        kill_group(self.process.pid)
        self.sections += [(title, text[-LOG_LIMIT:]) for title, text in self.process.captured()]
        self.sections += self.process.logged()

    def end(self) -> None:
        """End the worker and what its test left behind."""
        if self._channel is not None:
            self._channel.close()
        self.process.transport.close()
        popen = self.process.popen
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(timeout=0.0 if self.lost else _LEAVE_LIMIT)
        finally:
            if not kill_group(popen.pid) and popen.returncode is None:
                popen.kill()
            popen.wait()
            self.process.farewell()

    def told(self, reply: Reply, *, spool: Path, limit: int) -> Reply:
        """What to send back."""
        reply = replace(reply, lost=self.lost, sections=tuple(self.sections))
        if self.lost:
            return reply
        recorded = [frame.payload for frame in self.frames if frame.kind is FrameKind.RECORDED]
        files = [path for path in sorted(spool.glob("*.npy")) if any(path.name.encode() in text for text in recorded)]
        size = sum(len(frame.payload) for frame in self.frames) + sum(path.stat().st_size for path in files)
        if size > limit:
            return replace(reply, lost=_too_large(size, limit))
        arrays = {path.name: path.read_bytes() for path in files}
        return replace(reply, frames=tuple(self.frames), arrays=arrays)


def _too_large(size: int, limit: int) -> str:
    return (
        f"what it recorded has {size / 1e6:,.1f} MB, more than the {limit / 1e6:,.1f} MB that may travel; record less "
        "(a digest, a slice), or allow more with ?limit=MB in --repro-executor"
    )
