"""Values that hold what differs between runs: addresses, times, memory that nobody wrote."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_repro.entropy.source import dotted, home, is_a
from pytest_repro.suspects.calls import given

if TYPE_CHECKING:
    from pytest_repro.suspects.source import Source

__all__ = ["unsteady_values"]

_TIMES: Final = frozenset({"st_mtime", "st_mtime_ns", "st_ctime", "st_ctime_ns", "st_atime", "st_atime_ns", "st_ino"})
_FIT_TIMES: Final = frozenset({"cv_results_", "refit_time_"})
_THREAD_VARIABLES: Final = frozenset(
    {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS",
     "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"}
)  # fmt: skip
_WRITERS: Final = frozenset({"to_csv", "to_json", "to_pickle", "savetxt", "dump"})

#: (factor, what, advice, place)
_Found = Iterator[tuple[str, str, str, ast.AST]]


def unsteady_values(source: Source) -> _Found:
    """Give what no single function is to blame for."""
    hashes = "hashlib" in sys.modules and any(_names_hashlib(node) for node in source.nodes)
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield from _attributes(node)
        elif isinstance(node, ast.Call):
            yield from _builtins(source, node)
            yield from _uninitialised(source, node)
            yield from _jobs(node)
            yield from _compressed(source, node)
            yield from _digests(source, node, hashes=hashes)
        yield from _thread_variables(node)


def _attributes(node: ast.Attribute) -> _Found:
    if node.attr in _TIMES:
        yield "files", f".{node.attr}", "use the content instead of times of modification", node
    elif node.attr in _FIT_TIMES:
        yield "clock", f".{node.attr}", "leave out the *_time columns: they hold seconds", node


def _builtins(source: Source, call: ast.Call) -> _Found:
    if not isinstance(call.func, ast.Name) or len(call.args) != 1:
        return
    function = source.value(call.func)
    if function is hash and not _inside(source, call, "__hash__") and not isinstance(call.args[0], ast.Constant):
        yield "hash-seed", "hash()", "hashlib: hash() of text differs between processes", call
    elif function is id and not isinstance(source.parent(call), ast.Compare):
        yield "memory", "id()", "use a name or an index: addresses differ between runs", call


def _inside(source: Source, node: ast.AST, name: str) -> bool:
    return any(isinstance(holder, ast.FunctionDef) and holder.name == name for holder in source.above(node))


def _uninitialised(source: Source, call: ast.Call) -> _Found:
    if given(call, "where") is None or given(call, "out") is not None:
        return
    numpy = sys.modules.get("numpy")
    if numpy is not None and is_a(source.value(call.func), numpy.ufunc):
        what = f"numpy.{dotted(call.func)[-1]}(where=...)"
        yield "memory", what, "out=: elements that where= leaves out are not initialised", call


def _jobs(call: ast.Call) -> _Found:
    jobs = next((keyword.value for keyword in call.keywords if keyword.arg == "n_jobs"), None)
    if jobs is None or dotted(jobs)[-1:] == ("n_jobs",):
        return  # only handed on
    if not (isinstance(jobs, ast.Constant) and jobs.value in (None, 1)):
        what = f"{ast.unparse(call.func)}(n_jobs={ast.unparse(jobs)})"
        yield "threads", what, "n_jobs=1: threads may add up in another order", call


def _compressed(source: Source, call: ast.Call) -> _Found:
    if isinstance(call.func, ast.Attribute) and call.func.attr in _WRITERS and given(call, "compression") is None:
        targets = [part for argument in call.args for part in _origins(source, argument)]
        if any(
            isinstance(part, ast.Constant) and str(part.value).endswith((".gz", ".tgz", ".zip")) for part in targets
        ):
            advice = 'compression={"method": "gzip", "mtime": 1}: the header holds the time of writing'
            yield "clock", f"{call.func.attr}(*.gz)", advice, call


def _origins(source: Source, node: ast.expr) -> Iterator[ast.AST]:
    """Give all parts of an expression, and of what its name was bound to."""
    yield from ast.walk(node)
    if isinstance(node, ast.Name):
        for value in source.bindings(node.id, node) or ():
            if value is not None:
                yield from ast.walk(value)


def _digests(source: Source, call: ast.Call, *, hashes: bool) -> _Found:
    parts = dotted(call.func)
    if parts[-2:] in (("pickle", "dump"), ("pickle", "dumps")):
        if hashes or any(isinstance(part, ast.Attribute) and part.attr == "state_dict" for part in ast.walk(call)):
            advice = "compare the values: the bytes of a pickle depend on addresses and on shared objects"
            yield "memory", f"{parts[-2]}.{parts[-1]}()", advice, call
    elif _names_hashlib(call.func) or home(source.value(call.func)) in ("_hashlib", "hashlib"):
        for part in (inner for argument in call.args for inner in ast.walk(argument)):
            if isinstance(part, ast.Call) and part.args and source.value(part.func) in (repr, str):
                advice = "hash the values themselves: the repr of functions and objects holds their address"
                yield "memory", f"{ast.unparse(part.func)}() in a digest", advice, part


def _names_hashlib(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "hashlib"
    return isinstance(node, ast.ImportFrom) and node.module == "hashlib"


def _thread_variables(node: ast.AST) -> _Found:
    key: ast.expr | None = None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "setdefault"
        and node.args
    ):
        key = node.args[0]
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        key = node.slice
    if isinstance(key, ast.Constant) and key.value in _THREAD_VARIABLES:
        yield "threads", str(key.value), "one thread, or a fixed number on every machine", node
