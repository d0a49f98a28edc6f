"""Drifts in run 2: the cached model goes on learning where run 1 stopped. A fresh process agrees with run 1.

`lru_cache` keeps one estimator for the whole process, so whichever test trains first changes what
every later one finds. The first value to drift is the loss of batch 0.

Fix: cache the configuration, not the object that learns; build or `clone` the estimator for every training.
"""

from functools import lru_cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler


@lru_cache
def get_model(name):
    models = {"online": SGDClassifier(loss="log_loss", alpha=1e-3, random_state=0)}
    return models[name]


def stream(batch=50):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    for start in range(0, 450, batch):
        yield X[start : start + batch], y[start : start + batch]


@pytest.mark.repro
def test_online_learning(repro):
    model = get_model("online")
    for number, (X, y) in enumerate(stream()):
        model.partial_fit(X, y, classes=[0, 1])
        repro.metric("loss", log_loss(y, model.predict_proba(X), labels=[0, 1]), step=number)
    repro.metric("batches", number + 1)
    repro.metric("norm", float(np.linalg.norm(model.coef_)))
