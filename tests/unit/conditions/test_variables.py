"""Factors that a project adds: variables of the environment, whose levels hold all that a worker needs."""

from __future__ import annotations

import pytest

from pytest_repro.added_factors import AddedFactors
from pytest_repro.conditions import applied, check, launch
from pytest_repro.conditions.variables import added_factors
from pytest_repro.errors import SettingsError
from pytest_repro.model import Condition, Place

BACKEND = {"lib.backend": {"LIB": ["native", "python"], "JIT": [None, "1"]}}


def test_levels_take_the_values_in_turn_and_a_shorter_list_starts_over() -> None:
    answers = [{"lib.b": {"B": ["x", None, "z"], "A": ["1", "2"]}}, {"lib.a": {"A": ("0", "1")}}]
    assert added_factors(answers) == {"lib.a": ("A=0", "A=1"), "lib.b": ("A=1 B=x", "A=2 -B", "A=1 B=z")}
    assert list(added_factors(answers)) == ["lib.a", "lib.b"]
    assert added_factors([]) == {}


@pytest.mark.parametrize("value", ["", "a b", "--x='1' --y", "=", "-Z", 'q"$HOME\\', "ü\n"])
def test_level_starts_an_interpreter_with_the_very_values(value: str) -> None:
    level, other = added_factors([{"lib.b": {"FLAGS": [value, None], "_A1": ["0", "1"]}}])["lib.b"]
    assert dict(launch(condition(level)).env) == {"FLAGS": value, "_A1": "0"}
    assert dict(launch(condition(other)).env) == {"FLAGS": None, "_A1": "1"}
    with applied(condition(level), own_process=False):
        pass


def condition(level: str) -> Condition:
    return Condition(Place.PROCESS, (("lib.b", level),))


def test_level_of_another_form_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'words' is not a level of the factor 'lib\.b'"):
        launch(condition("words"))
    assert not launch(condition("as-is")).env


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (["lib.a"], "must return a dict of names and variables, not list"),
        ({"lib": {"A": ["0", "1"]}}, "'lib' is no usable name"),
        ({3: {"A": ["0", "1"]}}, "3 is no usable name"),
        ({"lib.a": ["A"]}, "'lib.a' must be a dict of variables"),
        ({"lib.a": {}}, "'lib.a' must be a dict of variables"),
        ({"lib.a": {"A=B": ["0", "1"]}}, "'A=B' is no name of a variable"),
        ({"lib.a": {1: ["0", "1"]}}, "1 is no name of a variable"),
        ({"lib.a": {"A": "01"}}, "A needs a list of two values or more"),
        ({"lib.a": {"A": ["0"]}}, "A needs a list of two values or more"),
        ({"lib.a": {"A": [0, 1]}}, "A needs a list of two values or more"),
        ({"lib.a": {"A": ["\0", "1"]}}, "A needs a list of two values or more"),
        ({"lib.a": {"A": ["1", "0", "1"]}}, "'lib.a' has the same values twice: A=1"),
    ],
)
def test_unusable_answer_is_refused(answer: object, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^pytest_repro_factors:? .*{message}"):
        added_factors([answer])


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'lib\.backend' is given twice"):
        added_factors([BACKEND, BACKEND])


def test_name_is_taken_before_the_hooks_are_known_and_checked_afterwards() -> None:
    assert check(["lib.backend", "timezone"]) == ("lib.backend", "timezone")
    factors = AddedFactors(lambda: [BACKEND])
    factors.check(["timezone", "lib.backend"])
    with pytest.raises(
        SettingsError, match=r"no factor 'lib.back' \(did you mean lib.backend\?\).*gives: lib.backend$"
    ):
        factors.check(["lib.back"])
    with pytest.raises(SettingsError, match=r"gives: none$"):
        AddedFactors(list).check(["lib.back"])


def test_level_by_number_starts_over_and_is_ours_for_our_factors() -> None:
    factors = AddedFactors(lambda: [BACKEND])
    assert [factors.level("lib.backend", k) for k in range(3)] == [
        "-JIT LIB=native",
        "JIT=1 LIB=python",
        "-JIT LIB=native",
    ]
    assert factors.level("locale", 0) == "as-is"


def test_hook_is_not_asked_where_no_such_factor_is_named() -> None:
    def ask() -> list[object]:
        raise AssertionError

    AddedFactors(ask).check(["timezone"])
