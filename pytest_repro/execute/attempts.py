"""How often executing one task was begun on this machine: an engine that lost a worker runs its tasks again, silently.

A line is added to a small file in the machine's temporary folder before anything else, and the file is removed
once there is an answer. A process that was killed leaves it there, and the next one finds it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["counted"]

#: seconds after which the file of a task that nobody finished is removed
_OLD = 86_400.0


@contextlib.contextmanager
def counted(task: str) -> Iterator[int]:
    """Count this execution of a task; which one it is.

    Args:
        task: its id: hexadecimal digits.
    """
    path = _folder() / task if task.isalnum() else None
    try:
        yield _count(path) if path is not None else 1
    finally:
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()


def _folder() -> Path:
    """One for each user; a folder that another user put in its place is not used."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"pytest-repro-attempts-{owner}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _count(path: Path) -> int:
    try:
        if hasattr(os, "getuid") and path.parent.lstat().st_uid != os.getuid():
            return 1
        _sweep(path.parent)
        with path.open("ab") as file:
            file.write(b".")
        return path.stat().st_size
    except OSError:
        return 1


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD:
                path.unlink()
