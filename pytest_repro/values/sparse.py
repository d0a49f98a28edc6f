"""scipy.sparse: matrices and arrays in canonical form.

A sparse matrix is its format, shape, dtype and stored entries. The order of stored entries,
duplicates that add up and the integer type of the indices are not part of it; explicit zeros are.
Nothing is ever made dense: memory is that of the stored entries, whatever the shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.values.family import fields, numpy_node, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["sparse_node"]


def sparse_node(matrix: Any, walk: Walk) -> Node:
    """Return a sparse matrix or array by format, shape and stored entries."""
    head: list[Field] = [
        (".format", matrix.format),
        (".shape", sequence("tuple", (int(length) for length in matrix.shape))),
    ]
    if matrix.format in ("csr", "csc", "bsr"):
        body = _compressed(matrix, walk)
    elif matrix.format == "dia":
        body = _diagonal(matrix, walk)
    else:
        body = _coordinates(matrix, walk)
    return fields(type_name(type(matrix)), head + body)


def _compressed(matrix: Any, walk: Walk) -> list[Field]:
    """Return the arrays of a csr, csc or bsr matrix with sorted, distinct indices."""
    # a second header over the same memory, without the spare room behind the last entry: looking for the canonical
    # form sets flags on the object
    shadow = type(matrix)((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    changed = not shadow.has_canonical_format
    if changed:
        shadow = matrix.copy()
        shadow.sum_duplicates()
        shadow.sort_indices()
    return [
        (".indptr", _indices(shadow.indptr, walk, ".indptr")),
        (".indices", _indices(shadow.indices, walk, ".indices")),
        (".data", numpy_node("numpy.ndarray", shadow.data, walk, ".data", owned=changed)),
    ]


def _coordinates(matrix: Any, walk: Walk) -> list[Field]:
    """Return the entries of a coo, lil or dok matrix, sorted by coordinate."""
    entries = matrix.tocoo(copy=True)
    entries.sum_duplicates()
    coords = getattr(entries, "coords", None) or (entries.row, entries.col)
    order = np.lexsort(tuple(reversed(coords)))
    parts: list[Field] = [
        (f".coords[{axis}]", _indices(index[order], walk, f".coords[{axis}]")) for axis, index in enumerate(coords)
    ]
    return [*parts, (".data", numpy_node("numpy.ndarray", entries.data[order], walk, ".data", owned=True))]


def _diagonal(matrix: Any, walk: Walk) -> list[Field]:
    """Return the diagonals of a dia matrix by offset, without the cells that lie outside of it."""
    rows, columns = matrix.shape
    parts: list[Field] = []
    for position in np.argsort(matrix.offsets, kind="stable"):
        offset = int(matrix.offsets[position])
        inside = matrix.data[position, max(0, offset) : max(0, min(rows + offset, columns))]
        segment = f".diagonal({offset})"
        parts.append((segment, numpy_node("numpy.ndarray", inside, walk, segment)))
    return parts


def _indices(data: np.ndarray[Any, Any], walk: Walk, segment: str) -> Node:
    """Return indices in one integer type: which one scipy chose is not part of the value."""
    wide = data.astype(np.int64, copy=False)
    return numpy_node("numpy.ndarray", wide, walk, segment, owned=wide is not data)
