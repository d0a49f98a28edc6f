"""In a worker: import the user's package from another folder, while the tests stay those of now.

Runs before pytest and imports nothing but the standard library. A finder on ``sys.meta_path`` rather
than an entry of ``sys.path``: pytest puts the folders of tests in front of that, and editable
installations have finders of their own.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Redirect", "install"]


class Redirect:
    """Finds some top-level names in other folders, and packages of tests inside them where they are now."""

    def __init__(self, *, roots: Sequence[str], names: Sequence[str], kept: Mapping[str, str], used: str) -> None:
        self._roots = list(roots)
        self._names = frozenset(names)
        self._kept = dict(kept)
        self._used = Path(used)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a redirected module is; None leaves it to the others."""
        if name in self._kept:
            file = Path(self._kept[name])
            folder = [str(file.parent)] if file.name == "__init__.py" else None
            return importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder)
        if path is not None or name not in self._names:
            return None
        spec = PathFinder.find_spec(name, self._roots)
        if spec is not None:
            self._used.touch()
        return spec


def install(body: Mapping[str, Any]) -> None:
    """Put the finder before all others."""
    finder = Redirect(roots=body["roots"], names=body["names"], kept=body["kept"], used=body["used"])
    sys.meta_path.insert(0, finder)
