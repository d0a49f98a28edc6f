from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, differing, notes

pytestmark = pytest.mark.filterwarnings("ignore")

EXAMPLES = 300 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 10
X = np.random.RandomState(0).rand(40, 2)
Y = X @ np.arange(1.0, 3.0) + np.random.RandomState(1).rand(40)


@pytest.fixture(scope="module")
def api() -> Any:
    return pytest.importorskip("statsmodels.api")


def _fits(api: Any) -> dict[str, Any]:
    groups = np.arange(40) % 4
    return {
        "OLS": lambda y: api.OLS(y, X).fit(),
        "GLM": lambda y: api.GLM(y, X).fit(),  # keeps an array that nobody has filled
        "GEE": lambda y: api.GEE(y, X, groups=groups).fit(),
        "ARIMA": lambda y: api.tsa.ARIMA(y, order=(1, 0, 0)).fit(),  # keeps compiled filters
        "smoothing": lambda y: api.tsa.ExponentialSmoothing(y).fit(),
    }


@pytest.mark.parametrize("name", ["OLS", "GLM", "GEE", "ARIMA", "smoothing"])
def test_results_are_their_state(api: Any, name: str) -> None:
    fit = _fits(api)[name]
    results = fit(Y)
    assert_same(results, fit(Y.copy()))
    assert_well_formed(canonical(results))
    other = Y.copy()
    other[3] += 0.25
    assert differing(canonical(results), canonical(fit(other)))


def test_what_is_computed_when_asked_for_is_no_state(api: Any) -> None:
    results = _fits(api)["OLS"](Y)
    before = canonical(results)
    results.summary()
    assert not differing(before, canonical(results))
    assert "_cache (computed when asked for)" in notes(before)


@given(at=st.integers(0, 1), bit=st.integers(0, 63))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bit_of_a_parameter_is_part_of_results(api: Any, at: int, bit: int) -> None:
    results = _fits(api)["GLM"](Y)
    other = copy.deepcopy(results)
    inner = other._results
    inner.params = inner.params.copy()
    inner.params.view(np.uint64)[at] ^= np.uint64(1) << np.uint64(bit)
    if not np.isnan(inner.params[at]):
        assert_differ(results, other, "._results.params")
