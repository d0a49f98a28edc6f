"""How many runs of several processes may execute at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_repro.execute.slots import held, make_slots

pytest.importorskip("fcntl")

HOLDER = """
import sys, time
from pytest_repro.execute.slots import held
with held(sys.argv[1], worker=int(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _holder(folder: str, worker: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_without_a_bound_nothing_is_waited_for() -> None:
    with held("", worker=0), held("", worker=1):
        pass


def test_second_worker_waits_until_the_only_slot_is_free(tmp_path: Path) -> None:
    folder = make_slots(tmp_path / "slots", 1)
    with _holder(folder, 0) as process:
        started = time.monotonic()
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLDER, folder, "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with waiting:
            time.sleep(0.5)
            process.communicate("\n")
            out, _ = waiting.communicate("\n")
        assert out == "held\n"
        assert time.monotonic() - started >= 0.5


def test_two_slots_serve_two_workers_at_once(tmp_path: Path) -> None:
    folder = make_slots(tmp_path / "slots", 2)
    with _holder(folder, 0) as first, _holder(folder, 1) as second:
        first.communicate("\n")
        second.communicate("\n")


def test_slot_of_a_killed_worker_is_free(tmp_path: Path) -> None:
    folder = make_slots(tmp_path / "slots", 1)
    with _holder(folder, 0) as process:
        process.kill()
    with held(folder, worker=3):
        pass
