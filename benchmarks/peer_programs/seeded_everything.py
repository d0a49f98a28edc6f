"""Draws, shuffles and a decomposition, each from a seed of its own: must not drift."""

import random

import numpy as np

CAUSE = ""


def train() -> dict[str, object]:
    rng, order = np.random.default_rng(3), list(range(30))
    random.Random(3).shuffle(order)
    return {"score": 0.9, "order": order, "values": np.linalg.svd(rng.normal(size=(30, 5)))[1]}
