"""Hooks that shape a run while it executes; the same here and in a worker's child."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.execute.active import ACTIVE
from pytest_repro.execute.inline import failed_quietly, is_subtest

if TYPE_CHECKING:
    from pytest_repro.execute.active import ActiveRun

__all__ = ["ChildHooks", "RunHooks"]


#: where the fixture ``repro`` is, which draws nothing
_OURS = "pytest_repro.plugin"


def _looks_back(fixture: pytest.FixtureDef[Any]) -> bool:
    """Whether code of the user's runs when the test is over: after a ``yield``, or as ``teardown_method``."""
    if not inspect.isgeneratorfunction(fixture.func) and not inspect.isasyncgenfunction(fixture.func):
        return False
    return not str(fixture.func.__module__).startswith("_pytest.") or fixture.argname.startswith("_xunit")


class RunHooks:
    """Seeds fixtures and calls, closes the recorder, and gives the verdict inside the call phase."""

    def __init__(self) -> None:
        self.current: ActiveRun | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Make what a fixture draws, and what is observed, independent of which fixtures were already there."""
        active = self.current
        if active is None or getattr(fixturedef.func, "__module__", "") == _OURS:
            return (yield)
        active.seed_fixture(fixturedef.argname)
        if fixturedef.scope != "function":
            with active.unwatched():
                return (yield)
        result = yield
        if _looks_back(fixturedef):
            fixturedef.addfinalizer(active.returning())
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run the test between seeding and the verdict."""
        active = item.stash.get(ACTIVE, None)
        if active is None:
            return (yield)
        active.begin_call()
        try:
            result = yield
        except BaseException:
            active.end_call(outcome="failed")
            raise
        quiet_failure = failed_quietly(item) or active.subtest_failed
        recording = active.end_call(outcome="failed" if quiet_failure else "passed")
        if active.gate is not None and not quiet_failure:
            active.gate(recording)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a failing sub-test: its report does not go through the item's."""
        if self.current is not None and is_subtest(report) and report.failed:
            self.current.subtest_failed = True


class ChildHooks(RunHooks):
    """The same in a process that was made for the run."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Lay the heap out last of all: what pytest lets go of before leaves gaps."""
        active = pyfuncitem.stash.get(ACTIVE, None)
        if active is not None:
            active.lay_out()
        return (yield)
