"""What repeating a test in one process costs: time against pytest-repeat, one recorded scalar, memory of artifacts.

    python benchmarks/inline.py [rounds]

Each bar is a ratio taken from interleaved sessions, or a time per call, so that a busy machine moves both sides.
Where valgrind is installed, whole sessions are counted in instructions instead: a busy machine moves those by less
than one in a thousand, CPU seconds by ten in a hundred. Needs pytest-repeat.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
TESTS = 50

OURS = "import pytest\n" + "".join(
    f"@pytest.mark.repro\ndef test_{n}(repro):\n    repro.metric('x', {n}.0)\n" for n in range(TESTS)
)
#: what records there is a fixture, too
THEIRS = "import pytest\n@pytest.fixture\ndef record():\n    seen = []\n    yield seen.append\n" + "".join(
    f"def test_{n}(record):\n    record(('x', {n}.0))\n" for n in range(TESTS)
)

MEMORY = """
import numpy as np, pytest

@pytest.mark.repro
def test_it(repro):
    start = repro.run if {drifting} else 0
    for piece in range({pieces}):
        repro.artifact(f"piece_{{piece}}", np.full({size}, float(start + piece)))
"""
CONFTEST = """
import pathlib, threading, time, pytest

PEAK, STOP = [0.0], threading.Event()

def resident():
    # what the kernel cannot write to a disk and take back; pages of files on a disk it can
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem"))) / 1024

def watch():
    while not STOP.wait(0.005):
        PEAK[0] = max(PEAK[0], resident())

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop():
    import numpy, pytest_repro.compare, pytest_repro.values
    pathlib.Path("before").write_text(str(resident()))
    threading.Thread(target=watch, daemon=True).start()

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    STOP.set()
    held = sum(file.stat().st_size for file in pathlib.Path("/dev/shm").glob("pytest-repro-*/*.npy")) / 2**20
    pathlib.Path("after").write_text(f"{PEAK[0]} {held}")
"""


def executed(folder: Path, prefix: list[str], arguments: tuple[str, ...]) -> str:
    """What one session wrote to standard error."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(folder)])
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else every session compiles the plugin anew
    command = [*prefix, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise SystemExit(result.stdout + result.stderr)
    return result.stderr


def session(folder: Path, *arguments: str) -> float:
    """CPU seconds of one session."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    executed(folder, [], arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def instructions(folder: Path, *arguments: str) -> float:
    """Instructions of one session."""
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    found = re.search(r"I +refs: +([\d,]+)", executed(folder, counter, arguments))
    if found is None:
        raise SystemExit("valgrind printed no count of instructions")
    return float(found[1].replace(",", ""))


def interleaved(rounds: int, *commands: tuple[Path, tuple[str, ...]]) -> list[tuple[float, ...]]:
    """Rounds of what each session costs: one round of instructions, or several of CPU seconds."""
    counted = shutil.which("valgrind") is not None
    if counted:  # compiled once, before it is counted
        for folder, arguments in commands:
            session(folder, *arguments)
    measure = instructions if counted else session
    return [
        tuple(measure(folder, *arguments) for folder, arguments in commands) for _ in range(1 if counted else rounds)
    ]


def start_up(rounds: int) -> None:
    """A session that has no use for the plugin, against one with a plugin that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_it.py").write_text(THEIRS)
        (folder / "nothing_at_all.py").write_text("")
        taken = interleaved(rounds, *((folder, ("-p", name)) for name in ("pytest_repro.plugin", "nothing_at_all")))
    ratio = median(mine / other for mine, other in taken)
    print(f"{TESTS} tests without a mark, with the plugin / with an empty one: {ratio:.3f} (bar: 1.03)")


def against_repeat(runs: int, rounds: int) -> None:
    """Whole sessions, and the same less what collecting alone takes."""
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name, "ours"), Path(name, "theirs")
        for folder, source in ((ours, OURS), (theirs, THEIRS)):
            folder.mkdir()
            (folder / "test_it.py").write_text(source)
        taken = interleaved(
            rounds,
            (ours, ("-p", "pytest_repro.plugin", f"--repro-runs={runs}", "--repro-isolation=inline")),
            (theirs, ("-p", "pytest_repeat", f"--count={runs}")),
        )
    ratio = median(mine / other for mine, other in taken)
    print(f"{TESTS} tests, {runs:3} runs inline / pytest-repeat --count={runs}: {ratio:.3f} (bar: 1.10)")


def scalar(rounds: int) -> None:
    """Microseconds of one ``repro.metric`` call, and of one step of a loop that does nothing else."""
    from pytest_repro.model import Tolerance
    from pytest_repro.recorder import Keeper, Recorder, Repro
    from pytest_repro.streams import Streams

    count, streams = 100_000, Streams()
    times = []
    for _ in range(rounds):
        log = Recorder(nodeid="t", keeper=Keeper(), tolerance_for=lambda _name: Tolerance(), streams=streams)
        repro = Repro(seed=0, run=1, runs=2, recorder=log)
        start = time.process_time()
        for step in range(count):
            repro.metric("loss", 0.5, step=step)
        times.append((time.process_time() - start) / count * 1e6)
    print(f"one scalar: {median(times):.2f} us, at best {min(times):.2f} us (bar: 2)")


def memory(runs: int, *, drifting: bool, pieces: int) -> None:
    """Peak growth of the process, with what lies in memory-backed files, per byte of one run's artifacts."""
    total = 200
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = total * 2**20 // 8 // pieces
        (folder / "test_it.py").write_text(MEMORY.format(drifting=drifting, pieces=pieces, size=size))
        (folder / "conftest.py").write_text(CONFTEST)
        options = (f"--repro-runs={runs}", "--repro-isolation=inline", "--repro-explain=off")
        session(folder, "-p", "pytest_repro.plugin", *options)
        before = float((folder / "before").read_text())
        peak, held = map(float, (folder / "after").read_text().split())
    kind = "all different" if drifting else "all equal"
    print(f"{total} MB in {pieces:2} artifacts, {runs:2} runs {kind}: ", end="")
    print(f"{(peak - before + held) / total:.2f} x (bar: 2.20)")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    scalar(rounds)
    start_up(rounds)
    for runs in (3, 10, 30):
        against_repeat(runs, rounds)
    for pieces in (20, 1):
        for runs in (2, 10):
            for drifting in (False, True):
                memory(runs, drifting=drifting, pieces=pieces)


if __name__ == "__main__":
    main()
