"""What a native report of pytest says of a verdict. Pure."""

from __future__ import annotations

import bdb
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_repro.execute.outcomes import ReproDrift
from pytest_repro.model import Verdict

if TYPE_CHECKING:
    from pytest_repro.model import TestResult

__all__ = ["failed_in", "interactive", "failing", "late_skip", "properties_of", "reason_of"]


def failing(failure: BaseException) -> pytest.CallInfo[None]:
    """The call of a test that raised `failure`."""
    return pytest.CallInfo.from_call(lambda: _throw(failure), when="call")


def _throw(error: BaseException) -> NoReturn:
    raise error


def late_skip(report: pytest.TestReport, result: TestResult | None) -> ReproDrift | None:
    """The failure that takes the place of a skip after a run that passed: outcomes that differ are drift."""
    if result is None or result.verdict is not Verdict.DRIFTED:
        return None
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return ReproDrift(f"DRIFT: {result.headline}: {reason}", summary=result.headline)


def failed_in(report: pytest.TestReport, *, number: int, of: int, result: TestResult | None) -> str:
    """Which run of how many failed and, where only the outcome differs, how to see what made it fail."""
    text = f"{report.when} failed in run {number} of {of}"
    if result is None or result.verdict is not Verdict.DRIFTED or result.comparison.first is not None:
        return text
    again = f"\nagain: {result.again}" if result.again else ""
    return (
        f"{text}, though no recorded value differs from those of the runs that passed;\n"
        f"record what it asserts on, or let --repro-autolog=assertions do so, to see what does{again}"
    )


def properties_of(result: TestResult) -> list[tuple[str, str]]:
    """The properties that a report carries into JUnit's XML."""
    properties = [("repro.verdict", result.verdict.value), ("repro.runs", str(result.runs))]
    if result.comparison.first is not None:
        from pytest_repro.report.wording import visible

        properties.append(("repro.first_divergence", visible(result.comparison.first.label)))
    if result.cause is not None:
        properties.append(("repro.cause", f"{result.cause.status.value}: {result.cause.factor}"))
    return properties


def reason_of(reports: Sequence[pytest.TestReport]) -> str:
    """Why a run did not pass, in one line."""
    for report in reports:
        if not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = str(getattr(crash, "message", "")) or report.longreprtext
            line = next((line.strip() for line in text.splitlines() if line.strip()), "")
            return f"{report.when}: {line[:200]}"
    return "a part of it failed"


def interactive(call: pytest.CallInfo[None], report: pytest.TestReport) -> bool:
    """Whether debuggers want to see it: pytest's own rule."""
    if call.excinfo is None or hasattr(report, "wasxfail"):
        return False
    return not isinstance(call.excinfo.value, pytest.skip.Exception | bdb.BdbQuit)
