"""What is alive while a run executes, in this process or in a worker's child."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_repro.model import Recording

if TYPE_CHECKING:
    from pytest_repro.autolog import Sink
    from pytest_repro.model import EntropyDraw, RunSpec
    from pytest_repro.recorder import Recorder, Repro
    from pytest_repro.rng import Seeders
    from pytest_repro.streams import Position

__all__ = ["ACTIVE", "ActiveRun", "make_nonce"]


def make_nonce() -> str:
    """A mark of this very execution; to be made before anything is pinned."""
    return f"{os.getpid():x}-{time.time_ns():x}-{time.perf_counter_ns():x}"


class ActiveRun:
    """One run while it lasts.

    Args:
        spec: which run it is.
        recorder: its log.
        repro: what the test's fixture is.
        seeders: the generators that it starts from a known state.
        nonce: of `make_nonce`, where it had to be made earlier.
        environment: says what is in effect.
    """

    def __init__(
        self,
        spec: RunSpec,
        recorder: Recorder,
        repro: Repro,
        seeders: Seeders,
        *,
        nonce: str = "",
        environment: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    ) -> None:
        self.spec = spec
        self.recorder = recorder
        self.repro = repro
        self.seeders = seeders
        self.environment = environment
        #: called in the call phase after the test passed; raises where the verdict fails the test
        self.gate: Callable[[Recording], None] | None = None
        self.draws: Callable[[], tuple[EntropyDraw, ...]] = tuple
        self.nonce = nonce or make_nonce()
        self.recording: Recording | None = None
        self.subtest_failed = False
        #: takes automatic observations
        self.sink: Sink | None = None
        #: lays the heap out before the call; in a process of our own
        self.settle: Callable[[], list[object]] = list
        self._blocks: list[object] = []
        #: what sets the generators as they were set last, and where they stood then
        self._back: Callable[[], object] | None = None
        self._position: Position | None = None
        #: how many fixtures and calls drew from global generators
        self._drew = 0

    def seed_fixture(self, name: str) -> None:
        """Start every fixture from a state of its own, whatever was set up before it."""
        self._seed(self.repro.seed + zlib.crc32(name.encode()))

    def begin_call(self) -> None:
        """The test starts from the seed itself, whatever its fixtures drew."""
        self._seed(self.repro.seed)

    def _seed(self, seed: int) -> None:
        self._drew += self._moved()
        self.seeders.seed(seed)
        self._back, self._position = partial(self.seeders.seed, seed), self.seeders.streams.position()

    def _moved(self) -> bool:
        return self._position is not None and self._position != self.seeders.streams.position()

    def returning(self) -> Callable[[], None]:
        """Return what sets the generators to where they stand now, unless anything draws from them until then.

        A fixture that holds its test to leaving them alone compares them before and after; what changes them in
        between is our seeding of what follows.
        """
        if self._moved() or self._back is None:
            self._drew += 1
            self._back, self._position = self.seeders.saved(), self.seeders.streams.position()
        back, before = self._back, self._drew

        def put_back() -> None:
            self._drew += self._moved()
            if self._drew == before:
                back()
                self._back, self._position = back, self.seeders.streams.position()

        return put_back

    def unwatched(self) -> AbstractContextManager[None]:
        """Record nothing by itself until the block ends: what one run finds set up is done in another."""
        return self.sink.paused() if self.sink is not None else nullcontext()

    def lay_out(self) -> None:
        """Lay the heap out, right before the test's own function."""
        self._blocks = self.settle()

    def end_call(self, *, outcome: str) -> Recording:
        """Close the recorder; the run's recording."""
        self._blocks = []
        self.recorder.close()
        self.recording = Recording(
            spec=self.spec,
            observations=self.recorder.observations(),
            outcome=outcome,
            nonce=self.nonce,
            environment=self.environment(),
            draws=self.draws(),
            streams=self.recorder.stream_names,
        )
        return self.recording


ACTIVE: pytest.StashKey[ActiveRun] = pytest.StashKey()
