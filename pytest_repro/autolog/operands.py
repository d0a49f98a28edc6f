"""Rewritten ``assert`` statements, told to show their operands. Pure: a syntax tree in, the same tree changed.

pytest's rewriting evaluates every operand of a comparison into a name before it compares, and assigns
the comparison to a name of its own. After each such assignment one call is inserted that is handed
the operands. Nothing is evaluated twice, and nothing of the explanation changes. The tree is that of
`_pytest.assertion.rewrite`, unchanged in these points from pytest 7.4 to 9; where the pattern is not
found nothing is inserted, and the test runs as it always did.
"""

from __future__ import annotations

import ast

__all__ = ["instrument"]

_HELPER = "@repro_compared"
_REWRITTEN = "@py_assert"
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
#: functions that compare their first two arguments, as ``assert numpy.allclose(a, b)``
_COMPARING = frozenset({"allclose", "isclose", "array_equal", "array_equiv", "edges_equal", "nodes_equal"})
_COMPARING |= {"graphs_equal", "equals", "equal"}
#: the operator of a comparison with what the builtin `id` gave, if that is who was called
_ADDRESSES = "id {}"


def instrument(tree: ast.Module) -> int:
    """Insert the calls; returns how many."""
    inserted = _Inserter().run(tree)
    if inserted:
        tree.body.insert(_place(tree), _import())
    return inserted


def _place(tree: ast.Module) -> int:
    """Behind the imports that pytest inserted, which stand behind docstring and ``__future__``."""
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.Import) and any(alias.asname == "@pytest_ar" for alias in node.names):
            return index + 1
    return 0


def _import() -> ast.ImportFrom:
    node = ast.ImportFrom("pytest_repro.autolog.assertions", [ast.alias("compared", _HELPER)], 0)
    for part in (node, *node.names):
        part.lineno = part.end_lineno = 1  # type: ignore[attr-defined]
        part.col_offset = part.end_col_offset = 0  # type: ignore[attr-defined]
    return node


class _Inserter:
    """One pass over the statements of a tree."""

    def __init__(self) -> None:
        self._inserted = 0
        #: name that pytest assigned → the attribute that it holds
        self._attributes: dict[str, str] = {}
        #: names that pytest assigned what ``id(...)`` gave
        self._addresses: set[str] = set()

    def run(self, tree: ast.Module) -> int:
        pending: list[ast.AST] = [tree]
        while pending:
            node = pending.pop()
            for name in ("body", "orelse", "finalbody"):
                statements = getattr(node, name, None)
                if isinstance(statements, list):
                    setattr(node, name, self._statements(statements))
                    pending += getattr(node, name)
            pending += getattr(node, "handlers", [])
            pending += getattr(node, "cases", [])
        return self._inserted

    def _statements(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            result.append(statement)
            if isinstance(statement, ast.Assign) and _is_rewritten(statement):
                call = self._call_after(statement.value)
                self._remember(statement.targets[0].id, statement.value)  # type: ignore[attr-defined]
                if call is not None:
                    ast.copy_location(call, statement.value)
                    result.append(ast.fix_missing_locations(call))
                    self._inserted += 1
        return result

    def _call_after(self, value: ast.expr) -> ast.Expr | None:
        if isinstance(value, ast.Compare) and len(value.ops) == 1:
            left, right = value.left, value.comparators[0]
            operator = _OPERATORS[type(value.ops[0])]
            if {operand.id for operand in (left, right) if isinstance(operand, ast.Name)} & self._addresses:
                operator = _ADDRESSES.format(operator)
            return _call(value.lineno, operator, left, right)
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and len(value.args) >= 2:
            function = self._attributes.get(value.func.id, value.func.id)
            if function in _COMPARING:
                return _call(value.lineno, function, value.args[0], value.args[1])
        return None

    def _remember(self, name: str, value: ast.expr) -> None:
        """Keep what a name holds; what it held before, in an earlier assertion, is forgotten."""
        self._attributes.pop(name, None)
        self._addresses.discard(name)
        if isinstance(value, ast.Attribute):
            self._attributes[name] = value.attr
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "id":
            self._addresses.add(name)


def _is_rewritten(statement: ast.Assign) -> bool:
    target = statement.targets[0]
    return len(statement.targets) == 1 and isinstance(target, ast.Name) and target.id.startswith(_REWRITTEN)


def _call(line: int, operator: str, left: ast.expr, right: ast.expr) -> ast.Expr | None:
    operands = [_again(left), _again(right)]
    if None in operands:
        return None
    arguments = [ast.Constant(line), ast.Constant(operator), *operands]
    return ast.Expr(ast.Call(ast.Name(_HELPER, ast.Load()), arguments, []))  # type: ignore[arg-type]


def _again(operand: ast.expr) -> ast.expr | None:
    """The operand once more, where evaluating it again does nothing."""
    if isinstance(operand, ast.NamedExpr):
        operand = operand.target
    if isinstance(operand, ast.Name):
        return ast.Name(operand.id, ast.Load())
    return ast.Constant(operand.value) if isinstance(operand, ast.Constant) else None
