"""The gate: training with one seed gives one model, one score, one set of predictions."""

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split


@pytest.mark.repro
def test_model_is_reproducible(repro):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X[:, :8], y, test_size=0.3, random_state=repro.seed)
    model = GradientBoostingClassifier(n_estimators=20, subsample=0.8, random_state=repro.seed).fit(X_train, y_train)

    for stage, loss in enumerate(model.train_score_):
        repro.metric("loss", loss, step=stage)
    repro.metric("accuracy", model.score(X_test, y_test))
    repro.artifact("importances", model.feature_importances_)
    repro.artifact("predictions", model.predict_proba(X_test))
    assert model.score(X_test, y_test) > 0.85
