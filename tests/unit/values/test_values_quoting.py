"""Text that is safe on one line: what is escaped and how, where it is cut, and the names of types."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.values import registry
from pytest_repro.values.quoting import cut_middle, number_text, one_line, quote, type_tail
from pytest_repro.values.registry import FAMILIES, families_of, top_package, type_name


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\nb\rc\td\0", r"a\nb\rc\td\x00"),
        ("\x07\x1b\x7f\x85\xad", r"\x07\x1b\x7f\x85\xad"),
        ("\u0100\u200b\u2028\ud800\ufeff", r"Ā\u200b\u2028\ud800\ufeff"),
        ("a\\b'\"", "a\\b'\""),
        ("", ""),
    ],
)
def test_one_line_escapes_what_breaks_a_line_or_a_terminal(text: str, escaped: str) -> None:
    assert one_line(text) == escaped


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", "'a'"),
        ("it's", '"it\'s"'),
        ("é", "'é'"),
        ("é\\\n\t\r\x07", r"'é\\\n\t\r\x07'"),
        ("é's", '"é\'s"'),
        ('é"', "'é\"'"),
        ("é'\"'", "'é\\'\"\\''"),
        ("é\u202e", r"'é\u202e'"),
    ],
)
def test_a_quoted_text_is_the_literal_that_reads_back(text: str, quoted: str) -> None:
    assert quote(text) == quoted
    assert eval(quoted) == text


@pytest.mark.parametrize(
    ("width", "cut"),
    [(0, ""), (1, "a"), (2, "ab"), (3, "a…h"), (4, "ab…h"), (5, "ab…gh"), (7, "abc…fgh"), (8, "abcdefgh")],
)
def test_a_text_is_cut_in_its_middle(width: int, cut: str) -> None:
    assert cut_middle("abcdefgh", width) == cut


def test_numbers_of_a_thousand_bits_are_hexadecimal() -> None:
    assert number_text(-17) == "-17"
    assert number_text((1 << 999) - 1) == str((1 << 999) - 1)
    assert number_text((1 << 999) | 1) == hex((1 << 999) | 1)


def test_the_tail_of_a_type_is_its_last_name() -> None:
    assert [type_tail(name) for name in ("sklearn.svm._classes.SVC", "a.b", "list")] == ["SVC", "b", "list"]


class Outer:
    class Inner:
        pass


class Spoilt:
    __module__: object = 3  # type: ignore[assignment]


def test_a_type_is_named_with_its_module_unless_it_is_builtin() -> None:
    assert type_name(Outer.Inner) == f"{__name__}.Outer.Inner"
    assert type_name(list) == "list"
    assert type_name(Spoilt) == "Spoilt"


def test_the_top_package_of_a_type() -> None:
    assert top_package(Outer) == __name__.partition(".")[0]
    assert top_package(int) == "builtins"
    assert top_package(Spoilt) == ""


def test_families_are_asked_by_the_nearest_base_first_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "import_module", lambda name: name)
    numpy_like = type("A", (), {"__module__": "numpy.core"})
    other = type("B", (), {"__module__": "networkx"})
    both: Any = type("C", (numpy_like, other, type("D", (), {"__module__": "ml_dtypes"})), {"__module__": "mine"})
    found: list[Any] = [*families_of(both)]
    assert found == [FAMILIES["numpy"], FAMILIES["networkx"]]
    assert families_of(Outer) == []
