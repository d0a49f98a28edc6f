"""The order in which directories are listed, and the times at which files changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from pytest_repro.conditions.factor import AS_IS, Factor, bad_level
from pytest_repro.conditions.mtimes import StatClock, entry_with_stat
from pytest_repro.conditions.patching import StandIn, early_bound, holders, put

__all__ = ["FILES"]

_Order = Callable[[list[Any], Callable[[Any], str]], list[Any]]


def _name(name: str | bytes) -> str:
    return os.fsdecode(name)


def _order_of(level: str) -> _Order:
    if level in ("sorted", "pinned"):
        return lambda items, key: sorted(items, key=key)
    if level == "reversed":
        return lambda items, key: sorted(items, key=key, reverse=True)
    word, _, seed = level.partition("=")
    if word != "shuffled" or not seed.isdecimal():
        raise bad_level("files", level, f"{AS_IS!r}, 'sorted', 'reversed', 'shuffled=SEED' or 'pinned'")

    def place(name: str) -> bytes:  # depends on the name and the seed only, not on what lies beside it
        return hashlib.blake2b(f"{seed}/{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()

    return lambda items, key: sorted(items, key=lambda item: (place(key(item)), key(item)))


class _Scan:
    """What ``os.scandir`` gives: an iterator, a context manager, with ``close()``."""

    def __init__(self, scan: Any, order: _Order, wrap: Callable[[Any], Any]) -> None:
        self._scan = scan
        self._order = order
        self._wrap = wrap
        self._entries: Iterator[Any] | None = None

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> Any:
        if self._entries is None:  # read at the first use, as the original does
            entries = list(self._scan)
            self._entries = iter(self._order(entries, lambda entry: _name(entry.name)))
        return self._wrap(next(self._entries))

    def close(self) -> None:
        """Release the directory; iteration is over."""
        self._scan.close()
        self._entries = iter(())

    def __enter__(self) -> _Scan:  # noqa: PYI034 - typing.Self is of Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def _files(level: str) -> Iterator[None]:
    """Order every listing that goes through ``os``: walk, glob, pathlib and shutil follow."""
    order = _order_of(level)
    times = StatClock() if level == "pinned" else None

    def wrap(entry: Any) -> Any:
        return entry if times is None else entry_with_stat(entry, times)

    scandir, listdir = os.scandir, os.listdir
    replacements: dict[str, Any] = {
        "listdir": StandIn(lambda *args, **kwargs: order(listdir(*args, **kwargs), _name), listdir),
        "scandir": StandIn(lambda *args, **kwargs: _Scan(scandir(*args, **kwargs), order, wrap), scandir),
    }
    if times is not None:
        for name in ("stat", "lstat", "fstat"):
            replacements[name] = times.around(getattr(os, name))
    with ExitStack() as stack:
        _install(stack, replacements)
        yield


def _install(stack: ExitStack, replacements: dict[str, Any]) -> None:
    by_id: dict[int, Any] = {}
    for name, new in replacements.items():
        original = getattr(os, name)
        by_id[id(original)] = new
        # Code asks whether a function supports a feature by looking it up in these sets.
        for supports in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks, os.supports_effective_ids):
            if original in supports:
                supports.add(new)
                stack.callback(supports.discard, new)
        put(stack, os, name, new)
    holders(stack, by_id)
    early_bound(stack, by_id)


FILES = Factor(
    name="files",
    description="the order in which directories are listed",
    platforms="Everywhere.",
    ladder=lambda k: ("sorted", "reversed")[k] if k < 2 else f"shuffled={k}",
    apply_part=_files,
    limits=lambda: "listings made in C++ or Rust (Arrow, polars) keep their order",
)
