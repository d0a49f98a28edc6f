"""Recordings and files with defaults, for tests of what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_repro.baseline.checking import check_run
from pytest_repro.baseline.document import Baseline, Known
from pytest_repro.baseline.entries import values_of
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.model import Comparison, EnvField, Kind, Location, Observation, Recording, RunSpec, Tolerance
from pytest_repro.values import canonical

HERE = Location("test_it.py", 3)
FIELDS = (("package.numpy", "2.4.6"), ("python.version", "3.11.7"))
EXACT = Tolerance()


def env(*changes: tuple[str, str]) -> tuple[EnvField, ...]:
    """The environment of `FIELDS`, with some fields changed or added."""
    return tuple(EnvField(name, value, numeric=True) for name, value in {**dict(FIELDS), **dict(changes)}.items())


def make_recording(*values: tuple[Any, ...], tolerance: Tolerance = EXACT) -> Recording:
    """A run that recorded (name, value) or (name, value, step)."""
    observations = []
    for seq, (name, value, *step) in enumerate(values):
        observations.append(
            Observation(
                seq,
                name,
                step[0] if step else None,
                Kind.METRIC,
                canonical(value),
                Location("t.py", seq + 1),
                tolerance,
            )
        )
    return Recording(RunSpec(1), tuple(observations))


def make_series(name: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(name, value, step) for step, value in enumerate(values)]


def make_known(recording: Recording, fields: tuple[tuple[str, str], ...] = FIELDS) -> Known:
    return Known(fields, values_of(recording), (("git.commit", "a" * 40),))


def make_baseline(recording: Recording, **changes: Any) -> Baseline:
    values: dict[str, Any] = {"test": "test_it.py::test_it", "seed": 0, "environments": (make_known(recording),)}
    return Baseline(**{**values, **changes})


def check(
    known: Known, recording: Recording, *, store: Path = Path("nowhere"), machine: Tolerance = EXACT
) -> Comparison:
    """Compare a run with a baseline."""
    return check_run(known, recording, path=Path("b.json"), store=ObjectStore(store), machine=machine, location=HERE)
