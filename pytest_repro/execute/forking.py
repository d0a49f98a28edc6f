"""Fork a child per run, where a trial showed that to be safe, and stand by it until it is gone.

Runs in a worker that has imported everything and computed nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.errors import WorkerError
from pytest_repro.execute.lifeline import die_with_parent, kill_group
from pytest_repro.execute.protocol import Channel, Closed, FrameKind

if TYPE_CHECKING:
    from pytest_repro.execute.protocol import Frame

__all__ = ["Forks", "problem"]

#: threads of a pool that was told to stop take a moment
_PATIENCE = (0.0, 0.005, 0.02, 0.1)
#: Threads that a child can do without, by the name that Linux shows (15 bytes): jemalloc's brings its
#: own fork handlers, polars's only empties a cache folder. Loading pyarrow starts the one, polars both.
_HARMLESS = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
#: after these a child has nothing more to say
_LAST = (FrameKind.DONE, FrameKind.STOPPED, FrameKind.LOST)
#: libgomp's omp_pause_hard: give up everything but settings
_PAUSE_HARD = 2


def problem() -> str:
    """Why this process must not be forked any more; empty when it may.

    A trial fork lets at-fork handlers stop the pools that they can stop; threads that are left in
    the parent right after it are ones that a child would wait for in vain.
    """
    _pause_openmp()
    count = 1
    for wait in _PATIENCE:
        time.sleep(wait)
        count = _threads_after_fork()
        if count == 1:
            return ""
    if count == 0:
        return "the threads of a process cannot be counted here"
    return f"{count} threads run after collection{_named()}, and a fork would lose all but one"


def _threads_after_fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        count = sum(_counts(task) for task in Path("/proc/self/task").iterdir())
    except OSError:
        count = 0
    os.waitpid(pid, 0)
    return count


def _counts(task: Path) -> bool:
    try:
        return (task / "comm").read_text(encoding="utf-8", errors="replace").strip() not in _HARMLESS
    except OSError:
        return False  # it ended meanwhile


def _named() -> str:
    import threading

    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if names:
        return f" ({', '.join(sorted(names))})"
    return " (a pool of native threads: OpenMP or another library computed at import)"


def _pause_openmp() -> None:
    """Let GNU OpenMP end its pool; a forked child would wait for threads that it does not have."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for path in {line.split(maxsplit=5)[5] for line in maps.splitlines() if "gomp" in line and line.count("/")}:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(path).omp_pause_resource_all(_PAUSE_HARD)


class _Damaged(Exception):  # noqa: N818 - a state of the line
    """What a child sent is no frame."""


class Forks:
    """One child at a time: they share the files into which pytest captures output."""

    def __init__(self, channel: Channel, config: pytest.Config) -> None:
        self._channel = channel
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._past: list[int] = []
        self._pid = os.getpid()
        gc.collect()
        gc.freeze()  # children share these pages as long as nobody counts in them

    def run(self, action: Callable[[Channel], None]) -> None:
        """Execute `action` in a child, hand its frames on, and report if it dies."""
        try:
            ours, theirs, pid = _fork()
        except OSError as error:
            reason = f"its process could not be forked: {error.strerror or error}"
            self._channel.send(FrameKind.LOST, {"reason": reason, "status": None, "sections": []})
            return
        if pid == 0:
            self._be_child(ours, theirs, action)
        theirs.close()
        line, reason = Channel(ours), ""
        try:
            ended = self._relay(line, pid)
        except _Damaged:
            reason = "it wrote to a descriptor that is not its own, so that what it says cannot be understood"
            kill_group(pid)
            ended = False
        except (Closed, OSError):
            kill_group(pid)
            self.end()
            os._exit(1)
        finally:
            line.close()
        self._bury(pid, ended, reason)

    def _be_child(self, ours: socket.socket, theirs: socket.socket, action: Callable[[Channel], None]) -> None:
        status = 70
        try:
            ours.close()
            self._channel.close()
            os.setsid()
            die_with_parent(self._pid)
            action(Channel(theirs))
            status = 0
        except BaseException:  # noqa: BLE001 - this process ends here, whatever it was
            traceback.print_exc(file=sys.__stderr__)
        finally:
            _flush()
            os._exit(status)

    def _relay(self, line: Channel, pid: int) -> bool:
        """Hand frames on until the child has said all, or is gone; which of the two."""
        end = _end_descriptor(pid)
        poll = select.poll()
        for descriptor in (line.fileno(), self._channel.fileno(), *([end] if end is not None else [])):
            poll.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if line.fileno() in ready:
                    frame = _from_child(line)
                    if frame is None:
                        return False
                    self._channel.forward(frame)
                    if frame.kind in _LAST:  # the next request must not be taken for something to hand on
                        return True
                elif self._channel.fileno() in ready:
                    frame = self._channel.receive()
                    with contextlib.suppress(Closed):  # it died meanwhile: the next look will show it
                        line.forward(frame)
                else:
                    return False
        finally:
            if end is not None:
                os.close(end)

    def _bury(self, pid: int, ended: bool, reason: str) -> None:
        _, status = os.waitpid(pid, 0)
        # a resource tracker lets this signal pass, cleans up and goes by itself
        if ended:
            if kill_group(pid, signal.SIGTERM):
                self._past.append(pid)
            self._past = [group for group in self._past if kill_group(group, 0)]
            return
        kill_group(pid)
        self._channel.send(FrameKind.LOST, {"reason": reason, "status": status, "sections": self._captured()})

    def _captured(self) -> list[list[str]]:
        try:
            out, err = self._capture.read_global_capture()
        except Exception:  # noqa: BLE001 - capturing is off, or not of a kind that outlives a process
            return []
        return [[f"Captured {name} call", text] for name, text in (("stdout", out), ("stderr", err)) if text]

    def end(self) -> None:
        """End what the tests of this worker left behind."""
        for group in self._past:
            kill_group(group)


def _fork() -> tuple[socket.socket, socket.socket, int]:
    """Our end of a line, a child's end of it, and the child's id: 0 in the child."""
    ours, theirs = socket.socketpair()
    try:
        _flush()
        return ours, theirs, os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(Exception):
                stream.flush()


def _from_child(line: Channel) -> Frame | None:
    """The next frame; None when there is no whole one left."""
    try:
        return line.receive()
    except Closed:
        return None
    except WorkerError as error:  # the test wrote to a descriptor that is not its own
        raise _Damaged from error


def _end_descriptor(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, which its socket does not if it left children."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
