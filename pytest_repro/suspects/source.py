"""One module's source as a tree that knows its scopes and what its names stand for."""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_repro.entropy.source import UNRESOLVED, dotted, parsed, resolve, unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["Scope", "Source"]

Scope: TypeAlias = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
#: a generated file of this size is not what anybody wants to be told of
_MAX_BYTES: Final = 1_000_000


class Source:
    """The parsed source of an imported module, with lookups that run none of it."""

    def __init__(self, module: ModuleType, tree: ast.Module) -> None:
        self.module = module
        self.tree = tree
        #: all nodes, outer before inner
        self.nodes = tuple(ast.walk(tree))
        self._parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self._imports = dict(_imports(self.nodes))
        self._bindings: dict[Scope, dict[str, list[ast.expr | None]]] = {}
        self._bind()

    @classmethod
    def of(cls, module: ModuleType) -> Source | None:
        """Read and parse the source of `module`; None where there is nothing usable."""
        path = Path(str(vars(module).get("__file__", "")))
        try:
            if path.suffix != ".py" or path.stat().st_size > _MAX_BYTES:
                return None
            with tokenize.open(path) as file:
                text = file.read()
        except (OSError, SyntaxError, UnicodeDecodeError):
            return None
        tree = parsed(text)
        return None if tree is None else cls(module, tree)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Give the node that directly holds `node`."""
        return self._parents.get(node)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give everything that holds `node`, inner before outer."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def scope(self, node: ast.AST) -> Scope:
        """Give the function whose names `node` sees, or the module."""
        for holder in self.above(node):
            if isinstance(holder, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                return holder
        return self.tree

    def bindings(self, name: str, node: ast.AST) -> list[ast.expr | None] | None:
        """Give all that `name` is bound to where `node` sees it; None in the list for what has no expression."""
        scope = self.scope(node)
        while True:
            found = self._bindings.get(scope, {}).get(name)
            if found is not None:
                return found
            if scope is self.tree:
                return None
            scope = self.scope(scope)

    def value(self, expression: ast.expr) -> object:
        """Give the object that a dotted name stands for, or `UNRESOLVED`."""
        parts = dotted(expression)
        if not parts or self._is_local(parts[0], expression):
            return UNRESOLVED
        return unwrapped(resolve(expression, vars(self.module), self._imports))

    def _is_local(self, name: str, node: ast.AST) -> bool:
        scope = self.scope(node)
        while scope is not self.tree:
            if name in self._bindings.get(scope, {}):
                return True
            scope = self.scope(scope)
        return False

    def _bind(self) -> None:
        for node in self.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._note(self.scope(node), node.name, None)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                    self._note(node, argument.arg, argument.annotation)
            for target, value in _assigned(node):
                self._bind_target(target, value)

    def _bind_target(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._note(self.scope(target), target.id, value)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            self._note(self.tree, f"self.{target.attr}", value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            pairs = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            matching = len(pairs) == len(target.elts)
            for index, element in enumerate(target.elts):
                self._bind_target(element, pairs[index] if matching else None)

    def _note(self, scope: Scope, name: str, value: ast.expr | None) -> None:
        self._bindings.setdefault(scope, {}).setdefault(name, []).append(value)


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Give the targets of a statement and what they are bound to; None for the items of something."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield node.target, node.value or node.annotation
    elif isinstance(node, ast.NamedExpr):
        yield node.target, node.value
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield node.target, None
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, None


def _imports(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[str, object]]:
    """Give what the import statements of all scopes bound, from the modules that are loaded."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                if name in sys.modules:
                    yield alias.asname or name, sys.modules[name]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in sys.modules:
            for alias in node.names:
                namespace = vars(sys.modules[node.module])
                if alias.name in namespace:
                    yield alias.asname or alias.name, namespace[alias.name]
