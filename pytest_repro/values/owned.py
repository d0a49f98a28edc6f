"""Taking a value out of the user's hands: copies of what may still change, on disk where it is large."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_repro.model import Array, Branch

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from pytest_repro.model import Node
    from pytest_repro.values.bits import AnyArray

__all__ = ["freeze"]

#: arrays of this many bytes and more go to the spool folder
SPOOL_BYTES = 1 << 20


def freeze(node: Node, *, spool: Path | None = None) -> Node:
    """Return `node` with every array owned; `node` itself where that is so already."""
    return _Freezer(spool).freeze(node)


class _Freezer:
    """One pass over one tree. Arrays that share memory (tied weights) are copied once."""

    def __init__(self, spool: Path | None) -> None:
        self._spool = spool
        self._done: dict[object, AnyArray] = {}

    def freeze(self, node: Node) -> Node:
        if isinstance(node, Array):
            return self._array(node)
        if not isinstance(node, Branch):
            return node
        items = [self.freeze(item) if isinstance(item, (Array, Branch)) else item for item in node.items]
        changed = any(new is not old for new, old in zip(items, node.items, strict=True))
        return replace(node, items=tuple(items)) if changed else node

    def _array(self, node: Array) -> Array:
        to_disk = self._spool is not None and node.data.nbytes >= SPOOL_BYTES and not _lies_in(node.data, self._spool)
        if node.owned and not to_disk:
            return node
        data = node.data
        key = (data.__array_interface__["data"][0], data.shape, data.strides, data.dtype.str)
        frozen = self._done.get(key)
        if frozen is None:
            # Both ways write C order: a view may span far more memory than its elements.
            frozen = self._done[key] = _spooled(data, self._spool) if self._spool and to_disk else data.copy(order="C")
            frozen.flags.writeable = False
        return replace(node, data=frozen, owned=True)


def _lies_in(data: AnyArray, folder: Path) -> bool:
    """Tell whether `data` is mapped from a file in `folder`; another one may lie in memory, or be the user's."""
    base: object = data
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and base.filename is not None:
            return os.path.dirname(os.fspath(base.filename)) == os.fspath(folder)  # noqa: PTH120 - no pathlib per array
        base = base.base
    return False


def _spooled(data: AnyArray, folder: Path) -> AnyArray:
    """Write `data` as a new ``.npy`` file into `folder`; return it mapped read-only."""
    with _new_file(folder) as file:
        np.lib.format.write_array(file, np.ascontiguousarray(data).reshape(data.shape), allow_pickle=False)
    return np.asarray(np.load(file.name, mmap_mode="r", allow_pickle=False))


def _new_file(folder: Path) -> BinaryIO:
    """Return a file that did not exist. Not `tempfile`: that draws on the entropy which users are warned about."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{time.perf_counter_ns()}.npy"
    while path.exists():
        path = folder / f"{os.getpid()}-{time.perf_counter_ns()}.npy"
    return path.open("xb")
