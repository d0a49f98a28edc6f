"""What the runs of a test need, built once a session and handed to whoever drives the runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from pytest_repro.autolog import Sink
    from pytest_repro.entropy import Watch
    from pytest_repro.execute.active import ActiveRun
    from pytest_repro.execute.cluster import ClusterPool
    from pytest_repro.execute.hooks import RunHooks
    from pytest_repro.execute.types import ProcessExecutor
    from pytest_repro.keeping import Keeping
    from pytest_repro.model import TestResult
    from pytest_repro.pipeline import Control, Explainer, Strict
    from pytest_repro.progress import Progress
    from pytest_repro.rng import Seeders
    from pytest_repro.settings import Settings

__all__ = ["Tools"]


def _as_it_is(result: TestResult, _settings: Settings) -> TestResult:
    return result


def _nothing_kept(_item: pytest.Item, _settings: Settings) -> Keeping | None:
    return None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a test's run needs, built once a session."""

    seeders: Seeders
    hooks: RunHooks
    root: Path
    processes: Callable[[], ProcessExecutor]
    explainer_for: Callable[[pytest.Item, Settings], Explainer | None]
    control_for: Callable[[pytest.Item, Settings], Control | None]
    #: the line about a long test
    progress: Progress
    #: what executes runs on other machines; None where there is no cluster
    cluster: Callable[[], ClusterPool] | None = None
    strict: Strict | None = None
    #: a verdict with the reason why it is only reported, where there is one
    excused: Callable[[TestResult, Settings], TestResult] = _as_it_is
    #: automatic observations of one run
    autolog: Callable[[pytest.Item, ActiveRun, Settings], AbstractContextManager[Sink]] | None = None
    #: what the runs of a test are compared with beyond each other, and kept as
    keeping_for: Callable[[pytest.Item, Settings], Keeping | None] = _nothing_kept
    #: taps on entropy for one run; None leaves them out
    watching: Callable[[], AbstractContextManager[Watch]] | None = None
    rules: Sequence[Callable[[object], object]] = ()
    environment: Callable[[], tuple[tuple[str, str], ...]] = tuple
    spool: Callable[[], Path] | None = None
    width: int = 80
    verbose: bool = False
