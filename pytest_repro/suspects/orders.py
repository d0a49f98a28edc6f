"""Where the order of a set is put to use."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final

from pytest_repro.entropy.sorting import order_free_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_repro.suspects.source import Source

__all__ = ["SetOrders"]

#: builtins and methods that hand the order of a set on
_USING: Final = frozenset(
    {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "filter", "sum", "fsum", "join", "fromkeys", "array",
     "asarray", "fromiter", "tensor", "islice", "chain", "product", "combinations", "permutations", "accumulate",
     "reduce", "dumps", "choice", "extend", "concat", "concatenate", "stack"}
)  # fmt: skip
_SET_METHODS: Final = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_SET_TYPES: Final = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"})
_OPERATORS: Final = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
#: names may be bound to each other
_DEPTH: Final = 6


class SetOrders:
    """Finds expressions that are sets, and the places that depend on their order."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._free = order_free_nodes(source.tree)

    def found(self) -> Iterator[tuple[str, str, ast.expr]]:
        """Give (factor, what, place) of each use of a set's order."""
        for node in self._source.nodes:
            for text, users_set in self._uses(node):
                if self._is_set(users_set, 0) and not self._is_stable(users_set):
                    yield self._factor(users_set), text, users_set

    def _uses(self, node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
        if isinstance(node, (ast.For, ast.AsyncFor)):
            yield f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}", node.iter
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp)) and node not in self._free:
            for part in node.generators:
                yield f"for {ast.unparse(part.target)} in {ast.unparse(part.iter)}", part.iter
        elif isinstance(node, ast.Call):
            yield from self._uses_of_call(node)
        elif isinstance(node, ast.Starred) and not isinstance(self._source.parent(node), ast.Set):
            yield f"*{ast.unparse(node.value)}", node.value

    def _uses_of_call(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else name
        keyed = name in {"min", "max"} and bool(call.keywords)  # the first of equals wins
        if (name in _USING or keyed) and call not in self._free:
            for argument in call.args:
                yield f"{name}({ast.unparse(argument)})", argument
        elif name == "pop" and isinstance(call.func, ast.Attribute) and not call.args:
            yield ast.unparse(call), call.func.value

    def _is_set(self, node: ast.expr | None, depth: int) -> bool:
        if node is None or depth > _DEPTH:
            return False
        if isinstance(node, (ast.Set, ast.SetComp)):
            return True
        if isinstance(node, ast.BinOp):
            sides = self._is_set(node.left, depth + 1) or self._is_set(node.right, depth + 1)
            return isinstance(node.op, _OPERATORS) and sides
        if isinstance(node, ast.IfExp):
            return self._is_set(node.body, depth + 1) or self._is_set(node.orelse, depth + 1)
        if isinstance(node, ast.Call):
            return self._gives_set(node, depth)
        bound = self._bound(node)
        return bool(bound) and all(self._is_set(value, depth + 1) or _is_set_type(value) for value in bound)

    def _gives_set(self, call: ast.Call, depth: int) -> bool:
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in _SET_METHODS and self._is_set(call.func.value, depth + 1)
        return isinstance(call.func, ast.Name) and self._source.value(call.func) in (set, frozenset)

    def _bound(self, node: ast.expr) -> list[ast.expr | None]:
        if isinstance(node, ast.Name):
            return self._source.bindings(node.id, node) or []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            return self._source.bindings(f"self.{node.attr}", self._source.tree) or []
        return []

    def _origins(self, node: ast.expr) -> list[ast.expr]:
        """Give the expressions that the set comes from, as far as names lead back to them."""
        origins = [value for value in self._bound(node) if value is not None]
        return origins or [node]

    def _is_stable(self, node: ast.expr) -> bool:
        """Whether the set holds small integers only, whose order does not depend on the hash seed."""
        return all(_of_integers(origin) for origin in self._origins(node))

    def _factor(self, node: ast.expr) -> str:
        constants = [
            part.value for origin in self._origins(node) for part in ast.walk(origin) if isinstance(part, ast.Constant)
        ]
        of_none = any(value is None for value in constants) and not any(isinstance(value, str) for value in constants)
        # before Python 3.12, hash(None) was made of its address
        return "memory" if of_none and sys.version_info < (3, 12) else "hash-seed"


def _of_integers(node: ast.expr) -> bool:
    if isinstance(node, ast.Set):
        return all(isinstance(item, ast.Constant) and isinstance(item.value, int) for item in node.elts)
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Call):
        inner = node.args[0].func
        return isinstance(inner, ast.Name) and inner.id == "range"
    return False


def _is_set_type(node: ast.expr | None) -> bool:
    """Whether an annotation says that the name is a set."""
    if isinstance(node, ast.Subscript):
        node = node.value
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in _SET_TYPES
