"""Python's own concurrency, one thing after another: what was submitted first completes first.

Results that depend on the order in which threads or tasks finish have no random generator that
could be pinned. Here user code that starts something waits until it has ended, and whoever collects
results gets them in the order of submission. Every wait is bounded, by how long nothing was computed:
threads that serve, poll or wait for each other are let go, and from then on none of their kind is
waited for.

Only calls from user code are changed: what test runners, joblib, data loaders or asyncio start goes
its usual way.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, _base
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pytest_repro.conditions.crew import Crew, pin_queues
from pytest_repro.conditions.event_loops import pin_event_loops
from pytest_repro.conditions.one_worker import pin_workers
from pytest_repro.conditions.patching import StandIn, by_user, early_bound, put

__all__ = ["one_after_another"]

#: seconds without any computation after which nothing is waited for any more
IDLE_SECONDS = 1.0
#: seconds after which even a thread that computes all the time is let go: it may be an endless loop
BUSY_SECONDS = 20.0
#: what counts as computing, as a part of one processor
_BUSY_SHARE = 0.05
_SLICE = 0.2
#: seconds that a task may lag behind one submitted later before completion decides the order after all
_LAG_SECONDS = 30.0
_NEVER = float("inf")
#: through them a coroutine of the user's gets its work done by a thread
_LOOPS = ("asyncio.base_events", "asyncio.threads")


def _processor_seconds(process: str) -> float | None:
    """Processor time that a process has used; None where that cannot be read without asking a clock.

    The clocks of this process are pinned by machine code, those of the kernel's own files are not.
    """
    try:
        fields = Path("/proc", process, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100
    except (OSError, ValueError, IndexError):
        return None


class _Patience:
    """Waits for things to end until one of their kind did not in time."""

    def __init__(self, *, idle: float, busy: float) -> None:
        self._idle = idle
        self._busy = busy
        self._lost: set[str] = set()

    def wait(self, kind: str, ended: Callable[[float], bool], *, process: str = "self") -> None:
        """Wait until `ended`, which is given seconds to wait, says so, or patience with the kind is lost for good."""
        started = computed = time.monotonic()
        used = _processor_seconds(process)
        while kind not in self._lost and not ended(_SLICE):
            now, before, used = time.monotonic(), used, _processor_seconds(process)
            if before is not None and used is not None and used - before > _BUSY_SHARE * _SLICE:
                computed = now
            if now - computed > self._idle or now - started > self._busy:
                self._lost.add(kind)


class _Submissions:
    """The order in which futures came to be."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Future[Any], int] = WeakKeyDictionary()
        self._count = itertools.count()

    def note(self, future: Future[Any]) -> None:
        self._numbers[future] = next(self._count)

    def ordered(self, futures: Iterable[Future[Any]]) -> list[Future[Any]]:
        """Each future once, in the order of submission; those made earlier last, as given."""
        return sorted(dict.fromkeys(futures), key=lambda future: self._numbers.get(future, _NEVER))


class _InOrder(set[Any]):
    """A set of futures that gives them in the order of submission, not of their addresses."""

    def __init__(self, futures: Iterable[Any]) -> None:
        self._given = list(futures)
        super().__init__(self._given)

    def __iter__(self) -> Iterator[Any]:
        return iter([*(future for future in self._given if future in self), *self._added()])

    def _added(self) -> list[Any]:
        known = set(self._given)
        return [future for future in super().__iter__() if future not in known]

    def pop(self) -> Any:
        """Remove and return the first."""
        for first in self:
            self.remove(first)
            return first
        return super().pop()


def _done_in(timeout: float | None, future: Future[Any]) -> bool:
    return bool(_WAIT([future], timeout=timeout).done)


_WAIT = _base.wait


def _next_ended(pending: list[Future[Any]], end: float) -> bool:
    """Wait for the first of `pending`; False when time is up or it lags too far behind the others."""
    lag = _LAG_SECONDS
    while not pending[0].done():
        left = end - time.monotonic()
        if left <= 0 or lag <= 0:
            return False
        if _done_in(min(left, _SLICE), pending[0]):
            return True
        if any(future.done() for future in pending[1:]):
            lag -= _SLICE
    return True


def _completed(submissions: _Submissions) -> StandIn:
    """``as_completed`` in the order of submission."""
    original = _base.as_completed

    def ordered(fs: Iterable[Future[Any]], timeout: float | None) -> Iterator[Future[Any]]:
        end = _NEVER if timeout is None else time.monotonic() + timeout
        pending = submissions.ordered(fs)
        while pending and _next_ended(pending, end):
            yield pending.pop(0)
        if pending:
            yield from original(pending, None if timeout is None else max(0.0, end - time.monotonic()))

    def as_completed(fs: Iterable[Future[Any]], timeout: float | None = None) -> Iterator[Future[Any]]:
        return ordered(fs, timeout) if by_user() else original(fs, timeout)

    return StandIn(as_completed, original)


