"""A worker's seed taken from the number of its process."""

import os

import numpy as np

CAUSE = "environment"


def train() -> dict[str, object]:
    return {"score": 0.9, "weights": np.random.default_rng(os.getpid()).normal(size=4)}
