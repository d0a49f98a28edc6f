"""A Dask scheduler as an engine. Imports `distributed`: loaded only for ``--repro-executor=dask://...``."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any

import distributed

from pytest_repro.errors import SettingsError

__all__ = ["DaskEngine"]


class DaskEngine:
    """A client of a scheduler that runs already."""

    def __init__(self, address: str, *, text: str, resources: Mapping[str, float], timeout: float) -> None:
        """Connect.

        Raises:
            SettingsError: there is no scheduler, or it does not answer in time.
        """
        self._resources = dict(resources)
        #: of tasks whose result was not taken yet: a task lives as long as somebody holds its future
        self._held: dict[str, Any] = {}
        self._quiet = _Quiet()
        with self._quiet:
            try:
                self._client = distributed.Client(address, timeout=timeout, set_as_default=False)
            except (OSError, TimeoutError, asyncio.TimeoutError, ValueError) as error:
                msg = (
                    f"--repro-executor={text}: no Dask scheduler answers at {address.partition('//')[2]} within "
                    f"{timeout:g} s ({error}); start one there with 'dask scheduler'"
                )
                raise SettingsError(msg) from None

    def submit(self, function: Callable[..., Any], *args: object, key: str, host: str, **kwargs: object) -> Future[Any]:
        """Submit under a key of its own, so that no two tasks are answered from one execution."""
        theirs = self._client.submit(
            function,
            *args,
            key=f"pytest-repro-{key}",
            pure=False,
            retries=0,
            resources=self._resources or None,
            workers=self._workers_of(host) if host else None,
            allow_other_workers=False,
            **kwargs,
        )
        self._held[key] = theirs
        ours: Future[Any] = Future()
        theirs.add_done_callback(lambda done: _hand_over(done, ours))
        return ours

    def _workers_of(self, host: str) -> list[str]:
        return [address for address, name in self._placed().items() if name == host]

    def _placed(self) -> dict[str, str]:
        """Address of each worker that offers what is asked for → host."""
        ask = self._client.scheduler_info
        # releases that take a number give five workers unless asked for all
        asked = {"n_workers": -1} if "n_workers" in inspect.signature(ask).parameters else {}
        workers = ask(**asked)["workers"]
        return {address: str(worker["host"]) for address, worker in workers.items() if self._offers(worker)}

    def _offers(self, worker: Mapping[str, Any]) -> bool:
        there = worker.get("resources") or {}
        return all(there.get(name, 0) >= amount for name, amount in self._resources.items())

    def hosts(self) -> tuple[str, ...]:
        """Hosts that have such a worker."""
        return tuple(sorted(set(self._placed().values())))

    def executions(self, key: str) -> int:
        """How often the scheduler gave the task to a worker, from its own story of the task."""
        held = self._held.pop(key, None)
        if held is None:
            return 0
        try:
            story = self._client.story(f"pytest-repro-{key}", on_error="ignore")
            # (who tells, key, state before, state after, ...); a task that is processing belongs to a worker
            return sum(event[0] == "scheduler" and event[3:4] == ("processing",) for event in story)
        except Exception:  # noqa: BLE001 - it is for a remark only, and a run must not fail for it
            return 0

    def close(self) -> None:
        """Cancel what has not begun, and leave; the scheduler goes on."""
        with self._quiet, contextlib.suppress(Exception):
            self._client.cancel(list(self._held.values()), force=True)
            self._held.clear()
            self._client.close(timeout=2)


def _hand_over(theirs: Any, ours: Future[Any]) -> None:
    if not ours.set_running_or_notify_cancel():
        return
    if theirs.status == "finished":
        try:
            ours.set_result(theirs.result())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
            ours.set_exception(error)
    elif theirs.status == "error":
        ours.set_exception(theirs.exception() or RuntimeError("the task failed, and Dask does not say how"))
    else:
        ours.set_exception(CancelledError("the scheduler gave the task up"))


class _Quiet:
    """Keeps Dask from reporting on the terminal what we word ourselves."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("distributed")
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)
