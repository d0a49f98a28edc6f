"""What tests assert on: both operands, by the user's line; the assertion itself comes out as ever."""

from __future__ import annotations

import sys
import threading
import unittest
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.testing as npt
import pytest
from numpy.testing import assert_allclose

from pytest_repro.autolog import Autolog, assertions
from pytest_repro.model import Array, Kind
from tests.unit.autolog.support import run


def test_function_under_any_name_is_seen_once_and_with_its_line() -> None:
    with run(__file__) as seen:
        npt.assert_array_equal([1, 2], np.array([1, 2]))
        assert_allclose(actual=np.ones(2), desired=1.0)
    [first, second, third, fourth] = seen.names
    assert first.startswith("assert_array_equal#1 test_assertions.py:")
    assert (first.split()[-1], second.split()[-1]) == ("actual", "desired")
    assert third.startswith("assert_allclose#1 test_assertions.py:")
    assert isinstance(seen.value(third), Array)
    assert seen.value(fourth) == 1.0
    assert {observation.kind for observation in seen.observations} == {Kind.AUTO}


def test_failing_assertion_fails_as_ever_and_shows_no_line_of_ours() -> None:
    with run(__file__) as seen, pytest.raises(AssertionError, match="Not equal to tolerance") as caught:
        assert_allclose(1.0, 2.0)
    assert len(seen.names) == 2
    hidden = [entry for entry in caught.traceback if "pytest_repro/autolog" in str(entry.path).replace("\\", "/")]
    assert hidden
    assert all(entry.ishidden(caught) for entry in hidden)


def test_unittest_assertions_are_seen() -> None:
    case = unittest.TestCase()
    with run(__file__) as seen:
        case.assertEqual([1], [1])  # noqa: PT009
        case.assertAlmostEqual(1.0, 1.0, places=3)  # noqa: PT009
        case.assertTrue(True)  # noqa: PT009
    assert [name.split("#")[0] for name in seen.names] == ["assertEqual"] * 2 + ["assertAlmostEqual"] * 2


@pytest.mark.parametrize(
    ("library", "module", "name"),
    [("pandas", "pandas.testing", "assert_frame_equal"), ("polars", "polars.testing", "assert_frame_equal")],
)
def test_frames_are_seen(library: str, module: str, name: str) -> None:
    frames = pytest.importorskip(library)
    testing = pytest.importorskip(module)
    frame = frames.DataFrame({"a": [1, 2]})
    with run(__file__) as seen:
        getattr(testing, name)(frame, frame.clone() if hasattr(frame, "clone") else frame.copy())
    assert [entry.split()[-1] for entry in seen.names] == ["left", "right"]


def test_tensors_are_seen() -> None:
    torch = pytest.importorskip("torch")
    with run(__file__) as seen:
        torch.testing.assert_close(torch.ones(2), torch.ones(2))
    assert [entry.split()[-1] for entry in seen.names] == ["actual", "expected"]


def test_operands_of_an_assertion_get_its_number_and_line() -> None:
    with run(__file__) as seen:
        assertions.compared(41, ">", 0.95, 0.9)
        assertions.compared(42, "==", pytest.approx([1.0]), {"a": (1, 2)})
    assert seen.names == [
        "assert#1 test_assertions.py:41 left",
        "assert#1 test_assertions.py:41 right",
        "assert#2 test_assertions.py:42 left",
        "assert#2 test_assertions.py:42 right",
    ]
    assert seen.value("assert#1 test_assertions.py:41 left") == 0.95


@pytest.mark.parametrize(("left", "names"), [(None, 1), (True, 1), ([], 0), (object(), 0)])
def test_identity_tells_something_of_constants_only(left: object, names: int) -> None:
    with run(__file__) as seen:
        assertions.compared(41, "is", left, None)
    assert len(seen.names) == names
    assert seen.skipped == 0


class Counting:
    """Minds being read."""

    reads = 0

    def __getstate__(self) -> dict[str, object]:
        Counting.reads += 1
        return {}

    def __array__(self) -> object:
        Counting.reads += 1
        return np.zeros(1)


@pytest.mark.parametrize("value", [Counting(), object(), iter([1]), len, Counting, sys, [Counting()], {"a": object()}])
def test_objects_whose_reading_would_run_the_users_code_are_left_alone(value: object) -> None:
    with run(__file__) as seen:
        assertions.compared(41, "==", value, 1)
    assert seen.names == ["assert#1 test_assertions.py:41 right"]
    assert seen.skipped == 1
    assert Counting.reads == 0


def test_ids_of_objects_are_no_values_and_those_of_a_function_of_that_name_are() -> None:
    with run(__file__) as seen:
        assertions.compared(41, "id ==", id(sys), id(sys))
    assert seen.names == []

    def own(id: object) -> None:  # noqa: A002 - what is tested
        assert id is not None
        assertions.compared(41, "id ==", 1, 1)

    with run(__file__) as seen:
        own(lambda _: 1)
    assert seen.names == ["assert#1 test_assertions.py:41 left", "assert#1 test_assertions.py:41 right"]


def test_outside_of_a_run_and_in_other_threads_nothing_is_heard() -> None:
    assertions.compared(41, "==", 1, 1)
    with run(__file__) as seen:
        thread = threading.Thread(target=assertions.compared, args=(41, "==", 1, 1))
        thread.start()
        thread.join()
    assert seen.names == []


def test_functions_are_as_before_afterwards() -> None:
    before = (npt.assert_allclose, assert_allclose, unittest.TestCase.assertEqual)
    with pytest.raises(KeyError), run(__file__):  # noqa: PT012 - what holds inside is part of the test
        assert npt.assert_allclose is not before[0]
        assert assert_allclose is not before[1]
        raise KeyError
    assert (npt.assert_allclose, assert_allclose, unittest.TestCase.assertEqual) == before
    assert assertions._SINKS == []


def test_second_run_sees_what_the_first_saw() -> None:
    autolog = Autolog(root=Path(__file__).parent)
    counts = []
    for _ in range(3):
        with run(__file__, autolog=autolog) as seen:
            assert_allclose(1.0, 1.0)
            npt.assert_equal(1, 1)
        counts.append(len(seen.names))
    assert counts == [4, 4, 4]


def test_module_that_came_between_two_runs_is_watched_in_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    autolog = Autolog(root=Path(__file__).parent)
    with run(__file__, autolog=autolog):
        pass
    module = ModuleType("came_between")
    module.check = npt.assert_equal  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "came_between", module)
    with run(__file__, autolog=autolog) as seen:
        module.check(1, 1)
    assert len(seen.names) == 2
    assert module.check is npt.assert_equal


def test_module_that_a_run_imports_is_watched_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    (folder / "late_checks.py").write_text("from numpy.testing import assert_equal as check\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    before = list(sys.meta_path)
    try:
        with run(__file__) as seen:
            import late_checks  # type: ignore[import-not-found]

            late: ModuleType = late_checks
            late.check(1, 1)
        assert len(seen.names) == 2
        assert late.check is npt.assert_equal
    finally:
        sys.modules.pop("late_checks", None)
    assert sys.meta_path == before
