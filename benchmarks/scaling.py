"""How cost grows with tests, runs and workers; writes the tables of docs/scaling.md.

    python benchmarks/scaling.py              measure and write
    python benchmarks/scaling.py --quick      the smaller sizes only; cells of the others stay empty
    python benchmarks/scaling.py --smoke      measure the smallest sizes and write nothing

CPU seconds are those of the session with all its processes, so that a busy machine changes them little; seconds of
the wall clock are given where waiting matters. Needs pytest-xdist.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scaling.md"
PART = re.compile(r"(<!-- measured: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
#: a test that does next to nothing, so that what is measured is what repeating costs
TEST = "@pytest.mark.repro\ndef test_{n}(repro):\n    repro.metric('x', {n}.0)\n"
PLAIN = "@pytest.mark.parametrize('run', range({runs}))\ndef test_{n}(run, record):\n    record(('x', {n}.0))\n"
RECORD = "@pytest.fixture\ndef record():\n    seen = []\n    yield seen.append\n"
ENGINE = """\
from concurrent.futures import ThreadPoolExecutor

def engine():
    return ThreadPoolExecutor(2)
"""


class Cost(NamedTuple):
    """Seconds of one session."""

    cpu: float
    wall: float


def session(source: str, *options: str) -> Cost:
    """Run a test file in a session of its own, in as many files as give xdist something to share out."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text("import pytest\n" + source, encoding="utf-8")
        Path(folder, "engines.py").write_text(ENGINE, encoding="utf-8")
        Path(folder, "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "pytest_repro.plugin",
            *options,
        ]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(done.stdout)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def ours(tests: int, runs: int, *options: str) -> Cost:
    """A session that repeats so many tests so often."""
    return session("".join(TEST.format(n=n) for n in range(tests)), f"--repro-runs={runs}", *options)


def plain(tests: int, runs: int, *options: str) -> Cost:
    """As many executions by pytest alone."""
    source = RECORD + "".join(PLAIN.format(n=n, runs=runs) for n in range(tests))
    return session(source, "-p", "no:pytest_repro.plugin", *options)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def grid(tests: Sequence[int], runs: Sequence[int], skip: Callable[[int, int], bool], *options: str) -> str:
    """CPU seconds of every combination, and what one run more costs."""
    rows = []
    for count in tests:
        costs = {number: ours(count, number, *options).cpu for number in runs if not skip(count, number)}
        say(f"{options} {count} tests: {costs}")
        numbers = sorted(costs)
        more = ""
        if len(numbers) > 1:
            added = (costs[numbers[-1]] - costs[numbers[0]]) / (count * (numbers[-1] - numbers[0]))
            more = f"{1000 * added:.2g} ms"
        cells = [f"{costs[number]:.1f}" if number in costs else "" for number in runs]
        rows.append([str(count), *cells, more])
    return table(["tests", *(f"{number} runs" for number in runs), "one run more"], rows)


def inline(sizes: Sizes) -> str:
    def skip(tests: int, runs: int) -> bool:
        return tests * runs > sizes.most_calls

    return grid(sizes.tests, sizes.runs, skip, "--repro-isolation=inline")


def process(sizes: Sizes) -> str:
    def skip(tests: int, runs: int) -> bool:
        return tests * runs > sizes.most_forks

    return grid(sizes.tests, sizes.runs, skip, "--repro-isolation=process")


def cluster(sizes: Sizes) -> str:
    rows = []
    for count, runs in sizes.tasks:
        cost = ours(count, runs, "--repro-isolation=process", "--repro-executor=engines:engine")
        say(f"cluster {count} x {runs}: {cost}")
        rows.append([str(count), str(runs), str(count * runs), f"{cost.cpu:.1f}", f"{cost.cpu / (count * runs):.2f} s"])
    return table(["tests", "runs", "tasks", "CPU seconds", "per task"], rows)


def workers(sizes: Sizes) -> str:
    """Against as many plain executions on as many workers, interleaved."""
    rows = []
    for number, rounds in sizes.workers:
        options = ["-p", "xdist", f"-n{number}"] if number else []
        pairs = []
        for _ in range(rounds):
            mine = ours(sizes.shared, 3, "--repro-isolation=inline", *options)
            theirs = plain(sizes.shared, 3, *options)
            pairs.append((mine, theirs))
            say(f"-n{number}: {mine} against {theirs}")
        rows.append(
            [
                f"`-n {number}`" if number else "none",
                f"{median(mine.cpu for mine, _ in pairs):.1f}",
                f"{median(theirs.cpu for _, theirs in pairs):.1f}",
                f"{median(mine.wall / theirs.wall for mine, theirs in pairs):.2f}",
                f"{median(mine.cpu / theirs.cpu for mine, theirs in pairs):.2f}",
            ]
        )
    return table(["xdist", "CPU seconds", "plain pytest", "wall, ratio", "CPU, ratio"], rows)


def machine(_sizes: Sizes) -> str:
    return (
        f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores; "
        f"written by `python benchmarks/scaling.py` on {time.strftime('%Y-%m-%d', time.gmtime())}."
    )


class Sizes(NamedTuple):
    """What is measured."""

    tests: tuple[int, ...] = (10, 100, 1000)
    runs: tuple[int, ...] = (2, 10, 50)
    #: runs of one session beyond which a cell stays empty, in one process and in fresh interpreters
    most_calls: int = 50_000
    most_forks: int = 2000
    tasks: tuple[tuple[int, int], ...] = ((1, 2), (1, 10), (5, 2))
    #: (workers, rounds)
    workers: tuple[tuple[int, int], ...] = ((2, 3), (0, 1), (4, 1))
    shared: int = 1000


QUICK = Sizes(most_calls=5000, most_forks=200, tasks=((1, 2), (1, 10)), workers=((2, 3), (0, 1)))
SMOKE = Sizes((2,), (2, 3), 100, 100, ((1, 2),), ((0, 1),), 3)
PARTS: dict[str, Callable[[Sizes], str]] = {
    "machine": machine,
    "inline": inline,
    "process": process,
    "cluster": cluster,
    "workers": workers,
}


def parts(text: str) -> Iterator[tuple[str, str]]:
    """(name, content) of each generated part of the page."""
    for found in PART.finditer(text):
        yield found[2], found[3]


def main() -> None:
    """Measure, and write the page anew; with names, those parts only."""
    smoke = "--smoke" in sys.argv
    chosen = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
    sizes = SMOKE if smoke else QUICK if "--quick" in sys.argv else Sizes()
    measured = {name: PARTS[name](sizes) for name in chosen}
    if smoke:
        print("\n\n".join(measured.values()))
        return
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        PART.sub(
            lambda found: found[1] + (f"{measured[found[2]]}\n" if found[2] in measured else found[3]) + found[4], text
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
