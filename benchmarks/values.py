"""What comparing by meaning costs, as ratios against the tools that people would use otherwise.

Each row times both sides alternately in one process and takes the best of each, so that a busy
machine slows both. Run: ``python benchmarks/values.py``; ``--small`` for a quick look.
"""

from __future__ import annotations

import argparse
import pickle
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pytest_repro.values import canonical, fingerprint, identical


class Row(NamedTuple):
    """One comparison: ours against theirs, and what the ratio must stay below (or above)."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    limit: str


def best_of(row: Row, rounds: int) -> tuple[float, float]:
    """Return the best time of each side in seconds, taken alternately."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for side, call in enumerate((row.ours, row.theirs)):
            start = time.perf_counter()
            call()
            best[side] = min(best[side], time.perf_counter() - start)
    return best[0], best[1]


def checked(call: Callable[[], object]) -> Callable[[], None]:
    """Return `call` with the assurance that it found the values equal."""

    def run() -> None:
        assert call()

    return run


def array_rows(elements: int) -> list[Row]:
    a = np.random.default_rng(0).random(elements)
    b = a.copy()
    c, d = a.reshape(-1, 100).T, b.reshape(-1, 100).T
    mega = f"{a.nbytes / 1e6:.0f} MB"

    def ours(x: Any, y: Any) -> Callable[[], None]:
        return checked(lambda: identical(canonical(x), canonical(y)))

    return [
        Row(f"equal float64, {mega}", ours(a, b), checked(lambda: np.array_equal(a, b)), "<= 1.3 x np.array_equal"),
        Row(
            f"the same, transposed, {mega}",
            ours(c, d),
            checked(lambda: np.array_equal(c, d)),
            "<= 1.3 x np.array_equal",
        ),
        Row(
            f"fingerprint, {mega}",
            lambda: fingerprint(canonical(a)),
            checked(lambda: np.array_equal(a, b)),
            "(for scale)",
        ),
    ]


def nested_rows(leaves: int) -> list[Row]:
    import deepdiff

    draw = random.Random(0)
    groups = leaves // 100
    one = {f"group {g}": {f"leaf {n}": draw.random() for n in range(100)} for g in range(groups)}
    two = pickle.loads(pickle.dumps(one))
    flat = [draw.random() for _ in range(leaves)]

    def ours() -> bool:
        return identical(canonical(one), canonical(two))

    def theirs() -> bool:
        return not deepdiff.DeepDiff(one, two)

    return [
        Row(f"nested dict, {leaves:,} floats", checked(ours), checked(theirs), "<= 0.02 x DeepDiff"),
        Row(f"list, {leaves:,} floats", lambda: canonical(flat), lambda: pickle.dumps(flat), "(against pickle.dumps)"),
        Row(
            "one float",
            lambda: [canonical(0.5) for _ in range(1000)],
            lambda: [hash(0.5) for _ in range(1000)],
            "(x 1000)",
        ),
    ]


def model_rows(trees: int) -> list[Row]:
    import joblib
    from sklearn.ensemble import RandomForestClassifier

    draw = np.random.default_rng(0)
    data, labels = draw.normal(size=(1000, 20)), draw.integers(0, 2, 1000)
    one, two = (RandomForestClassifier(trees, random_state=0).fit(data, labels) for _ in range(2))

    return [
        Row(
            f"random forest, {trees} trees, fingerprint",
            lambda: fingerprint(canonical(one)),
            lambda: joblib.hash(one),
            "<= 3 x joblib.hash",
        ),
        Row(
            "the same, two of them compared",
            checked(lambda: identical(canonical(one), canonical(two))),
            checked(lambda: joblib.hash(one) == joblib.hash(two)),
            "<= 3 x joblib.hash",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that each side runs (default 5)")
    parser.add_argument("--small", action="store_true", help="a tenth of the sizes")
    arguments = parser.parse_args()
    scale = 10 if arguments.small else 1
    print(f"{'':40} {'ours':>10} {'theirs':>10} {'ratio':>8}   limit")
    for row in array_rows(50_000_000 // scale) + nested_rows(100_000 // scale) + model_rows(100 // scale):
        ours, theirs = best_of(row, arguments.rounds)
        print(f"{row.name:40} {ours * 1e3:8.2f}ms {theirs * 1e3:8.2f}ms {ours / theirs:8.3f}   {row.limit}")


if __name__ == "__main__":
    main()
