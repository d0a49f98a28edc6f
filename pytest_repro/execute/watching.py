"""Automatic observations for one run, in this process or in a worker's child."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.recorder import Keeper, Recorder
from pytest_repro.settings import Settings

if TYPE_CHECKING:
    from pytest_repro.autolog import Autolog, Sink
    from pytest_repro.execute.active import ActiveRun

__all__ = ["AutologSource"]


class AutologSource:
    """Makes the process's `Autolog` when the first test wants it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._autolog: Autolog | None = None

    def warm_up(self) -> None:
        """Find out now what there is to watch, where the whole session is watched: no child needs to do it again."""
        from pytest_repro.execute.rewriting import asked_for

        frameworks = asked_for(self._config)
        if not frameworks:
            return
        import numpy as np

        recorder = Recorder(nodeid="", keeper=Keeper(), tolerance_for=Settings().tolerance_for)
        with self._made().watching(recorder, frameworks=frameworks, noise=Settings().noise, file="") as sink:
            sink.add("a large value, for what is imported then", np.zeros(10_000), frame=None)

    def watching(self, item: pytest.Item, active: ActiveRun, settings: Settings) -> AbstractContextManager[Sink]:
        """Record what `item` does until the block ends."""
        return self._made().watching(
            active.recorder,
            frameworks=settings.autolog,
            noise=settings.noise,
            file=str(item.path),
            rules=active.recorder.rules,
        )

    def _made(self) -> Autolog:
        if self._autolog is None:
            from pytest_repro.autolog import Autolog

            base = self._config.getoption("basetemp", None)
            self._autolog = Autolog(root=self._config.rootpath, folders=[Path(base)] if base else [])
        return self._autolog
