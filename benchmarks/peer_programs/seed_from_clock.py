"""A seed taken from the time of day."""

import time

import numpy as np

CAUSE = "clock"


def train() -> dict[str, object]:
    rng = np.random.default_rng(time.time_ns())
    return {"score": 0.8, "weights": rng.normal(size=4)}
