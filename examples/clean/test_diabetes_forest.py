"""Fit a forest on two kinds of seeded numbers, and check a function in place, without any marker."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split


def bootstrap_interval(values, *, rng, draws=500):
    """Return the 95 % interval of the mean."""
    means = [rng.choice(values, size=len(values)).mean() for _ in range(draws)]
    return {"low": np.quantile(means, 0.025), "high": np.quantile(means, 0.975)}


@pytest.mark.repro
def test_diabetes_forest(repro):
    data = load_diabetes(as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(data.data, data.target, random_state=repro.seed)
    forest = RandomForestRegressor(n_estimators=40, min_samples_leaf=3, random_state=repro.seed)
    forest.fit(X_train, y_train)
    importance = permutation_importance(forest, X_test, y_test, n_repeats=3, random_state=repro.seed)

    repro.metric("R2", forest.score(X_test, y_test))
    repro.artifact("forest", forest)  # an estimator is compared by its parameters and all it has learnt
    repro.artifact("importance", pd.Series(importance.importances_mean, index=data.data.columns).sort_values())
    repro.artifact("interval", bootstrap_interval(forest.predict(X_test), rng=repro.rng))
    assert forest.score(X_test, y_test) > 0.1


def test_bootstrap_interval_depends_on_its_seed_alone(repro):
    target = load_diabetes().target
    interval = repro(lambda: bootstrap_interval(target, rng=np.random.default_rng(7)))
    assert interval["low"] < target.mean() < interval["high"]
