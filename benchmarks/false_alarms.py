"""Repeat programs that are known to be clean, many times and in every way: not one of them may be called a drift.

    python benchmarks/false_alarms.py ../shared/corpus [--runs 200] [--budget SECONDS] [--only NAME,...]

The programs are those modules below the folder whose ``CAUSE`` is ``none`` (each has ``train() -> dict``), and the
tests in examples/clean. Each is executed `runs` times with every ``--repro-isolation``, and 20 times in fresh
interpreters with every factor varied that a program has no right to depend on. Instruction sets and threads are
not among those: another CPU's BLAS rounds otherwise, and a program says with ``HOLDS = ("threads", "cpu")`` that
its numbers survive them. Where one execution is so slow that all would take longer than the budget, there are
fewer, and the table says how many.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import TEST, truth

ROOT = Path(__file__).resolve().parents[1]
#: what no result may depend on, whatever the program
SURROUNDINGS = "process,hash-seed,timezone,locale,cwd,home,environ,files,memory,clock,order"
WAYS = ("inline", "process", "auto", "vary")
VARY_RUNS = 20
#: fewer say little
LEAST = 10


@dataclass(frozen=True)
class Program:
    """A test file of a clean program, and the factors beyond its surroundings that it claims to survive."""

    name: str
    text: str
    holds: tuple[str, ...] = ()


def programs(corpus: Path) -> Iterator[Program]:
    """The clean programs of the corpus and the shipped examples."""
    for path in sorted(corpus.rglob("*.py")):
        facts = truth(path)
        if facts.get("CAUSE") == "none":
            text = TEST.format(folder=str(path.parent.resolve()), name=path.stem)
            yield Program(path.stem, text, tuple(facts.get("HOLDS", ())))
    for path in sorted((ROOT / "examples" / "clean").glob("test_*.py")):
        yield Program(path.stem, path.read_text(encoding="utf-8"))


def options(program: Program, way: str) -> list[str]:
    """What tells pytest to repeat it this way."""
    if way == "vary":
        return ["--repro-isolation=process", f"--repro-vary={','.join([SURROUNDINGS, *program.holds])}"]
    return [f"--repro-isolation={way}"]


def session(program: Program, way: str, runs: int) -> tuple[list[dict[str, object]], float, str]:
    """The tests of one session's report, the seconds of CPU it took, and what was printed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_program.py").write_text(program.text, encoding="utf-8")
        out = Path(folder, "out.json")
        command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
        environment["PYTHONPATH"] = str(ROOT)
        before = os.times()
        result = subprocess.run(
            [
                *command,
                f"--repro-runs={runs}",
                "--repro-explain=off",
                f"--repro-json={out}",
                *options(program, way),
            ],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        after = os.times()
        took = after.children_user + after.children_system - before.children_user - before.children_system
        tests = json.loads(out.read_text(encoding="utf-8"))["tests"] if out.exists() else []
        return tests, took, result.stdout


def seconds_each(program: Program) -> float:
    """CPU seconds of one execution, by what 2 and 6 of them take in one process."""
    few, many = (session(program, "inline", count)[1] for count in (2, 6))
    return max((many - few) / 4, 0.001)


def main() -> int:
    """Print a line for each program and way; 1 when one of them raised an alarm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--budget", type=float, default=0, help="seconds of CPU for each program and way; 0: no limit")
    parser.add_argument("--only", default="", help="names of programs, separated by commas")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    alarms = made = 0
    for program in programs(arguments.corpus):
        if only and program.name not in only:
            continue
        affordable = max(LEAST, int(arguments.budget / seconds_each(program))) if arguments.budget else arguments.runs
        for way in arguments.ways.split(","):
            runs = min(affordable, VARY_RUNS if way == "vary" else arguments.runs)
            tests, took, printed = session(program, way, runs)
            verdicts = [str(test["verdict"]) for test in tests] or ["no result"]
            good = all(verdict == "reproduced" for verdict in verdicts)
            alarms += not good
            made += runs * len(tests)
            print(f"{program.name:36} {way:8} {runs:4} runs {took:7.1f} s of CPU  {', '.join(verdicts)}", flush=True)
            if not good:
                print(printed, flush=True)
    print(f"{made} executions, {alarms} alarms")
    return int(bool(alarms) or not made)


if __name__ == "__main__":
    raise SystemExit(main())
