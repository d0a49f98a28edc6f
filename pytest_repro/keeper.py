"""Values of several runs, each distinct one held once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_repro.model import Node

__all__ = ["Keeper"]

Key = tuple[str, "int | None", int]


class Keeper:
    """Holds what the runs of one test recorded, each distinct value once.

    Memory is that of the reference's values: a second distinct version of a large array goes to a file.
    """

    def __init__(self, *, spool: Callable[[], Path] | None = None) -> None:
        """Make an empty one.

        Args:
            spool: gives a folder on a disk, when one is needed; without it everything stays in memory.
        """
        self._known: dict[Key, list[Node]] = {}
        self._spool = spool

    def keep(self, key: Key, node: Node, *, nan_payload: bool = False) -> Node:
        """Return a node equal to `node` that the user can no longer change."""
        from pytest_repro.values import freeze, identical

        known = self._known.setdefault(key, [])
        for other in known:
            if identical(other, node, nan_payload=nan_payload):
                return other
        frozen = freeze(node, spool=self._spool() if known and self._spool is not None else None)
        known.append(frozen)
        return frozen
