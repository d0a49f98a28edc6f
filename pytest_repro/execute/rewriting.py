"""Let pytest's assertion rewriting show operands to `pytest_repro.autolog`; a user of pytest's private API.

pytest offers the hook ``pytest_assertion_pass``, but hands it text that has been shortened; numbers
cannot be compared by that. So the rewritten syntax tree is given one call more per comparison. Modules
rewritten so are cached under a name of their own, and a session without automatic observations never
sees them. Names of pytest that are missing switch this off: assertion functions are watched all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from pytest_repro.errors import SettingsError
from pytest_repro.settings import resolve

__all__ = ["asked_for", "show_operands"]

#: part of the cached files' names; to be counted up whenever what is inserted changes
_VERSION = "repro2"
_OURS = "_pytest_repro"


def asked_for(config: pytest.Config) -> tuple[str, ...]:
    """What the session records automatically, as far as its markers do not say otherwise."""
    given: dict[str, object] = {}
    for name in ("all", "autolog"):
        for value in (getattr(config.option, f"repro_{name}", None), config.getini(f"repro_{name}")):
            if value not in (None, "", []):
                given.setdefault(name, value)
    try:
        return resolve(command_line=given, ini={}).autolog
    except SettingsError:  # said by who reads all settings
        return ()


def show_operands() -> Callable[[], None]:
    """Change how test modules are rewritten from now on; returns how to undo it."""
    from _pytest.assertion import rewrite

    from pytest_repro.autolog.operands import instrument

    stack = ExitStack()
    module: Any = rewrite
    original = getattr(module, "rewrite_asserts", None)
    tail = getattr(module, "PYC_TAIL", None)
    if original is None or not isinstance(tail, str) or getattr(original, _OURS, False):
        return stack.close

    def rewrite_asserts(tree: ast.Module, *args: Sequence[Any], **kwargs: Any) -> None:
        original(tree, *args, **kwargs)
        instrument(tree)

    setattr(rewrite_asserts, _OURS, True)
    stack.callback(setattr, module, "rewrite_asserts", original)
    stack.callback(setattr, module, "PYC_TAIL", tail)
    module.rewrite_asserts = rewrite_asserts
    stem, _, suffix = tail.rpartition(".")
    module.PYC_TAIL = f"{stem}-{_VERSION}.{suffix}"
    return stack.close
