"""lightgbm by its own interface, as it comes and with its switch for determinism."""

import pytest

lightgbm = pytest.importorskip("lightgbm")

MODELS = {
    "gbdt": {},
    "gbdt_deterministic": {"deterministic": True, "force_col_wise": True},
    "gbdt_bagging": {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
}


@pytest.mark.repro
@pytest.mark.parametrize("name", MODELS)
def test_model(repro, X, target, name):
    parameters = {"objective": "regression", "seed": 0, "verbosity": -1, **MODELS[name]}
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, target), num_boost_round=20)
    repro.artifact("output", booster.predict(X))
    repro.artifact("model", booster)
