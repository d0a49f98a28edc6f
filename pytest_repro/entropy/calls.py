"""Which of the calls on one line a frame is in, where only the line is known: Python 3.10 has no columns.

The statement is compiled once more with another line number for each of its calls. The calls then come in
the same order as in the code that runs, so that counting them tells which is which.
"""

from __future__ import annotations

import ast
import copy
import dis
from collections.abc import Iterator
from types import CodeType

__all__ = ["call_of_instruction"]

#: instructions that call something (3.10: the first three and ``CALL_FUNCTION``; later: ``CALL`` and more)
_CALLING = frozenset({"CALL_METHOD", "CALL_FUNCTION_KW", "CALL_FUNCTION_EX", "CALL_FUNCTION", "CALL", "CALL_KW"})
#: unlike every line of a statement
_FIRST = 1_000


def call_of_instruction(code: CodeType, instruction: int, statement: ast.AST) -> ast.Call | None:
    """Return the call of `statement` that the instruction of `code` is in; None where that cannot be told."""
    calling = [(offset, line) for offset, line in _calling(code) if line is not None]
    before = [line for offset, line in calling if offset <= instruction]  # later Pythons stand behind the instruction
    if not before:
        return None
    number = before.count(before[-1])
    expected = [line for _, line in calling].count(before[-1])
    marked, calls = _marked(statement)
    for again in _compiled(marked, code.co_name):
        lines = [of_line for _, of_line in _calling(again)]
        if len(lines) == expected:
            return calls.get(lines[number - 1] or 0)
    return None


def _calling(code: CodeType) -> Iterator[tuple[int, int | None]]:
    """Offset and line of every instruction that calls."""
    starts = [(start, end, line) for start, end, line in code.co_lines()]
    for instruction in dis.get_instructions(code):
        if instruction.opname in _CALLING:
            at = instruction.offset
            yield at, next((line for start, end, line in starts if start <= at < end), None)


def _marked(statement: ast.AST) -> tuple[ast.AST, dict[int, ast.Call]]:
    """A copy in which every call stands on a line of its own, and which call that is."""
    marked = copy.deepcopy(statement)
    calls = {}
    pairs = zip(ast.walk(statement), ast.walk(marked), strict=True)
    found = [(node, twin) for node, twin in pairs if isinstance(node, ast.Call) and isinstance(twin, ast.Call)]
    for number, (node, twin) in enumerate(found, start=_FIRST):
        calls[number] = node
        # the instruction of a method call is on the line of the method's name
        for part in (twin, twin.func):
            part.lineno = part.end_lineno = number
    return marked, calls


def _compiled(statement: ast.AST, name: str) -> Iterator[CodeType]:
    """The code that holds the statement, inside of a function: or the parts of it that have this name."""
    body = statement.body if isinstance(statement, ast.Module) else []
    module = ast.parse("def statement(): pass")
    function = module.body[0]
    if isinstance(function, ast.FunctionDef) and body:
        function.body = body
        try:
            pending = [compile(module, "<statement>", "exec").co_consts[0]]
        except (SyntaxError, ValueError):
            return
        nested = name.startswith("<") and name != "<module>"  # <listcomp>, <lambda>
        while pending:
            code = pending.pop(0)
            if isinstance(code, CodeType):
                if not nested or code.co_name == name:
                    yield code
                pending += code.co_consts if nested else []
