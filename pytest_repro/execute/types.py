"""What an executor of runs elsewhere takes and brings back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pytest

from pytest_repro.model import Recording

if TYPE_CHECKING:
    from pytest_repro.execute.outcomes import ReproFailure
    from pytest_repro.model import RunSpec
    from pytest_repro.settings import Settings

__all__ = ["WORKER", "Gate", "ProcessExecutor", "ProcessRun"]

#: name of a plugin that only workers have
WORKER = "repro-worker"

#: what a gate answers: None to pass, else the exception that the run must raise in its call phase
Gate: TypeAlias = Callable[[Recording], "ReproFailure | None"]


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """What an executor brings back from a run in another process."""

    #: None when the run was lost before it recorded
    recording: Recording | None
    #: setup, call and teardown of the test itself
    reports: tuple[pytest.TestReport, ...] = ()
    #: nothing raised in setup and call
    passed: bool = False
    #: sentence for a run that crashed, timed out, or whose worker died
    lost: str = ""
    #: captured output of a lost run: (section title, text)
    sections: tuple[tuple[str, str], ...] = ()
    #: reports of sub-tests, which go straight to the log
    subtests: tuple[pytest.TestReport, ...] = ()


class ProcessExecutor(Protocol):
    """Executes runs outside this process."""

    def execute(self, item: pytest.Item, spec: RunSpec, *, settings: Settings, gate: Gate | None) -> ProcessRun:
        """Execute one run; with `gate`, the run waits at the end of its call phase for the verdict."""
