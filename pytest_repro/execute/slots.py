"""``--repro-jobs`` under pytest-xdist: at most so many of its workers execute a run at once.

Each run holds a lock on one of as many files, which the controller made and removes. A worker that
dies gives its lock back by dying. Runs of one session without pytest-xdist follow one another anyway.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pytest_repro.errors import UnavailableError

__all__ = ["held", "make_slots"]


def make_slots(folder: Path, jobs: int) -> str:
    """Make the files; what a worker needs to know of them.

    Raises:
        UnavailableError: this platform has no locks that end with their process.
    """
    if not _available():
        msg = "--repro-jobs bounds pytest-xdist's workers on POSIX systems only; start fewer workers with -n"
        raise UnavailableError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(jobs):
        (folder / f"slot-{number}").touch()
    return str(folder)


def _available() -> bool:
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return False
    return True


@contextlib.contextmanager
def held(folder: str, *, worker: int) -> Iterator[None]:
    """Hold one of the slots; waits while its owner is at work.

    Args:
        folder: of `make_slots`; empty: there is no bound.
        worker: number of the xdist worker, which decides whose turn it shares.
    """
    slots = sorted(Path(folder).glob("slot-*")) if folder else []
    if not slots:
        yield
        return
    import fcntl

    with slots[worker % len(slots)].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
