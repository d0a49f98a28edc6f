"""Data that are the same on every machine: fractions of small whole numbers, whose sums and products are exact."""

import os

import numpy as np
import pytest


@pytest.fixture(scope="session")
def X():  # noqa: N802 - as in every text on the subject
    return np.random.default_rng(0).integers(-256, 256, size=(2000, 20)) / 128


@pytest.fixture(scope="session")
def labels(X):
    return (X[:, 0] + X[:, 1] * X[:, 2] > 0.25).astype(np.int64)


@pytest.fixture(scope="session")
def target(X):
    noise = np.random.default_rng(1).integers(-64, 64, size=len(X)) / 256
    return X[:, 0] / 2 + X[:, 1] * X[:, 2] / 4 + noise


@pytest.fixture(scope="session")
def texts():
    words = [
        "late",
        "damaged",
        "great",
        "quick",
        "broken",
        "perfect",
        "refund",
        "again",
        "box",
        "price",
        "value",
        "quality",
    ]
    choices = np.random.default_rng(2).integers(0, len(words), size=(200, 8))
    return [" ".join(words[index] for index in row) for row in choices]


@pytest.fixture(scope="session")
def jobs():
    """For n_jobs: what the survey holds or switches."""
    return int(os.environ.get("OMP_NUM_THREADS") or 2)
