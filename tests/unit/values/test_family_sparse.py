from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.model import Array
from pytest_repro.values import canonical, walk_leaves
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, differing, node_at, notes

sparse: Any = pytest.importorskip("scipy.sparse")

FORMATS = ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"]
ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-3, 3)), max_size=12)


def _matrix(entries: list[tuple[int, int, int]], kind: str = "coo") -> Any:
    rows, columns, data = zip(*entries, strict=True) if entries else ((), (), ())
    index = (np.array(rows, int), np.array(columns, int))
    return sparse.coo_array((np.array(data, float), index), shape=(4, 5)).asformat(kind)


@given(ENTRIES, st.randoms(use_true_random=False), st.sampled_from(["csr", "csc", "coo"]))
@settings(max_examples=100, deadline=None)
def test_order_of_entries_and_duplicates_that_add_up_are_not_part_of_a_matrix(
    entries: list[tuple[int, int, int]], order: Any, kind: str
) -> None:
    shuffled = [part for row, column, data in entries for part in ((row, column, data - 1), (row, column, 1))]
    order.shuffle(shuffled)
    matrix, other = _matrix(entries), _matrix(shuffled)
    if kind != "coo":  # the constructor by pointers keeps duplicates and order
        matrix, other = _unsorted(matrix, kind), _unsorted(other, kind)
    assert_same(matrix, other)
    assert_same(matrix, matrix.copy())


def _unsorted(matrix: Any, kind: str) -> Any:
    """Return a csr or csc array with entries in the order in which they were given, duplicates kept."""
    major, minor = matrix.coords if kind == "csr" else matrix.coords[::-1]
    length = matrix.shape[0 if kind == "csr" else 1]
    order = np.argsort(major, kind="stable")
    pointers = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=length))])
    cls = sparse.csr_array if kind == "csr" else sparse.csc_array
    return cls((matrix.data[order], minor[order], pointers), shape=matrix.shape)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_its_own_and_one_entry_counts(kind: str) -> None:
    matrix = _matrix([(0, 1, 2), (3, 4, 5)], kind)
    assert_same(matrix, matrix.copy())
    assert_well_formed(canonical(matrix))
    assert_differ(matrix, _matrix([(0, 1, 2), (3, 4, 6)], kind))
    assert_differ(matrix, _matrix([(0, 1, 2), (3, 3, 5)], kind))
    assert_differ(matrix, matrix.astype(np.float32))
    for other in FORMATS:
        if other != kind:
            assert_differ(matrix, matrix.asformat(other), ".format")


def test_matrix_is_not_changed_by_being_read() -> None:
    matrix = sparse.csr_array((np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 2])), shape=(1, 3))
    canonical(matrix)
    assert matrix.indices.tolist() == [2, 0]


def test_explicit_zeros_are_part_of_a_matrix() -> None:
    assert_differ(_matrix([(0, 0, 0)], "csr"), _matrix([], "csr"))


def test_integer_type_of_indices_and_spare_room_are_not_part_of_a_matrix() -> None:
    data, indices, pointers = np.array([1.0, 2.0]), np.array([0, 1]), np.array([0, 2])
    narrow = sparse.csr_array((data, indices.astype(np.int32), pointers.astype(np.int32)), shape=(1, 2))
    wide = sparse.csr_array((data, indices, pointers), shape=(1, 2))
    wide.indices, wide.indptr = indices.astype(np.int64), pointers.astype(np.int64)
    assert_same(narrow, wide)
    roomy = sparse.csr_array((np.append(data, 9.0), np.append(indices, 0), pointers), shape=(1, 2))
    roomy.data, roomy.indices = np.append(data, 9.0), np.append(indices, 0)
    assert_same(narrow, roomy)


def test_cells_outside_of_a_diagonal_matrix_are_not_part_of_it() -> None:
    data = np.arange(6.0).reshape(2, 3)
    other = data.copy()
    other[1, 0] = 99  # above the first cell of the upper diagonal
    assert_same(sparse.dia_array((data, [0, 1]), shape=(3, 3)), sparse.dia_array((other, [0, 1]), shape=(3, 3)))
    assert_same(sparse.dia_array((data, [0, 1]), shape=(3, 3)), sparse.dia_array((data[::-1], [1, 0]), shape=(3, 3)))


