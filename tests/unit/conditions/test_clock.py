"""A pinned or shifted clock is seen by every reader, and nothing that waits is disturbed.

Everything runs in a process of its own: the C library's functions are replaced there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.conditions import FACTORS
from pytest_repro.conditions.machine_clock import obstacle, unpatchable
from pytest_repro.conditions.machine_code import DATA_OFFSET, ENTRIES, code

needs_machine_code = pytest.mark.skipif(unpatchable() is not None, reason=str(unpatchable()))

PROGRAM = r"""
import asyncio, concurrent.futures, ctypes, datetime, json, os, queue, subprocess, sys, threading, time
from time import time as bound
from pytest_repro.conditions import applied
from pytest_repro.model import Condition

def real(): return time.clock_gettime(time.CLOCK_MONOTONIC)
def took(action, *expected):
    start = real()
    try: action()
    except expected: pass
    return real() - start
class Spec(ctypes.Structure): _fields_ = [("s", ctypes.c_long), ("n", ctypes.c_long)]
LIBC = ctypes.CDLL(None)
def deadline():
    spec = Spec()
    LIBC.clock_gettime(0, ctypes.byref(spec))
    total = spec.s * 10**9 + spec.n + 50_000_000
    return ctypes.byref(Spec(total // 10**9, total % 10**9))
def semaphore():
    room = ctypes.create_string_buffer(64)
    LIBC.sem_init(room, 0, 0)
    LIBC.sem_timedwait(room, deadline())
def condition():
    mutex, room = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
    LIBC.pthread_mutex_init(mutex, None), LIBC.pthread_cond_init(room, None), LIBC.pthread_mutex_lock(mutex)
    LIBC.pthread_cond_timedwait(room, mutex, deadline())
def pool():
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(time.sleep, 0.05).result(timeout=5)
def waits():
    return {
        "event": took(lambda: threading.Event().wait(0.05)),
        "queue": took(lambda: queue.Queue().get(timeout=0.05), queue.Empty),
        "program": took(lambda: subprocess.run(["sleep", "9"], timeout=0.05), subprocess.TimeoutExpired),
        "sleep": took(lambda: time.sleep(0.05)), "asyncio": took(lambda: asyncio.run(asyncio.sleep(0.05))),
        "pool": took(pool), "semaphore": took(semaphore), "condition": took(condition),
    }
def until():
    end, n = time.time() + 0.05, 0
    while time.time() < end: time.sleep(0.01); n += 1
    return n
before = [time.time(), bound(), datetime.datetime.now().timestamp()]
with applied(Condition(levels=(("clock", sys.argv[1]),)), own_process=True):
    during = [time.time(), bound(), datetime.datetime.now().timestamp(), time.mktime(time.localtime())]
    cpu = [time.process_time(), time.thread_time()]
    try: time.clock_gettime(99)
    except OSError as error: errno = error.errno
    waiting, loops = waits(), until()
    if not os.fork():
        os._exit(int(abs(time.time() - during[0]) > 60))
    child = os.wait()[1]
after = [time.time(), bound(), datetime.datetime.now().timestamp()]
print(json.dumps([before, during, after, waiting, loops, errno, child, cpu]))
"""


def _run(level: str) -> list[Any]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "TZ": "UTC"}
    answer = subprocess.run([sys.executable, "-c", PROGRAM, level], capture_output=True, text=True, timeout=60, env=env)
    assert answer.returncode == 0, answer.stderr
    result: list[Any] = json.loads(answer.stdout)
    return result


@needs_machine_code
@pytest.mark.parametrize("level", ["pinned", "+40d", "-400d"])
def test_every_reader_sees_the_level_and_waiting_takes_its_real_time(level: str) -> None:
    before, during, after, waiting, loops, errno, child, cpu = _run(level)
    wanted = 1_699_963_200 if level == "pinned" else before[0] + int(level[:-1]) * 86_400
    assert all(abs(reading - wanted) < 20 for reading in during)
    assert all(0 <= late - early < 60 for early, late in zip(before, after, strict=True))
    assert {name: took for name, took in waiting.items() if not 0.04 < took < 2} == {}
    assert 1 <= loops <= 5
    assert (errno, child) == (22, 0)
    if level == "pinned":
        assert cpu == [1.0, 1.001]


@needs_machine_code
def test_pinned_readings_step_by_the_same_amount_each_time() -> None:
    assert _run("pinned")[1] == _run("pinned")[1]


@needs_machine_code
def test_a_minute_later_every_clock_reads_another_time_and_every_step_is_longer() -> None:
    pinned, soon = (_run(level) for level in ("pinned", "pinned=soon"))
    later = [now - then for now, then in zip(soon[1], pinned[1], strict=True)]
    assert all(60 < seconds < 70 for seconds in later)
    assert soon[7][0] - pinned[7][0] == pytest.approx(67.654321987)
    assert soon[7][1] - soon[7][0] > pinned[7][1] - pinned[7][0]


def test_every_entry_is_in_the_code_and_the_code_fits_its_page() -> None:
    machine, labels = code()
    assert set(ENTRIES) <= set(labels)
    assert len(machine) < DATA_OFFSET
    assert all(labels[name] % 16 == 0 for name in ENTRIES)


def test_offsets_in_the_listing_are_those_of_the_bytes() -> None:
    from pytest_repro.conditions import machine_code

    at = 0
    for line in machine_code._LISTING.split("\n"):
        if line and not line.endswith(":"):
            offset, data = line.split()[:2]
            assert int(offset, 16) == at
            at += len(data) // 2


def test_other_platforms_pin_the_names_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_repro.conditions import applied, clock
    from pytest_repro.model import Condition

    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert obstacle() is not None
    clock._limits.cache_clear()
    assert "only the names of the module time are replaced" in FACTORS["clock"].caveat
    clock._limits.cache_clear()
    import time

    real = time.time()
    with applied(Condition(levels=(("clock", "pinned"),)), own_process=True):
        assert [time.time(), time.time(), time.perf_counter()] == [1_699_963_200.0, 1_699_963_200.001, 10_000.0]
    with applied(Condition(levels=(("clock", "pinned=soon"),)), own_process=True):
        assert [time.perf_counter(), time.process_time()] == [10_067.654321987, 68.654321987]
    with applied(Condition(levels=(("clock", "+40d"),)), own_process=True):
        assert time.time() - real > 40 * 86_400
    assert time.time() - real < 60
