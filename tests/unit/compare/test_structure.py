"""The short structural difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from pytest_repro.compare.structure import structural_diff
from pytest_repro.model import Branch, Layout, Node, Tolerance
from pytest_repro.values import canonical, identical
from tests.unit.compare.oracle import nodes, sequence, thorough


def lines(a: Any, b: Any, **options: Any) -> tuple[str, ...]:
    return structural_diff(canonical(a), canonical(b), **options)


@thorough
@given(a=nodes(), b=nodes())
def test_there_are_lines_exactly_when_values_differ(a: Node, b: Node) -> None:
    assert bool(structural_diff(a, b)) == (not identical(a, b))
    assert structural_diff(a, b) == structural_diff(a, b)


def test_nested_values() -> None:
    assert lines({"v": ["a", "cat"], "z": 1, "t": (1,)}, {"v": ["new", "a", "dog"], "y": {"p": 2}, "t": [1, 2]}) == (
        "['t'][1] added: 2",
        "['v'][0] added: 'new'",
        "['v'][1]  'cat' -> 'dog'",
        "['y'] added: {'p': 2}",
        "['z'] removed: 1",
    )


def test_what_deepdiff_calls_equal_is_still_told() -> None:
    assert lines([1, 2], (1, 2)) == ("type list -> tuple",)
    assert lines({"a": 0.0}, {"a": -0.0}) == ("['a']  0.0 -> -0.0",)
    assert lines({"a": 1}, {"a": True}) == ("['a']  type int -> bool",)
    assert lines({"a": 1.0}, {"a": 1.0 + 2**-52}) == ("['a']  1.0 -> 1.0000000000000002",)


def test_arrays_inside_show_an_element_and_a_count() -> None:
    other = np.arange(4.0)
    other[2:] = 9
    assert lines({"w": np.arange(4.0), "s": "a"}, {"w": other, "s": "b"}) == (
        "['s']  'a' -> 'b'",
        "['w'][2]  2.0 -> 9.0  (2 of 4 differ)",
    )


def test_numbers_within_tolerance_are_not_listed() -> None:
    assert lines({"a": 1.0, "s": "a"}, {"a": 1.1, "s": "b"}, tolerance=Tolerance(rtol=0.5)) == ("['s']  'a' -> 'b'",)


def test_text_by_line() -> None:
    assert lines("a\nb\nc\nd", "a\nx\nc\nd\ne") == ("line 2  'b' -> 'x'", "line 5 added: 'e'")
    assert lines("a\nb\nc", "a\nc") == ("line 2 removed: 'b'",)
    many = [str(i) for i in range(5000)]
    assert lines("\n".join(many), "\n".join("x" + line for line in many))[:1] == ("line 1  '0' -> 'x0'",)


def test_long_single_line_says_where() -> None:
    (line,) = lines("q" * 9000 + "a", "q" * 9000 + "b")
    assert line == "character 9000  …'qqqqqqqqqqqqa' -> …'qqqqqqqqqqqqb'"
    assert lines("cat", "dog") == ("'cat' -> 'dog'",)
    assert lines("cat", "cat") == ()


def test_lines_are_cut_with_a_count() -> None:
    a, b = {f"k{i}": "a" for i in range(20)}, {f"k{i}": "b" for i in range(20)}
    assert len(lines(a, b)) == 9
    assert lines(a, b)[-1] == "... and 12 more"
    assert len(lines(a, b, limit=3)) == 4


def test_large_values_fall_back_to_our_own_walk() -> None:
    a = sequence(*(str(i) for i in range(30_000)))
    b = sequence(*(str(i + 1) for i in range(30_000)))
    assert structural_diff(a, b, limit=1) == ("[0]  '0' -> '1'", "... and 29,999 more")


def test_long_lists_are_not_aligned() -> None:
    a, b = sequence(*"xy" * 3000), sequence(*"yx" * 3000)
    assert structural_diff(a, b)[-1] == "... and 5,992 more"


def test_lists_are_not_aligned_where_together_they_are_long() -> None:
    values = [str(i) for i in range(600)]
    one, many = {"0": values}, {str(name): values for name in range(3)}
    assert lines(one, {"0": ["new", *values]}) == ("['0'][0] added: 'new'",)
    assert lines(many, {name: ["new", *values] for name in many})[0] == "['0'][0]  '0' -> 'new'"


def test_keys_are_not_searched_one_by_one() -> None:
    class Keys(tuple[str, ...]):
        __slots__ = ()
        index = None  # type: ignore[assignment]

    a, b = (Branch("dict", Layout.MAPPING, Keys(("['x']", "['y']")), ("same", text)) for text in "ab")
    assert structural_diff(a, b) == ("['y']  'a' -> 'b'",)


def nested(levels: int, leaf: Node) -> Node:
    for _ in range(levels):
        leaf = sequence(leaf)
    return leaf


@pytest.mark.parametrize("levels", [49, 200, 3000])
def test_deep_values_leave_enough_of_the_stack(levels: int) -> None:
    def below(frames: int) -> tuple[str, ...]:
        return below(frames - 1) if frames else structural_diff(nested(levels, "a"), nested(levels, "b"))

    assert below(300) == ("[0]" * levels + "  'a' -> 'b'",)
