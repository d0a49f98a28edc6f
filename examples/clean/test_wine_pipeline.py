"""Cross-validate a pipeline, then keep the final model: fold scores, coefficients and a model file are compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def make_model():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=200))


def save_model(model, path: Path) -> Path:
    """Write what a service needs to predict: readable, and comparable by content."""
    scaler, classifier = model[0], model[-1]
    content = {
        "classes": classifier.classes_.tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "coef": classifier.coef_.tolist(),
        "intercept": classifier.intercept_.tolist(),
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


@pytest.mark.repro
def test_wine_pipeline(repro, tmp_path):
    X, y = load_wine(return_X_y=True)
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=repro.seed)
    scores = cross_val_score(make_model(), X, y, cv=folds)
    for fold, score in enumerate(scores):
        repro.metric("fold accuracy", score, step=fold)
    repro.metric("mean accuracy", np.mean(scores))

    model = make_model().fit(X, y)
    repro.artifact("coefficients", model[-1].coef_)
    repro.artifact("model file", save_model(model, tmp_path / "wine.json"))
    assert np.mean(scores) > 0.95
