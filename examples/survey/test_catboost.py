"""catboost; it has threads of its own, so their number is given."""

import pytest

catboost = pytest.importorskip("catboost")


@pytest.mark.repro
@pytest.mark.parametrize("name", ["CatBoostRegressor"])
def test_model(repro, X, target, jobs, name):
    model = getattr(catboost, name)(
        iterations=20, random_seed=0, verbose=False, allow_writing_files=False, thread_count=jobs
    ).fit(X, target)
    repro.artifact("output", model.predict(X))
    repro.artifact("model", model)
