"""Pools of processes, joblib and dask with one worker: tasks run in the order in which they were given.

Which worker takes the next task is a race, and so is the order in which workers end. With one there is
neither. Only pools that user code asks for get one worker; joblib and dask compute for the user in any case.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing.pool import Pool, ThreadPool
from typing import Any

from pytest_repro.conditions.patching import by_user, put

__all__ = ["pin_workers"]


def pin_workers(stack: ExitStack) -> None:
    """Give every pool one worker; `stack` undoes it."""
    _one_process(stack, Pool, "multiprocessing.context", "torch.multiprocessing")
    _one_process(stack, ProcessPoolExecutor)
    _pin_joblib(stack)
    _pin_dask(stack)


def _one_process(stack: ExitStack, kind: type, *between: str) -> None:
    make: Callable[..., None] = kind.__init__  # type: ignore[misc]

    def __init__(self: Any, workers: int | None = None, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - takes its place
        named = next((name for name in ("processes", "max_workers") if name in kwargs), None)
        if not isinstance(self, ThreadPool) and by_user(*between):
            workers = 1
            kwargs.pop(named or "", None)
        elif named is not None:
            workers = kwargs.pop(named)
        make(self, workers, *args, **kwargs)

    put(stack, kind, "__init__", __init__)


def _pin_joblib(stack: ExitStack) -> None:
    """One job, whatever was asked for: a backend that is named outweighs any configuration."""
    parallel: Any = getattr(sys.modules.get("joblib.parallel"), "Parallel", None)
    if parallel is None:
        return
    make = parallel.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - takes its place
        make(self, *args, **kwargs)
        self.n_jobs = 1

    put(stack, parallel, "__init__", __init__)


def _pin_dask(stack: ExitStack) -> None:
    """The scheduler of the calling thread, in place of those of threads and processes, named or not."""
    base: Any = sys.modules.get("dask.base")
    config: Any = sys.modules.get("dask.config")
    with contextlib.suppress(AttributeError, KeyError):
        schedulers = base.named_schedulers
        here = schedulers["synchronous"]
        for name in ("threads", "threading", "processes", "multiprocessing"):
            stack.callback(schedulers.__setitem__, name, schedulers[name])
            schedulers[name] = here
        if not config.get("scheduler", None):
            stack.enter_context(config.set(scheduler="synchronous"))
