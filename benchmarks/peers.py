"""This plugin and its peers on the same work: drifts caught, causes named, false alarms, time and memory.

    pip install ".[peers]" && python benchmarks/peers.py --out docs/peers.md

Each tool is used as its documentation says. Tools that repeat a test see what its assertion sees; tools that compare
get the very values that this plugin records. Sessions of all tools are interleaved, so that a busy machine slows all of
them; CPU time is that of all processes of a session.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peer_page import PROGRAMS, Cost, Score, page, truths
from peer_tools import ASSERTED, HEAD, OURS, RUNS, TOOLS, Tool

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the checkout is measured, whatever is installed


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


def main() -> int:
    """Run and write; 1 when this plugin names a wrong cause or raises a false alarm."""
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
        missed = sorted(name for name, cause in truth.items() if cause and name not in score.caught)
        print(f"{tool.name}: {len(caught)} caught, {right} causes right, alarms {alarms or 'none'}", flush=True)
        print(f"  missed: {', '.join(missed) or 'none'}", flush=True)
        if score.causes:
            print(f"  causes: {score.causes}", flush=True)
    if not arguments.only:
        text = page(scores, costs(arguments.rounds), comparisons(5))
        if arguments.out:
            arguments.out.write_text(text, encoding="utf-8")
        print(text)
    ours = scores.get(TOOLS[0].name)
    return int(ours is not None and not _faultless(ours, truth))


def _faultless(ours: Score, truth: dict[str, str]) -> bool:
    right = all(truth[name] == said for name, said in ours.causes.items())
    return right and not any(name in ours.caught for name, cause in truth.items() if not cause)


if __name__ == "__main__":
    raise SystemExit(main())
