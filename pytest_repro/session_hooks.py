"""Hooks of a session that has something to repeat, each a few lines on its `ReproSession`.

Registered when the first marked test is collected or an option is given: a session that has no use
for the plugin calls none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_repro.session import ReproSession

__all__ = ["SessionHooks"]


class SessionHooks:
    """What pytest tells the working object, and what that says to pytest."""

    def __init__(self, session: ReproSession) -> None:
        self._session = session

    @pytest.hookimpl(tryfirst=True)  # before an xdist worker says what it collected
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let workers start while the rest of the session goes on."""
        self._session.prepare(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Execute a marked test as often as was asked for."""
        return self._session.run(item, nextitem)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: object) -> None:
        """Remember the time limit, to arm it for each run."""
        self._session.remember_timeout(item, settings)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect verdicts, also those of xdist's workers."""
        self._session.collect(report)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show drift as ``D``, counted among the failures."""
        if report.when != "call":
            return None
        verdict = getattr(report, "repro", {}).get("verdict", "")
        if not verdict.endswith("drifted"):
            return None
        if report.failed:
            return "failed", "D", "DRIFT"
        return ("passed", "d", "PASSED (drift is only reported)") if report.passed else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give xdist's workers what they share."""
        self._session.prepare_node(node.workerinput)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: pytest.TestReport) -> None:
        """Say of a repeated test that it was lost with its xdist worker."""
        self._session.crashed(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what an xdist worker could not say itself."""
        message = getattr(node, "workeroutput", {}).get("repro_usage_error")
        if message:
            self._session.reporting.usage_error = message

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports, once, on the controller."""
        self._session.reporting.finish(session)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what a pass means."""
        for line in self._session.closing():
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """End the workers."""
        self._session.close()
