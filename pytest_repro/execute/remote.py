"""Controller side of one worker: wait until it is ready, have it execute a test, end it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.errors import ReproError, WorkerError
from pytest_repro.execute.endings import Stop, describe_status, stop_error
from pytest_repro.execute.lifeline import kill_group
from pytest_repro.execute.protocol import Closed, FrameKind, Late
from pytest_repro.execute.protocol import field as frame_field
from pytest_repro.execute.replies import read_reports
from pytest_repro.execute.types import ProcessRun
from pytest_repro.execute.wire import failure_body, recording_from, request_body

if TYPE_CHECKING:
    from pytest_repro.execute.array_files import ArrayFiles
    from pytest_repro.execute.launch import Key, Process
    from pytest_repro.execute.protocol import Channel, Frame
    from pytest_repro.execute.types import Gate
    from pytest_repro.execute.wire import Request
    from pytest_repro.model import Recording

__all__ = ["Answer", "Remote"]

#: seconds that importing and collecting may take; far beyond any real suite
_START_LIMIT = 900.0
#: seconds that an idle worker may take to leave, and a killed child to be noticed
_LEAVE_LIMIT = 5.0
#: Seconds that a worker may take to begin what has a time limit: to read the request, to fork, to set the
#: condition. The limit itself counts from there.
_BEGIN_LIMIT = 60.0
_OF_A_RUN = (FrameKind.RECORDED, FrameKind.DONE, FrameKind.STOPPED)
#: no process group has such a number
_GROUPS = 1 << 31


def _group_of_another(body: Mapping[str, Any]) -> int:
    """The process group of a child, which we may end.

    Raises:
        WorkerError: it is none that a child could have. Group 0 is our own, and a signal to group 1 goes to
            every process that we may end.
    """
    group = frame_field(body, "group", int)
    own = os.getpgrp() if hasattr(os, "getpgrp") else 0
    if not 1 < group < _GROUPS or group == own:
        msg = f"a worker says that its run is in the process group {group}, which cannot be"
        raise WorkerError(msg)
    return group


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one request."""

    run: ProcessRun
    #: warnings that the test caused, as the child wrote them
    warnings: tuple[Mapping[str, Any], ...] = ()
    #: whether anything of the test may have been executed; else it can be asked for again
    begun: bool = True


