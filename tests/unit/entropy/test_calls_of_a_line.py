"""Which call of a line a frame is in, told without columns."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from pytest_repro.entropy import source
from pytest_repro.entropy.calls import call_of_instruction
from tests.unit.entropy.programs import Program, watch

LINES = [
    pytest.param("a(), b()", "ab", id="two"),
    pytest.param("x = b(a())", "ab", id="nested"),
    pytest.param("return a(1), b(n=2), c(*[3])", "abc", id="return"),
    pytest.param("o.a().b(o.c())", "acb", id="methods"),
    pytest.param("x = {a(): b(), c(): a()}", "abca", id="dict"),
    pytest.param("x = a() if b() else c()", "ba", id="condition"),
    pytest.param("a(lambda: b()); c()", "ac", id="lambda"),
    pytest.param("f'{a()}{b()}'", "ab", id="text"),
    pytest.param("[a() for _ in b()]", "ba", id="comprehension"),
    pytest.param("assert a(), b()", "a", id="assert"),
    pytest.param("for x in a(b()): pass", "ba", id="head of a loop"),
]


class Spy:
    """Callable under any name; notes which call the line's frame is said to be in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.seen: list[tuple[str, str]] = []

    def note(self, name: str) -> Spy:
        frame: FrameType = sys._getframe(2)
        call = call_of_instruction(frame.f_code, frame.f_lasti, ast.parse(self.text))
        assert call is not None
        self.seen.append((ast.unparse(call.func).rpartition(".")[2], name))
        return self

    def __iter__(self) -> Iterator[int]:
        return iter((1,))

    def __getattr__(self, name: str) -> object:
        return lambda *_args, **_kwargs: self.note(name)


@pytest.mark.parametrize(("text", "order"), LINES)
def test_call_is_told_by_its_place_in_the_line(text: str, order: str) -> None:
    spy = Spy(text)
    names = {"o": spy, "a": spy.a, "b": spy.b, "c": spy.c}
    exec(f"def line():\n    pass\n    {text}\nline()", names)
    assert spy.seen == [(name, name) for name in order]


def test_nothing_is_told_where_the_source_is_not_what_runs() -> None:
    frames: list[FrameType] = []
    exec("f(), f()", {"f": lambda: frames.append(sys._getframe(1))})
    assert call_of_instruction(frames[0].f_code, frames[0].f_lasti, ast.parse("f(), f(), f()")) is None
    assert call_of_instruction(frames[0].f_code, 0, ast.parse("f(), f()")) is None
    assert call_of_instruction(frames[0].f_code, 0, ast.parse("break")) is None


def test_two_draws_on_one_line_are_two_draws_without_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Python 3.10, which has none."""
    monkeypatch.setattr(source, "_exact_call", lambda _code, _lasti: None)
    seen: list[str] = []

    def draw(*_args: object) -> int:
        (call,) = source.calls_at(sys._getframe(1))
        seen.append(ast.unparse(call))
        return 1

    draw(1), draw(draw(2))
    assert seen == ["draw(1)", "draw(2)", "draw(draw(2))"]


def test_draws_of_one_line_keep_their_names_and_counts(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_exact_call", lambda _code, _lasti: None)
    module = program(
        "np.random.RandomState(1), [np.random.default_rng() for _ in range(2)], uuid.uuid4(), np.random.RandomState()",
        "import uuid, numpy as np",
    )
    found = [(draw.call, draw.count) for draw in watch(module, tmp_path)]
    assert found == [("numpy.random.default_rng()", 2), ("uuid.uuid4()", 1), ("numpy.random.RandomState()", 1)]
