"""Which test is which: node ids do not always tell.

Paths in a node id are relative to the root folder. Files that lie elsewhere, as with ``--pyargs``, have none (a module
that was asked for) or one below the folder that was asked for: tests of two modules may then share one node id.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["own_id"]


def own_id(item: pytest.Item) -> str:
    """Return the node id as it was collected: pytest-xdist appends ``@group`` to it.

    For a file outside of the root folder, the path is that of its module below the folder it is imported from:
    ``sklearn/ensemble/tests/test_voting.py::test_gridsearch``.
    """
    own = f"{item.parent.nodeid}::{item.name}" if item.parent is not None else item.nodeid
    if not item.nodeid.startswith(own + "@"):
        own = item.nodeid
    root = str(item.config.rootpath).rstrip(os.sep)  # ``/`` where tests of two trees are asked for
    if str(item.path).startswith(root + os.sep):
        return own
    _, separator, rest = own.partition("::")
    return "/".join(item.path.parts[-_depth(item) :]) + separator + rest


def _depth(item: pytest.Item) -> int:
    """Return how many parts of the path are the module's name; one where that cannot be told."""
    names = str(getattr(getattr(item, "module", None), "__name__", "")).split(".")
    return len(names) if names[-1] == item.path.stem else 1
