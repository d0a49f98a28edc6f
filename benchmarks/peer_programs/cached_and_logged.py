"""A cache at the top, a file with a random name, times that are only printed: must not drift."""

import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

CAUSE = ""
CACHE: dict[str, np.ndarray] = {}


def train() -> dict[str, object]:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{uuid.uuid4().hex}.npy"
        np.save(path, np.random.default_rng(4).normal(size=(20, 20)))
        CACHE.setdefault("values", np.load(path))
    print(f"took {time.perf_counter() - begin:.3f} s")
    return {"score": 0.9, "values": CACHE["values"]}
