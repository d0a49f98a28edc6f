"""The grid of differences."""

from __future__ import annotations

import math

import numpy as np

from pytest_repro.compare.heat import heat
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
