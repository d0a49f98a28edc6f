"""Rewritten assertions show their operands: each comparison once, nothing evaluated twice, outcomes as ever."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
from _pytest.assertion.rewrite import rewrite_asserts

from pytest_repro.autolog import assertions
from pytest_repro.autolog.operands import instrument

Seen = list[tuple[int, str, object, object]]


def execute(source: str, *, seen: Seen | None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    tree = ast.parse(source)
    rewrite_asserts(tree, source.encode(), "test_it.py", None)
    if seen is not None:
        instrument(tree)
        monkeypatch.setattr(assertions, "compared", lambda *entry: seen.append(entry))
    namespace: dict[str, Any] = {}
    exec(compile(tree, "test_it.py", "exec"), namespace)
    return namespace


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Seen]:
    def show(source: str) -> Seen:
        seen: Seen = []
        execute(source, seen=seen, monkeypatch=monkeypatch)
        return seen

    return show


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("a = 1\nassert a == 1", [(2, "==", 1, 1)], id="name and constant"),
        pytest.param("assert sum([1, 2]) > 0.5", [(1, ">", 3, 0.5)], id="call"),
        pytest.param("assert 1 < 2 <= 2", [(1, "<", 1, 2), (1, "<=", 2, 2)], id="chain"),
        pytest.param("assert 1 in [1] and 2 not in [1]", [(1, "in", 1, [1]), (1, "not in", 2, [1])], id="and"),
        pytest.param("assert 1 == 1 or 1 == 2", [(1, "==", 1, 1)], id="short circuit"),
        pytest.param("assert not 1 == 2", [(1, "==", 1, 2)], id="not"),
        pytest.param("assert None is None", [(1, "is", None, None)], id="identity"),
        pytest.param("assert (y := 3) == 3", [(1, "==", 3, 3)], id="walrus"),
        pytest.param("assert 1 == 1, 'message'", [(1, "==", 1, 1)], id="message"),
        pytest.param("x = {'a': [1, 2]}\nassert x['a'][0] == 1", [(2, "==", 1, 1)], id="subscript"),
        pytest.param("assert all(i == i for i in [1])", [], id="comparison in a generator"),
        pytest.param("x = 1 == 1\nassert x", [], id="no comparison"),
        pytest.param("for i in (1, 2):\n    assert i == i", [(2, "==", 1, 1), (2, "==", 2, 2)], id="loop"),
        pytest.param(
            "import math\nassert math.isclose(1.0, 1.0)", [(2, "isclose", 1.0, 1.0)], id="function that compares"
        ),
        pytest.param("import math\nassert math.copysign(1, 2)", [], id="function that does not"),
        pytest.param(
            "try:\n    pass\nfinally:\n    assert 1 == 1\nmatch 1:\n    case 1:\n        assert 2 == 2",
            [(4, "==", 1, 1), (7, "==", 2, 2)],
            id="everywhere a statement stands",
        ),
    ],
)
def test_operands_are_shown(shown: Callable[[str], Seen], source: str, expected: Seen) -> None:
    assert shown(source) == expected


def test_comparison_with_an_id_is_told_apart_until_the_next_assertion(shown: Callable[[str], Seen]) -> None:
    """pytest uses the names that it assigns to again in every assertion."""
    calls = "a = []\nassert id(a) != id(1)\nassert len(a) == len(())\nassert id(a) in {id(a)}\nassert 0 != id(a)"
    assert [entry[1] for entry in shown(calls)] == ["id !=", "==", "id in", "id !="]


def test_function_is_not_taken_for_that_of_an_earlier_assertion(shown: Callable[[str], Seen]) -> None:
    source = "import math\ndef make():\n    return max\nassert math.isclose(1.0, 1.0)\nassert make()(3, 4)"
    assert shown(source) == [(4, "isclose", 1.0, 1.0)]


def test_operands_are_evaluated_once(shown: Callable[[str], Seen]) -> None:
    source = "calls = []\ndef f():\n    calls.append(1)\n    return len(calls)\nassert f() == 1\nassert calls == [1]"
    assert [entry[2] for entry in shown(source)] == [1, [1]]


@pytest.mark.parametrize(
    "source",
    [
        "assert 1 == 2",
        "x = [1, 2]\nassert x == [1, 3], 'why'",
        "assert 1 < 2 < 0",
        "assert not 1 == 1",
        "assert 1 in ()",
    ],
)
def test_failure_reads_as_without_us(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError) as plain:
        execute(source, seen=None, monkeypatch=monkeypatch)
    with pytest.raises(AssertionError) as ours:
        execute(source, seen=[], monkeypatch=monkeypatch)
    assert str(ours.value) == str(plain.value)


def test_docstring_and_future_imports_stay_first(shown: Callable[[str], Seen]) -> None:
    source = '"""Text."""\nfrom __future__ import annotations\nassert 1 == 1\nassert __doc__ == "Text."'
    assert len(shown(source)) == 2


def test_module_without_comparison_is_left_alone() -> None:
    tree = ast.parse("x = 1\n")
    before = ast.dump(tree)
    assert instrument(tree) == 0
    assert ast.dump(tree) == before
