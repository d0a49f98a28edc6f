"""Run an item again in this process: the only user of pytest's private API.

The same `pytest.Item` is set up, called and torn down once per run. Between runs a stand-in
sibling is passed as `nextitem`, so that exactly the function-scoped fixtures are torn down;
fixtures of wider scope are shared in place. Every private name is guarded and was tried on
pytest 7.4 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_repro.execute.outcomes import polish
from pytest_repro.model.classes import dataclass

__all__ = [
    "Boundary",
    "Phases",
    "boundary",
    "execute",
    "failed_quietly",
    "holds_shared",
    "is_subtest",
    "phase",
    "reset",
    "tear_down_wider",
]


class Boundary(pytest.Item):
    """A sibling of the item that is never executed: the border between two runs."""

    def runtest(self) -> None:
        """Never called."""
        msg = "the border between two runs was executed"
        raise RuntimeError(msg)


@dataclass(frozen=True, slots=True)
class Phases:
    """The reports of one run."""

    setup: pytest.TestReport
    call: pytest.TestReport | None
    teardown: pytest.TestReport
    #: nothing raised in setup and call
    passed: bool

    @property
    def skipped(self) -> bool:
        """Whether setup or call ended in a skip (or an expected failure)."""
        return self.setup.skipped or (self.call is not None and self.call.skipped)


def reset(item: pytest.Item, user_properties: Sequence[tuple[str, object]]) -> None:
    """Bring the item back to the state in which pytest collected it."""
    initialise: Callable[[], None] | None = getattr(item, "_initrequest", None)
    if initialise is not None and not getattr(item, "_request", None):
        initialise()
    hypothesis = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    if isinstance(item.parent, pytest.Class) and not hypothesis:
        # pytest 7.4 has only `_obj`; from 8.2 on the instance is kept on the item
        item.__dict__.pop("_instance", None)
        if hasattr(item, "_obj"):
            item._obj = None
    getattr(item, "_report_sections", []).clear()
    item.user_properties[:] = list(user_properties)


def _release(item: pytest.Item) -> None:
    """Drop what the run held, as pytest's own protocol does at its end."""
    if hasattr(item, "_request"):
        item._request = False
    if hasattr(item, "funcargs"):
        item.funcargs = None


def phase(item: pytest.Item, when: Any, **arguments: object) -> tuple[pytest.CallInfo[None], pytest.TestReport]:
    """Call one phase's hook and make its report; nothing is logged."""
    hooks = item.ihook
    hook = getattr(hooks, f"pytest_runtest_{when}")
    reraise: tuple[type[BaseException], ...] = (pytest.exit.Exception,)
    if not item.config.getoption("usepdb", False):
        reraise += (KeyboardInterrupt,)
    call: pytest.CallInfo[None] = pytest.CallInfo.from_call(
        lambda: hook(item=item, **arguments), when=when, reraise=reraise
    )
    report: pytest.TestReport = hooks.pytest_runtest_makereport(item=item, call=call)
    if call.excinfo is not None:  # not by a hook of our own: most runs pass, and each would go through it three times
        polish(report, call.excinfo.value)
    return call, report


def execute(
    item: pytest.Item,
    *,
    nextitem: pytest.Item | None,
    border: Callable[[], pytest.Item],
    is_final: Callable[[bool], bool],
    log: Callable[[pytest.CallInfo[None], pytest.TestReport], None],
    subtest_failed: Callable[[], bool],
) -> Phases:
    """Execute the item once.

    Args:
        item: after `reset`.
        nextitem: what pytest will run afterwards; used only in the final run.
        border: gives what `boundary` made; used in all other runs.
        is_final: told whether the run passed, says whether no further run follows here.
        log: called with each report of the final run, setup and call before the teardown, so that
            ``--pdb`` and ``-x`` see living fixtures.
        subtest_failed: whether a sub-test of this run failed.
    """
    try:
        calls = [phase(item, "setup")]
        passed = calls[0][0].excinfo is None
        if calls[0][1].passed:
            _show_item(item)
            calls.append(phase(item, "call"))
            passed = calls[1][0].excinfo is None and not subtest_failed()
        final = is_final(passed)
        if final:
            for call, report in calls:
                log(call, report)
        session = item.session
        stopping = session.shouldfail or session.shouldstop
        follower = (None if stopping else nextitem) if final else border()
        teardown_call, teardown = phase(item, "teardown", nextitem=follower)
        if final:
            log(teardown_call, teardown)
        return Phases(calls[0][1], calls[1][1] if len(calls) > 1 else None, teardown, passed)
    finally:
        _release(item)


def boundary(item: pytest.Item) -> pytest.Item:
    """Make the border between runs of `item`; one serves them all."""
    if item.parent is None:
        msg = f"{item.nodeid} has no parent"
        raise RuntimeError(msg)
    made: pytest.Item = Boundary.from_parent(item.parent, name=item.name)
    return made


def _show_item(item: pytest.Item) -> None:
    """Write the test's own line of ``--setup-show``; pytest's helper changed its signature in 9."""
    if not item.config.getoption("setupshow", False):
        return
    terminal = item.config.get_terminal_writer()
    terminal.line()
    terminal.write(" " * 8 + item.nodeid)
    used = sorted(getattr(item, "fixturenames", []))
    if used:
        terminal.write(f" (fixtures used: {', '.join(used)})")
    terminal.flush()


def tear_down_wider(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport | None:
    """End the fixtures that `nextitem` does not share, when no inline run did; the report where that failed.

    The item itself is not set up any more, so its teardown hooks must not run again: only the stack
    of fixtures is unwound, which pytest offers under a private name.
    """
    stack = item.session._setupstate
    call: pytest.CallInfo[None] = pytest.CallInfo.from_call(lambda: stack.teardown_exact(nextitem), when="teardown")
    if call.excinfo is None:
        return None
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def holds_shared(item: pytest.Item) -> bool:
    """Whether a fixture of the suite that several tests share is set up in this process, and `item` uses it."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return any(
        fixture.scope != "function"
        and getattr(fixture, "cached_result", None) is not None
        and not getattr(fixture.func, "__module__", "").startswith(("_pytest.", "pytest_"))
        for fixtures in found.values()
        for fixture in fixtures
    )


def failed_quietly(item: pytest.Item) -> bool:
    """Whether a ``unittest`` test failed without raising: unittest keeps its exception on the item."""
    return bool(getattr(item, "_excinfo", None))


def is_subtest(report: object) -> bool:
    """Whether a report is of a sub-test (pytest-subtests, or built in from pytest 9)."""
    return type(report).__name__ in ("SubtestReport", "SubTestReport")
