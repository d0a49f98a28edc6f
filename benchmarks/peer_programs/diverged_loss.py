"""A loss that becomes NaN, the same way in every run: must not drift."""

import numpy as np

CAUSE = ""


def train() -> dict[str, object]:
    losses, weight = [], np.float64(1.0)
    with np.errstate(all="ignore"):
        for _ in range(8):
            weight = weight * -1e60
            losses.append(float(weight * weight - weight * weight))
    return {"score": 0.9, "losses": losses, "zero": -0.0}
