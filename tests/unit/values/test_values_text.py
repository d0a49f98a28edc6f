"""Values as text: kinds, short lines, paths."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from pytest_repro.model import Array, Atom
from pytest_repro.values import canonical, describe, render, text, walk_leaves


@dataclass
class Fit:
    coef_: object


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "None", "None"),
        (True, "bool", "True"),
        (3, "int", "3"),
        (0.1, "float", "0.1"),
        (-0.0, "float", "-0.0"),
        (1j, "complex", "1j"),
        ("a'b\n", "str", '"a\'b\\n"'),
        ("é\u202e", "str", "'é\\u202e'"),
        (b"a\n", "bytes", "b'a\\n'"),
        (np.float32(0.1), "float32", "0.1"),
        (np.float64(1e300), "float64", "1e+300"),
        (np.float16(1e-5), "float16", "1e-05"),
        (np.int8(-3), "int8", "-3"),
        (np.bool_(True), "bool", "True"),
        (np.str_("x"), "U1", "'x'"),
        (np.datetime64("2020-01-01"), "datetime64[D]", "2020-01-01"),
        (np.timedelta64(3, "s"), "timedelta64[s]", "3 seconds"),
        (np.void(b"a\0"), "V2", "b'a\\x00'"),
        (np.array(["ab", "c"]), "U2 (2,)", "U2 (2,) ['ab', 'c']"),
        (np.zeros((4, 3)), "float64 (4, 3)", "float64 (4, 3) [0.0, 0.0, 0.0, 0.0, 0.0…"),
        (np.arange(3), "int64 (3,)", "int64 (3,) [0, 1, 2]"),
        (np.zeros((0, 2)), "float64 (0, 2)", "float64 (0, 2)"),
        ([1, "a"], "list, 2 items", "[1, 'a']"),
        ((1,), "tuple, 1 item", "(1,)"),
        ({"a": [1.5]}, "dict, 1 key", "{'a': [1.5]}"),
        ({2, 1}, "set, 2 items", "{1, 2}"),
        (set(), "set, 0 items", "set()"),
        ({}, "dict, 0 keys", "{}"),
        (list(range(100)), "list, 100 items", "list, 100 items"),
        (list(range(30)), "list, 30 items", "list, 30 items"),
        (Counter("ab"), "Counter, 2 keys", "Counter, 2 keys"),
        (dt.date(2020, 1, 1), "date", "2020-01-01"),
        (Fit(1), "Fit", "Fit"),
        ("k" * 60, "str", "'" + "k" * 19 + "…" + "k" * 18 + "'"),
        (10**400, "int", hex(10**400)[:20] + "…" + "0" * 19),
    ],
)
def test_kind_and_short_line(value: object, kind: str, text: str) -> None:
    node = canonical(value)
    assert describe(node) == kind
    assert render(node) == text


def test_text_does_not_follow_the_unicode_database_of_the_running_python() -> None:
    unassigned, newer = "\u0378", "\U0001fae8"
    assert render(unassigned + newer) == f"'{unassigned}{newer}'"
    assert render("é'\"\\\u200b") == "'é\\'\"\\\\\\u200b'"


def test_long_text_is_cut_in_the_middle() -> None:
    assert render("a" * 1000 + "z" * 1000, width=11) == "'aaaa…zzzz'"
    assert render("abc", width=2) == "'a"


def test_what_is_cut_away_does_not_choose_the_quotes() -> None:
    assert render("a" * 45 + "'" + "a" * 200, width=40) == "'" + "a" * 19 + "…" + "a" * 18 + "'"
    for before, after in ((50, 49), (200, 200)):
        shown = render(b"a" * before + b"'" + b"a" * after, width=40)
        assert shown == "b'" + "a" * 18 + "…" + "a" * 18 + "'"
    assert render(b"a" * 40 + b"'" + b"a" * 39).startswith('b"')


def test_a_line_has_forty_characters_where_nobody_says_else() -> None:
    assert len(text.render("k" * 60)) == len(render("k" * 60)) == 40


def test_a_name_without_a_text_is_shown_by_its_type() -> None:
    assert render(Atom("a.Empty", "")) == "Empty"


def test_twelve_elements_of_an_array_are_shown() -> None:
    assert render(canonical(np.arange(12, dtype="i1")), width=60) == "int8 (12,) [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]"
    assert render(canonical(np.arange(13, dtype="i1")), width=60) == (
        "int8 (13,) [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"
    )


def test_parts_may_be_as_wide_as_the_line() -> None:
    long = "x" * 60
    assert render(canonical([long]), width=100) == f"['{long}']"
    assert render(canonical(np.array([long])), width=100) == f"U60 (1,) ['{long}']"


def test_a_line_of_just_the_width_is_not_cut() -> None:
    for value in (["abc", 1], np.arange(3, dtype="i1"), {"a": 1}):
        node = canonical(value)
        whole = render(node)
        assert render(node, width=len(whole)) == whole
        assert render(node, width=len(whole) - 1) != whole
    assert render(canonical(np.arange(3, dtype="i1")), width=1) == "…"


def test_elements_of_dtypes_that_numpy_lacks_are_shown_by_their_bits() -> None:
    node = Array("torch.Tensor", "bfloat16", (2,), np.array([0x3F80, 0x7FC0], np.uint16))
    assert render(node) == "bfloat16 (2,) [0x3f80, 0x7fc0]"


def test_leaves_come_in_the_order_of_the_tree_with_their_paths() -> None:
    value = {"b": [1, (2, {"x"})], "a": Fit({}), 3: []}
    assert [path for path, _ in walk_leaves(canonical(value))] == [
        "['a'].coef_",
        "['b'][0]",
        "['b'][1][0]",
        "['b'][1][1]{'x'}",
        "[3]",
    ]
    assert list(walk_leaves(1.5)) == [("", 1.5)]


@pytest.mark.parametrize("key", ["\n" * 100, "é" * 119 + "\\", "it's" * 29, "q" * 120, "q" * 121])
def test_path_of_a_key_does_not_hang_on_the_keys_beside_it(key: str) -> None:
    (alone,) = canonical({key: 1}).keys  # type: ignore[union-attr]
    for beside in ("a", "\n", "é", "x" * 200, 3):
        assert alone in canonical({key: 1, beside: 2}).keys  # type: ignore[union-attr]
