"""scipy: frozen distributions, k-d trees, rotations, splines, results of optimisations; sparse matrices by `sparse`."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Branch
from pytest_repro.values.family import fields, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]

#: class -> attributes that are worked out when they are first asked for
_LAZY = {
    "scipy.spatial._qhull._QhullUser": re.compile(r"_(transform|vertex_to_simplex|vertex_neighbor_vertices)"),
    "scipy.stats._distribution_infrastructure.UnivariateDistribution": re.compile(r"_\w+_cache"),
}


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a scipy value, or None if another rule applies."""
    module = type(value).__module__
    if module.startswith("scipy.sparse") or "scipy.sparse" in sys.modules:
        from scipy import sparse

        if sparse.issparse(value):
            from pytest_repro.values.sparse import sparse_node

            return sparse_node(value, walk)
    return _other(value, walk)


def _other(value: Any, walk: Walk) -> Node | None:
    """Return a value of scipy.stats, scipy.spatial, scipy.interpolate or scipy.optimize."""
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(value).__mro__}
    if "scipy.stats._distn_infrastructure.rv_frozen" in names:
        return _frozen(value, walk)
    if "scipy.stats._distn_infrastructure.rv_generic" in names:
        return _distribution(value, walk)
    if "scipy.spatial._ckdtree.cKDTree" in names:
        parts = ("data", "indices", "leafsize", "boxsize")
        return fields(type_name(type(value)), [(f".{name}", walk(getattr(value, name), f".{name}")) for name in parts])
    if "scipy.interpolate._fitpack2.UnivariateSpline" in names:
        return _spline(value, walk)
    if "scipy.optimize._optimize.OptimizeResult" in names and "execution_time" in value:
        return _timed(value, walk)
    if any(name.startswith("scipy.spatial.transform") and name.endswith(".Rotation") for name in names):
        return fields(type_name(type(value)), [(".as_quat()", walk(np.asarray(value.as_quat()), ".as_quat()"))])
    lazy = next((pattern for name, pattern in _LAZY.items() if name in names), None)
    return None if lazy is None else _without_lazy(value, lazy, walk)


def _without_lazy(value: Any, lazy: re.Pattern[str], walk: Walk) -> Node:
    """Return an object by its attributes, without those that a method has left there."""
    kept = sorted(name for name in vars(value) if not lazy.fullmatch(name))
    parts = [(f".{name}", walk(vars(value)[name], f".{name}")) for name in kept]
    return fields(type_name(type(value)), parts, ["what is computed when asked for"])


# --- scipy.interpolate, scipy.optimize --------------------------------------------------------


def _spline(value: Any, walk: Walk) -> Node:
    """Return a spline by what it was fitted to, its knots and coefficients; FITPACK's work space is left out."""
    data, evaluated = tuple(value._data[:7]), tuple(value._eval_args)
    parts: list[Field] = [("._data", walk(data, "._data")), ("._eval_args", walk(evaluated, "._eval_args"))]
    return fields(type_name(type(value)), [*parts, (".ext", walk(value.ext, ".ext"))])


def _timed(value: Any, walk: Walk) -> Node:
    """Return the result of an optimisation without the time that it took."""
    result = walk({key: item for key, item in value.items() if key != "execution_time"}, "")
    assert isinstance(result, Branch)
    return replace(result, type=type_name(type(value)), notes=("execution_time (timing)",))


# --- scipy.stats ------------------------------------------------------------------------------


def _frozen(value: Any, walk: Walk) -> Node:
    """Return a frozen distribution by its distribution and arguments; the random state is not compared."""
    parts: list[Field] = [
        (".dist", walk(value.dist, ".dist")),
        (".args", walk(tuple(value.args), ".args")),
        (".kwds", walk(dict(value.kwds), ".kwds")),
    ]
    return fields(type_name(type(value)), parts, ["random_state (not part of a distribution)"])


def _distribution(value: Any, walk: Walk) -> Node:
    """Return a distribution by class, name, support and, if it has them, histogram or points."""
    names = ("name", "a", "b", "badvalue", "shapes", "longname", "_histogram", "xk", "pk")
    parts = [(f".{name}", walk(getattr(value, name), f".{name}")) for name in names if hasattr(value, name)]
    return fields(type_name(type(value)), parts, ["random_state (not part of a distribution)"])
