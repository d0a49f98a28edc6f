"""The short structural difference."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_repro.compare import structure
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


@thorough
@given(a=st.lists(st.sampled_from("abc"), max_size=8), b=st.lists(st.sampled_from("abc"), max_size=8))
@example(a=list("aaababa"), b=list("aaaabaab"))
def test_each_line_on_a_list_names_items_that_are_there(a: list[str], b: list[str]) -> None:
    for line in lines(a, b, limit=99):
        found = re.fullmatch(r"\[(\d)\](?: (added|removed): '(.)'|  '(.)' -> '(.)')", line)
        assert found is not None, line
        place, kind, one, before, after = int(found[1]), *found.groups()[1:]
        if kind == "added":
            assert b[place] == one
        elif kind == "removed":
            assert a[place] == one
        else:
            assert a[place] == before != after in b


@pytest.mark.parametrize("backwards", [False, True])
def test_order_of_lines_does_not_hang_on_the_hash_seed(backwards: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from deepdiff import model

    monkeypatch.setattr(model, "REPORT_KEYS", sorted(model.REPORT_KEYS, reverse=backwards))  # a set of texts
    assert lines(list("klmXn"), list("pklPmYn")) == ("[0] added: 'p'", "[3] added: 'P'", "[3]  'X' -> 'Y'")


def test_items_are_named_by_their_index_on_the_side_where_they_are() -> None:
    assert lines(list("pqkXmn"), list("kYmZn")) == (
        "[0] removed: 'p'",
        "[1] removed: 'q'",
        "[3] added: 'Z'",
        "[3]  'X' -> 'Y'",
    )
    assert lines(list("pqrkXmnuv"), list("kYZmnuv")) == (
        "[0] removed: 'p'",
        "[1] removed: 'q'",
        "[2] added: 'Z'",
        "[2] removed: 'r'",
        "[4]  'X' -> 'Y'",
    )


def test_changes_stand_in_the_order_of_indices_and_keys() -> None:
    assert lines({"b": 1}, {"a": 1}) == ("['a'] added: 1", "['b'] removed: 1")
    a, b = {"v": list("klmnopqrstuv"), "b": 1}, {"v": list("klXnopqrstuY"), "a": 1}
    assert lines(a, b) == ("['a'] added: 1", "['b'] removed: 1", "['v'][2]  'm' -> 'X'", "['v'][11]  'v' -> 'Y'")


def test_keys_that_look_private_are_looked_at() -> None:
    a, b = (Branch("C", Layout.OBJECT, ("__a", ".b"), (item, item)) for item in (1, 2))
    assert structural_diff(a, b) == (".b  1 -> 2", "__a  1 -> 2")


def test_another_type_is_said_beside_other_changes() -> None:
    assert lines("a", 1) == ("type str -> int",)
    assert lines({"a": "x", "b": 1}, {"a": 1, "b": 2}) == ("['a']  type str -> int", "['b']  1 -> 2")


def test_integers_of_any_size_are_compared() -> None:
    (line,) = lines({"a": 10**5000, "b": 1}, {"a": 10**5000 + 1, "b": 1})
    assert line.startswith("['a']  0x31e208")


def test_long_parts_that_were_added_are_cut() -> None:
    (line,) = lines({}, {"k": "x" * 100})
    assert (len(line), line.count("…")) == (len("['k'] added: ") + 60, 1)


def test_arrays_inside_show_an_element_and_a_count() -> None:
    other = np.arange(4.0)
    other[2:] = 9
    assert lines({"w": np.arange(4.0), "s": "a"}, {"w": other, "s": "b"}) == (
        "['s']  'a' -> 'b'",
        "['w'][2]  2.0 -> 9.0  (2 of 4 differ)",
    )
    pair = np.zeros((1, 2)), np.ones((1, 2))
    assert lines([pair[0]], [pair[1]]) == ("[0][0, 0]  0.0 -> 1.0  (2 of 2 differ)",)


def test_numbers_within_tolerance_are_not_listed() -> None:
    assert lines({"a": 1.0, "s": "a"}, {"a": 1.1, "s": "b"}, tolerance=Tolerance(rtol=0.5)) == ("['s']  'a' -> 'b'",)


def test_text_by_line() -> None:
    assert lines("a\nb\nc\nd", "a\nx\nc\nd\ne") == ("line 2  'b' -> 'x'", "line 5 added: 'e'")
    assert lines("a\nb\nc", "a\nc") == ("line 2 removed: 'b'",)
    assert lines("a b\nc", "a  b\nc") == ("line 1  'a b' -> 'a  b'",)
    assert lines("x\nx", "x\nx\nx") == ("line 3 added: 'x'",)
    assert lines("a\nb\nc\nd\ne\nf\ng\nh", "a\nB\nc\nd\nE\nF\ng") == (
        "line 2  'b' -> 'B'",
        "line 5  'e' -> 'E'",
        "line 6  'f' -> 'F'",
        "line 8 removed: 'h'",
    )
    assert lines("a\nb\nc", "a") == ("line 2 removed: 'b'", "line 3 removed: 'c'")
    assert lines("a", "a\nb\nc") == ("line 2 added: 'b'", "line 3 added: 'c'")
    many = [str(i) for i in range(5000)]
    assert lines("\n".join(many), "\n".join("x" + line for line in many))[:1] == ("line 1  '0' -> 'x0'",)


def test_text_inside_other_values_is_by_line_where_both_have_several() -> None:
    assert lines({"t": "a\nb"}, {"t": "a\nc"}) == ("['t']  line 2  'b' -> 'c'",)
    assert lines({"t": "a"}, {"t": "a\nb"}) == (r"['t']  'a' -> 'a\nb'",)
    assert lines({"t": "a\nb"}, {"t": "a"}) == (r"['t']  'a\nb' -> 'a'",)


def test_only_so_many_lines_of_text_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_LINES", 3)
    assert lines("p\nq\nr", "q\nr\ns") == ("line 1 removed: 'p'", "line 3 added: 's'")
    assert lines("k\np\nq\nr\ns", "k\nq\nr\ns\nt\nu\nv") == (
        "line 2  'p' -> 'q'",
        "line 3  'q' -> 'r'",
        "line 4  'r' -> 's'",
        "line 5  's' -> 't'",
        "line 6 added: 'u'",
        "line 7 added: 'v'",
    )


def test_lines_at_the_end_that_are_the_same_are_not_shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_LINES", 1)
    assert lines("k\np\nq\nr\ns", "k\nP\nz\nq\nr\ns") == ("line 2  'p' -> 'P'", "line 3 added: 'z'")
    assert lines("k\nP\nz\nq\nr\ns", "k\np\nq\nr\ns") == ("line 2  'P' -> 'p'", "line 3 removed: 'z'")


def test_long_lines_are_cut() -> None:
    removed, added = lines("a\n" + "x" * 100, "a")[0], lines("a", "a\n" + "x" * 100)[0]
    assert len(removed) == len("line 2 removed: ") + 60
    assert len(added) == len("line 2 added: ") + 60


def test_long_single_line_says_where() -> None:
    (line,) = lines("q" * 9000 + "a", "q" * 9000 + "b")
    assert line == "character 9000  …'qqqqqqqqqqqqa' -> …'qqqqqqqqqqqqb'"
    assert lines("q" * 60, "q" * 59 + "r")[0].startswith("…")
    assert lines("q" * 61, "q" * 60 + "r")[0].startswith("character 60  …")
    assert lines("cat", "dog") == ("'cat' -> 'dog'",)
    assert lines("cat", "cat") == ()


def test_lines_are_cut_with_a_count() -> None:
    a, b = {f"k{i}": "a" for i in range(20)}, {f"k{i}": "b" for i in range(20)}
    assert len(lines(a, b)) == 9
    assert lines(a, b)[-1] == "... and 12 more"
    assert len(lines(a, b, limit=3)) == 4
    assert lines("\n".join("abc"), "\n".join("xyz"), limit=2)[1:] == ("line 2  'b' -> 'y'", "... and 1 more")


def test_large_values_fall_back_to_our_own_walk() -> None:
    a = sequence(*(str(i) for i in range(30_000)))
    b = sequence(*(str(i + 1) for i in range(30_000)))
    assert structural_diff(a, b, limit=1) == ("[0]  '0' -> '1'", "... and 29,999 more")


def test_values_with_too_many_parts_are_walked_by_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_LEAVES", 4)
    aligned = ("[0] removed: 'p'", "[1] removed: 'q'", "[2] added: 's'")
    assert lines(list("pqrt"), list("rts")) == aligned
    assert lines(list("pqrtu"), list("rtus")) == ("length 5 items -> 4 items", "[0]  'p' -> 'r'")
    assert lines([list("abc")], [list("abd")]) == ("[0][2]  'c' -> 'd'",)
    assert lines([list("pqr"), "u"], [list("qr"), "u"]) == ("[0]  length 3 items -> 2 items", "[0][0]  'p' -> 'q'")
    assert lines(list("abcde"), list("abcd")) == ("length 5 items -> 4 items", "[4] removed: 'e'")
    assert lines(list("abcd"), list("abcde")) == ("length 4 items -> 5 items", "[4] added: 'e'")


def test_only_lists_of_so_many_items_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_ALIGNED", 3)
    assert lines(["p", "q"], ["n", "p", "q"]) == ("[0] added: 'n'",)
    shifted = ("[0][0]  'p' -> 'n'", "[0][1]  'q' -> 'p'", "[0][2] added: 'q'")
    assert lines([["p", "q"]], [["n", "p", "q"]]) == shifted


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
