"""This plugin and its peers on the same work: drifts caught, causes named, false alarms, time and memory.

    pip install ".[peers]" && python benchmarks/peers.py --out docs/peers.md

Each tool is used as its documentation says. Tools that repeat a test see what its assertion sees; tools that compare
get the very values that this plugin records. Sessions of all tools are interleaved, so that a busy machine slows all of
them; CPU time is that of all processes of a session.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "benchmarks" / "peer_programs"
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


@dataclass
class Cost:
    """What one tool's sessions took."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """What one tool said of the programs."""

    caught: frozenset[str]
    #: program → the factor that was named as the cause
    causes: dict[str, str] = field(default_factory=dict)


def truths() -> dict[str, str]:
    """Program → the factor that decides its result, empty where it must not drift."""
    found = {}
    for path in sorted(PROGRAMS.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CAUSE":
                found[path.stem] = ast.literal_eval(node.value)
    return found


def session(folder: Path, tool: Tool, arguments: Sequence[str], cost: Cost | None = None) -> None:
    """One pytest session with the plugins of `tool` and no other."""
    environment = {name: text for name, text in os.environ.items() if name not in ("PYTHONHASHSEED", "PYTEST_ADDOPTS")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    loaded = [part for plugin in tool.plugins for part in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *loaded, *arguments, "test_programs.py"]
    begin = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit((folder / "output.txt").read_text()[-4000:] + f"\n{tool.name}: exit {process.returncode}")
    if cost is not None:
        cost.wall.append(time.perf_counter() - begin)
        cost.cpu.append(usage.ru_utime + usage.ru_stime)
        cost.memory.append(usage.ru_maxrss / 1024)


def failed(junit: Path, names: Sequence[str]) -> set[str]:
    """Programs of which a test failed."""
    found = set()
    for case in ET.parse(junit).iter("testcase"):
        bad = any(child.tag in ("failure", "error") for child in case)
        inside = case.get("name", "")
        found |= {name for name in names if bad and name in inside}
    return found


def scored(tool: Tool, names: Sequence[str]) -> Score:
    """Run a tool over all programs."""
    caught: set[str] = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        test = HEAD.format(programs=str(PROGRAMS), names=list(names)) + tool.test
        (folder / "test_programs.py").write_text(test, encoding="utf-8")
        for number, arguments in enumerate(tool.sessions):
            session(folder, tool, [*arguments, f"--junitxml={folder / 'junit.xml'}"])
            if not (folder / "junit.xml").exists():
                raise SystemExit((folder / "output.txt").read_text()[-4000:])
            if number >= tool.preparing:
                caught |= failed(folder / "junit.xml", names)
        for file in folder.glob("*.hashes"):
            if len(set(file.read_text().split())) > 1:
                caught.add(file.stem)
        report = folder / "report.json"
        return Score(frozenset(caught), _causes(report, names) if report.exists() else {})


def _causes(report: Path, names: Sequence[str]) -> dict[str, str]:
    found = {}
    for test in json.loads(report.read_text(encoding="utf-8"))["tests"]:
        cause = test.get("cause") or {}
        if cause.get("status") == "cause":
            found |= {name: cause["factor"] for name in names if f"[{name}]" in test["nodeid"]}
    return found


# --- what it costs ------------------------------------------------------------------------------

#: twenty tests that train: numpy only, so that no import hides the tools' own costs
WORK = """
import numpy as np

def train(name):
    rng = np.random.default_rng(len(name))
    X, y = rng.normal(size=(400, 40)), rng.normal(size=400)
    weights = np.zeros(40)
    for _ in range(300):
        weights -= 0.001 * X.T @ (X @ weights - y) / 400
    return {"score": 1.0, "weights": weights}
"""


def costs(rounds: int) -> dict[str, Cost]:
    """Time and memory of each tool on tests that do not drift; one plain session is the measure."""
    names = [f"job_{number}" for number in range(20)]
    once = Tool("one plain session", ASSERTED)
    inline = Tool(
        "pytest-repro, all runs in this process",
        OURS,
        ("pytest_repro.plugin",),
        ((f"--repro-runs={RUNS}", "--repro-isolation=inline"),),
    )
    tools = (once, inline, *TOOLS)
    found = {tool.name: Cost() for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                test = HEAD.format(programs=str(folder), names=names) + WORK + tool.test
                (folder / "test_programs.py").write_text(test, encoding="utf-8")
                whole = Cost()
                for arguments in tool.sessions:
                    session(folder, tool, arguments, whole)
                cost = found[tool.name]
                cost.cpu.append(sum(whole.cpu))
                cost.wall.append(sum(whole.wall))
                cost.memory.append(max(whole.memory))
        print("costs: one round", flush=True)
    return found


# --- comparing two values -----------------------------------------------------------------------


def comparisons(rounds: int) -> list[tuple[str, str, float, float]]:
    """(value, tool, seconds, MB of extra memory) for two equal values; medians of interleaved rounds."""
    import joblib
    import numpy as np
    from deepdiff import DeepDiff

    from pytest_repro.compare import match
    from pytest_repro.model import Tolerance
    from pytest_repro.values import canonical

    def nested() -> dict[str, dict[str, float]]:
        rng = np.random.default_rng(0)
        return {f"layer {i}": {f"w {j}": float(rng.random()) for j in range(100)} for i in range(100)}

    def array() -> np.ndarray:
        return np.random.default_rng(0).normal(size=200_000)

    tools: dict[str, Callable[[Any, Any], object]] = {
        "pytest-repro": lambda a, b: match(canonical(a), canonical(b), Tolerance()),
        "numpy.testing.assert_equal": np.testing.assert_equal,
        "DeepDiff": DeepDiff,
        "joblib.hash": lambda a, b: joblib.hash(a) == joblib.hash(b),
    }
    rows = []
    for what, make in (("array of 200,000 floats", array), ("10,000 floats in dicts", nested)):
        times: dict[str, list[float]] = {name: [] for name in tools}
        first, second = make(), make()
        for _ in range(rounds):
            for name, compare in tools.items():
                begin = time.perf_counter()
                compare(first, second)
                times[name].append(time.perf_counter() - begin)
        rows += [(what, name, statistics.median(times[name]), _memory(tools[name], first, second)) for name in tools]
    return rows


def _memory(compare: Callable[[Any, Any], object], first: object, second: object) -> float:
    tracemalloc.start()
    compare(first, second)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


# --- the page -----------------------------------------------------------------------------------


def page(scores: dict[str, Score], found: dict[str, Cost], values: list[tuple[str, str, float, float]]) -> str:
    """docs/peers.md."""
    truth = truths()
    drifting = [name for name, cause in truth.items() if cause]
    clean = [name for name, cause in truth.items() if not cause]
    packages = sorted({tool.package for tool in TOOLS if tool.package})
    lines = [
        "# Beside its peers",
        "",
        'Written by `python benchmarks/peers.py --out docs/peers.md` (`pip install ".[peers]"` first), which says how',
        "each tool is used: as its own documentation does. Tools that repeat a test see what its assertion sees, that",
        "`score` is above 0.5; tools that compare values get the very values that this plugin records.",
        "",
        f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in packages)}.",
        "",
        "## What they find",
        "",
        f"{len(drifting)} small programs that drift, each for one known reason, and {len(clean)} that must not",
        f"([benchmarks/peer_programs](../benchmarks/peer_programs/README.md)); {RUNS} runs each where a tool repeats.",
        "",
        "| tool | drifts caught | cause named, and right | false alarms |",
        "|---|---|---|---|",
    ]
    for tool in TOOLS:
        score = scores[tool.name]
        right = sum(score.causes.get(name) == truth[name] for name in drifting)
        lines.append(
            f"| {tool.name} | {sum(name in score.caught for name in drifting)} of {len(drifting)} "
            f"| {right if tool is TOOLS[0] else 'none is named'} | {sum(name in score.caught for name in clean)} of "
            f"{len(clean)} |"
        )
    lines += ["", *_by_program(scores, drifting, clean, truth), "", *_reading(scores, truth), "", *_cost_lines(found)]
    return "\n".join([*lines, "", *_value_lines(values), ""])


def _by_program(scores: dict[str, Score], drifting: list[str], clean: list[str], truth: dict[str, str]) -> list[str]:
    lines = ["| program | reason | caught by |", "|---|---|---|"]
    for name in (*drifting, *clean):
        tools = [tool.name for tool in TOOLS if name in scores[tool.name].caught]
        reason = truth[name] or "must not drift"
        lines.append(f"| `{name}` | {reason} | {'; '.join(tools) or 'none'} |")
    return lines


def _reading(scores: dict[str, Score], truth: dict[str, str]) -> list[str]:
    wrong = {name: said for name, said in scores[TOOLS[0].name].causes.items() if said != truth[name]}
    said = ", ".join(f"{said} for `{name}`" for name, said in wrong.items()) or "none"
    return [
        f"Wrong causes that pytest-repro stated: {said}.",
        "",
        "- Repeating in one process (pytest-repeat, flake-finder, the checks that train twice in the test) cannot see",
        "  what differs between processes: hash seeds, addresses, process numbers.",
        "- pytest-regressions and syrupy compare with a file, across sessions, and miss what only a second call in one",
        "  process shows. Their question is another one: whether results are still those of last month, for which this",
        "  plugin has `--repro-baseline`.",
        "- pytest-rerunfailures passes a test that passes once: it is for living with drift, not for finding it.",
        "- pytest-benchmark stores values beside its timings and compares the timings only.",
    ]


def _cost_lines(found: dict[str, Cost]) -> list[str]:
    base = found["one plain session"]
    lines = [
        "## What they cost",
        "",
        f"Twenty tests that train a small model and do not drift, {RUNS} runs where a tool repeats, as a multiple of",
        f"one plain pytest session (median of {len(base.cpu)} interleaved rounds; CPU time of all its processes;",
        "memory is the peak of the largest process).",
        "",
        "| tool | CPU time | wall time | peak memory |",
        "|---|---|---|---|",
    ]
    for name, cost in found.items():
        cpu = statistics.median(a / b for a, b in zip(cost.cpu, base.cpu, strict=True))
        wall = statistics.median(a / b for a, b in zip(cost.wall, base.wall, strict=True))
        lines.append(f"| {name} | {cpu:.1f} x | {wall:.1f} x | {statistics.median(cost.memory):.0f} MB |")
    return lines


def _value_lines(values: list[tuple[str, str, float, float]]) -> list[str]:
    lines = [
        "## Comparing two values",
        "",
        "Two equal values, from the objects to the answer.",
        "",
        "| value | tool | time | extra memory |",
        "|---|---|---|---|",
    ]
    lines += [f"| {what} | {name} | {1e3 * took:.1f} ms | {memory:.1f} MB |" for what, name, took, memory in values]
    return lines


def main() -> int:
    """Run and write; 1 when this plugin misses a drift, names a wrong cause or raises a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the page of the docs")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of the costs (default: 3)")
    parser.add_argument("--only", default="", help="tools whose name has this in it; no page is written then")
    arguments = parser.parse_args()
    truth = truths()
    chosen = [tool for tool in TOOLS if arguments.only in tool.name]
    scores = {}
    for tool in chosen:
        scores[tool.name] = score = scored(tool, list(truth))
        right = Counter(score.causes.get(name) == cause for name, cause in truth.items() if cause)[True]
        caught = sorted(name for name in score.caught if truth[name])
        alarms = sorted(name for name in score.caught if not truth[name])
        print(f"{tool.name}: {len(caught)} caught, {right} causes right, alarms {alarms or 'none'}", flush=True)
    if not arguments.only:
        text = page(scores, costs(arguments.rounds), comparisons(5))
        if arguments.out:
            arguments.out.write_text(text, encoding="utf-8")
        print(text)
    ours = scores.get(TOOLS[0].name)
    return int(ours is not None and not _faultless(ours, truth))


def _faultless(ours: Score, truth: dict[str, str]) -> bool:
    right = all(truth[name] == said for name, said in ours.causes.items())
    return right and ours.caught == {name for name, cause in truth.items() if cause}


if __name__ == "__main__":
    raise SystemExit(main())