@dataclass(slots=True)
class _Waiting:
    """One request on its way."""

    request: Request
    gate: Gate | None
    #: seconds, 0 for no limit
    timeout: float
    log_start: int
    deadline: float | None = None
    group: int | None = None
    recording: Recording | None = None
    #: whether the verdict was asked for, and whether it was a failure
    judged: bool = False
    failing: bool = False

    def left(self) -> float | None:
        """Seconds until the run is late."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.001)


@dataclass(slots=True)
class Remote:
    """One worker, as the controller sees it."""

    config: pytest.Config
    key: Key
    process: Process
    files: ArrayFiles
    #: larger is later
    used: int = 0
    busy: bool = False
    _channel: Channel | None = field(default=None, init=False)
    #: why it cannot fork; None until it said that it is ready
    no_fork: str | None = field(default=None, init=False)

    @property
    def single_use(self) -> bool:
        """Whether it executes a test itself and is spent then."""
        return bool(self.no_fork)

    # --- starting -----------------------------------------------------------------------------

    def wait_ready(self) -> None:
        """Wait until it has collected.

        Raises:
            WorkerError: it did not get that far; with what it said.
        """
        if self.no_fork is not None:
            return
        try:
            self._channel = self.process.transport.channel(alive=self.process.alive, timeout=_START_LIMIT)
            frame = self._channel.receive(timeout=_START_LIMIT)
            body = frame.body()
        except WorkerError as error:
            msg = f"its worker did not start: {self.process.ending(within=_LEAVE_LIMIT) or error}"
            raise WorkerError(msg) from None
        if frame.kind is not FrameKind.READY:
            said = str(body.get("message", ""))[-2000:] or f"it sent {frame.kind.name} in place of READY"
            msg = f"its worker did not start: {said}"
            raise WorkerError(msg)
        self.no_fork = frame_field(body, "no_fork", str)

    # --- executing ----------------------------------------------------------------------------

    def execute(self, request: Request, *, gate: Gate | None, timeout: float) -> Answer:
        """Have one test executed; a run that is lost is an answer, too.

        Raises:
            pytest.exit.Exception: the test asked for it.
            KeyboardInterrupt: the test, or the user.
        """
        waiting = _Waiting(request, gate, timeout, self._log_size())
        self.busy = True
        try:
            return self._converse(waiting)
        except Late:
            return self._late(waiting)
        except Closed:
            return self._died(waiting)
        except ReproError as error:
            self._end_child(waiting)
            self.end(now=True)
            return self._lost(waiting, str(error), [])
        except Stop as stop:
            raise stop.error from None
        except BaseException:
            self._end_child(waiting)
            self.end(now=True)
            raise
        finally:
            self.busy = False

    def _converse(self, waiting: _Waiting) -> Answer:
        channel = self._channel
        if channel is None:
            raise Closed("the worker has no connection")
        if waiting.timeout:
            waiting.deadline = time.monotonic() + waiting.timeout + _BEGIN_LIMIT
        channel.send(FrameKind.REQUEST, request_body(waiting.request))
        while True:
            frame = channel.receive(timeout=waiting.left())
            body = frame.body()
            if frame.kind in _OF_A_RUN and waiting.group is None:  # what is left of an earlier run is no answer
                msg = f"a worker sent {frame.kind.name} before the run had begun"
                raise WorkerError(msg)
            match frame.kind:
                case FrameKind.STARTED:
                    waiting.group = _group_of_another(body)
                    waiting.deadline = time.monotonic() + waiting.timeout if waiting.timeout else None
                case FrameKind.RECORDED:
                    self._judge(channel, waiting, body)
                case FrameKind.DONE:
                    return self._done(waiting, body)
                case FrameKind.STOPPED:
                    raise Stop(stop_error(body))
                case FrameKind.LOST:
                    return self._child_died(waiting, body)
                case _:
                    msg = f"a worker sent {frame.kind.name} in the middle of a run"
                    raise WorkerError(msg)

    def _judge(self, channel: Channel, waiting: _Waiting, body: Mapping[str, Any]) -> None:
        waiting.recording = recording_from(body, spec=waiting.request.spec, files=self.files)
        if not body.get("waits"):
            return
        left = waiting.left()
        if waiting.judged:
            raise WorkerError("a worker asked twice for the verdict of one run")
        failure = waiting.gate(waiting.recording) if waiting.gate is not None else None
        waiting.judged, waiting.failing = True, failure is not None
        if left is not None:  # judging takes our time, not the test's
            waiting.deadline = time.monotonic() + left
        channel.send(FrameKind.VERDICT, failure_body(failure))

    def _done(self, waiting: _Waiting, body: Mapping[str, Any]) -> Answer:
        passed = frame_field(body, "passed", bool)
        # a run must not pass because something in it swallowed the verdict, or never asked for it
        if passed and waiting.gate is not None and not waiting.judged:
            raise WorkerError("it passed without asking for the verdict")
        if passed and waiting.failing:
            raise WorkerError("it passed although the verdict was a failure, which something in it must have caught")
        return Answer(
            ProcessRun(
                recording=waiting.recording,
                reports=read_reports(self.config, frame_field(body, "reports", list)),
                passed=passed,
                subtests=read_reports(self.config, frame_field(body, "subtests", list)),
            ),
            tuple(entry for entry in frame_field(body, "warnings", list) if isinstance(entry, dict)),
        )

    # --- faults -------------------------------------------------------------------------------

    def _child_died(self, waiting: _Waiting, body: Mapping[str, Any], reason: str = "") -> Answer:
        status = body.get("status")
        if not reason:
            reason = str(body.get("reason", ""))
        try:
            if not reason and isinstance(status, int):
                reason = describe_status(os.waitstatus_to_exitcode(status))
            sections = [(str(title), str(text)) for title, text in frame_field(body, "sections", list)]
        except (TypeError, ValueError, OverflowError) as error:
            msg = f"what a worker says of a run that died is damaged: {error}"
            raise WorkerError(msg) from None
        return self._lost(waiting, reason, sections)

    def _late(self, waiting: _Waiting) -> Answer:
        reason = f"it took longer than {waiting.timeout:g} s (--repro-timeout) and was ended"
        self._end_child(waiting)
        frame = self._last_words() if not self.single_use and waiting.group is not None else None
        if frame is not None:
            with contextlib.suppress(WorkerError):
                return self._child_died(waiting, frame.body(), reason)
        self.end(now=True)
        return self._lost(waiting, reason, self.process.captured())

    @staticmethod
    def _end_child(waiting: _Waiting) -> None:
        """End what executes the test, and all that it started."""
        if waiting.group is not None:
            kill_group(waiting.group)

    def _last_words(self) -> Frame | None:
        """What the worker says of a child that we ended."""
        deadline = time.monotonic() + _LEAVE_LIMIT
        try:
            while self._channel is not None:
                frame = self._channel.receive(timeout=max(deadline - time.monotonic(), 0.001))
                if frame.kind is FrameKind.LOST:
                    return frame
        except WorkerError:
            pass
        return None

    def _died(self, waiting: _Waiting) -> Answer:
        """The process at the other end of the line is gone; where it forked, its child must follow."""
        if not self.single_use:
            self._end_child(waiting)
        self.end(now=True, grace=_LEAVE_LIMIT)
        ended = describe_status(self.process.popen.returncode)
        reason = ended if self.single_use else f"its worker died: {ended}"
        return replace(self._lost(waiting, reason, self.process.captured()), begun=waiting.group is not None)

    def _lost(self, waiting: _Waiting, reason: str, sections: list[tuple[str, str]]) -> Answer:
        sections = [*sections, *self.process.logged(start=waiting.log_start)]
        return Answer(ProcessRun(recording=None, lost=reason or "nothing is known of it", sections=tuple(sections)))

    def _log_size(self) -> int:
        try:
            return self.process.log.stat().st_size
        except OSError:
            return 0

    # --- ending -------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """Let the worker see that it is not needed any more."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self.process.transport.close()

    def end(self, *, now: bool = False, grace: float = 0.0) -> None:
        """End the process and everything opened for it. May be called again.

        Args:
            now: do not wait until it leaves by itself.
            grace: seconds that even then it is given, because it is known to be dying.
        """
        idle = self.no_fork == "" and not now
        self.hang_up()
        popen = self.process.popen
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(timeout=_LEAVE_LIMIT if idle else grace)
        finally:
            if popen.returncode is None:
                if not kill_group(popen.pid):
                    popen.kill()
                popen.wait()
            elif not idle:
                kill_group(popen.pid)
            self.process.farewell()
