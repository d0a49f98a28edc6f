"""How a verdict becomes a test failure: exceptions raised in the call phase of the last run.

They are ordinary ``pytest.fail`` outcomes, so that xfail, ``--pdb``, JUnit, ``--lf`` and every
other plugin treat them as the failures they are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.model import Verdict

__all__ = [
    "FAILURES",
    "ReproDrift",
    "ReproFailure",
    "ReproInconclusive",
    "ReproLost",
    "ReproStrict",
    "failure_for",
    "polish",
    "target_of",
]


if TYPE_CHECKING:
    from pytest_repro.model import TestResult

    class _Failed(Exception):  # noqa: N818 - what pytest.fail.Exception looks like to a type checker
        def __init__(self, msg: str, pytrace: bool) -> None: ...
else:
    _Failed = pytest.fail.Exception


class ReproFailure(_Failed):
    """A verdict that fails the test; the message is the whole report."""

    def __init__(self, text: str, *, summary: str = "", file: str = "", line: int = 0) -> None:
        super().__init__(text, pytrace=False)
        self.summary = summary
        self.file = file
        self.line = line


class ReproDrift(ReproFailure):
    """Recorded values differ between runs that should be equal."""


class ReproInconclusive(ReproFailure):
    """The runs prove nothing."""


class ReproStrict(ReproFailure):
    """The test draws uncontrolled entropy, which the strict mode forbids."""


class ReproLost(ReproFailure):
    """A run crashed, timed out, or its worker died."""


#: by name, as they cross from a worker
FAILURES: dict[str, type[ReproFailure]] = {
    "ReproDrift": ReproDrift,
    "ReproInconclusive": ReproInconclusive,
    "ReproLost": ReproLost,
    "ReproStrict": ReproStrict,
}
for _failure in FAILURES.values():
    # the short summary shows the class as users know outcomes: without a module
    _failure.__module__ = "builtins"


def failure_for(result: TestResult, *, text: str, summary: str) -> ReproFailure | None:
    """The exception for a verdict; None when the test may pass."""
    if result.good:
        return None
    kinds: dict[Verdict, type[ReproFailure]] = {
        Verdict.DRIFTED: ReproDrift,
        Verdict.BASELINE_DRIFTED: ReproDrift,
        Verdict.LOST: ReproLost,
    }
    kind = ReproStrict if result.verdict.good else kinds.get(result.verdict, ReproInconclusive)
    first = result.comparison.first
    drawn = result.violations[0].location if result.violations else None
    location = (first.location if first is not None else None) or drawn or result.location
    file, line = ("", 0) if location is None else (location.file, location.line)
    return kind(text, summary=summary, file=file, line=line)


def target_of(item: pytest.Item) -> str:
    """How to name `item` to pytest again from where it was called: node ids are relative to the root folder.

    With ``--pyargs`` they are relative to nothing, and empty where one module was asked for: then the file is named.
    """
    here, root = item.config.invocation_params.dir, item.config.rootpath
    path, separator, rest = item.nodeid.partition("::")
    if not os.path.isfile(os.path.join(root, path)):  # noqa: PTH113, PTH118 - asked for each test
        return f"{item.path.as_posix()}{separator}{rest}" if item.path.is_file() else item.nodeid
    if here == root:
        return item.nodeid
    try:
        return os.path.relpath(root / path, here).replace(os.sep, "/") + separator + rest
    except ValueError:  # on another drive
        return item.nodeid


def polish(report: Any, failure: BaseException | None) -> None:
    """Let the short summary and CI annotations name the value and the user's line, where the failure is ours."""
    if not isinstance(failure, ReproFailure):
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return
    if failure.summary:
        crash.message = failure.summary
    if failure.file:
        crash.path, crash.lineno = failure.file, failure.line
