"""How fast values are compared: ratios against numpy and deepdiff, in one interleaved run.

Bars: statistics of 10^7 differing float64 take at most 4 times `numpy.array_equal`, with at most 64 MB
of extra memory; a nested dict of 10^5 floats is compared at least 50 times as fast as by DeepDiff.

Everything is timed by CPU time, alternately: the median ratio counts for statistics, the ratio of minima for dicts.

    python benchmarks/compare.py
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
from deepdiff import DeepDiff

from pytest_repro.compare import match
from pytest_repro.compare.numbers import number_stats
from pytest_repro.model import Array, Tolerance
from pytest_repro.values import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 10_000_000
ROUNDS = 9


def node(data: np.ndarray) -> Array:
    return Array("numpy.ndarray", data.dtype.name, data.shape, data)


def report(name: str, value: float, bar: str, *, good: bool) -> None:
    print(f"{name:<58} {value:8.2f}   bar {bar:<8} {'ok' if good else 'MISSED'}")


def cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def statistics_of(name: str, a: np.ndarray, b: np.ndarray) -> None:
    x, y = node(a), node(b)
    ratios = []
    for _ in range(ROUNDS):
        base = cpu_seconds(lambda: np.array_equal(a, b))
        ratios.append(cpu_seconds(lambda: number_stats(x, y, Tolerance())) / base)
    ratio = statistics.median(ratios)
    report(f"statistics / array_equal, {name}", ratio, "<= 4", good=ratio <= 4)


def memory_of(a: np.ndarray, b: np.ndarray) -> None:
    tracemalloc.start()
    number_stats(node(a), node(b), Tolerance())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    report("extra memory, MB", peak / 1e6, "<= 64", good=peak <= 64e6)


def nested(name: str, a: object, b: object) -> None:
    ours = theirs = float("inf")
    for _ in range(5):  # alternately: a machine that slows down must slow both
        ours = min(ours, *(cpu_seconds(lambda: match(canonical(a), canonical(b), Tolerance())) for _ in range(3)))
        theirs = min(theirs, cpu_seconds(lambda: DeepDiff(a, b)))
    report(f"DeepDiff / match, 10^5 floats, {name}", theirs / ours, ">= 50", good=theirs >= 50 * ours)


def main() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=SIZE)
    noisy, independent = a * (1 + 1e-12 * rng.normal(size=SIZE)), rng.normal(size=SIZE)
    statistics_of("noise of 1e-12 on all", a, noisy)
    statistics_of("independent normal", a, independent)
    statistics_of("independent uniform", rng.random(SIZE), rng.random(SIZE))
    few, half = rng.random(SIZE) < 0.01, rng.random(SIZE) < 0.5
    statistics_of("1 % differ", a, np.where(few, noisy, a))
    statistics_of("half differ", a, np.where(half, noisy, a))
    statistics_of("1 % NaN in both, noise elsewhere", np.where(few, np.nan, a), np.where(few, np.nan, noisy))
    holes = np.where(rng.random(SIZE) < 0.1, rng.choice([np.nan, np.inf, -np.inf], SIZE), 0.0)
    statistics_of("10 % NaN and infinities in both, noise elsewhere", a + holes, noisy + holes)
    statistics_of("half NaN in both", np.where(half, np.nan, a), np.where(half, np.nan, independent))
    statistics_of("1 % NaN in one", a, np.where(few, np.nan, independent))
    statistics_of("zeros of both signs", rng.choice([0.0, -0.0], SIZE), rng.choice([0.0, -0.0], SIZE))
    statistics_of("zeros against numbers", np.where(a == 0, 1.0, 0.0), a)
    statistics_of("rectified, noise", np.maximum(a, 0), np.maximum(noisy, 0))
    statistics_of("subnormal", a * 1e-310, independent * 1e-310)
    statistics_of("overflowing", np.full(SIZE, 1e308), rng.choice([-1.5e308, 1e308, 1.7e308], SIZE))
    for name, signs in (("mixed signs", [-1.0, 1.0]), ("one sign", [1.0])):
        wide = [rng.choice(signs, SIZE) * 10.0 ** rng.uniform(-300, 300, SIZE) for _ in range(2)]
        statistics_of(f"magnitudes of 1e-300 to 1e300, {name}", wide[0], wide[1])
    statistics_of("the same with noise", wide[0], wide[0] * (noisy / a))
    bits = [rng.integers(0, 1 << 64, SIZE, dtype=np.uint64).view(np.float64) for _ in range(2)]
    statistics_of("any bits", bits[0], bits[1])
    memory_of(a, independent)
    memory_of(a.reshape(1000, -1), np.asfortranarray(independent.reshape(1000, -1)))
    values = {f"layer{i}": {f"w{j}": float(a[i * 100 + j]) for j in range(100)} for i in range(1000)}
    nested("equal", values, {k: {j: float(repr(x)) for j, x in inner.items()} for k, inner in values.items()})
    nested("all different", values, {k: {j: x + 1e-12 for j, x in inner.items()} for k, inner in values.items()})


if __name__ == "__main__":
    main()