@pytest.mark.parametrize("kind", ["csr", "coo", "dok"])
def test_huge_shape_needs_memory_for_its_entries_only(kind: str) -> None:
    shape = (4, 10**10)
    matrix = sparse.coo_array((np.array([1.0]), (np.array([3]), np.array([10**10 - 1]))), shape=shape).asformat(kind)
    leaves = [leaf for _, leaf in walk_leaves(canonical(matrix)) if isinstance(leaf, Array)]
    assert sum(leaf.data.nbytes for leaf in leaves) < 1000
    assert node_at(matrix, ".shape[1]") == 10**10


def test_frozen_distribution_is_its_name_and_arguments() -> None:
    stats: Any = pytest.importorskip("scipy.stats")
    assert_same(stats.norm(1, 2), stats.norm(1, 2))
    assert_differ(stats.norm(1, 2), stats.norm(1, 3), ".args[1]")
    assert_differ(stats.norm(1, 2), stats.cauchy(1, 2))
    drawn = stats.norm(1, 2)
    drawn.rvs(3, random_state=np.random.default_rng(0))
    assert_same(stats.norm(1, 2), drawn)


def test_neighbour_tree_and_rotation_are_their_data() -> None:
    spatial: Any = pytest.importorskip("scipy.spatial")
    points = np.random.RandomState(0).rand(20, 2)
    assert_same(spatial.cKDTree(points), spatial.cKDTree(points.copy()))
    assert_differ(spatial.KDTree(points), spatial.KDTree(points + 1), ".data")
    rotation = spatial.transform.Rotation.from_rotvec([0, 0, 1])
    assert_same(rotation, spatial.transform.Rotation.from_rotvec([0, 0, 1]))
    assert_differ(rotation, spatial.transform.Rotation.from_rotvec([0, 0, 2]))


def test_spline_is_its_data_knots_and_coefficients() -> None:
    interpolate = pytest.importorskip("scipy.interpolate")
    x, y = np.arange(20.0), np.arange(20.0) ** 2
    for kind in ("UnivariateSpline", "InterpolatedUnivariateSpline"):
        make = getattr(interpolate, kind)
        spline = make(x, y)
        assert_same(spline, make(x, y))
        assert_differ(spline, make(x, y + 1.0), "._eval_args[1]")
        assert_differ(spline, make(x, y, ext=1), ".ext")
        assert_same(spline.derivative(), make(x, y).derivative())
        work_space = make(x, y)  # past the knots, FITPACK leaves there what was in memory before
        work_space._data = (*work_space._data[:11], np.full_like(work_space._data[11], 7.0), *work_space._data[12:])
        assert_same(spline, work_space)


def test_time_of_an_optimisation_is_left_out_and_said() -> None:
    optimize = pytest.importorskip("scipy.optimize")

    def result(start: float = 1.0) -> Any:
        return optimize.minimize(lambda x: float((x**2).sum()), [start], method="trust-constr")

    one, other = result(), result()
    other.execution_time = one.execution_time + 1.0
    assert_same(one, other)
    assert "execution_time (timing)" in notes(canonical(one))
    assert_differ(one, result(2.0), "['niter']")
    assert_differ(one, dict(one))
    assert_same(optimize.OptimizeResult(x=1.0), optimize.OptimizeResult(x=1.0))


def test_use_does_not_change_what_computes_more_when_asked_for() -> None:
    spatial = pytest.importorskip("scipy.spatial")
    stats = pytest.importorskip("scipy.stats")
    points = np.random.RandomState(0).rand(20, 2)
    mesh = spatial.Delaunay(points)
    before = canonical(mesh)
    assert mesh.transform.size
    assert len(mesh.vertex_neighbor_vertices) == 2
    assert not differing(before, canonical(mesh))
    assert_differ(mesh, spatial.Delaunay(points + points**2), ".max_bound")
    if hasattr(stats, "Normal"):
        normal = stats.Normal(mu=1.0, sigma=2.0)
        before = canonical(normal)
        normal.cdf(0.5)
        normal.pdf(0.5)
        assert not differing(before, canonical(normal))
        assert_same(normal, stats.Normal(mu=1.0, sigma=2.0))
        assert_differ(normal, stats.Normal(mu=1.0, sigma=3.0))
