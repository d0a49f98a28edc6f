"""Thousands of marked tests with a few planted drifts: exactly those are found, memory stays flat, the report repeats.

    python benchmarks/soak.py [--tests 2000] [--drifts 100] [--runs 3] [--isolation auto]

Each session is made twice in the same folder. Printed: the seconds, the drifts that were missed and the tests that
were blamed without reason, the growth of private memory over the last half of the session (this process and all
below it, median of the last tenth against the median of the tenth in the middle), the time of the last tests
against the first, and whether both reports are the same bytes (they hold no times).

Every second planted drift is state that leaks from run to run; the others come from the hash seed, and in a
session that stays in one process from the state as well, since nothing there could show them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PER_FILE = 50

MODULE = """
import numpy as np
import pytest

SEEN = []

def train(repro, number, drifts):
    noise = repro.rng.normal(size=1000)
    for step in range(20):
        repro.metric("loss", float(np.exp(-step / 5) + noise[step]), step=step)
    repro.metric("mean", noise.mean())
    repro.artifact("weights", noise)
    repro.artifact("settings", {"number": number, "layers": (3, 4), "names": ["a", "b"]})
    if drifts == "state":
        SEEN.append(number)
        repro.metric("late", float(SEEN.count(number)))
    elif drifts == "hash-seed":
        repro.artifact("late", list({f"{number}-{word}" for word in ("one", "two", "three", "four", "five", "six")}))
"""

CONFTEST = """
import json, os, pathlib, time, pytest

SAMPLES = []

def below(pid):
    try:
        children = [c for task in os.listdir(f"/proc/{pid}/task")
                    for c in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:  # it has just ended
        return
    for child in children:
        yield int(child)
        yield from below(child)

def private():
    total = 0
    for pid in [os.getpid(), *below(os.getpid())]:
        try:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))
    return total

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    if os.environ.get("SOAK_SAMPLES") and len(SAMPLES) < 100_000:
        SAMPLES.append((time.perf_counter(), private()))

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    out = os.environ.pop("SOAK_SAMPLES", None)
    if out and SAMPLES:
        pathlib.Path(out).write_text(json.dumps(SAMPLES))
"""


@dataclass(frozen=True)
class Session:
    """What one session reported and how it went."""

    report: bytes
    seconds: float
    samples: list[tuple[float, int]]

    @property
    def growth(self) -> float:
        """Private memory of the last tenth over that of the tenth in the middle, minus one."""
        tenth, half = len(self.samples) // 10, len(self.samples) // 2
        kib = [size for _, size in self.samples]
        return median(kib[-tenth:]) / median(kib[half : half + tenth]) - 1

    @property
    def slowing(self) -> float:
        """Seconds of a test in the last quarter over those in the second: 1 where a test costs the same all along."""
        quarter = len(self.samples) // 4
        times = [time for time, _ in self.samples]
        gaps = [after - before for before, after in pairwise(times)]
        return median(gaps[-quarter:]) / median(gaps[quarter : 2 * quarter])


def write_suite(folder: Path, tests: int, drifts: int, isolation: str) -> set[str]:
    """Write the test files; return the node ids of the tests that drift."""
    folder.joinpath("conftest.py").write_text(CONFTEST, encoding="utf-8")
    folder.joinpath("trainer.py").write_text(MODULE, encoding="utf-8")
    folder.joinpath("pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    every, planted = tests // drifts, set()
    for start in range(0, tests, PER_FILE):
        name = f"test_part_{start // PER_FILE:03}.py"
        lines = ["import pytest", "from trainer import train", ""]
        for number in range(start, min(start + PER_FILE, tests)):
            drift = "none"
            if number % every == every // 2 and number // every < drifts:
                drift = "hash-seed" if isolation != "inline" and number // every % 2 else "state"
                planted.add(f"{name}::test_{number}")
            call = f"train(repro, {number}, {drift!r})"
            lines += ["@pytest.mark.repro", f"def test_{number}(repro):", f"    {call}", ""]
        folder.joinpath(name).write_text("\n".join(lines), encoding="utf-8")
    return planted


def session(folder: Path, runs: int, isolation: str) -> Session:
    """Run the suite once."""
    out, samples = folder / "report.json", folder / "samples.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "SOAK_SAMPLES": str(samples),
        "PYTHONHASHSEED": "0",  # this process's own seed decides which seeds the others get; the report names them
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_repro.plugin", "--tb=no"]
    command += [f"--repro-runs={runs}", f"--repro-isolation={isolation}", "--repro-explain=off"]
    before = os.times()
    result = subprocess.run(
        [*command, f"--repro-json={out}"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    after = os.times()
    if result.returncode not in (0, 1):
        raise SystemExit(result.stdout[-5000:] + result.stderr[-5000:])
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return Session(out.read_bytes(), seconds, [tuple(sample) for sample in json.loads(samples.read_text())])


def judge(found: Session, planted: set[str]) -> tuple[set[str], set[str], set[str]]:
    """The tests that were missed, those that were blamed, and those whose first difference is not the planted one."""
    tests: list[dict[str, Any]] = json.loads(found.report)["tests"]
    drifted = {test["nodeid"] for test in tests if test["verdict"] == "drifted"}
    other = {test["nodeid"] for test in tests if test["verdict"] not in ("drifted", "reproduced")}
    wrong = {
        test["nodeid"]
        for test in tests
        if test["verdict"] == "drifted" and test["first_divergence"]["name"].split("[")[0] != "late"
    }
    return planted - drifted, (drifted - planted) | other, wrong


def main() -> int:
    """Soak and print; 1 when anything is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--drifts", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--isolation", default="auto", choices=["auto", "inline", "process"])
    arguments = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planted = write_suite(folder, arguments.tests, arguments.drifts, arguments.isolation)
        reports = []
        for number in (1, 2):
            found = session(folder, arguments.runs, arguments.isolation)
            missed, blamed, wrong = judge(found, planted)
            reports.append(found.report)
            good = good and not (missed or blamed or wrong) and found.growth <= 0.1
            print(
                f"session {number}: {found.seconds:.0f} s of CPU; planted {len(planted)}, missed {len(missed)}, "
                f"blamed {len(blamed)}, wrong first value {len(wrong)}; memory of the last half {found.growth:+.1%}, "
                f"{found.samples[-1][1] / 1024:.0f} MiB at the end; "
                f"a late test takes {found.slowing:.2f} of an early one",
                flush=True,
            )
            for nodeid in sorted(missed | blamed | wrong)[:10]:
                print(f"  {nodeid}")
    same = reports[0] == reports[1]
    print(f"reports of {len(reports[0]):,} bytes, {'identical' if same else 'DIFFERENT'}")
    return int(not (good and same))


if __name__ == "__main__":
    raise SystemExit(main())
