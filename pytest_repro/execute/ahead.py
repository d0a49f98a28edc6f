"""What tests import late: a worker whose runs are forks imports it once, or every fork would pay for it.

``torch.optim`` imports ``torch._dynamo`` when the first optimiser is made, which takes as long as importing
torch itself (1.9 s of CPU each, torch 2.13). Fixtures and tests import ``matplotlib.pyplot`` in their bodies
(0.5 s, matplotlib 3.10; every test of statsmodels has such a fixture).
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterable
from typing import Final

__all__ = ["import_ahead", "seen", "wanted"]

#: module → the library that imports it late
_LATE: Final = {"torch._dynamo": "torch"}
#: What is only imported once a run in the session's own process has come to it: after it, ``matplotlib.use``
#: looks for the backend at once. None of them starts a thread, or forks would no longer be safe.
_SEEN: Final = ("matplotlib.pyplot",)


def wanted(expected: int) -> tuple[str, ...]:
    """What a worker should import ahead, as far as its controller can tell.

    Args:
        expected: runs that the worker is going to serve. For one run it is no gain, unless an earlier run in
            this process has shown that the tests come to need the module.
    """
    return tuple(name for name in _LATE if expected > 1 or name in sys.modules)


def seen() -> tuple[str, ...]:
    """What this process has imported that not all tests have a use for; a worker may do so as well."""
    return tuple(name for name in _SEEN if name in sys.modules)


def import_ahead(names: Iterable[str]) -> None:
    """Import those of `names` that were seen or whose library the tests have loaded.

    What does not import is left to the run.
    """
    for name in names:
        if name in _SEEN or _LATE.get(name) in sys.modules:
            with warnings.catch_warnings(), contextlib.suppress(Exception):
                warnings.simplefilter("ignore")  # a run that imports it itself shows them
                importlib.import_module(name)
