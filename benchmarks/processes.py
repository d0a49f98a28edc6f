"""What runs in fresh interpreters cost: against cold pytest calls, per warm run, and `auto` against inline.

    python benchmarks/processes.py [rounds]

CPU seconds (user and system, children included) of whole commands, interleaved. Cold calls are a sample: a hundred
of them are a hundred times one. Needs scikit-learn; the torch rows need torch.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
TESTS, RUNS, SAMPLE = 20, 5, 2

SKLEARN = """
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

@pytest.mark.repro
@pytest.mark.parametrize("case", range({tests}))
def test_fit(repro, case):
    X, y = make_classification(200, 8, random_state=case)
    model = (RandomForestClassifier(10, random_state=0) if case % 2 else LogisticRegression()).fit(X, y)
    repro.metric("accuracy", model.score(X, y))
    repro.artifact("model", model)
"""
TORCH = """
import pytest, torch

@pytest.mark.repro
@pytest.mark.parametrize("case", range({tests}))
def test_fit(repro, case):
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    optimiser = torch.optim.Adam(model.parameters())
    x = torch.randn(64, 8)
    for step in range(5):
        optimiser.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimiser.step()
        repro.metric("loss", loss.item(), step=step)
    repro.artifact("weights", model.state_dict())
"""
TRIVIAL = """
import pytest, numpy

@pytest.mark.repro
def test_it(repro):
    repro.metric("x", 1.0)
"""


def cpu(folder: Path, *arguments: str) -> float:
    """CPU seconds of one session and its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_repro.plugin", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles the plugin anew
    result = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        raise SystemExit(result.stdout)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def against_cold(name: str, source: str, rounds: int) -> None:
    """Process runs of a suite / as many cold calls of pytest with one node id."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "test_it.py").write_text(source.format(tests=TESTS))
        ratios = []
        for _ in range(rounds):
            ours = cpu(folder, f"--repro-runs={RUNS}", "--repro-isolation=process", "--repro-explain=off")
            cold = [cpu(folder, f"test_it.py::test_fit[{case}]") for case in range(SAMPLE)]
            ratios.append(ours / (median(cold) * TESTS * RUNS))
    print(f"{name}: {TESTS} tests x {RUNS} process runs / cold calls: {median(ratios):.3f} (bar: 0.08)")


def one_warm_run(rounds: int) -> None:
    """CPU milliseconds of one more run in a worker that is there already."""
    few, many = 4, 44
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "test_it.py").write_text(TRIVIAL)
        costs = []
        for _ in range(rounds):
            small, large = (cpu(folder, f"--repro-runs={n}", "--repro-isolation=process") for n in (few, many))
            costs.append(1000 * (large - small) / (many - few))
    print(f"one warm run: {median(costs):.0f} ms (bar: 40)")


def auto_against_inline(rounds: int) -> None:
    """The shipped examples with three runs, where the default puts them and all in one process."""
    examples = str(ROOT / "examples" / "clean")
    ratios = []
    for _ in range(rounds):
        auto = cpu(ROOT, examples, "--repro-runs=3")
        ratios.append(auto / cpu(ROOT, examples, "--repro-runs=3", "--repro-isolation=inline"))
    print(f"examples, 3 runs: auto / inline: {median(ratios):.2f} (bar: 1.60)")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    against_cold("scikit-learn", SKLEARN, rounds)
    if importlib.util.find_spec("torch"):
        against_cold("torch", TORCH, rounds)
    one_warm_run(rounds)
    auto_against_inline(rounds)


if __name__ == "__main__":
    main()
