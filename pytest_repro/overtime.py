"""What is compared beyond the runs of one session: baselines, recordings, other versions. Built once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.execute.outcomes import target_of
from pytest_repro.ids import own_id
from pytest_repro.model import Location

if TYPE_CHECKING:
    from pytest_repro.against import Against
    from pytest_repro.execute.types import ProcessExecutor
    from pytest_repro.keeping import Keeping
    from pytest_repro.settings import Settings
    from pytest_repro.surroundings import Surroundings

__all__ = ["Overtime"]


class Overtime:
    """Makes, for each test that is repeated, what judges and keeps it over time."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        *,
        processes: Callable[[], ProcessExecutor],
        spool: Callable[[], Path],
        surroundings: Surroundings,
    ) -> None:
        self._config = config
        self._surroundings = surroundings
        self._against: Against | None = None
        if settings.against or settings.against_env:
            from pytest_repro.against import Against

            self._against = Against(config, settings, processes, spool)

    def check(self) -> None:
        """Refuse what cannot work before anything runs.

        Raises:
            SettingsError: there is no such commit or interpreter.
        """
        if self._against is not None:
            self._against.check()

    def wanted(self, settings: Settings) -> bool:
        """Whether even one run of a test says something."""
        return bool(settings.keeps_baseline or settings.record or self._against is not None)

    def keeping_for(self, item: pytest.Item, settings: Settings) -> Keeping | None:
        """What judges and keeps a test; None where nothing was asked for."""
        if not self.wanted(settings):
            return None
        from pytest_repro.keeping import Keeping

        file, line, _ = item.location
        return Keeping(
            nodeid=own_id(item),
            target=target_of(item),
            module=item.path,
            settings=settings,
            surroundings=self._surroundings,
            location=Location(file, (line or 0) + 1),
            marked=item.get_closest_marker("repro") is not None,
            record=self._config.invocation_params.dir / settings.record if settings.record else None,
            against=partial(self._against.judged, item, settings) if self._against is not None else None,
        )

    def close(self) -> None:
        """End workers and remove files of other versions."""
        if self._against is not None:
            self._against.close()
