"""The factors that a project adds, asked for once they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from pytest_repro.errors import SettingsError, meant_by

__all__ = ["AddedFactors"]


class AddedFactors:
    """What the hook `pytest_repro_factors` gives, and the levels of all factors by number."""

    def __init__(self, ask: Callable[[], Iterable[object]]) -> None:
        """`ask` calls the hook, and returns its answers."""
        self._ask = ask

    @cached_property
    def _known(self) -> Mapping[str, Sequence[str]]:
        from pytest_repro.conditions.variables import added_factors

        return added_factors(self._ask())

    @staticmethod
    def _is_added(name: str) -> bool:
        from pytest_repro.conditions.variables import is_added

        return is_added(name)

    def check(self, names: Iterable[str]) -> None:
        """Refuse a name that is neither ours nor the project's.

        Raises:
            SettingsError: there is no such factor, or an implementation of the hook gave what is not usable.
        """
        for name in names:
            if self._is_added(name) and name not in self._known:
                given = ", ".join(self._known) or "none"
                msg = (
                    f"there is no factor {name!r}{meant_by(name, self._known)}; the hook pytest_repro_factors, in the "
                    f"conftest.py of the root folder or in a plugin, gives: {given}"
                )
                raise SettingsError(msg)

    def level(self, factor: str, index: int) -> str:
        """The level of a factor in the run with this number."""
        if self._is_added(factor):
            self.check((factor,))
            return self._known[factor][index % len(self._known[factor])]
        from pytest_repro.conditions import FACTORS

        return FACTORS[factor].levels(index)
