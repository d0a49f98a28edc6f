"""Drifts on another machine: shards are read in the order in which the file system lists them.

On one machine that order hardly ever changes, so repetition alone does not show it. With
`--repro-vary=files` directories are listed in another order in every process run, as another file
system would; then the first value to drift is the loss of shard 0.

Fix: `sorted(os.listdir(folder))`.
"""

import os

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss


@pytest.fixture
def shards(tmp_path):
    X, y = load_digits(return_X_y=True)
    for number, rows in enumerate(np.array_split(np.arange(len(X)), 8)):
        np.savez(tmp_path / f"shard-{number:02}.npz", X=X[rows] / 16, y=y[rows])
    return tmp_path


@pytest.mark.repro
def test_training_from_shards(repro, shards):
    repro.artifact("shards", shards)
    model = SGDClassifier(loss="log_loss", random_state=repro.seed)
    for step, name in enumerate(os.listdir(shards)):
        with np.load(shards / name) as shard:
            model.partial_fit(shard["X"], shard["y"], classes=range(10))
            loss = log_loss(shard["y"], model.predict_proba(shard["X"]), labels=range(10))
        repro.metric("loss", loss, step=step)
    repro.artifact("coefficients", model.coef_)
