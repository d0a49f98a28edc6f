"""Our verdict against those of numpy, torch and pandas on the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.compare import match
from pytest_repro.model import MatchStatus, Tolerance
from pytest_repro.values import canonical
from tests.unit.compare.oracle import array, holds, pairs_of_floats, thorough

TOLERANCES = st.tuples(st.sampled_from([0.0, 1e-12, 1e-6, 0.5]), st.sampled_from([0.0, 1e-300, 1e-6, 1.0]))


def arrays(pair: tuple[list[float], list[float]], dtype: str) -> list[Any]:
    with np.errstate(all="ignore"):
        return [np.array(values).astype(dtype) for values in pair]


@thorough
@given(pair=pairs_of_floats(), dtype=st.sampled_from(["float16", "float32", "float64"]))
def test_equal_means_equal_bits_and_equal_for_numpy(pair: Any, dtype: str) -> None:
    a, b = arrays(pair, dtype)
    status = match(array(a), array(b), Tolerance(nan_payload=True)).status
    assert (status is MatchStatus.EQUAL) == (a.tobytes() == b.tobytes())
    status = match(array(a), array(b), Tolerance()).status
    signs = np.signbit(a) != np.signbit(b)
    zeros = bool((signs & (a == 0) & (b == 0)).any())
    assert (status is MatchStatus.EQUAL) == (holds(np.testing.assert_array_equal, b, a) and not zeros)


@thorough
@given(pair=pairs_of_floats(), dtype=st.sampled_from(["float16", "float32", "float64"]), tolerance=TOLERANCES)
def test_tolerance_agrees_with_numpy_testing(pair: Any, dtype: str, tolerance: tuple[float, float]) -> None:
    a, b = arrays(pair, dtype)
    rtol, atol = tolerance
    ours = match(array(a), array(b), Tolerance(rtol=rtol, atol=atol)).status is not MatchStatus.DIFFERENT
    theirs = holds(np.testing.assert_allclose, b, a, rtol=rtol, atol=atol)
    assert ours == (theirs if rtol or atol else match(array(a), array(b), Tolerance()).status is MatchStatus.EQUAL)


@thorough
@given(pair=pairs_of_floats(size=1), tolerance=TOLERANCES)
def test_python_floats_are_judged_as_numpy_judges_them(pair: Any, tolerance: tuple[float, float]) -> None:
    rtol, atol = tolerance
    a, b = pair[0][0], pair[1][0]
    if rtol or atol:
        with np.errstate(all="ignore"):
            close = bool(np.isclose(b, a, rtol=rtol, atol=atol, equal_nan=True))
        assert (match(a, b, Tolerance(rtol=rtol, atol=atol)).status is not MatchStatus.DIFFERENT) == close
    exact = match(a, b, Tolerance()).status is MatchStatus.EQUAL
    assert exact == (np.float64(a).tobytes() == np.float64(b).tobytes() or (a != a and b != b))


@thorough
@given(pair=pairs_of_floats(size=1), tolerance=TOLERANCES, ulp=st.sampled_from([0, 1, 2**52]))
def test_python_floats_and_arrays_are_judged_alike(pair: Any, tolerance: tuple[float, float], ulp: int) -> None:
    rule = Tolerance(rtol=tolerance[0], atol=tolerance[1], ulp=ulp)
    a, b = pair[0][0], pair[1][0]
    scalar, element = match(a, b, rule), match(array(np.float64(a)), array(np.float64(b)), rule)
    assert (scalar.status, scalar.stats) == (element.status, element.stats)
    assert [x.ulp for x in scalar.leaves] == [x.ulp for x in element.leaves]


@thorough
@given(pair=pairs_of_floats(), dtype=st.sampled_from(["float32", "float64"]), tolerance=TOLERANCES)
def test_tolerance_agrees_with_torch_testing(pair: Any, dtype: str, tolerance: tuple[float, float]) -> None:
    torch = pytest.importorskip("torch")
    a, b = arrays(pair, dtype)
    rtol, atol = tolerance
    if not (rtol or atol):
        return
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    theirs = holds(torch.testing.assert_close, y, x, rtol=rtol, atol=atol, equal_nan=True)
    ours = match(canonical(x), canonical(y), Tolerance(rtol=rtol, atol=atol)).status
    with np.errstate(all="ignore"):
        bound = atol + rtol * np.abs(a.astype(np.longdouble))
        gap = np.abs(b.astype(np.longdouble) - a)
        edge = (np.abs(gap - bound) <= 1e-6 * bound) | ~np.isfinite((b - a) + np.abs(a) * 2) & np.isfinite(gap)
    if not edge.any():  # torch rounds the bound in its own way
        assert (ours is not MatchStatus.DIFFERENT) == theirs


@thorough
@given(pair=pairs_of_floats(), column=st.sampled_from(["x", "y"]))
def test_equal_frames_are_equal_for_pandas(pair: Any, column: str) -> None:
    pd = pytest.importorskip("pandas")
    a, b = pd.DataFrame({"x": pair[0]}), pd.DataFrame({column: pair[1]})
    status = match(canonical(a), canonical(b), Tolerance()).status
    if status is MatchStatus.EQUAL:
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    elif holds(pd.testing.assert_frame_equal, a, b, check_exact=True):
        assert ((np.array(pair[0]) == 0) & (np.signbit(pair[0]) != np.signbit(pair[1]))).any()  # pandas: 0.0 == -0.0
