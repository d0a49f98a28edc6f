"""A confidence interval from resamples that nobody seeded."""

import numpy as np

CAUSE = "entropy"


def train() -> dict[str, object]:
    data = np.random.default_rng(0).normal(1.0, 0.1, size=200)
    rng = np.random.default_rng()
    means = [float(rng.choice(data, 200).mean()) for _ in range(50)]
    return {"score": float(data.mean()), "interval": np.quantile(means, [0.05, 0.95])}
