from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.baseline.steps import read_steps, steps_text
from pytest_repro.errors import StoredDataError


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (range(100), "0..99"),
        (range(0, 1000, 10), "0..990/10"),
        ([1, 5, 7, 8, 9], "1,5,7..9"),
        ([3], "3"),
        ([3, 4], "3,4"),
        ([-2, -1, 0], "-2..0"),
    ],
)
def test_steps_are_short_text(steps: list[int], text: str) -> None:
    assert steps_text(list(steps)) == text


@given(st.sets(st.integers(-(10**17), 10**17), min_size=1, max_size=40))
def test_steps_come_back(steps: set[int]) -> None:
    ordered = sorted(steps)
    assert read_steps(steps_text(ordered), len(ordered)) == tuple(ordered)


@pytest.mark.parametrize(
    "text", ["0..9999999999999999", "0..9/0", "9..0", "1,1", "3,2", "0..3", "a", "0.." + "9" * 30, "0..5/2,", 3, None]
)
def test_steps_that_no_series_of_three_has_are_refused_at_once(text: object) -> None:
    with pytest.raises(StoredDataError, match="steps of a series"):
        read_steps(text, 3)
