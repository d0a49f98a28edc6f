"""Calls of the fixture → a recording."""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import RecordingError, ValueTypeError
from pytest_repro.model import Array, Branch, Kind, Tolerance
from pytest_repro.recorder import Keeper, Recorder, Repro, record_result
from pytest_repro.streams import Streams

HERE = Path(__file__)


def make(*, keeper: Keeper | None = None, **changes: Any) -> tuple[Repro, Recorder]:
    recorder = Recorder(
        nodeid="t.py::test_it",
        keeper=keeper or Keeper(),
        tolerance_for=changes.pop("tolerance_for", lambda name: Tolerance()),
        root=HERE.parent,
        **changes,
    )
    return Repro(seed=3, run=1, runs=2, recorder=recorder), recorder


def test_observations_keep_order_names_steps_kinds_and_lines() -> None:
    repro, recorder = make()
    repro.metric("loss", 0.5, step=0)
    repro.metric("loss", 0.25, 1)
    repro.artifact("w", [1, "a"])
    rows = recorder.observations()
    assert [(row.seq, row.name, row.step, row.kind) for row in rows] == [
        (0, "loss", 0, Kind.METRIC),
        (1, "loss", 1, Kind.METRIC),
        (2, "w", None, Kind.ARTIFACT),
    ]
    assert [row.value for row in rows[:2]] == [0.5, 0.25]
    assert isinstance(rows[2].value, Branch)
    first = rows[0].location
    assert first.file == HERE.name
    assert [row.location.line - first.line for row in rows] == [0, 1, 2]
    assert len(recorder) == 3


def test_lines_outside_the_root_keep_their_path() -> None:
    recorder = Recorder(
        nodeid="t", keeper=Keeper(), tolerance_for=lambda name: Tolerance(), root=HERE.parent / "elsewhere"
    )
    recorder.add("x", 1, kind=Kind.METRIC)
    assert recorder.observations()[0].location.file == str(HERE)


def test_what_the_test_changes_later_is_not_changed_in_the_recording() -> None:
    repro, recorder = make()
    weights, nested = np.zeros(3), {"a": [1]}
    repro.artifact("w", weights)
    repro.artifact("n", nested)
    weights[0] = 9
    nested["a"].append(2)
    first, second = (row.value for row in recorder.observations())
    assert isinstance(first, Array)
    assert first.data.tolist() == [0, 0, 0]
    assert isinstance(second, Branch)
    assert isinstance(second.items[0], Branch)
    assert second.items[0].items == (1,)


def test_equal_values_of_several_runs_are_held_once() -> None:
    keeper = Keeper()
    values = []
    for number in (1.0, 1.0, 2.0):
        repro, recorder = make(keeper=keeper)
        repro.artifact("w", np.full(5, number))
        values.append(recorder.observations()[0].value)
    assert values[0] is values[1]
    assert values[0] is not values[2]


def test_values_of_one_name_and_of_one_step_are_told_apart() -> None:
    keeper = Keeper()
    repro, recorder = make(keeper=keeper)
    for number in range(3):
        repro.artifact("w", np.full(2, number))
        repro.artifact("v", np.full(2, number), step=number)
    data = [row.value.data.tolist() for row in recorder.observations()]  # type: ignore[union-attr]
    assert data == [[0, 0], [0, 0], [1, 1], [1, 1], [2, 2], [2, 2]]


def test_other_versions_of_a_large_array_go_to_files(tmp_path: Path) -> None:
    keeper = Keeper(spool=lambda: tmp_path)
    values = []
    for number in range(4):
        repro, recorder = make(keeper=keeper)
        repro.artifact("w", np.full(300_000, float(number)))
        values.append(recorder.observations()[0].value)
    assert [value.data[0] for value in values] == [0.0, 1.0, 2.0, 3.0]  # type: ignore[union-attr]
    assert len(list(tmp_path.iterdir())) == 3


def test_tolerance_of_the_call_comes_before_that_of_the_settings() -> None:
    repro, recorder = make(tolerance_for=lambda name: Tolerance(ulp=len(name)))
    repro.metric("a", 1.0)
    repro.metric("bb", 1.0)
    repro.metric("c", 1.0, rtol=0.5)
    repro.metric("d", 1.0, rtol=0)
    repro.metric("e", 1.0, atol=1, ulp=3)
    assert [row.tolerance for row in recorder.observations()] == [
        Tolerance(ulp=1),
        Tolerance(ulp=2),
        Tolerance(rtol=0.5),
        Tolerance(),
        Tolerance(atol=1.0, ulp=3),
    ]


