"""Controller side: a few warm workers, each for one way to start an interpreter, shared by all runs.

A worker pays the imports once. A run is a fork of it where that is safe, and a fresh interpreter of
its own where not.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.errors import WorkerError
from pytest_repro.execute.ahead import seen, wanted
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.launch import Blueprint, launch_key, start
from pytest_repro.execute.remote import Answer, Remote
from pytest_repro.execute.replies import Warned
from pytest_repro.execute.types import ProcessRun
from pytest_repro.execute.wire import Request
from pytest_repro.ids import own_id

if TYPE_CHECKING:
    from pytest_repro.execute.launch import Key
    from pytest_repro.execute.types import Gate
    from pytest_repro.model import Condition, RunSpec
    from pytest_repro.settings import Settings

__all__ = ["WorkerPool"]

#: a worker that cannot be started is tried this often, then its failure stands for all its runs
_ATTEMPTS = 2


class WorkerPool:
    """Executes runs in processes of their own. One run at a time, unless a gate asks for more meanwhile."""

    def __init__(
        self,
        config: pytest.Config,
        *,
        settings: Settings,
        spool: Path,
        redirect: Mapping[str, object] | None = None,
        interpreter: str = "",
    ) -> None:
        self._config = config
        self._limit = settings.workers
        blueprint = Blueprint.of(config, preload=settings.preload, spool=spool)
        self._blueprint = replace(blueprint, redirect=redirect, interpreter=interpreter)
        self._files = ArrayFiles(spool)
        self._warned = Warned(config)
        self._workers: list[Remote] = []
        self._numbers = itertools.count(1)
        self._clock = itertools.count(1)
        self._expected: Counter[Key] = Counter()
        self._no_fork: dict[Key, str] = {}
        self._failures: dict[Key, list[ProcessRun]] = {}

    # --- what the session asks for ------------------------------------------------------------

    def prepare(self, conditions: Sequence[Condition]) -> None:
        """Start workers for these conditions and return at once.

        Args:
            conditions: of the runs to come, in order; as often as there are runs. That tells how many
                interpreters to start ahead where each serves one run only.
        """
        keys = [launch_key(condition) for condition in conditions]
        self._expected.update(keys)
        for key in list(dict.fromkeys(keys))[: self._limit]:
            if not self._idle(key):
                with contextlib.suppress(WorkerError):  # it is tried again, and reported, when it is needed
                    self._start(key)

    def execute(self, item: pytest.Item, spec: RunSpec, *, settings: Settings, gate: Gate | None) -> ProcessRun:
        """Execute one run of a test of this session; see `ProcessExecutor`."""
        answer = self._answer(
            Request(
                nodeid=own_id(item),
                spec=spec,
                seed=settings.seed,
                runs=settings.runs,
                gated=gate is not None,
                settings=settings,
            ),
            gate=gate,
            timeout=settings.timeout,
        )
        if settings.isolation == "process":  # else the runs in this process give the same warnings
            self._warned.replay(answer.warnings)
        for report in answer.run.reports:
            report.nodeid = item.nodeid
        return answer.run

    def run(self, nodeid: str, spec: RunSpec, *, seed: int, settings: Settings, gate: Gate | None = None) -> ProcessRun:
        """Execute a test once under any condition; nothing of it reaches the session's reports."""
        request = Request(
            nodeid=nodeid, spec=spec, seed=seed, runs=settings.runs, gated=gate is not None, settings=settings
        )
        return self._answer(request, gate=gate, timeout=settings.timeout).run

    def notice(self) -> str | None:
        """Why runs do not fork, in one sentence; None where they do."""
        reasons = list(dict.fromkeys(self._no_fork.values()))
        if not reasons:
            return None
        return f"each process run starts a fresh interpreter, because forks are not safe here: {'; '.join(reasons)}"

    def close(self) -> None:
        """End all workers; nothing that a test started is left."""
        workers, self._workers = self._workers, []
        try:
            for worker in workers:
                worker.hang_up()
        finally:
            for worker in workers:
                worker.end()
                shutil.rmtree(worker.process.folder, ignore_errors=True)

    # --- workers ------------------------------------------------------------------------------

    def _answer(self, request: Request, *, gate: Gate | None, timeout: float) -> Answer:
        key = launch_key(request.spec.condition)
        request = replace(request, ahead=seen())
        if self._expected[key] > 0:
            self._expected[key] -= 1
        answer = self._answer_of_one(key, request, gate=gate, timeout=timeout)
        if answer.begun:
            return answer
        # its worker was killed while nobody asked anything of it: no part of the test was executed
        return self._answer_of_one(key, request, gate=gate, timeout=timeout)

    def _answer_of_one(self, key: Key, request: Request, *, gate: Gate | None, timeout: float) -> Answer:
        while True:
            failures = self._failures.get(key, [])
            if len(failures) >= _ATTEMPTS:
                return Answer(failures[-1])
            worker = None
            try:
                worker = self._idle(key) or self._start(key)
                worker.wait_ready()
                break
            except WorkerError as error:
                sections = worker.process.logged() if worker is not None else ()
                self._failures.setdefault(key, []).append(
                    ProcessRun(recording=None, lost=str(error), sections=tuple(sections))
                )
                self._drop(worker)
            except BaseException:
                self._drop(worker)
                raise
        return self._execute(worker, request, gate=gate, timeout=timeout)

    def _execute(self, worker: Remote, request: Request, *, gate: Gate | None, timeout: float) -> Answer:
        worker.used = next(self._clock)
        if worker.no_fork:
            self._no_fork[worker.key] = worker.no_fork
            worker.busy = True
            self._start_ahead(worker.key)
        try:
            return worker.execute(request, gate=gate, timeout=timeout)
        finally:
            if worker.single_use or not worker.process.alive():
                self._drop(worker)
                self._start_ahead(worker.key)

    def _idle(self, key: Key) -> Remote | None:
        for worker in list(self._workers):
            if worker.key == key and not worker.busy:
                if worker.no_fork is None or worker.process.alive():
                    return worker
                self._drop(worker)  # it died while nobody asked anything of it
        return None

    def _start(self, key: Key) -> Remote:
        idle = sorted((worker for worker in self._workers if not worker.busy), key=lambda worker: worker.used)
        while len(self._workers) >= self._limit and idle:
            self._drop(idle.pop(0))
        blueprint = replace(self._blueprint, ahead=wanted(self._expected[key]))
        process = start(blueprint, key, number=next(self._numbers), no_fork=self._no_fork.get(key, ""))
        worker = Remote(self._config, key, process, self._files, used=next(self._clock))
        self._workers.append(worker)
        return worker

    def _start_ahead(self, key: Key) -> None:
        """Where every run takes an interpreter, let the next one import while others compute."""
        wanted = self._no_fork.get(key) and self._expected[key] > 0
        if wanted and len(self._workers) < self._limit and not self._idle(key):
            with contextlib.suppress(WorkerError):  # as in `prepare`
                self._start(key)

    def _drop(self, worker: Remote | None) -> None:
        if worker is None:
            return
        if worker in self._workers:
            self._workers.remove(worker)
        try:
            worker.end()
        finally:
            shutil.rmtree(worker.process.folder, ignore_errors=True)
