"""A run without pytest: a recorder that automatic observations go to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_repro.autolog import Autolog
from pytest_repro.model import Kind, Observation, Tolerance
from pytest_repro.recorder import Keeper, Recorder
from pytest_repro.settings import AUTOLOG, NOISE


class Run:
    """What a run recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.skipped = 0

    @property
    def observations(self) -> tuple[Observation, ...]:
        return self._recorder.observations()

    @property
    def names(self) -> list[str]:
        return [observation.name for observation in self.observations]

    def value(self, name: str) -> object:
        [found] = [observation for observation in self.observations if observation.name == name]
        assert found.kind is Kind.AUTO
        return found.value


@contextmanager
def run(file: str, *frameworks: str, autolog: Autolog | None = None) -> Iterator[Run]:
    recorder = Recorder(nodeid="test", keeper=Keeper(), tolerance_for=lambda _: Tolerance())
    autolog = autolog or Autolog(root=Path(file).parent)
    result = Run(recorder)
    with autolog.watching(recorder, frameworks=frameworks or AUTOLOG, noise=NOISE, file=file) as sink:
        yield result
    result.skipped = sink.skipped
