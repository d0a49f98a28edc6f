"""Which attributes of a model of statsmodels are its parts; with classes that only look like one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.model import Branch, Layout, Node
from pytest_repro.values.statistics_results import canonical

WORK_SPACE = [
    "_initializations",
    "_kalman_filters",
    "_kalman_smoothers",
    "_representations",
    "_statespaces",
    "_tmp_like_exog",
]
ASKED_FOR = [
    "_cache",
    "_nobs_int",
    "_summary_cache",
    "_summary_statistics_cache",
    "diagn",
    "het_scale",
    "predict_dates",
    "predict_end",
    "predict_start",
]


class Result:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Stored(Result):
    """Says itself what would be stored."""

    def __getstate__(self) -> Any:
        return self.__dict__["state"]


class Bare:
    __slots__ = ()


def walk(part: object, segment: str) -> Node:
    return f"{part} at {segment}"


def test_all_attributes_but_work_space_and_what_was_asked_for_are_parts() -> None:
    attributes = dict.fromkeys([*WORK_SPACE, *ASKED_FOR], 0)
    node = canonical(Result(b=1, a=2, **attributes), walk)
    assert isinstance(node, Branch)
    assert (node.type, node.layout) == (f"{__name__}.Result", Layout.OBJECT)
    assert dict(zip(node.keys, node.items, strict=True)) == {".a": "2 at .a", ".b": "1 at .b"}
    assert node.keys == (".a", ".b")
    assert node.notes == tuple(
        sorted(
            [f"{name} (work space)" for name in WORK_SPACE]
            + [f"{name} (computed when asked for)" for name in ASKED_FOR]
        )
    )


def test_a_class_says_itself_what_would_be_stored() -> None:
    node = canonical(Stored(state={"a": 1}), walk)
    assert isinstance(node, Branch)
    assert (node.keys, node.notes) == ((".a",), ())


@pytest.mark.parametrize(
    "value", [{"a": 1}, (1,), [1], OSError(), Stored(state=[1]), Stored(state={1: 2}), Bare(), 1.5]
)
def test_what_has_no_named_state_is_left_to_others(value: object) -> None:
    assert canonical(value, walk) is None


class Mixed(Result):
    """Python's own `__getstate__` gives a pair for it."""

    __slots__ = ("beside",)


def test_a_class_that_says_nothing_is_its_attributes() -> None:
    value: Any = Mixed(a=1)
    value.beside = 2
    node = canonical(value, walk)
    assert isinstance(node, Branch)
    assert node.keys == (".a",)
