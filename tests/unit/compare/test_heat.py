"""The grid of differences."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pytest_repro.compare.heat import heat
from pytest_repro.compare.numbers import number_stats
from pytest_repro.model import Tolerance
from tests.unit.compare.oracle import array


def test_cells_hold_the_largest_difference_of_their_block() -> None:
    a = np.zeros((200, 3))
    b = a.copy()
    b[199, 2], b[198, 2], b[0, 0] = 3.0, -4.0, math.nan
    grid = heat(array(a), array(b), Tolerance(atol=100))
    assert (len(grid), {len(row) for row in grid}) == (64, {3})
    assert grid[-1] == (None, None, 4.0)
    assert math.isnan(grid[0][0] or 0.0)
    assert heat(array(np.asfortranarray(a)), array(b), Tolerance())[-1] == (None, None, 4.0)


def test_every_number_of_dimensions_has_a_grid_but_scalars_and_text() -> None:
    assert heat(array(np.zeros(2)), array(np.array([0.0, 1.0])), Tolerance()) == ((None, 1.0),)
    assert heat(array(np.zeros((1, 2, 2))), array(np.ones((1, 2, 2))), Tolerance()) == ((1.0,) * 4,)
    assert heat(array(1.0), array(2.0), Tolerance()) == ()
    assert heat(array(np.array(["a"])), array(np.array(["b"])), Tolerance()) == ()
    assert heat(
        array(np.array([0x3F80], np.uint16), "bfloat16"), array(np.array([0], np.uint16), "bfloat16"), Tolerance()
    ) == ((1.0,),)


def by_block(a: Any, b: Any, name: str) -> list[list[float | None]]:
    """The same, each block by its own statistics; NaN where only one side of a pair is NaN."""
    edges = [[i * size // min(64, size) for i in range(min(64, size) + 1)] for size in a.shape]
    rows = []
    for top, bottom in pairwise(edges[0]):
        row: list[float | None] = []
        for left, right in pairwise(edges[1]):
            x, y = a[top:bottom, left:right], b[top:bottom, left:right]
            stats, _ = number_stats(array(x, name), array(y, name), Tolerance())
            alone = name.startswith(("float", "complex")) and bool((np.isnan(x) != np.isnan(y)).any())
            row.append(None if stats is None else math.nan if alone else float(stats.max_abs))
        rows.append(row)
    return rows


@pytest.mark.parametrize("shape", [(3, 5), (100, 70), (2, 70_000), (66_000, 2)])
@pytest.mark.parametrize("dtype", ["float16", "float64", "complex64", "longdouble", "int8", "uint64", "int64"])
def test_cells_are_those_of_each_block_by_itself(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(3)
    a = np.asarray(rng.normal(size=shape) * 100).astype(dtype)
    b = a.copy()
    changed = rng.random(shape) < min(0.3, 50 / a.size)
    b[changed] = b[changed] + np.dtype(dtype).type(3)
    if a.dtype.kind in "fc":
        a.flat[[1, 2]] = b.flat[[2, 3]] = b.flat[1] = math.nan
        a.flat[4], b.flat[4] = math.inf, -math.inf
        a.flat[5], b.flat[5] = 0.0, -0.0
    else:
        a.flat[0], b.flat[0] = np.iinfo(dtype).min, np.iinfo(dtype).max
    name = a.dtype.name
    with np.errstate(all="ignore"):
        expected = np.array(by_block(a, b, name), np.float64)
    for one in (np.ascontiguousarray(a), np.asfortranarray(a)):
        grid = np.array(heat(array(one, name), array(b, name), Tolerance()), np.float64)
        np.testing.assert_array_equal(grid, expected)


def test_payloads_of_nan_are_differences_only_where_they_count() -> None:
    a = np.array([math.nan, 1.0])
    b = a.copy()
    b.view(np.uint64)[0] ^= 1
    assert heat(array(a), array(b), Tolerance()) == ((None, None),)
    assert heat(array(a), array(b), Tolerance(nan_payload=True)) == ((0.0, None),)


def test_large_arrays_of_many_dimensions_have_a_grid_only_where_they_are_not_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_repro.compare.heat._COPY", 63)
    a = np.zeros((2, 2, 2))
    assert heat(array(a), array(a + 1), Tolerance()) == ((1.0,) * 4,) * 2
    assert heat(array(a.transpose()), array(a + 1), Tolerance()) == ()
    monkeypatch.setattr("pytest_repro.compare.heat._COPY", 64)
    assert heat(array(a.transpose()), array(a + 1), Tolerance()) == ((1.0,) * 4,) * 2


def test_pieces_of_a_row_that_end_where_a_block_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_repro.compare.heat.CHUNK", 8)
    a = np.zeros((2, 16))
    assert heat(array(a), array(a + np.arange(16)), Tolerance()) == ((None, *map(float, range(1, 16))),) * 2
