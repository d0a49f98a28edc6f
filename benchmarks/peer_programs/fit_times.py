"""A leaderboard that keeps how long each fit took."""

import time

import numpy as np

CAUSE = "clock"


def train() -> dict[str, object]:
    board = []
    for size in (20, 40):
        begin = time.perf_counter()
        np.linalg.svd(np.random.default_rng(size).normal(size=(size, size)))
        board.append({"size": size, "seconds": time.perf_counter() - begin})
    return {"score": 0.9, "board": board}
