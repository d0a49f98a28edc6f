"""The environment and the code of a session, as they are compared and kept over time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_repro.model import EnvField

__all__ = ["Surroundings"]

#: changed files that are named
_DIRTY = 10


class Surroundings:
    """The environment and the code of this session, read when they are first asked for."""

    def __init__(self, root: Path, ask: Callable[[], Iterable[object]]) -> None:
        """`ask` calls the hook `pytest_repro_environment`, and returns its answers."""
        self.root = root
        self._ask = ask
        self._added: tuple[EnvField, ...] | None = None
        self._code: tuple[EnvField, ...] | None = None
        self._fields: tuple[EnvField, ...] = ()
        self._machine: tuple[EnvField, ...] = ()
        self._modules = -1

    def added(self) -> tuple[EnvField, ...]:
        """What the project adds to the environment.

        Raises:
            SettingsError: an implementation of the hook gave what is not usable.
        """
        if self._added is None:
            answers = list(self._ask())
            if answers:
                from pytest_repro.environment.added import added_fields

                self._added = added_fields(answers)
            else:
                self._added = ()
        return self._added

    def fields(self) -> tuple[EnvField, ...]:
        """The environment; read again when libraries were loaded since.

        Raises:
            SettingsError: as `added` does.
        """
        from pytest_repro.environment.libraries import read_libraries
        from pytest_repro.environment.machine import read_machine

        if not self._machine:
            self._machine = tuple(read_machine())  # lists what is installed, which takes a while
        if len(sys.modules) != self._modules:
            self._fields = tuple(sorted((*self._machine, *read_libraries(), *self.added()), key=lambda one: one.name))
            self._modules = len(sys.modules)
        return self._fields

    def code_fields(self) -> tuple[EnvField, ...]:
        """Commit, branch and changed files of the user's repository."""
        from pytest_repro.environment.code import read_code

        if self._code is None:
            self._code = read_code(self.root)
        return self._code

    def code(self) -> tuple[tuple[str, str], ...]:
        """Commit and changed files of the user's repository, baselines left out: updating changes those itself."""
        found = {one.name: one.value for one in self.code_fields() if one.name != "git.branch"}
        dirty = [name for name in found.get("git.dirty", "").split(", ") if name and "__repro__/" not in name]
        found.pop("git.dirty", None)
        if dirty:
            shown = dirty[:_DIRTY] + ([f"{len(dirty) - _DIRTY} more"] if len(dirty) > _DIRTY else [])
            found["git.dirty"] = ", ".join(shown)
        return tuple(sorted(found.items()))
