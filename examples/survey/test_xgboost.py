"""xgboost by its own interface; by default it takes as many threads as OpenMP gives it."""

import pytest

xgboost = pytest.importorskip("xgboost")

MODELS = {
    "gbtree_hist": {"tree_method": "hist"},
    "gbtree_exact": {"tree_method": "exact"},
    "gbtree_subsample": {"tree_method": "hist", "subsample": 0.5, "colsample_bytree": 0.5},
    "gblinear_shotgun": {"booster": "gblinear"},
    "gblinear_coord_descent": {"booster": "gblinear", "updater": "coord_descent"},
}


@pytest.mark.repro
@pytest.mark.parametrize("name", MODELS)
def test_model(repro, X, target, name):
    data = xgboost.DMatrix(X, target)
    booster = xgboost.train({**MODELS[name], "seed": 0}, data, num_boost_round=20)
    repro.artifact("output", booster.predict(data))
    repro.artifact("model", booster)
