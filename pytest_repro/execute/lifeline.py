"""No orphans: what ends a worker when the controller is gone, however it went.

On POSIX a small process of its own, forked from the bare interpreter before anything is imported,
waits for the end of a pipe that only the controller holds. Elsewhere (and with sockets) a thread of
the worker does. Imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_repro.execute.protocol import Closed

if TYPE_CHECKING:
    from pytest_repro.execute.protocol import Channel, Frame

__all__ = ["ORDERLY", "Inbox", "die_with_parent", "end_self", "kill_group", "start_guard"]

#: written to the pipe by a controller that ends the worker itself
ORDERLY = b"."
#: a worker that serves forks ends its child by itself, when it sees that its line is dead
_GRACE = 0.5
_PR_SET_PDEATHSIG = 1


def kill_group(group: int, number: int | None = None) -> bool:
    """Send a signal (default: the one that cannot be refused) to a process group; whether there was one."""
    if not hasattr(os, "killpg"):
        return False
    try:
        os.killpg(group, signal.SIGKILL if number is None else number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def start_guard(lifeline: int, *, spool: str) -> None:
    """Fork the process that ends our group, and removes `spool`, when `lifeline` ends without a farewell.

    It is no child of ours (it is forked twice), so that a test which waits for any child never meets it.
    """
    group = os.getpgrp()
    first = os.fork()
    if first:
        os.close(lifeline)
        os.waitpid(first, 0)
        return
    try:
        if os.fork():
            os._exit(0)
        os.setsid()
        _guard(lifeline, group)
        shutil.rmtree(spool, ignore_errors=True)
    finally:
        os._exit(0)


def _guard(lifeline: int, group: int) -> None:
    """Return when there is something to clear away."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    kept = os.dup2(lifeline, 3) if lifeline != 3 else 3
    os.closerange(4, 1 << 16)
    while True:
        data = os.read(kept, 1)
        if data == ORDERLY:
            os._exit(0)
        if not data:
            break
    time.sleep(_GRACE)
    kill_group(group)


class Inbox:
    """Frames from the controller for a process that executes a test itself.

    Where there is no guard, a thread reads the channel, so that its end is noticed while the test runs.
    """

    def __init__(self, channel: Channel, *, watched: bool) -> None:
        self._channel = channel
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._watched = watched
        if watched:
            threading.Thread(target=self._read, name="pytest-repro-lifeline", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self._frames.put(self._channel.receive())
            except Exception:  # noqa: BLE001, PERF203 - whatever it is, the line is dead
                end_self()

    def receive(self) -> Frame:
        """Wait for the next frame; the process ends here when the controller is gone."""
        if self._watched:
            return self._frames.get()
        try:
            return self._channel.receive()
        except Closed:
            end_self()
            raise


def end_self() -> None:
    """End this process and what it started, now."""
    if hasattr(os, "killpg"):
        kill_group(os.getpgrp())
    os._exit(1)


def die_with_parent(parent: int) -> None:
    """On Linux, ask the kernel to end this process together with its parent."""
    prctl = _prctl()
    if prctl is None:
        return
    with contextlib.suppress(OSError):
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _prctl() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), "prctl", None)
