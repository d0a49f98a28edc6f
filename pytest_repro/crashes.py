"""A test whose pytest-xdist worker died while it was being repeated still gets a verdict: *lost*.

The dead worker cannot say what it was doing, so it leaves the node id of the test under way in a file of its own
before it begins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.model import TestResult, Verdict
from pytest_repro.report.codec import to_json

if TYPE_CHECKING:
    from pytest_repro.settings import Settings

__all__ = ["make_place", "told", "under_way"]


def make_place(spool: Path) -> str:
    """The folder of the workers' files, made by the controller."""
    folder = spool / "under-way"
    folder.mkdir(exist_ok=True)
    return str(folder)


@contextlib.contextmanager
def under_way(nodeid: str, *, place: str, worker: str) -> Iterator[None]:
    """Note that this worker repeats this test; nothing where `place` is empty."""
    if not place:
        yield
        return
    path = Path(place) / worker
    path.write_text(nodeid, encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(b"")


def told(report: Any, *, place: str, settings: Settings) -> None:
    """Put a verdict on pytest-xdist's report of a crash, where the test was being repeated."""
    worker = str(report.node.gateway.id)
    try:
        nodeid = (Path(place) / worker).read_text(encoding="utf-8")
    except OSError:
        return
    if nodeid == report.nodeid:
        headline = f"the pytest-xdist worker {worker} crashed while it executed the test"
        report.repro = to_json(
            TestResult(nodeid, Verdict.LOST, runs=settings.runs, seed=settings.seed, headline=headline)
        )
