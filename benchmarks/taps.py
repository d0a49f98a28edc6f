"""What the taps cost: training with and without a watch, interleaved, in CPU time.

    python benchmarks/taps.py [rounds]

Prints, per workload, the ratio of the medians and of the minima (a busy machine moves medians by a few percent).
"""

from __future__ import annotations

import gc
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pytest_repro.entropy import Taps

if TYPE_CHECKING:
    from collections.abc import Callable


def forest() -> Callable[[], object]:
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    x, y = make_classification(1000, 20, random_state=0)
    return lambda: RandomForestClassifier(50, random_state=0).fit(x, y)


def pipeline() -> Callable[[], object]:
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = make_classification(1000, 20, random_state=0)
    return lambda: cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(random_state=0)), x, y, cv=5)


def mlp() -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    x, y = torch.randn(256, 32), torch.randn(256, 1)

    def train() -> None:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
        optimizer = torch.optim.Adam(model.parameters())
        for _ in range(100):
            optimizer.zero_grad()
            ((model(x) - y) ** 2).mean().backward()
            optimizer.step()

    return train


def measure(work: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    taps = Taps(root=Path(__file__).parent)
    plain: list[float] = []
    tapped: list[float] = []
    work()
    gc.collect()
    gc.freeze()  # what the imports left behind would be collected in either half by chance
    for number in range(4 * ((rounds + 1) // 2)):
        watched = number % 4 in (1, 2)  # A B B A: a drift of the machine's speed falls on both alike
        start = time.process_time()
        with taps.watching() if watched else nullcontext():
            work()
        (tapped if watched else plain).append(time.process_time() - start)
    return plain, tapped


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print(f"{'workload':12} {'plain ms':>9} {'tapped ms':>9} {'median':>8} {'minimum':>8}")
    for make in (forest, pipeline, mlp):
        plain, tapped = measure(make(), rounds)
        ratio, least = median(tapped) / median(plain) - 1, min(tapped) / min(plain) - 1
        times = f"{min(plain) * 1e3:9.1f} {min(tapped) * 1e3:9.1f}"
        print(f"{make.__name__:12} {times} {ratio:+8.1%} {least:+8.1%}")


if __name__ == "__main__":
    main()
