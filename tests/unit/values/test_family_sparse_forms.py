"""The form of a sparse matrix of each format: names and types of its parts. Baselines keep them for years."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Branch, Layout, Node
from pytest_repro.values import canonical
from pytest_repro.values.sparse import _coordinates, _indices

sparse: Any = pytest.importorskip("scipy.sparse")

DENSE = np.array([[0, 1.5, 0], [2.5, 0, 3.5]])


def form(node: Node) -> object:
    if isinstance(node, Array):
        assert node.type == "numpy.ndarray"
        return f"{node.dtype} {node.data.tolist()}"
    if isinstance(node, Branch):
        assert node.type == "tuple"
        return node.items
    return node


def parts(matrix: Any) -> dict[str, object]:
    node = canonical(matrix)
    assert isinstance(node, Branch)
    assert (node.type, node.layout) == (f"{type(matrix).__module__}.{type(matrix).__name__}", Layout.OBJECT)
    return dict(zip(node.keys, map(form, node.items), strict=True))


COORDINATES = {".coords[0]": "int64 [0, 1, 1]", ".coords[1]": "int64 [1, 0, 2]", ".data": "float64 [1.5, 2.5, 3.5]"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("csr", {".indptr": "int64 [0, 1, 3]", ".indices": "int64 [1, 0, 2]", ".data": "float64 [1.5, 2.5, 3.5]"}),
        ("csc", {".indptr": "int64 [0, 1, 2, 3]", ".indices": "int64 [1, 0, 1]", ".data": "float64 [2.5, 1.5, 3.5]"}),
        ("bsr", {".indptr": "int64 [0, 1]", ".indices": "int64 [0]", ".data": f"float64 [{DENSE.tolist()}]"}),
        ("coo", COORDINATES),
        ("lil", COORDINATES),
        ("dok", COORDINATES),
        ("dia", {".diagonal(-1)": "float64 [2.5]", ".diagonal(1)": "float64 [1.5, 3.5]"}),
    ],
)
def test_the_form_of_a_format(kind: str, expected: dict[str, object]) -> None:
    options = {"blocksize": (2, 3)} if kind == "bsr" else {}
    matrix = getattr(sparse, f"{kind}_matrix")(DENSE, **options)
    assert parts(matrix) == {".format": kind, ".shape": (2, 3), **expected}


def test_entries_are_merged_and_sorted_in_a_copy() -> None:
    data, indices, pointers = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2]), np.array([0, 3])
    matrix = sparse.csr_matrix((data, indices, pointers), shape=(1, 3))
    assert parts(matrix)[".data"] == "float64 [2.0, 4.0]"
    assert (matrix.indices.tolist(), matrix.data.tolist()) == ([2, 0, 2], [1.0, 2.0, 3.0])
    pairs = sparse.coo_matrix((data, ([0, 0, 0], indices)), shape=(1, 3))
    assert parts(pairs)[".coords[1]"] == "int64 [0, 2]"
    assert pairs.nnz == 3


def test_what_was_made_for_the_form_is_its_own() -> None:
    canonical_matrix = sparse.csr_matrix(DENSE)
    unsorted = sparse.csr_matrix((np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 2])), shape=(1, 3))
    for matrix, owned in ((canonical_matrix, False), (unsorted, True), (sparse.coo_matrix(DENSE), True)):
        node = canonical(matrix)
        assert isinstance(node, Branch)
        data = node.items[node.keys.index(".data")]
        assert isinstance(data, Array)
        assert data.owned is owned
        if not owned:
            assert np.shares_memory(data.data, matrix.data)


def test_indices_are_wide_and_owned_where_they_were_copied() -> None:
    wide, narrow = np.arange(3), np.arange(3, dtype=np.int32)
    for data, owned in ((wide, False), (narrow, True), (wide[1:], False)):
        node = _indices(data, lambda *_: None, ".x")
        assert isinstance(node, Array)
        assert (node.dtype, node.owned) == ("int64", owned)
        assert np.shares_memory(node.data, data) is not owned


@pytest.mark.parametrize("offsets", [[0], [1], [-1], [2, 0], [0, -1, 2], [5], [-5]])
def test_a_diagonal_is_what_lies_inside(offsets: list[int]) -> None:
    data = np.arange(1.0, 1 + 3 * len(offsets)).reshape(len(offsets), 3)
    matrix = sparse.dia_array((data, offsets), shape=(2, 3))
    dense = matrix.toarray()
    expected = {
        f".diagonal({offset})": f"float64 {np.diagonal(dense, offset).tolist()}"
        for offset in sorted(offsets)
        if -2 < offset < 3
    }
    found = {key: value for key, value in parts(matrix).items() if value != "float64 []" and key.startswith(".diag")}
    assert found == expected


def test_coordinates_of_older_versions_are_rows_and_columns() -> None:
    class Entries:
        row, col, data = np.array([1, 0]), np.array([0, 1]), np.array([2.5, 1.5])

        def tocoo(self, *, copy: bool) -> Any:
            assert copy
            return self

        def sum_duplicates(self) -> None: ...

    found = {key: form(node) for key, node in _coordinates(Entries(), lambda *_: None)}
    assert found == {".coords[0]": "int64 [0, 1]", ".coords[1]": "int64 [1, 0]", ".data": "float64 [1.5, 2.5]"}


def test_an_array_of_one_dimension_has_one_coordinate() -> None:
    one = sparse.coo_array(np.array([0, 1.5]))
    if one.ndim == 1:
        assert parts(one) == {".format": "coo", ".shape": (2,), ".coords[0]": "int64 [1]", ".data": "float64 [1.5]"}
