"""Which arrays of a value are copied, which go to the spool folder, and what of the value stays as it is."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Branch, Layout, Node
from pytest_repro.values import owned
from pytest_repro.values.owned import freeze


def array(data: Any, *, is_owned: bool = False) -> Array:
    return Array("t", data.dtype.name, data.shape, data, owned=is_owned)


def branch(*items: Node) -> Branch:
    return Branch("list", Layout.SEQUENCE, (), items, ("note",))


def is_mapped(data: Any) -> bool:
    while isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
        data = data.base
    return isinstance(data, np.memmap)


def frozen(node: Node, spool: Path | None = None) -> Any:
    return freeze(node, spool=spool)


def test_an_array_that_may_change_is_copied_and_locked() -> None:
    data = np.arange(6.0).reshape(2, 3).T
    copy = frozen(array(data))
    assert (copy.type, copy.dtype, copy.shape, copy.owned) == ("t", "float64", (3, 2), True)
    assert copy.data.tolist() == data.tolist()
    assert copy.data.flags.c_contiguous
    assert not copy.data.flags.writeable
    assert not np.shares_memory(copy.data, data)


def test_what_cannot_change_stays_the_same_object(tmp_path: Path) -> None:
    own = array(np.arange(3.0), is_owned=True)
    tree = branch(1.5, own, branch("a", own))
    for node in (own, tree, 1.5, "a"):
        assert freeze(node) is node
        assert freeze(node, spool=tmp_path) is node
    mixed = frozen(branch(tree, array(np.arange(3.0))))
    assert mixed.items[0] is tree
    assert (mixed.type, mixed.layout, mixed.notes) == ("list", Layout.SEQUENCE, ("note",))
    assert mixed.items[1].owned


def test_views_of_one_memory_are_copied_once_each() -> None:
    data = np.arange(6.0)
    first, again, part, other, bits = frozen(
        branch(array(data), array(data[:]), array(data[:3]), array(data[::2]), array(data.view("i8")))
    ).items
    assert first.data is again.data
    assert len({id(node.data) for node in (first, part, other, bits)}) == 4
    assert other.data.tolist() == [0, 2, 4]
    assert bits.data.dtype == np.dtype("i8")


def test_arrays_that_look_alike_are_copied_each() -> None:
    first, second = frozen(branch(array(np.zeros(3)), array(np.ones(3)))).items
    assert (first.data.tolist(), second.data.tolist()) == ([0, 0, 0], [1, 1, 1])


def test_large_arrays_go_to_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "SPOOL_BYTES", 48)
    spool = tmp_path / "deep" / "spool"
    large, small = np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(5.0)
    first, second = frozen(branch(array(large), array(small)), spool).items
    (path,) = spool.iterdir()
    assert np.load(path).tolist() == first.data.tolist() == large.tolist()
    assert first.owned
    assert type(first.data) is np.ndarray
    assert is_mapped(first.data)
    assert not first.data.flags.writeable
    assert second.data.base is None


def test_an_array_that_nobody_can_change_is_spooled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "SPOOL_BYTES", 8)
    spool, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"
    node = frozen(array(np.arange(3.0), is_owned=True), spool)
    assert is_mapped(node.data)
    assert frozen(node, spool) is node
    part = array(node.data[1:], is_owned=True)
    assert frozen(part, spool) is part
    one = frozen(array(np.array(2.0)), spool)
    assert (one.data.shape, one.data.item(), is_mapped(one.data)) == ((), 2.0, True)
    moved = frozen(node, elsewhere)
    assert moved is not node
    assert len(list(elsewhere.iterdir())) == 1
    np.save(tmp_path / "users.npy", np.arange(3.0))
    users: Any = np.load(tmp_path / "users.npy", mmap_mode="r+")
    kept = frozen(array(users), spool)
    assert not np.shares_memory(kept.data, users)


def test_a_file_of_the_spool_is_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1, 2, 2, 2, 3])
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(times))
    monkeypatch.setattr(os, "getpid", lambda: 7)
    names = []
    for _ in range(3):
        with owned._new_file(tmp_path) as file:
            names.append(Path(file.name).name)
            assert file.mode == "xb"
    assert names == ["7-1.npy", "7-2.npy", "7-3.npy"]


def test_a_mapping_without_a_file_lies_nowhere(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(3.0))
    mapped: Any = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert owned._lies_in(mapped, tmp_path)
    assert owned._lies_in(np.asarray(mapped)[1:], tmp_path)
    assert not owned._lies_in(mapped, tmp_path.parent)
    assert not owned._lies_in(np.arange(3.0)[1:], tmp_path)
