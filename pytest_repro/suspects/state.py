"""State that outlives a run: what the first training in a process leaves behind for the second."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from pytest_repro.entropy.names import public_name
from pytest_repro.entropy.source import UNRESOLVED, dotted, is_a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_repro.suspects.source import Source

__all__ = ["lasting_state"]

_GENERATORS: Final = frozenset(
    {
        *("itertools.count", "itertools.cycle", "random.Random", "torch.Generator", "faker.Faker"),
        *("numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator"),
    }
)
_CHANGING: Final = frozenset({"append", "add", "update", "setdefault", "extend", "insert", "pop", "popitem", "clear"})
_NEW_EACH_RUN: Final = "make it inside of the test, or set it back before each run"


def lasting_state(source: Source) -> Iterator[tuple[str, str, ast.AST]]:
    """Give (what, advice, place) of each piece of state that runs in one process share."""
    mutable = {name for name, value in _module_level(source.tree) if _is_container(value)}
    for node in source.nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _shared(source, node):
            generator = _generator(source, node.value)
            if generator is not None:
                yield f"{generator}() shared by all runs", f"{_NEW_EACH_RUN}: it goes on where it stopped", node
        elif isinstance(node, ast.AugAssign) and _is_shared_counter(source, node):
            yield f"{ast.unparse(node.target)} {_operator(node)}= ...", _NEW_EACH_RUN, node
        elif not _shared(source, node):
            changed = _changed_name(node)
            if changed in mutable and source.bindings(changed, node) is source.bindings(changed, source.tree):
                yield f"{changed} changed in a function", _NEW_EACH_RUN, node


def _module_level(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _shared(source: Source, node: ast.AST) -> bool:
    """Whether `node` runs once, at import: outside of every function."""
    return source.scope(node) is source.tree


def _is_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        parts = dotted(value.func)
        return bool(parts) and parts[-1] in {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque"}
    return isinstance(value, (ast.Dict, ast.List, ast.Set))


def _generator(source: Source, value: ast.expr | None) -> str | None:
    """Name the random generator or counter that `value` makes; ``Generator().manual_seed(0)`` is one, too."""
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call):
        return _generator(source, value.func.value)
    made = source.value(value.func)
    name = None if made is UNRESOLVED else public_name(made)
    return name if name in _GENERATORS else None


def _is_shared_counter(source: Source, node: ast.AugAssign) -> bool:
    """``Layer._made += 1`` or, after ``global N``, ``N += 1``."""
    target = node.target
    if _shared(source, node):
        return False
    if isinstance(target, ast.Name):
        scope = source.scope(node)
        return any(isinstance(part, ast.Global) and target.id in part.names for part in ast.walk(scope))
    if not isinstance(target, ast.Attribute):
        return False
    owner = target.value
    if isinstance(owner, ast.Name):
        return owner.id == "cls" or is_a(source.value(owner), type)
    of_type = isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "type"
    return of_type or (isinstance(owner, ast.Attribute) and owner.attr == "__class__")


def _operator(node: ast.AugAssign) -> str:
    return {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op), "…")


def _changed_name(node: ast.AST) -> str:
    """Name the container that the statement or call changes; empty for anything else."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        return node.value.id if isinstance(node.value, ast.Name) else ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        return node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    return ""
