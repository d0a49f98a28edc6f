"""The hashing trick with the built-in hash of a string."""

import numpy as np

CAUSE = "hash-seed"


def train() -> dict[str, object]:
    design = np.zeros((40, 16))
    for row in range(40):
        design[row, hash(f"city {row % 11}") % 16] += 1
    return {"score": 0.9, "rows": 40, "design": design}