def _waited(submissions: _Submissions) -> StandIn:
    """``wait`` that splits by the order of submission, not by who was done at that moment."""
    original = _WAIT

    def enough(pending: list[Future[Any]], timeout: float | None, return_when: str) -> list[Future[Any]] | None:
        """What is done when enough is done; None where only the clock can decide."""
        end = _NEVER if timeout is None else time.monotonic() + timeout
        for count in range(len(pending)):
            if not _next_ended(pending[count:], end):
                return None
            future = pending[count]
            raised = not future.cancelled() and future.exception() is not None
            if return_when == FIRST_COMPLETED or (return_when == FIRST_EXCEPTION and raised):
                return pending[: count + 1]
        return pending

    def wait(fs: Iterable[Future[Any]], timeout: float | None = None, return_when: str = "ALL_COMPLETED") -> Any:
        if not by_user():
            return original(fs, timeout, return_when)
        pending = submissions.ordered(fs)
        first = enough(pending, timeout, return_when) if return_when in (FIRST_COMPLETED, FIRST_EXCEPTION) else None
        done = set(first if first is not None else original(pending, timeout, return_when).done)
        return _base.DoneAndNotDoneFutures(
            _InOrder(future for future in pending if future in done),
            _InOrder(future for future in pending if future not in done),
        )

    return StandIn(wait, original)


def _pin_executors(stack: ExitStack, patience: _Patience, replaced: dict[int, Any]) -> None:
    submissions = _Submissions()
    make, submit = Future.__init__, ThreadPoolExecutor.submit

    def __init__(self: Future[Any]) -> None:  # noqa: N807 - takes the place of one
        make(self)
        submissions.note(self)

    def submit_and_wait(self: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = submit(self, *args, **kwargs)
        if by_user("concurrent.futures._base", *_LOOPS):  # Executor.map submits, too
            patience.wait("task", lambda seconds: _done_in(seconds, future))
        return future

    put(stack, Future, "__init__", __init__)
    put(stack, ThreadPoolExecutor, "submit", submit_and_wait)
    for name, new in (("as_completed", _completed(submissions)), ("wait", _waited(submissions))):
        replaced[id(new.original)] = new
        for owner in (concurrent.futures, _base):
            put(stack, owner, name, new)


def _pin_threads(stack: ExitStack, patience: _Patience) -> None:
    start, crew = threading.Thread.start, Crew()

    def start_and_wait(self: threading.Thread) -> None:
        user = by_user() and not isinstance(self, threading.Timer)
        if user:
            crew.add(self)
        start(self)
        if user:
            patience.wait("daemon" if self.daemon else "thread", crew.rest)

    put(stack, threading.Thread, "start", start_and_wait)
    pin_queues(stack, crew, lambda ended: patience.wait("queue", ended))


def _pin_processes(stack: ExitStack, patience: _Patience) -> None:
    """Results that processes put into a queue arrive in the order in which the processes were started."""
    start = BaseProcess.start

    def start_and_wait(self: Any) -> None:
        start(self)
        if by_user():

            def ended(seconds: float) -> bool:
                self.join(seconds)
                return self.exitcode is not None

            patience.wait("process", ended, process=str(self.pid))

    put(stack, BaseProcess, "start", start_and_wait)


def _pin_pools(stack: ExitStack, patience: _Patience) -> None:
    """``multiprocessing``'s pools give results in order; in a pool of threads the tasks run in order, too."""
    unordered, apply_async = Pool.imap_unordered, Pool.apply_async
    originals: dict[str, Callable[..., Any]] = {"map": Pool.map, "starmap": Pool.starmap}

    def imap_unordered(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (self.imap if by_user() else unordered.__get__(self))(*args, **kwargs)

    def apply_and_wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = apply_async(self, *args, **kwargs)
        if isinstance(self, ThreadPool) and by_user("multiprocessing.pool"):  # `apply` comes through here

            def ended(seconds: float) -> bool:
                result.wait(seconds)
                return bool(result.ready())

            patience.wait("task", ended)
        return result

    def one_by_one(name: str) -> Callable[..., Any]:
        def mapped(self: Any, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int | None = None) -> Any:
            if not (isinstance(self, ThreadPool) and by_user()):
                return originals[name](self, func, iterable, chunksize)
            calls = [item if name == "starmap" else (item,) for item in iterable]
            return [result.get() for result in [self.apply_async(func, arguments) for arguments in calls]]

        return mapped

    put(stack, Pool, "imap_unordered", imap_unordered)
    put(stack, Pool, "apply_async", apply_and_wait)
    for name in originals:
        put(stack, Pool, name, one_by_one(name))


@contextlib.contextmanager
def one_after_another(*, idle: float = IDLE_SECONDS, busy: float = BUSY_SECONDS) -> Iterator[None]:
    """Run what user code starts one after another, and complete it in the order of submission.

    Args:
        idle: seconds without computation after which something that was started is let go.
        busy: seconds after which it is let go in any case.
    """
    patience = _Patience(idle=idle, busy=busy)
    replaced: dict[int, Any] = {}
    with ExitStack() as stack:
        _pin_executors(stack, patience, replaced)
        _pin_threads(stack, patience)
        _pin_processes(stack, patience)
        _pin_pools(stack, patience)
        pin_workers(stack)
        pin_event_loops(stack, replaced)
        early_bound(stack, replaced)
        yield
