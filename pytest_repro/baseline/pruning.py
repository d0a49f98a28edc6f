"""Which stored elements nothing refers to any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pytest_repro.baseline.names import FOLDER
from pytest_repro.baseline.objects import STORE, references
from pytest_repro.errors import StoredDataError
from pytest_repro.storage import MAX_JSON_BYTES, read_json

__all__ = ["unreferenced"]

_REMEDY = "restore it or remove it, then prune again: what it refers to is not known"
_LARGEST = 32 * MAX_JSON_BYTES
_SKIPPED = frozenset({"node_modules", "__pycache__", ".git"})


def unreferenced(root: Path) -> Iterator[Path]:
    """Yield the objects that no baseline below `root` (or no recording, in a folder of those) refers to.

    Raises:
        StoredDataError: there is no store, or a file that may refer to objects cannot be read.
    """
    recordings = (root / "records").is_dir()
    store = root / "objects" if recordings else root / STORE / "objects"
    if not store.is_dir():
        msg = f"{store}: there is no store; run this in the folder of pytest's configuration, or name the folder"
        raise StoredDataError(msg)
    pending = list(root.glob("records/*/run-*.json") if recordings else _baselines(root))
    used: set[str] = set()
    for path in pending:
        used.update(references(read_json(path, remedy=_REMEDY, limit=_LARGEST)))
    objects = [path for path in sorted(store.glob("??/*")) if path.suffix in (".npy", ".json")]
    for path in objects:  # a stored value refers to arrays of its own
        if path.suffix == ".json" and _digest(path) in used:
            used.update(references(read_json(path, remedy=_REMEDY, limit=_LARGEST)))
    yield from (path for path in objects if _digest(path) not in used)
    yield from sorted(store.glob("??/.repro-*.tmp"))  # of sessions that were killed


def _digest(path: Path) -> str:
    return path.parent.name + path.stem


def _baselines(root: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(root):
        if FOLDER in names:
            yield from sorted(Path(folder, FOLDER).glob("*/*.json"))
        names[:] = [name for name in names if name not in _SKIPPED and name != FOLDER]
