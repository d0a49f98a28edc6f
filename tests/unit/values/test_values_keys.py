"""Path segments of keys: one text for one key, exact where people read it, and another text for every other key."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Branch
from pytest_repro.values import canonical


class Colour(enum.Enum):
    RED = 1


class Text(str):
    __slots__ = ()


class Point:
    def __init__(self, x: int) -> None:
        self.x = x

    def __hash__(self) -> int:
        return 1


def generator() -> Iterator[int]:
    yield 1


def segment(key: object) -> str:
    node = canonical({key: None})
    assert isinstance(node, Branch)
    return node.keys[0]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a b", "['a b']"), ("a\\b", r"['a\\b']"), ("a", "['a']"),
        ("it's", '["it\'s"]'), ("a\n", r"['a\n']"), ("é\\", r"['é\\']"), (b"a", "[b'a']"), (1, "[1]"),
        (True, "[True]"), (None, "[None]"), (-0.0, "[-0.0]"), (1j, "[1j]"),
        (10**400, f"[{hex(10**400)[:60]}…"),
        ((), "[()]"),
        (("a",), "[('a',)]"), ((1, ("b", 2.0)), "[(1, ('b', 2.0))]"),
        ((Colour.RED,), "[(<Colour.RED>,)]"),
        (frozenset("ba"), "[frozenset({'a', 'b'})]"),
        (frozenset({PurePosixPath("p")}), "[frozenset({<pathlib.PurePath p>})]"),
        (Colour.RED, "[<Colour.RED>]"), (dt.date(2020, 1, 2), "[<datetime.date 2020-01-02>]"),
        (np.float64(0.1), "[<numpy.float64 0.1>]"),
        (np.int8(-3), "[<numpy.int8 -3>]"),
        (np.uint8(3), "[<numpy.uint8 3>]"), (np.str_("é\n"), r"[<numpy.str_ 'é\n'>]"),
        ((PurePosixPath("p"), np.int8(1)), "[(<pathlib.PurePath p>, <numpy.int8 1>)]"),
    ],
)  # fmt: skip
def test_text_of_a_key(key: object, expected: str) -> None:
    assert segment(key).startswith(expected)
    assert segment(key) == expected or expected.endswith("…")


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("q" * 121, r"\['q{59}…q{58}' <[0-9a-f]{16}>\]"),
        (b"q" * 130, r"\[b'q{58}…q{58}' <[0-9a-f]{16}>\]"),
        (np.str_("q" * 121), r"\[<numpy.str_ 'q{59}…q{58}' <[0-9a-f]{16}>>\]"),
        (PurePosixPath("q" * 121), r"\[<PurePath [0-9a-f]{16}>\]"),
        (PurePosixPath("a\nb"), r"\[<PurePath [0-9a-f]{16}>\]"),
        (Text("a"), r"\[<Text [0-9a-f]{16}>\]"),
        (Point(1), r"\[<Point [0-9a-f]{16}>\]"),
        (np.datetime64("2020-01-01"), r"\[<datetime64 [0-9a-f]{16}>\]"),
        (np.complex64(1j), r"\[<complex64 [0-9a-f]{16}>\]"),
        (("q" * 121, 1), r"\[\('q{59}…q{58}' <[0-9a-f]{16}>, 1\)\]"),
    ],
)
def test_long_and_unprintable_keys_are_told_apart_by_a_mark(key: object, pattern: str) -> None:
    assert re.fullmatch(pattern, segment(key))
    assert segment(key) == segment(key)


def test_keys_of_120_characters_are_shown_whole() -> None:
    for key in ("q" * 120, np.str_("q" * 120), PurePosixPath("q" * 120), ("q" * 120,) * 3):
        assert "…" not in segment(key)
        assert "q" * 120 in segment(key)


def test_different_keys_have_different_texts() -> None:
    keys = [
        "a", b"a", "'a'", "b'a'", 1, 1.5, "1", True, "True", None, "None", 1j, ("a",), (("a",),), ("a", "a"), "('a',)",
        frozenset("a"), frozenset({("a",)}), frozenset(), (), Text("a"), np.str_("a"), np.float32(0.5), np.float64(0.5),
        np.int8(7), np.uint8(7), np.datetime64("2020-01-01"), np.datetime64("2020-01-02"), Colour.RED, Point(1),
        Point(2), PurePosixPath("a"), PurePosixPath("a\n"), PurePosixPath("a\\n"),
        "q" * 200, "q" * 201, "q" * 199 + "r",
        "q" * 100 + "r" + "q" * 99,
    ]  # fmt: skip
    assert len({segment(key) for key in keys}) == len(keys)


def test_key_without_a_meaning_is_refused_by_its_place() -> None:
    with pytest.raises(ValueTypeError, match=r"generator at \{key\} by meaning"):
        canonical({generator(): 1})
    with pytest.raises(ValueTypeError, match=r"generator at \['a'\]\{key\} by meaning"):
        canonical({"a": {(1, generator()): 1}})
