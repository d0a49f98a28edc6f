"""Drifts in every run: a feature is the age of an account *now*, so every later run sees older accounts.

All numbers differ by very little, which is why such a test passes with `pytest.approx` until the day
when a threshold is crossed. The first value to drift is `ages`.

Fix: make the reference date an input of the feature, `days_since(signup, now=cutoff)`.
"""

import time

import numpy as np
import pytest
from sklearn.linear_model import Ridge

DAY = 24 * 3600


def days_since(signup):
    return (time.time() - signup) / DAY


@pytest.mark.repro
def test_spending_by_account_age(repro):
    signup = 1_700_000_000 + repro.rng.uniform(0, 300 * DAY, size=200)
    visits = repro.rng.poisson(12, size=200)
    spending = 3.0 * visits + repro.rng.normal(0, 2, size=200)
    repro.artifact("visits", visits)

    ages = days_since(signup)
    repro.artifact("ages", ages)
    X = np.column_stack([ages, visits])
    model = Ridge(alpha=1.0).fit(X, spending)
    repro.artifact("coefficients", model.coef_)
    repro.metric("R2", model.score(X, spending))
    assert model.score(X, spending) > 0.9
