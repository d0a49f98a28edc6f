"""Noticing that something was imported while a run lasts: what it brought must be watched in this run, too.

Otherwise a library that a test itself imports would be seen in its second run and not in its first.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["noticing_imports"]


#: loaders of which every module has one of its own
_OWN_LOADER = (
    importlib.machinery.SourceFileLoader,
    importlib.machinery.SourcelessFileLoader,
    importlib.machinery.ExtensionFileLoader,
)


@contextmanager
def noticing_imports(notice: Callable[[], None]) -> Iterator[None]:
    """Call `notice` after every outermost import in this thread until the block ends."""
    finder = _Finder(notice)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.thread = 0
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing itself: it asks the others and looks at when the module has been executed."""

    def __init__(self, notice: Callable[[], None]) -> None:
        self._notice = notice
        self._asking = False
        self._depth = 0
        self.thread = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if self._asking or threading.get_ident() != self.thread:
            return None
        self._asking = True
        try:
            spec = _ask_others(self, fullname, path, target)
        finally:
            self._asking = False
        if spec is not None and type(spec.loader) in _OWN_LOADER:
            self._wrap(spec.loader)
        return spec

    def _wrap(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = execute
            self._depth += 1
            try:
                execute(module)
            finally:
                self._depth -= 1
            if self._depth == 0 and threading.get_ident() == self.thread:
                self._notice()

        loader.exec_module = exec_module


def _ask_others(
    own: _Finder, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    for finder in list(sys.meta_path):
        find = getattr(finder, "find_spec", None)
        if finder is not own and find is not None:
            spec: importlib.machinery.ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                return spec
    return None
