"""Whether a directory listing loses its order on the spot: ``sorted(os.listdir(folder))``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeGuard

from pytest_repro.entropy.source import calls_at, statement_at

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from types import FrameType

__all__ = ["ORDER_FREE", "is_sorted", "order_free_nodes"]

#: builtins whose result does not depend on the order of what they are given
ORDER_FREE: Final = frozenset({"sorted", "set", "frozenset", "len", "any", "all", "min", "max"})
_PASSING_ON: Final = frozenset({"list", "tuple", "set", "map", "filter", "iter"})


def is_sorted(frame: FrameType) -> bool:
    """Whether the listing that `frame` asks for goes straight into a call that drops its order."""
    calls = calls_at(frame)
    if any(_drops_order(call) for call in calls):
        return True  # ``sorted(folder.glob("*"))``: the generator runs inside of sorted
    wanted = {ast.dump(call) for call in calls}
    statement = statement_at(frame.f_code.co_filename, frame.f_lineno)
    free = order_free_nodes(statement) if statement is not None else set()
    found = [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement is not None else []
    same = [node for node in found if ast.dump(node) in wanted]
    return bool(same) and all(node in free for node in same)


def order_free_nodes(tree: ast.AST) -> set[ast.AST]:
    """All nodes below calls that drop the order of their argument.

    ``min`` and ``max`` with a ``key`` keep the first of equals: they do depend on the order, and so
    does ``sorted``, but there a key without ties is the rule.
    """
    free: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _drops_order(node):
            for argument in node.args:
                free.update(_through(argument))
        elif isinstance(node, ast.SetComp):
            free.add(node.generators[0].iter)
        elif isinstance(node, ast.Compare) and any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
            free.update(node.comparators)
    return free


def _through(argument: ast.expr) -> list[ast.AST]:
    """Give the argument and what it iterates over without reordering it."""
    if isinstance(argument, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
        return [argument, *(node for generator in argument.generators for node in _through(generator.iter))]
    if _is_call_of(argument, _PASSING_ON) and argument.args:
        return [argument, *_through(argument.args[-1])]
    return [argument]


def _drops_order(call: ast.Call) -> bool:
    return _is_call_of(call, ORDER_FREE) and not (_is_call_of(call, {"min", "max"}) and call.keywords)


def _is_call_of(node: ast.expr, names: AbstractSet[str]) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
