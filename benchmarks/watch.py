"""What `repro.watch` costs a training step of torch, with and without it in turn.

    python benchmarks/watch.py

Three linear layers, Adam, one thread. Blocks of ten steps take turns, unwatched and watched; the first step
of each is left out. Prints the median CPU time of a step: the table of docs/watch.md.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import torch

from pytest_repro.model import Tolerance
from pytest_repro.recorder import Keeper, Recorder, Repro
from pytest_repro.streams import Streams

#: width, batch, pairs of blocks
SIZES = ((32, 32, 40), (128, 128, 30), (512, 256, 8))
STEPS = 10


def training(width: int, batch: int) -> Any:
    """A function that makes one step, and its model."""
    torch.manual_seed(0)
    layers: list[Any] = [torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters())
    data, labels = torch.randn(batch, 64), torch.randint(0, 10, (batch,))
    loss = torch.nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(model(data), labels).backward()
        optimizer.step()

    return model, step


def block(model: Any, step: Any, *, watched: bool) -> list[int]:
    """CPU time of some steps, in nanoseconds."""
    log = Recorder(nodeid="watch", keeper=Keeper(), tolerance_for=lambda _: Tolerance(), streams=Streams())
    if watched:
        Repro(seed=0, run=1, runs=2, recorder=log).watch(model)
    times = []
    for _ in range(STEPS):
        start = time.thread_time_ns()
        step()
        times.append(time.thread_time_ns() - start)
    log.close()
    return times[1:]


def main() -> None:
    """Measure all sizes."""
    torch.set_num_threads(1)
    print("| width, batch | step | watched |\n|---|---|---|")
    for width, batch, pairs in SIZES:
        arms = {watched: training(width, batch) for watched in (False, True)}
        times: dict[bool, list[int]] = {False: [], True: []}
        for _ in range(pairs):
            for watched, (model, step) in arms.items():
                times[watched] += block(model, step, watched=watched)
        plain, seen = median(times[False]), median(times[True])
        print(f"| {width}, {batch} | {plain / 1e6:.2f} ms | +{(seen / plain - 1) * 100:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
