"""Which of the collected tests are repeated, and with which settings: the session's, and those of their markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_repro.errors import ReproError, SettingsError
from pytest_repro.resources import command_line, ini
from pytest_repro.settings import excluded, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_repro.settings import Settings

__all__ = ["MARKER", "Selection"]

MARKER = "repro"


class Selection:
    """Reads each test's markers once."""

    def __init__(
        self, config: pytest.Config, settings: Settings, *, check_factors: Callable[[Iterable[str]], None]
    ) -> None:
        self._config = config
        self._check_factors = check_factors
        self._settings = settings
        self._by_item: dict[pytest.Item, Settings] = {}

    def settings_for(self, item: pytest.Item) -> Settings:
        """The settings of one test, its marker included.

        Raises:
            SettingsError: the marker has an unknown or unusable argument.
        """
        settings = self._by_item.get(item)
        if settings is not None:
            return settings
        if item.get_closest_marker(MARKER) is None:
            return self._settings
        marker: dict[str, object] = {}
        for mark in reversed(list(item.iter_markers(MARKER))):
            if mark.args:
                msg = f"{item.nodeid}: @pytest.mark.repro takes keyword arguments only, got {mark.args!r}"
                raise SettingsError(msg)
            marker.update(mark.kwargs)
        settings = self._by_item[item] = self._resolved(marker, item.nodeid) if marker else self._settings
        return settings

    def _resolved(self, marker: Mapping[str, object], nodeid: str) -> Settings:
        where = f"{nodeid}: @pytest.mark.repro"
        settings = resolve(command_line=command_line(self._config), ini=ini(self._config), marker=marker, where=where)
        self._check_factors(settings.vary)
        return settings

    def check_items(self, items: list[pytest.Item]) -> None:
        """Refuse unusable marker arguments before anything runs.

        Raises:
            pytest.UsageError: naming the test, the argument and what there is.
        """
        try:
            for item in items:
                if item.get_closest_marker(MARKER) is not None:
                    self.settings_for(item)
        except ReproError as error:
            self.refuse(items, error)

    def refuse(self, items: list[pytest.Item], error: ReproError) -> None:
        """End the session before anything runs.

        Raises:
            pytest.UsageError: with the words of `error`. On an xdist worker, which has no way to say
                so, the message is handed to the controller.
        """
        # what follows the collection is called all the same
        items.clear()
        output = getattr(self._config, "workeroutput", None)
        if output is None:
            raise pytest.UsageError(str(error)) from None
        output["repro_usage_error"] = str(error)

    def selects(self, item: pytest.Item) -> bool:
        """Whether a test is to be repeated: it is marked, or all are, and nothing excludes it."""
        if not isinstance(item, pytest.Function):
            return False
        if item.get_closest_marker(MARKER) is not None:
            return not self.settings_for(item).skip
        return self._settings.all and not excluded(item.nodeid, self._settings.exclude)
