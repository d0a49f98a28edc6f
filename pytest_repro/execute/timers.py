"""pytest-timeout's clock, which counts the test's own time only; through its public hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

__all__ = ["TIMEOUT", "rearm", "timer_paused"]

#: what pytest-timeout armed for the item
TIMEOUT: pytest.StashKey[Any] = pytest.StashKey()


def rearm(item: pytest.Item, *, again: bool) -> None:
    """pytest-timeout arms its timer once per protocol; each run gets its full time."""
    settings = item.stash.get(TIMEOUT, None)
    if settings is not None and again:
        item.ihook.pytest_timeout_cancel_timer(item=item)
        item.ihook.pytest_timeout_set_timer(item=item, settings=settings)


def timer_paused(item: pytest.Item) -> AbstractContextManager[None]:
    """What we do between runs does not count against the test's own time limit."""
    settings = item.stash.get(TIMEOUT, None)
    return nullcontext() if settings is None else _paused(item, settings)


@contextmanager
def _paused(item: pytest.Item, settings: object) -> Iterator[None]:
    item.ihook.pytest_timeout_cancel_timer(item=item)
    try:
        yield
    finally:
        item.ihook.pytest_timeout_set_timer(item=item, settings=settings)
