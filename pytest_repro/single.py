"""A marked test that runs once, and a test without the marker: pytest executes both by itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.execute.active import ACTIVE, ActiveRun
from pytest_repro.execute.outcomes import polish
from pytest_repro.execute.seeding import own_seeds
from pytest_repro.inplace import CHECKS, check_in_place, combined
from pytest_repro.model import RunSpec
from pytest_repro.recorder import Keeper, Recorder, Repro
from pytest_repro.report.codec import carried
from pytest_repro.selection import MARKER
from pytest_repro.settings import Settings, Source

if TYPE_CHECKING:
    from pytest_repro.execute.hooks import RunHooks
    from pytest_repro.rng import Seeders
    from pytest_repro.streams import Streams

__all__ = ["Singles"]

#: makes the recorder of an item
MakeRecorder = Callable[[pytest.Item, Settings, Keeper, "Streams | None"], Recorder]


class Singles:
    """Seeds and restores around tests of which there is one run only. A plugin, registered with the first of them."""

    def __init__(
        self,
        *,
        hooks: RunHooks,
        seeders: Seeders,
        recorder: MakeRecorder,
        settings_for: Callable[[pytest.Item], Settings],
        width: int,
    ) -> None:
        self._hooks = hooks
        self._settings_for = settings_for
        self._seeders = seeders
        self._recorder = recorder
        self._width = width
        self._open: dict[pytest.Item, ExitStack] = {}
        #: marked tests that ran once, though nothing says that they are meant to
        self.ran = 0
        self._counted: set[pytest.Item] = set()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Seed a marked test."""
        if ACTIVE not in item.stash and item.get_closest_marker(MARKER) is not None:
            self._begin(item, self._settings_for(item))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Restore what was changed."""
        try:
            return (yield)
        finally:
            self._end(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say on the report of a test that it is marked, and what its checks in place gave."""
        report = yield
        if call.excinfo is not None:
            polish(report, call.excinfo.value)
        if report.when == "call":
            if item.get_closest_marker(MARKER) is not None:
                report.repro_marked = True  # type: ignore[attr-defined]
            self._attach(item, report)
        return report

    def _begin(self, item: pytest.Item, settings: Settings) -> None:
        seeders, seed = self._seeders, settings.seed
        if not settings.skip:
            self._counted.add(item)
        recorder = self._recorder(item, settings, Keeper(), None)
        repro = Repro(seed=seed, run=1, runs=1, recorder=recorder, reseed=partial(seeders.seed, seed))
        stack = self._open[item] = ExitStack()
        stack.enter_context(own_seeds(item.config))
        stack.enter_context(seeders.restored())
        stack.enter_context(seeders.seeding_imports(seed))
        stack.callback(setattr, self._hooks, "current", None)
        stack.callback(item.stash.__delitem__, ACTIVE)
        active = ActiveRun(RunSpec(1), recorder, repro, seeders)
        item.stash[ACTIVE] = active
        self._hooks.current = active

    def _end(self, item: pytest.Item) -> None:
        stack = self._open.pop(item, None)
        if stack is not None:
            stack.close()

    def _attach(self, item: pytest.Item, report: pytest.TestReport) -> None:
        if item in self._counted and not report.skipped:
            self.ran += 1
        checks = item.stash.get(CHECKS, None)
        if not checks or hasattr(report, "repro"):
            return
        verdict = combined(checks, passed=report.passed)
        del item.stash[CHECKS]
        if verdict is not None:
            sent = hasattr(item.config, "workerinput")
            report.repro = carried(verdict, sent=sent)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Restore what a test changed that was interrupted, and so never torn down by its own hooks."""
        for item in list(self._open):
            self._end(item)

    def unmarked(self, item: pytest.Item, settings: Settings) -> Repro:
        """The fixture object of a test without the marker: it checks callables in place."""
        runs = settings.runs if settings.source("runs") is not Source.DEFAULT else 2
        return Repro(
            seed=settings.seed,
            run=1,
            runs=1,
            recorder=self._recorder(item, settings, Keeper(), None),
            marked=False,
            check=partial(self._check, item, settings, max(runs, 2)),
        )

    def _check(
        self, item: pytest.Item, settings: Settings, runs: int, name: str, call: Callable[[], object], frame: Any
    ) -> object:
        return check_in_place(
            item,
            name,
            call,
            frame=frame,
            runs=runs,
            seed=settings.seed,
            seeders=self._seeders,
            recorder=lambda keeper: self._recorder(item, settings, keeper, self._seeders.streams),
            width=self._width,
        )
