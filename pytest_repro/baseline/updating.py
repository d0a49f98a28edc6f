"""Writing and removing baselines: what a session proposes, merged with what others wrote meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_repro.baseline.document import NAME, REMEDY, Baseline, Known, read_baseline
from pytest_repro.baseline.names import FOLDER, slug
from pytest_repro.errors import SettingsError, StoredDataError
from pytest_repro.storage import NewerFormatError, locked, read_json, write_atomically

__all__ = ["Proposal", "remove_stale", "stale_files", "write_proposal"]

_LOCK = ".lock"
_SKIPPED = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one test wants to be its baseline in this environment."""

    path: str
    test: str
    seed: int
    fields: tuple[tuple[str, str], ...]
    values: Mapping[str, object]
    code: tuple[tuple[str, str], ...]

    def to_text(self) -> str:
        """As one text, which any transport carries."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Proposal:
        """Read `to_text`."""
        body: dict[str, Any] = json.loads(text)
        for name in ("fields", "code"):
            body[name] = tuple((str(key), str(value)) for key, value in body[name])
        return cls(**body)


def write_proposal(proposal: Proposal) -> str:
    """Write a baseline; return what became of its file: ``new``, ``changed``, ``another environment``, or nothing.

    The file is read again under a lock, so that what another session wrote meanwhile is not lost.

    Raises:
        StoredDataError: the file leads out of its folder, is of a newer version, or cannot be locked.
        SettingsError: it cannot be written.
    """
    path = Path(proposal.path)
    home = path.parents[1]
    _stay_inside(path)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make {home}: {error.strerror or error}; baselines need a folder of that name"
        raise SettingsError(msg) from None
    with locked(home / _LOCK):
        current = _current(path, proposal)
        known = Known(proposal.fields, proposal.values, proposal.code)
        if current is None:
            merged = Baseline(proposal.test, proposal.seed, (known,))
        else:
            merged = current.with_values(known)
        if current is not None and merged.text() == current.text():
            return ""
        for orphan in path.parent.glob(".repro-*.tmp"):  # of sessions that were killed: we hold the lock
            orphan.unlink(missing_ok=True)
        existed = path.exists()
        write_atomically(path, merged.text())
    if current is None:
        return "written anew" if existed else "new"
    return "another environment" if len(merged.environments) > len(current.environments) else "changed"


def _current(path: Path, proposal: Proposal) -> Baseline | None:
    try:
        found = read_baseline(path, test=proposal.test)
    except NewerFormatError:
        raise
    except StoredDataError:
        return None  # asked to be written, and there is nothing in it to be kept
    if found is None or found.seed != proposal.seed:
        return None
    # missing when the session looked, here now: another session was quicker
    return found


def _stay_inside(path: Path) -> None:
    """Refuse a folder that a link leads elsewhere."""
    tests = Path(os.path.realpath(path.parents[2]))
    if not Path(os.path.realpath(path)).is_relative_to(tests):
        msg = f"{path}: it leads out of {tests} through a symbolic link; remove the link"
        raise StoredDataError(msg)


# --- stale files ------------------------------------------------------------------------------


def stale_files(roots: Iterable[Path], *, claimed: Collection[Path], modules: Collection[Path]) -> Iterator[Path]:
    """Yield baselines whose test is gone.

    Args:
        roots: folders that were collected as a whole.
        claimed: baselines of the tests that were collected.
        modules: test modules that were collected. What belongs to a module that is there and was not
            collected (an ignored one) is left alone.
    """
    for root in roots:
        for folder in _baseline_folders(root):
            present = {slug(module.stem): module for module in folder.parent.glob("*.py")}
            for path in sorted(folder.glob("*/*.json")):
                module = present.get(path.parent.name)
                if path not in claimed and (module is None or module in modules) and _is_ours(path):
                    yield path


def _baseline_folders(root: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(root):
        if FOLDER in names:
            yield Path(folder, FOLDER)
        names[:] = sorted(
            name for name in names if not name.startswith(".") and name not in _SKIPPED and name != FOLDER
        )


def _is_ours(path: Path) -> bool:
    try:
        return str(read_json(path, remedy=REMEDY).get("schema")).startswith(f"{NAME}@")
    except (StoredDataError, OSError):
        return False


def remove_stale(path: Path) -> None:
    """Remove one baseline, and its folders where nothing is left in them.

    Raises:
        OSError: it cannot be removed.
    """
    home = path.parents[1]
    with locked(home / _LOCK):
        path.unlink(missing_ok=True)
    for folder in (path.parent, home):
        with contextlib.suppress(OSError):
            folder.rmdir()
