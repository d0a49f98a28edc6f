"""How each tool is used in `benchmarks/peers.py`: the test, the plugins and the arguments of each session."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASSERTED", "HEAD", "OURS", "RUNS", "TOOLS", "Tool"]

RUNS = 3

HEAD = """\
import importlib
import sys
sys.path.insert(0, {programs!r})
import numpy as np
import pytest

NAMES = {names!r}
every = pytest.mark.parametrize("name", NAMES)

def train(name):
    return importlib.import_module(name).train()

def twice(name):
    results = []
    for _ in range(2):
        np.random.seed(0)
        results.append(train(name))
    return results

def plain(value):
    return value.tolist() if isinstance(value, np.ndarray) else value

def is_numeric(value):
    return isinstance(value, (float, int, np.ndarray)) or (
        isinstance(value, list) and all(isinstance(item, (int, float)) for item in value))

def yaml_ready(value):
    return sorted(value) if isinstance(value, set) else value
"""

#: what a test of training code asserts, in the form that each tool asks for
ASSERTED = """
@every
def test_program(name):
    assert train(name)["score"] > 0.5
"""
OURS = """
@pytest.mark.repro
@every
def test_program(name, repro):
    for key, value in train(name).items():
        repro.artifact(key, value)
"""
REGRESSIONS = """
@every
def test_program(name, ndarrays_regression, data_regression):
    result = train(name)
    numbers = {key: np.asarray(value) for key, value in result.items() if is_numeric(value)}
    others = {key: yaml_ready(value) for key, value in result.items() if not is_numeric(value)}
    ndarrays_regression.check(numbers)
    if others:
        data_regression.check(others)
"""
SYRUPY = """
@every
def test_program(name, snapshot):
    assert {key: plain(value) for key, value in train(name).items()} == snapshot
"""
BENCHMARK = """
@every
def test_program(name, benchmark):
    result = benchmark.pedantic(train, args=(name,), rounds=1)
    benchmark.extra_info.update({key: plain(value) for key, value in result.items() if is_numeric(value)})
"""
COLD = """
import joblib, pathlib

@every
def test_program(name):
    with pathlib.Path(f"{name}.hashes").open("a") as file:
        file.write(joblib.hash(train(name)) + "\\n")
"""
NUMPY_TESTING = """
@every
def test_program(name):
    first, second = twice(name)
    np.testing.assert_equal(first, second)
"""
DEEPDIFF = """
from deepdiff import DeepDiff

@every
def test_program(name):
    first, second = twice(name)
    assert not DeepDiff(first, second)
"""
JOBLIB = """
import joblib

@every
def test_program(name):
    first, second = twice(name)
    assert joblib.hash(first) == joblib.hash(second)
"""


@dataclass(frozen=True)
class Tool:
    """One way to look for drift: the test module, the plugins, and one list of arguments for each session."""

    name: str
    test: str
    plugins: tuple[str, ...] = ()
    sessions: tuple[tuple[str, ...], ...] = ((),)
    #: sessions whose failures are no finding: they write what later ones are compared with
    preparing: int = 0
    package: str = ""


REPEAT = ("pytest_repeat",)
TOOLS = (
    Tool(
        "pytest-repro",
        OURS,
        ("pytest_repro.plugin",),
        ((f"--repro-runs={RUNS}", "--repro-json=report.json", "--repro-session-budget=1800"),),
    ),
    Tool("pytest-repeat", ASSERTED, REPEAT, ((f"--count={RUNS}",),), package="pytest-repeat"),
    Tool(
        "pytest-randomly + pytest-repeat",
        ASSERTED,
        ("pytest_randomly", *REPEAT),
        ((f"--count={RUNS}",),),
        package="pytest-randomly",
    ),
    Tool(
        "flake-finder",
        ASSERTED,
        ("pytest_flakefinder",),
        (("--flake-finder", f"--flake-runs={RUNS}"),),
        package="pytest-flakefinder",
    ),
    Tool(
        "pytest-rerunfailures",
        ASSERTED,
        ("pytest_rerunfailures",),
        ((f"--reruns={RUNS - 1}",),),
        package="pytest-rerunfailures",
    ),
    Tool(
        "pytest-regressions",
        REGRESSIONS,
        ("pytest_regressions.plugin", "pytest_datadir.plugin"),
        (("--regen-all",), *[()] * (RUNS - 1)),
        1,
        "pytest-regressions",
    ),
    Tool("syrupy", SYRUPY, ("syrupy",), (("--snapshot-update",), *[()] * (RUNS - 1)), 1, "syrupy"),
    Tool(
        "pytest-benchmark's storage",
        BENCHMARK,
        ("pytest_benchmark.plugin",),
        (("--benchmark-autosave",), *[("--benchmark-autosave", "--benchmark-compare")] * (RUNS - 1)),
        1,
        "pytest-benchmark",
    ),
    Tool(f"{RUNS} cold sessions, joblib.hash", COLD, (), ((),) * RUNS, package="joblib"),
    Tool("numpy.testing, twice in the test", NUMPY_TESTING, package="numpy"),
    Tool("DeepDiff, twice in the test", DEEPDIFF, package="deepdiff"),
    Tool("joblib.hash, twice in the test", JOBLIB, package="joblib"),
)
