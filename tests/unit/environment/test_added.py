"""What a project adds to the environment is named, plain, and the same for everybody."""

from __future__ import annotations

import enum

import numpy as np
import pytest

from pytest_repro.environment import read_environment
from pytest_repro.environment.added import RESERVED, added_fields
from pytest_repro.errors import SettingsError
from pytest_repro.model import EnvField


class Backend(enum.Enum):
    FAST = "fast"


def test_answers_become_fields_that_can_change_numbers_sorted_by_name() -> None:
    answers = [{"mylib.data": 3, "mylib.backend": "fast"}, {"other.exact": True, "mylib.data": 3}]
    assert added_fields(answers) == (
        EnvField("mylib.backend", "fast", numeric=True),
        EnvField("mylib.data", "3", numeric=True),
        EnvField("other.exact", "True", numeric=True),
    )


def test_nothing_added_is_nothing() -> None:
    assert added_fields([]) == added_fields([{}]) == ()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["mylib.data"], "must return a dict of names and values, not list"),
        ({"data": 1}, "'data' is no usable name"),
        ({"mylib.": 1}, "'mylib.' is no usable name"),
        ({"mylib.a b": 1}, "'mylib.a b' is no usable name"),
        ({"mylib.a\n": 1}, "is no usable name"),
        ({3: 1}, "3 is no usable name"),
        ({"torch.backend": 1}, "names that begin with 'torch.' are pytest-repro's own"),
        ({"mylib.data": None}, "the value of 'mylib.data' is of type NoneType; give text or a number"),
        ({"mylib.data": np.float64(1)}, "is of type float64"),
        ({"mylib.data": Backend.FAST}, "is of type Backend"),
    ],
)
def test_unusable_answer_is_refused_with_what_is_wrong(answer: object, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        added_fields([answer])
    assert said in str(refused.value)
    assert str(refused.value).startswith("pytest_repro_environment")


def test_two_that_disagree_are_refused_with_both_values() -> None:
    with pytest.raises(SettingsError, match=r"'mylib.data' is given twice, as '1' and as '2'"):
        added_fields([{"mylib.data": 1}, {"mylib.data": 2}])


def test_no_own_field_has_a_name_that_a_project_could_give() -> None:
    assert {field.name.partition(".")[0] for field in read_environment()} <= RESERVED
