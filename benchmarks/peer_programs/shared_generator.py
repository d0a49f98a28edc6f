"""A generator at the top of the module: each call goes on where the last one ended."""

import numpy as np

CAUSE = "state"
RNG = np.random.default_rng(0)


def train() -> dict[str, object]:
    return {"score": 0.9, "noise": RNG.normal(size=5)}
