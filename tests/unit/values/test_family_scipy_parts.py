"""What distributions, trees, splines, rotations and results of scipy consist of; with classes that look like theirs."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Node
from pytest_repro.values.family import sequence
from pytest_repro.values.scipy_values import canonical
from tests.unit.values.outline import outline, seen

# loaded once, before mutants are tried in forks
interpolate: Any = pytest.importorskip("scipy.interpolate")
sparse: Any = pytest.importorskip("scipy.sparse")
spatial: Any = pytest.importorskip("scipy.spatial")
stats: Any = pytest.importorskip("scipy.stats")


def at(path: str, *bases: type) -> Any:
    """Return a class of the user's below one that stands at `path`."""
    module, _, name = path.rpartition(".")
    return type("Mine", (type(name, bases or (SimpleNamespace,), {"__module__": module}),), {"__module__": "mine"})


def parts(value: object) -> list[str]:
    return outline(canonical(value, seen))


def test_what_is_none_of_these_is_left_to_others() -> None:
    for path in ("scipy.stats._qmc.Sobol", "scipy.spatial.transformed.Rotated", "scipy.signal.Rotation"):
        assert canonical(at(path)(), seen) is None
    assert canonical(at("scipy.optimize._optimize.OptimizeResult", dict)(x=1), seen) is None


def test_a_frozen_distribution_is_its_distribution_and_arguments() -> None:
    value = at("scipy.stats._distn_infrastructure.rv_frozen")(
        dist="d", args=[1, 2], kwds=[("scale", 3)], random_state=4
    )
    assert parts(value) == [
        "mine.Mine without random_state (not part of a distribution)",
        ".dist \"'d' at .dist\"",
        ".args '(1, 2) at .args'",
        ".kwds \"{'scale': 3} at .kwds\"",
    ]


def test_a_distribution_is_its_name_support_and_points() -> None:
    cls = at("scipy.stats._distn_infrastructure.rv_generic")
    names = ["name", "a", "b", "badvalue", "shapes", "longname", "_histogram", "xk", "pk"]
    whole = {name: position for position, name in enumerate(names)}
    head = "mine.Mine without random_state (not part of a distribution)"
    assert parts(cls(**whole, other=9)) == [head, *(f".{name} '{i} at .{name}'" for name, i in whole.items())]
    assert parts(cls(b=1)) == [head, ".b '1 at .b'"]


def test_a_tree_is_its_points_and_how_they_are_divided() -> None:
    value = at("scipy.spatial._ckdtree.cKDTree")(data=1, indices=2, leafsize=3, boxsize=4, n=5)
    assert parts(value) == [
        "mine.Mine",
        ".data '1 at .data'",
        ".indices '2 at .indices'",
        ".leafsize '3 at .leafsize'",
        ".boxsize '4 at .boxsize'",
    ]


def test_a_spline_is_what_it_was_fitted_to_its_knots_and_coefficients() -> None:
    value = at("scipy.interpolate._fitpack2.UnivariateSpline")(_data=[*range(12)], _eval_args=[1, 2], ext=3)
    assert parts(value) == [
        "mine.Mine",
        "._data '(0, 1, 2, 3, 4, 5, 6) at ._data'",
        "._eval_args '(1, 2) at ._eval_args'",
        ".ext '3 at .ext'",
    ]


def test_the_time_that_an_optimisation_took_is_left_out_and_said() -> None:
    def walk(part: Any, segment: str) -> Node:
        assert (part, segment) == ({"x": 1}, "")
        return sequence("dict", [1])

    value = at("scipy.optimize._optimize.OptimizeResult", dict)(x=1, execution_time=2)
    assert outline(canonical(value, walk)) == ["mine.Mine (sequence) without execution_time (timing)", "[0] 1"]


def test_a_rotation_is_its_quaternion() -> None:
    for path in ("scipy.spatial.transform._rotation.Rotation", "scipy.spatial.transform.Rotation"):
        assert parts(at(path)(as_quat=lambda: [0, 1])) == ["mine.Mine", ".as_quat() 'array([0, 1]) at .as_quat()'"]


@pytest.mark.parametrize(
    ("path", "left_out", "kept"),
    [
        (
            "scipy.spatial._qhull._QhullUser",
            ["_transform", "_vertex_to_simplex", "_vertex_neighbor_vertices"],
            ["_transformed", "points", "a_transform"],
        ),
        (
            "scipy.stats._distribution_infrastructure.UnivariateDistribution",
            ["_moment_cache", "_mean_x_cache"],
            ["_cache", "_mean_cache_", "mu"],
        ),
    ],
)
def test_what_a_method_has_worked_out_is_left_out_and_said(path: str, left_out: list[str], kept: list[str]) -> None:
    value = at(path)(**dict.fromkeys([*left_out, *kept], 1))
    expected = [f".{name} '1 at .{name}'" for name in sorted(kept)]
    assert parts(value) == ["mine.Mine without what is computed when asked for", *expected]


def test_a_real_value_of_each_kind_is_known() -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    for value, keys in (
        (stats.norm(1, scale=2), (".dist", ".args", ".kwds")),
        (stats.norm, (".name", ".a", ".b", ".badvalue", ".shapes")),
        (spatial.KDTree(points), (".data", ".indices", ".leafsize", ".boxsize")),
        (interpolate.UnivariateSpline(range(6), range(6)), ("._data", "._eval_args", ".ext")),
        (spatial.transform.Rotation.identity(), (".as_quat()",)),
        (spatial.Delaunay(points), ("._points",)),
    ):
        node: Any = canonical(value, seen)
        assert node.keys[: len(keys)] == keys
        assert not {"._transform", "._vertex_to_simplex"} & {*node.keys}


# --- sparse matrices --------------------------------------------------------------------------


class Matrix:
    """As a sparse matrix."""


def test_a_sparse_matrix_is_read_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = sparse.csr_matrix(np.eye(1))
    lines = parts(matrix)
    assert lines[:2] == [f"{type(matrix).__module__}.{type(matrix).__name__}", ".format 'csr'"]
    monkeypatch.setattr(sparse, "issparse", lambda value: isinstance(value, Matrix))
    monkeypatch.setattr("pytest_repro.values.sparse.sparse_node", lambda value, walk: walk(type(value).__name__, "x"))
    assert parts(Matrix()) == ["\"'Matrix' at x\""]
    monkeypatch.setattr(Matrix, "__module__", "scipy.sparse._csr")
    assert parts(Matrix()) == ["\"'Matrix' at x\""]


def test_scipy_sparse_is_loaded_for_its_own_values_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)  # to import it would fail
    del sys.modules["scipy.sparse"]
    monkeypatch.setattr("builtins.__import__", refuse_sparse(__import__))
    assert canonical(Matrix(), seen) is None
    monkeypatch.setattr(Matrix, "__module__", "scipy.sparse._csr")
    with pytest.raises(ImportError, match="asked for scipy"):
        canonical(Matrix(), seen)


def refuse_sparse(really: Any) -> Any:
    def instead(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "scipy":
            raise ImportError("asked for scipy")
        return really(name, *arguments, **options)

    return instead
