"""Threads that hand work to each other, one at a time.

A thread that serves a queue never ends before it is told to, so that it cannot be waited for; but it comes to
rest where it waits to be notified. Whoever puts something into a queue goes on once all threads that user code
started have come to rest: who takes the next item, and who is done first, is then no race.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any

from pytest_repro.conditions.patching import by_user, put

__all__ = ["Crew", "pin_queues"]

_PAUSE = 0.001
_WAIT = threading.Condition.wait.__code__


class Crew:
    """The threads that user code started, and who among them rests."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        #: threads that wait for the others to rest
        self._handing: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._threads)

    def add(self, thread: threading.Thread) -> None:
        """Count on a thread that is about to start."""
        self._threads = [one for one in self._threads if one.ident is None or one.is_alive()]
        self._threads.append(thread)

    def rest(self, seconds: float) -> bool:
        """Whether all but the calling thread rest at some moment of so many seconds."""
        me = threading.get_ident()
        end = time.monotonic() + seconds
        self._handing.add(me)
        try:
            while not self._all_rest(me):
                if time.monotonic() >= end:
                    return False
                time.sleep(_PAUSE)
        finally:
            self._handing.discard(me)
        return True

    def _all_rest(self, me: int) -> bool:
        frames = sys._current_frames()
        working = (one for one in self._threads if one.ident not in self._handing | {me} and one.is_alive())
        return all(_rests(frames.get(one.ident or 0)) for one in working)


def _rests(frame: FrameType | None) -> bool:
    """Whether a thread waits and nobody has notified it yet."""
    if frame is None or frame.f_code is not _WAIT:
        return False
    names = frame.f_locals
    return names.get("waiter") in getattr(names.get("self"), "_waiters", ())


def pin_queues(stack: ExitStack, crew: Crew, wait: Callable[[Callable[[float], bool]], None]) -> None:
    """Let user code that puts something into a queue wait until nobody works on it; `stack` undoes it.

    Args:
        stack: undoes it.
        crew: who must rest.
        wait: waits until what it is given says so, or patience is lost.
    """
    putting, getting = queue.Queue.put, queue.Queue.get

    def put_and_wait(self: queue.Queue[Any], *args: Any, **kwargs: Any) -> None:
        putting(self, *args, **kwargs)
        if crew and by_user("queue"):
            wait(crew.rest)

    def get_and_wait(self: queue.Queue[Any], *args: Any, **kwargs: Any) -> Any:
        item = getting(self, *args, **kwargs)
        if self.maxsize > 0 and crew and by_user("queue"):  # somebody may have waited for a free place
            wait(crew.rest)
        return item

    put(stack, queue.Queue, "put", put_and_wait)
    put(stack, queue.Queue, "get", get_and_wait)