def test_payload_of_nans_counts_beside_the_tolerance_of_the_settings() -> None:
    repro, recorder = make(tolerance_for=lambda name: Tolerance(rtol=0.1))
    repro.metric("a", 1.0, nan_payload=True)
    assert recorder.observations()[0].tolerance == Tolerance(rtol=0.1, nan_payload=True)


def test_ledger_rides_with_each_observation() -> None:
    streams = Streams()
    repro, recorder = make(streams=streams)
    repro.metric("a", 1)
    repro.metric("b", 1)
    random.random()
    repro.artifact("c", [1])
    recorder.add_automatic("d", 1, file="x.py", line=1)
    recorder.observe("e", 1, step=0, kind=Kind.AUTO, file="x.py", line=1)
    assert recorder.stream_names == streams.names
    before, same, *after = [row.ledger for row in recorder.observations()]
    assert before is same
    assert len(before) == len(streams.names)
    assert len(set(after)) == 1
    assert [name for name, a, b in zip(streams.names, same, after[0], strict=True) if a != b] == ["random"]
    assert make()[1].stream_names == ()


def test_line_of_every_call_is_found_from_its_instruction() -> None:
    repro, recorder = make()
    start = sys._getframe().f_lineno
    for name in "ab":
        repro.metric(name, 1)
        repro.metric(
            name * 2,
            1,
        )
    [repro.metric(name, 1) for name in "c"]  # type: ignore[func-returns-value]
    lines = [start + offset for offset in (2, 3, 2, 3, 7)]
    assert [row.location.line for row in recorder.observations()] == lines


@pytest.mark.parametrize("step", [np.int64(4), np.uint8(4), 4])
def test_step_of_any_integer_type_is_an_int(step: int) -> None:
    repro, recorder = make()
    repro.metric("a", 1.0, step=step)
    assert type(recorder.observations()[0].step) is int


@pytest.mark.parametrize("step", [True, np.True_, 1.0, np.float32(1), "1", (1,)])
def test_step_of_another_type_is_refused(step: Any) -> None:
    repro, recorder = make()
    with pytest.raises(RecordingError, match=r"t\.py::test_it: the step of 'a' must be an integer"):
        repro.metric("a", 1.0, step=step)
    assert len(recorder) == 0


def test_refused_value_leaves_no_trace() -> None:
    repro, recorder = make()
    with pytest.raises(ValueTypeError, match=r"t\.py::test_it: cannot record 'a'"):
        repro.metric("a", (number for number in range(3)), step=1)
    repro.metric("a", 1.0, step=1)
    assert len(recorder) == 1


def test_closed_recorder_and_other_threads_are_refused() -> None:
    repro, recorder = make()
    errors: list[BaseException] = []

    def record() -> None:
        try:
            repro.metric("a", 1.0)
        except RecordingError as error:
            errors.append(error)

    thread = threading.Thread(target=record)
    thread.start()
    thread.join()
    recorder.close()
    record()
    assert [str(error).partition("; ")[0] for error in errors] == [
        "t.py::test_it: 'a' was recorded from another thread",
        "t.py::test_it: 'a' was recorded after the test had ended",
    ]


def test_files_are_recorded_by_content(tmp_path: Path) -> None:
    keeper = Keeper()
    values = []
    for name in ("one", "two"):
        repro, recorder = make(keeper=keeper)
        path = tmp_path / name
        path.write_bytes(b"the same")
        repro.artifact("file", path)
        values.append(recorder.observations()[0].value)
    assert values[0] is values[1]


def test_user_rules_teach_types() -> None:
    class Spline:
        def __init__(self) -> None:
            self.lock = threading.Lock()

    def rule(value: object) -> object:
        return {"knots": [1, 2]} if isinstance(value, Spline) else None

    repro, recorder = make(rules=(rule,))
    repro.artifact("s", Spline())
    assert isinstance(recorder.observations()[0].value, Branch)


@pytest.mark.parametrize(
    ("result", "names"),
    [
        ({"a": 1, "b": 2}, ["fit.a", "fit.b"]),
        ({}, ["fit"]),
        ({1: 2}, ["fit"]),
        ([1], ["fit"]),
        (None, ["fit"]),
    ],
)
def test_result_of_a_callable_is_recorded_by_key_or_whole(result: object, names: list[str]) -> None:
    _, recorder = make()
    record_result(recorder, "fit", result)
    assert [row.name for row in recorder.observations()] == names
