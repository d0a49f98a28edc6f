"""What a library imports at its first real use: a worker whose runs are forks imports it once, before the first.

``torch.optim`` imports ``torch._dynamo`` when the first optimiser is made, which takes as long as importing
torch itself (1.9 s of CPU each, torch 2.13): every fork would pay for it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterable
from typing import Final

__all__ = ["import_ahead", "wanted"]

#: module → the library that imports it late
_LATE: Final = {"torch._dynamo": "torch"}


def wanted(expected: int) -> tuple[str, ...]:
    """What a worker should import ahead, as far as its controller can tell.

    Args:
        expected: runs that the worker is going to serve. For one run it is no gain, unless an earlier run in
            this process has shown that the tests come to need the module.
    """
    return tuple(name for name in _LATE if expected > 1 or name in sys.modules)


def import_ahead(names: Iterable[str]) -> None:
    """Import those of `names` whose library the tests have loaded; what does not import is left to the run."""
    for name in names:
        if _LATE.get(name) in sys.modules:
            with warnings.catch_warnings(), contextlib.suppress(Exception):
                warnings.simplefilter("ignore")  # a run that imports it itself shows them
                importlib.import_module(name)
