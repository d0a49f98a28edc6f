"""Where two texts differ, and the part of them that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.compare.excerpt import both, first_difference


@pytest.mark.parametrize("length", [0, 1, 5, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("letter", ["a", b"a"])
def test_first_difference_is_found_wherever_it_is(length: int, letter: Any) -> None:
    head = letter * length
    assert first_difference(head + letter.upper() + letter * 5000, head + letter * 5001) == length
    assert first_difference(head, head) == length
    assert first_difference(head, head + letter) == length
    assert first_difference(head + letter * 5000, head) == length


def test_short_values_are_shown_whole() -> None:
    assert both("q" * 30, "q" * 29 + "r", width=60) == (repr("q" * 30), repr("q" * 29 + "r"))
    assert both("q", "r" * 30, width=60) == ("'q'", repr("r" * 30))
    assert both(10**50, -(10**50), width=60) == (str(10**50), str(-(10**50)))


def test_long_texts_are_cut_around_the_first_difference() -> None:
    a, b = "a" * 20 + "X" + "c" * 40, "a" * 20 + "Y" + "c" * 9
    assert both(a, b, width=60) == (f"…'{'a' * 12}X{'c' * 17}'…", f"…'{'a' * 12}Y{'c' * 9}'")
    assert both(a.encode(), b.encode(), width=60)[1] == f"…b'{'a' * 12}Y{'c' * 9}'"


@pytest.mark.parametrize("place", [0, 11, 12])
def test_what_begins_the_text_is_not_cut_off(place: int) -> None:
    a, b = "a" * place + "X" + "c" * 100, "a" * place + "Y"
    assert both(a, b, width=200) == (repr(a[:100]) + "…", repr(b))
    assert both(b, a, width=200) == (repr(b), repr(a[:100]) + "…")


def test_values_of_two_types_are_each_shown_from_their_beginning() -> None:
    assert both("q" * 100, 5, width=60)[1] == both(5, "q" * 100, width=60)[0] == "5"
    assert both(b"q" * 100, 5, width=60)[1] == both(5, b"q" * 100, width=60)[0] == "5"
    assert both("q" * 100, b"q" * 100, width=60)[0].startswith("'qq")
    assert both(b"q" * 100, "q" * 100, width=60)[0].startswith("b'qq")
