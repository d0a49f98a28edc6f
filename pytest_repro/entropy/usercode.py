"""Which files are the user's own code, and how their lines are written in reports."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from pytest_repro.model import Location

__all__ = ["UserCode"]

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_THIS_PACKAGE: Final = str(Path(__file__).resolve().parent.parent)


class Loaded:
    """Names of the modules that are there, read anew where there are others: asked twice for each small test."""

    def __init__(self) -> None:
        #: how many there were and which came last: where both are as they were, none was imported
        self._newest = (-1, "")
        self._names: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Return the same object as before where nothing was imported since."""
        try:
            newest = len(sys.modules), next(reversed(sys.modules), "")
        except RuntimeError:  # another thread imports this very moment
            newest = (-1, "")
        if newest != self._newest or newest[0] < 0:
            self._newest, self._names = newest, frozenset(sys.modules)
        return self._names


class UserCode:
    """Tells user code from the standard library, installed packages and this plugin.

    Code outside of `root` counts as the user's too unless it is installed: with no ini file pytest's
    root is often just ``tests/``, beside the package under test.
    """

    def __init__(self, root: Path) -> None:
        self._given_root = root
        self._root = root.resolve()
        stdlib = _standard_library()
        installed = [*site.getsitepackages(), site.getusersitepackages()]
        self._stdlib = tuple({str(Path(path).resolve()) for path in stdlib})
        self._installed = tuple({str(Path(path).resolve()) for path in installed})
        prefixes = tuple(f"{folder}{os.sep}" for folder in (*stdlib, *installed, *self._stdlib, *self._installed))
        # most files are told by their name alone, and reading links for thousands of them takes time;
        # not where the root itself is inside of an installation
        inside = str(self._root).startswith(prefixes) or not _INSTALLED.isdisjoint(self._root.parts)
        self._prefixes = () if inside else (*prefixes, f"{_THIS_PACKAGE}{os.sep}")
        # packages may also lie in a folder that only a .pth file names
        self._infixes = () if inside else tuple(f"{os.sep}{folder}{os.sep}" for folder in sorted(_INSTALLED))
        self._known: dict[str, bool] = {}
        self.loaded = Loaded()
        #: names of modules that were looked at, and of those the user's
        self._seen: frozenset[str] = frozenset()
        self._looked = self._seen
        self._mine: list[str] = []

    def owns(self, filename: str) -> bool:
        """Whether `filename` (a code object's or a module's) is the user's code."""
        known = self._known.get(filename)
        if known is None:
            known = self._known[filename] = self._decide(filename)
        return known

    def modules(self) -> list[ModuleType]:
        """Give the user's modules among those imported by now."""
        names = self.loaded.names()
        if names is not self._looked:
            self._look(names)
        modules = [sys.modules.get(name) for name in self._mine]
        return [module for module in modules if isinstance(module, ModuleType)]

    def _look(self, names: frozenset[str]) -> None:
        new, self._seen, self._looked = names - self._seen, self._seen | names, names
        for name in sorted(new):
            file = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
            # told apart here already: hundreds of modules are asked about in every session
            if isinstance(file, str) and not file.startswith(self._prefixes) and self.owns(file):
                self._mine.append(name)

    def location(self, filename: str, line: int) -> Location:
        """Give the line as reports write it: relative to the root where it lies under the root."""
        for path, root in ((Path(filename), self._given_root), (Path(filename).resolve(), self._root)):
            if path.is_relative_to(root):
                return Location(path.relative_to(root).as_posix(), line)
        return Location(filename, line)

    def _decide(self, filename: str) -> bool:
        if not filename or filename.startswith("<"):  # frozen modules, exec'd strings, Cython
            return False
        if filename.startswith(self._prefixes) or any(infix in filename for infix in self._infixes):
            return False
        path = Path(filename).resolve()
        if any(path.is_relative_to(folder) for folder in (_THIS_PACKAGE, *self._installed)):
            return False
        inside = path.is_relative_to(self._root)
        if not inside and any(path.is_relative_to(folder) for folder in self._stdlib):
            return False
        # a virtual environment may lie under the root, and the root itself in a site-packages folder
        parts = path.relative_to(self._root).parts if inside else path.parts
        return not _INSTALLED.intersection(parts)


def _standard_library() -> list[str]:
    """Where it is, both halves where they are apart (``lib`` and ``lib64``); `sysconfig` takes 6 ms to say so."""
    extensions = [os.path.dirname(path) for path in sys.path if path.endswith("lib-dynload")]  # noqa: PTH120 - as they are
    return [os.path.dirname(os.__file__), *extensions]  # noqa: PTH120
