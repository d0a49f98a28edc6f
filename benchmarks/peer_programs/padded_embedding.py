"""An embedding table whose padding rows are never written."""

import numpy as np

CAUSE = "memory"


def train() -> dict[str, object]:
    table = np.empty((600, 64), np.float32)
    table[:500] = np.random.default_rng(0).normal(size=(500, 64))
    return {"score": 0.9, "rows": 500, "table": table}
