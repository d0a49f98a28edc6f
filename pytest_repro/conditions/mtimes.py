"""Times and inode numbers of files that changed during a run, made the same in every run."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_repro.conditions.patching import StandIn, infrastructure

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["StatClock", "entry_with_stat"]

_BASE_SECONDS = 1_700_000_000
#: the kernel stamps files with a clock that is up to one tick (10 ms) behind
_TICK_NS = 10_000_000
_NS = 1_000_000_000
#: beyond what file systems give
_FIRST_INODE = 2**48
#: functions of os.path that say no more than what there is
_YES_OR_NO = frozenset({"exists", "lexists", "isfile", "isdir", "islink", "_joinrealpath", "realpath"})
_PATH_FILES = frozenset(ask.__code__.co_filename for ask in (os.path.exists, os.path.lexists, os.path.realpath))


class StatClock:
    """Replaces times and numbers of files that changed since it was made: base plus order of first sight.

    Files that were there before keep theirs, which are the same in every run. A number that was given or kept
    once stays: two results are of one file exactly where they were before.
    """

    def __init__(self) -> None:
        self._since = time.time_ns() - _TICK_NS
        self._seen: dict[tuple[int, int, int], int] = {}
        self._inodes: dict[tuple[int, int], int] = {}
        self._lock = threading.Lock()
        #: where the kernel makes files up: their times are those of the first look, or of a later one
        self._made_up = _device("/proc")

    def steady(self, result: os.stat_result) -> os.stat_result:
        """Return the result with steady times, or itself where the file is older than the run."""
        changed = result.st_mtime_ns >= self._since or result.st_dev == self._made_up
        with self._lock:
            own = _FIRST_INODE + len(self._inodes) if changed else result.st_ino
            inode = self._inodes.setdefault((result.st_dev, result.st_ino), own)
            if not changed:
                return result if inode == result.st_ino else _changed(result, inode)
            key = (result.st_dev, result.st_ino, result.st_mtime_ns)
            seconds = _BASE_SECONDS + self._seen.setdefault(key, len(self._seen))
        return _changed(result, inode, seconds)

    def around(self, original: Any) -> StandIn:
        """Make a stand-in for ``os.stat`` or one of its kin."""

        def call(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            caller = sys._getframe(2)  # of the stand-in
            return result if _asks_only_what_there_is(caller) or _for_bookkeeping(caller) else self.steady(result)

        return StandIn(call, original)


def _device(folder: str) -> int | None:
    try:
        return os.stat(folder).st_dev  # noqa: PTH116 - the very call that others see replaced
    except OSError:
        return None


def _asks_only_what_there_is(caller: FrameType) -> bool:
    """Whether neither times nor numbers reach whoever asks.

    They would be noted all the same, and what is noted takes memory: a folder that others write to, ``/tmp``, has
    another time at every look or none, by chance, and all objects made after that would lie elsewhere.
    """
    code = caller.f_code
    return code.co_name in _YES_OR_NO and code.co_filename in _PATH_FILES


def _for_bookkeeping(frame: FrameType | None) -> bool:
    """Whether the test runner asks, by the frame that calls: what it sees first, and how often, differs by run."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in sys.stdlib_module_names:
            return infrastructure(module) or module.startswith("pytest_repro")
        frame = frame.f_back
    return False


def _changed(result: os.stat_result, inode: int, seconds: int | None = None) -> os.stat_result:
    reduced: Any = result.__reduce__()
    fields, named = list(reduced[1][0]), dict(reduced[1][1])
    fields[1] = inode
    if seconds is None:
        return os.stat_result(fields, named)
    fields[7:10] = [seconds] * 3
    for name in ("atime", "mtime", "ctime"):
        named[f"st_{name}"] = float(seconds)
        named[f"st_{name}_ns"] = seconds * _NS
    return os.stat_result(fields, named)


class _Entry:
    """An ``os.DirEntry`` whose ``stat()`` is steady; the original's type cannot be changed."""

    __slots__ = ("_entry", "_times")

    def __init__(self, entry: os.DirEntry[Any], times: StatClock) -> None:
        self._entry = entry
        self._times = times

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """As ``os.DirEntry.stat``."""
        result = self._entry.stat(follow_symlinks=follow_symlinks)
        return result if _for_bookkeeping(sys._getframe(1)) else self._times.steady(result)

    def inode(self) -> int:
        """As ``os.DirEntry.inode``."""
        if _for_bookkeeping(sys._getframe(1)):
            return self._entry.inode()
        return self._times.steady(self._entry.stat(follow_symlinks=False)).st_ino

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> str | bytes:
        return self._entry.__fspath__()  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return repr(self._entry)


def entry_with_stat(entry: os.DirEntry[Any], times: StatClock) -> Any:
    """Return the entry, with the times of files that changed during the run made steady."""
    return _Entry(entry, times)
