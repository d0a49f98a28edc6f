"""``asyncio.as_completed`` in the order in which its tasks were given, whichever of them ends first."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from pytest_repro.conditions.patching import StandIn, put, users

__all__ = ["pin_event_loops"]

#: seconds that a task may lag behind others before completion decides the order after all
_LAG_SECONDS = 30.0


class _InOrder:
    """What ``as_completed`` returns: an iterator over coroutines, and since Python 3.13 over the tasks, too."""

    def __init__(self, tasks: list[asyncio.Future[Any]], timeout: float | None) -> None:
        self._pending = tasks
        self._loop = asyncio.get_running_loop()
        self._end = None if timeout is None else self._loop.time() + timeout

    def __iter__(self) -> Iterator[Coroutine[Any, Any, Any]]:
        for task in list(self._pending):
            yield self._result(task)

    async def __aiter__(self) -> AsyncIterator[asyncio.Future[Any]]:
        while self._pending:
            yield await self._next(self._pending[0])

    async def _result(self, task: asyncio.Future[Any]) -> Any:
        return (await self._next(task)).result()

    async def _next(self, task: asyncio.Future[Any]) -> asyncio.Future[Any]:
        """`task` once it is done, or what is done if it lags too far behind.

        Raises:
            TimeoutError: time was up first.
        """
        if task not in self._pending:  # it lagged, and another was given in its place
            task = self._pending[0]
        left = None if self._end is None else max(self._end - self._loop.time(), 0.0)
        await asyncio.wait([task], timeout=_LAG_SECONDS if left is None else min(left, _LAG_SECONDS))
        if not task.done() and left is not None and left <= _LAG_SECONDS:
            raise asyncio.TimeoutError
        while not task.done():
            done, _ = await asyncio.wait(self._pending, return_when=asyncio.FIRST_COMPLETED)
            task = next(other for other in self._pending if other in done)
        self._pending.remove(task)
        return task


def pin_event_loops(stack: ExitStack, replaced: dict[int, Any]) -> None:
    """Put the stand-in in place for callers among the user's modules; `stack` undoes it.

    Args:
        stack: undoes it.
        replaced: by the original's ``id``, for names that were bound early.
    """
    original = asyncio.as_completed

    def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> Any:
        caller = sys._getframe(2).f_globals.get("__name__")  # a stand-in's own call lies between
        if not users(sys.modules.get(caller or "")) or asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
            return original(fs, timeout=timeout)
        return _InOrder([asyncio.ensure_future(one) for one in dict.fromkeys(fs)], timeout)

    new = StandIn(as_completed, original)
    replaced[id(original)] = new
    for owner in (asyncio, asyncio.tasks):
        put(stack, owner, "as_completed", new)
