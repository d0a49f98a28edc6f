"""The working directory without what runs left in it: a checkpoint, a cache, a log that the next run reads back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from pytest_repro.conditions.factor import AS_IS, Factor, bad_level
from pytest_repro.conditions.surroundings import folder, working_in

__all__ = ["LEFT_FILES", "Looker", "left_since", "link", "read_since"]

#: seen as they are: kept by tools, not read by tests, and large
_TOOLS = frozenset(
    {
        *(".git", ".hg", ".venv", "venv", "node_modules", ".tox", ".nox"),
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"),
    }
)
#: files and folders that are looked at, at most: a tenth of a second
_MOST = 20_000

#: name → what is below it, None where it is shown as it is
Tree: TypeAlias = "dict[str, Tree | None]"


class Looker:
    """Tells what changed since a moment from what was there before."""

    def __init__(self, since: int, *, kept: Callable[[os.DirEntry[str]], bool] = lambda _entry: False) -> None:
        self._since = since
        self._kept = kept
        self._count = 0
        self.changed: list[str] = []

    def below(self, folder: str) -> Tree:
        """What was there before; adds the rest to `changed`.

        Raises:
            OSError: it cannot be read, or holds too much to look at.
        """
        tree: Tree = {}
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                self._count += 1
                if self._count > _MOST:
                    msg = f"it holds more than {_MOST:,} files"
                    raise OSError(msg)
                self._see(entry, tree)
        return tree

    def _see(self, entry: os.DirEntry[str], tree: Tree) -> None:
        with contextlib.suppress(FileNotFoundError):  # another process may remove what it made meanwhile
            self._look_at(entry, tree)

    def _look_at(self, entry: os.DirEntry[str], tree: Tree) -> None:
        state = entry.stat(follow_symlinks=False)
        old = max(state.st_mtime_ns, state.st_ctime_ns) < self._since
        if entry.name in _TOOLS or self._kept(entry) or (old and not entry.is_dir(follow_symlinks=False)):
            tree[entry.name] = None
        elif entry.is_dir(follow_symlinks=False):
            before = len(self.changed)
            try:
                inner = self.below(entry.path)
            except PermissionError:
                tree[entry.name] = None
                return
            if inner or old:
                tree[entry.name] = inner if len(self.changed) > before else None
            elif len(self.changed) == before:
                self.changed.append(entry.path)  # a new folder with nothing in it
        else:
            self.changed.append(entry.path)


def left_since(since: int) -> list[str]:
    """Files below the working directory that changed since then (ns), relative to it.

    Raises:
        OSError: it cannot be read, or holds too much to look at.
    """
    looker = Looker(since)
    looker.below(".")
    return [os.path.relpath(path, ".") for path in looker.changed]


def link(tree: Tree, source: Path, target: Path) -> None:
    """Show what is in `tree` of one folder in another."""
    for name, inner in tree.items():
        if inner is None:
            (target / name).symlink_to(source / name)
        else:
            (target / name).mkdir()
            link(inner, source / name, target / name)


def read_since(factor: str, level: str) -> int:
    """The time (ns) in a level of a factor that takes away what runs left.

    Raises:
        SettingsError: it is no such level.
    """
    word, _, since = level.partition("=")
    if word != "without" or not since.isdecimal():
        raise bad_level(factor, level, f"{AS_IS!r} or 'without=NANOSECONDS'")
    return int(since)


@contextlib.contextmanager
def _without(level: str) -> Iterator[None]:
    tree = Looker(read_since("left-files", level)).below(".")
    with folder() as path:
        link(tree, Path.cwd(), Path(path))
        with working_in(path):
            yield


LEFT_FILES = Factor(
    name="left-files",
    description="what earlier runs left in the working directory",
    platforms="Everywhere; only in a process of our own.",
    ladder=lambda k: AS_IS if k == 0 else f"without={k}",
    apply_part=_without,
    own_process=True,
)
