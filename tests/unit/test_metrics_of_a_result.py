"""What a result keeps of the metrics of run 1, for trackers."""

from __future__ import annotations

import numpy as np

from pytest_repro.model import Array, Kind, Location, Node, Observation, Plan, Recording, RunSpec
from pytest_repro.pipeline import judge

HERE = Location("test_a.py", 1)


def metrics(*rows: tuple[str, int | None, Kind, Node]) -> tuple[tuple[str, int | None, float], ...]:
    observations = tuple(
        Observation(seq, name, step, kind, value, HERE) for seq, (name, step, kind, value) in enumerate(rows)
    )
    runs = [Recording(RunSpec(number), observations, nonce=str(number)) for number in (1, 2)]
    plan = Plan(tuple(run.spec for run in runs), seed=0)
    return judge(nodeid="test_a.py::test_it", plan=plan, recordings=runs, location=HERE).metrics


def test_numbers_are_kept_in_the_order_of_their_last_recording_and_a_series_by_its_last_step() -> None:
    assert metrics(
        ("loss", 0, Kind.METRIC, 0.5),
        ("loss", 1, Kind.METRIC, 0.25),
        ("accuracy", None, Kind.METRIC, 1),
        ("loss", 2, Kind.METRIC, 0.125),
    ) == (("accuracy", None, 1.0), ("loss", 2, 0.125))


def test_scalars_of_numpy_count_as_numbers() -> None:
    value = Array("numpy.float32", "float32", (), np.array(0.5, "float32"))
    assert metrics(("x", None, Kind.METRIC, value)) == (("x", None, 0.5),)


def test_what_is_no_number_or_no_metric_is_left_out() -> None:
    rows: tuple[tuple[str, int | None, Kind, Node], ...] = (
        ("name", None, Kind.METRIC, "text"),
        ("flag", None, Kind.METRIC, True),
        ("weights", None, Kind.ARTIFACT, 1.0),
        ("automatic", None, Kind.AUTO, 1.0),
    )
    assert metrics(*rows) == ()


def test_no_more_than_two_hundred_names_are_kept() -> None:
    assert len(metrics(*((f"m{number}", None, Kind.METRIC, 1.0) for number in range(300)))) == 200
