"""Static suspects: lines that may make results differ, and that no tap can see.

Read from the source of the user's modules that are imported by now, after a drift, never before.
Names are resolved to the objects they stand for, so ``from time import time as now`` is caught and a
method that happens to be called ``time`` is not. Nothing is executed.
"""

from __future__ import annotations

import ast
from types import ModuleType
from typing import TYPE_CHECKING

from pytest_repro.entropy.sorting import order_free_nodes
from pytest_repro.entropy.source import UNRESOLVED, dotted, is_a
from pytest_repro.entropy.usercode import UserCode
from pytest_repro.model import Suspect
from pytest_repro.suspects.calls import METHODS, find_functions
from pytest_repro.suspects.orders import SetOrders
from pytest_repro.suspects.source import Source
from pytest_repro.suspects.state import lasting_state
from pytest_repro.suspects.values import unsteady_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_repro.model import Location
    from pytest_repro.suspects.calls import Rule
    from pytest_repro.suspects.source import Scope

__all__ = ["static_suspects"]


def static_suspects(modules: Iterable[ModuleType], *, root: Path) -> tuple[Suspect, ...]:
    """List the suspects in those of `modules` that are the user's own code, by file and line."""
    user = UserCode(root)
    functions = find_functions()
    found: set[Suspect] = set()
    for module in modules:
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and user.owns(file):
            found.update(_in_module(module, file, user, functions))
    return tuple(sorted(found, key=lambda one: (one.location.file, one.location.line, one.factor, one.call)))


def _in_module(
    module: ModuleType, file: str, user: UserCode, functions: dict[int, list[tuple[str, Rule]]]
) -> Iterator[Suspect]:
    source = Source.of(module)
    if source is None:
        return

    def at(node: ast.AST) -> Location:
        return user.location(file, getattr(node, "lineno", 0))

    for factor, call, node in SetOrders(source).found():
        yield Suspect(factor, _short(call), at(node), "sort it: the order of a set differs between processes")
    for factor, call, advice, place in unsteady_values(source):
        yield Suspect(factor, _short(call), at(place), advice)
    for call, advice, place in lasting_state(source):
        yield Suspect("state", _short(call), at(place), advice)
    for name, rule, place in _functions(source, functions):
        yield Suspect(rule.factor, f"{name}()", at(place), rule.advice)


def _short(text: str, limit: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _functions(source: Source, known: dict[int, list[tuple[str, Rule]]]) -> Iterator[tuple[str, Rule, ast.expr]]:
    harmless = order_free_nodes(source.tree) | _sorted_later(source) | _written_later(source)
    packages = _packages(source)
    for node in source.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
            continue
        parent = source.parent(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        for name, rule in _rules(source, node, known, packages):
            wanted = rule.when is None or (call is not None and rule.when(call))
            if wanted and not (call in harmless and rule.factor in ("files", "memory", "entropy")):
                yield name, rule, node


def _rules(
    source: Source, node: ast.Name | ast.Attribute, known: dict[int, list[tuple[str, Rule]]], packages: set[str]
) -> list[tuple[str, Rule]]:
    value = source.value(node)
    if value is not UNRESOLVED:
        return known.get(id(value), [])
    parts = dotted(node)
    of_module = bool(parts) and is_a(source.value(ast.copy_location(ast.Name(parts[0]), node)), ModuleType)
    if isinstance(node, ast.Attribute) and node.attr in METHODS and not of_module:
        package, rule = METHODS[node.attr]
        if not package or package in packages:
            return [(node.attr, rule)]
    return []


def _packages(source: Source) -> set[str]:
    """Name the packages that the module imports, or uses something of."""
    used = {name for node in source.nodes if isinstance(node, ast.Import) for name in (a.name for a in node.names)}
    used |= {node.module for node in source.nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in used}


def _sorted_later(source: Source) -> set[ast.AST]:
    """Give the calls whose result is bound to a name that the same function sorts in place."""
    sorted_names = {
        (source.scope(node), node.func.value.id)
        for node in source.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "sort" and isinstance(node.func.value, ast.Name)
    }
    return _bound_to(source, sorted_names)


def _written_later(source: Source) -> set[ast.AST]:
    """Give the calls whose array is filled as a whole in the same function: ``a[:] = 0``, ``a.fill(0)``."""
    written = set()
    for node in source.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            whole = isinstance(node.slice, ast.Slice) and node.slice.lower is None and node.slice.upper is None
            if whole or (isinstance(node.slice, ast.Constant) and node.slice.value is Ellipsis):
                written.add((source.scope(node), node.value.id))
        elif isinstance(node, ast.Attribute) and (node.attr == "fill" or node.attr.endswith("_")):
            if isinstance(node.value, ast.Name) and isinstance(source.parent(node), ast.Call):
                written.add((source.scope(node), node.value.id))
        elif isinstance(node, ast.keyword) and node.arg == "out" and isinstance(node.value, ast.Name):
            written.add((source.scope(node), node.value.id))
    chained = {
        node.value
        for node in source.nodes
        if isinstance(node, ast.Attribute) and node.attr.endswith("_") and isinstance(node.value, ast.Call)
    }
    return _bound_to(source, written) | chained


def _bound_to(source: Source, names: set[tuple[Scope, str]]) -> set[ast.AST]:
    return {
        node.value
        for node in source.nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        if (source.scope(node), node.targets[0].id) in names
    }
