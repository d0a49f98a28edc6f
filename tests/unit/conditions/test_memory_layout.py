"""The layout of the heap, where objects are larger than usual."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_repro.conditions import memory


def test_header_larger_than_the_smallest_block_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a free-threaded Python, whose objects are 16 bytes larger."""
    asked: list[int] = []

    def fill(_held: object, make: Callable[[], object], *_ranges: object) -> bool:
        block = make()
        asked.extend([len(block)] if isinstance(block, bytes) else [])
        return True

    monkeypatch.setattr(memory, "_HEADER", 49)
    monkeypatch.setattr(memory, "_fill_pools", fill)
    monkeypatch.setattr(memory, "_fill_heap", lambda *_: None)
    assert memory.layout("perturb=1,packed")
    assert min(asked) == 64 - 49
    assert max(asked) == 512 - 49
