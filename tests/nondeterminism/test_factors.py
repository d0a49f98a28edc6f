"""Every factor has a program that drifts when it varies, and only then; and one that never does.

All programs run in one process per condition: everything pinned, twice, then each factor switched
alone. The diagonal must differ from the pinned result, everything else must not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.conditions import FACTORS, launch
from pytest_repro.conditions.pins import ALL_PINNED, PIN_FACTORS
from pytest_repro.model import Condition

ROOT = Path(__file__).parents[2]

PROGRAMS = r"""
import datetime, io, json, os, random, sys, threading, time, uuid, gzip, ctypes, glob, secrets
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import reduce
from operator import add
import numpy as np
from pathlib import Path
from time import perf_counter, time as now
from pytest_repro.conditions import applied
from pytest_repro.model import Condition

WORDS = "train val test lr wd alpha beta gamma".split()
MADE = Path(sys.argv[2])

def hash_seed(): return list(set(WORDS))
def hash_seed_innocent(): return sorted(set(WORDS))
def _total(numbers): return reduce(add, numbers)  # the built-in sum makes up for roundings from 3.12 on
def threads():
    n = int(os.environ.get("OMP_NUM_THREADS", "8"))
    return [_total(_total(1 / k for k in range(1 + i, 1000, n)) for i in range(n)).hex(), _completed(), _updated()]
def _slow_first(i): time.sleep(0.2 if i == 0 else 0); return 0.1 * i
def _completed():
    with ThreadPoolExecutor(3) as pool:
        return [f.result() for f in as_completed([pool.submit(_slow_first, i) for i in range(3)])]
def _updated():
    log = []
    started = [threading.Thread(target=lambda i=i: log.append(_slow_first(i))) for i in range(3)]
    for thread in started: thread.start()
    for thread in started: thread.join()
    return log
def threads_innocent():
    with ThreadPoolExecutor(3) as pool:
        return [sum(1 / k for k in range(1, 1000)).hex(), *pool.map(_slow_first, range(3))]
TIES = np.repeat(np.arange(5.0), 400)[np.arange(2000) * 7 % 2000]
def cpu(): return int(np.argsort(TIES)[:50] @ np.arange(50))
def cpu_innocent(): return int(np.argsort(TIES, kind="stable")[:50] @ np.arange(50))
def timezone(): return [str(datetime.datetime.fromtimestamp(0)), time.localtime(0).tm_hour]
def timezone_innocent(): return str(datetime.datetime.fromtimestamp(0, datetime.timezone.utc))
def _write(encoding):
    path = MADE / "text"
    try:
        with open(path, "w", encoding=encoding) as f: f.write("\u00e9")
        return path.read_bytes().hex()
    except UnicodeEncodeError as error:
        return error.encoding
def locale(): return _write(None)
def locale_innocent(): return _write("utf-8")
def cwd(): return Path("data.csv").exists()
def cwd_innocent(): return MADE.exists()
def home(): return Path("~/settings.ini").expanduser().exists()
def home_innocent(): return Path("/").exists()
def environ(): return sum(len(k) + len(v) for k, v in os.environ.items()) > 20_000
def environ_innocent(): return len(os.environ) > 0
FOLDER = MADE / "folder"
def files():
    return [os.listdir(FOLDER), [e.name for e in os.scandir(FOLDER)], glob.glob(str(FOLDER / "*")),
            [p.name for p in FOLDER.iterdir()], [p.name for p in FOLDER.glob("*")], [f for _, _, f in os.walk(FOLDER)]]
def files_innocent(): return [sorted(os.listdir(FOLDER)), sorted(p.name for p in FOLDER.rglob("*"))]
LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
def memory(): return ctypes.string_at(LIBC.malloc(ctypes.c_size_t(5000)) + 64, 8).hex()
def memory_innocent(): return np.zeros(625).tobytes()[:8].hex()
def _steps(read, seconds):
    start, n = read(), 0
    while read() - start < seconds: n += 1
    return n
def clock():
    packed = io.BytesIO()
    gzip.GzipFile(fileobj=packed, mode="wb").close()
    return [datetime.datetime.now().timetuple().tm_yday, int(now()), int(time.time()), str(np.datetime64("now"))[:10],
            packed.getvalue()[4:6].hex(), _steps(perf_counter, 0.01), _steps(time.monotonic, 0.01)]
def clock_innocent(): return str(datetime.datetime(2020, 1, 1))
def entropy():
    return [os.urandom(4).hex(), random.Random().random(), str(uuid.uuid4()), str(uuid.uuid1()), secrets.token_hex(4),
            np.random.default_rng().random(), np.random.RandomState().rand(), random.SystemRandom().random()]
def entropy_innocent(): return [random.Random(3).random(), np.random.default_rng(3).random()]
def _elsewhere(read):
    with ThreadPoolExecutor(1) as pool: return pool.submit(lambda: read()).result()
def pid():
    return [read() % 1000 for read in (os.getpid, threading.get_native_id, lambda: _elsewhere(threading.get_native_id))]
def pid_innocent(): return [os.getpid() > 0, os.getpid() == threading.get_native_id()]

ours = {k: v for k, v in globals().copy().items() if getattr(v, "__module__", "") == "__main__"}
programs = {k: v for k, v in ours.items() if callable(v) and k[0] != "_"}
with applied(Condition(levels=tuple(map(tuple, json.loads(sys.argv[1])))), own_process=True):
    result = {name: program() for name, program in programs.items()}
    (MADE / "written").write_text("x")
    written = MADE / "written"
    times = [os.stat(written).st_mtime, written.stat().st_mtime_ns, os.path.getmtime(written),
             [e.stat().st_mtime for e in os.scandir(MADE) if e.name == "written"]]
    result["exact"] = [times, time.time_ns(), now(), perf_counter(), time.process_time(), str(datetime.datetime.now())]
print(json.dumps(result))
"""

#: what each factor is switched to
SWITCHED = {
    "clock": "pinned=1",
    "cpu": "baseline",
    "cwd": "elsewhere",
    "entropy": "1",
    "environ": "padding=30011",
    "files": "reversed",
    "hash-seed": "3",
    "home": "elsewhere",
    "locale": "C",
    "memory": "perturb=90,aslr=off,packed",
    "pid": "pinned=1",
    "threads": "4",
    "timezone": "Asia/Tokyo",
}


def _run(folder: Path, switched: dict[str, str]) -> dict[str, Any]:
    condition = Condition(levels=tuple(sorted({**ALL_PINNED, **switched}.items())))
    how = launch(condition)
    env = {k: v for k, v in os.environ.items() if k not in ("TZ", "LC_ALL", "GLIBC_TUNABLES")}
    env |= {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    for name, value in how.env.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    script = folder / "programs.py"
    script.write_text(PROGRAMS, encoding="utf-8")
    command = [*how.argv_prefix, sys.executable, str(script), json.dumps(condition.levels), str(folder / "made")]
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("factors")
    (path / "made" / "folder").mkdir(parents=True)
    for name in "bdaec":
        (path / "made" / "folder" / name).touch()
    for name in ("text", "written"):  # creating one in the first run only would change the folder then only
        (path / "made" / name).touch()
    (path / "data.csv").touch()
    (path / "settings.ini").touch()
    return path


@pytest.fixture(scope="module")
def pinned(folder: Path) -> dict[str, Any]:
    return _run(folder, {})


def test_everything_pinned_gives_the_same_to_the_last_digit(folder: Path, pinned: dict[str, Any]) -> None:
    assert _run(folder, {}) == pinned


@pytest.mark.parametrize("factor", sorted(SWITCHED))
def test_only_the_program_of_the_switched_factor_drifts(factor: str, folder: Path, pinned: dict[str, Any]) -> None:
    reason = (FACTORS.get(factor) or PIN_FACTORS[factor]).available()
    if reason:
        pytest.skip(reason)
    result = _run(folder, {factor: SWITCHED[factor]})
    differing = {name for name in pinned if result[name] != pinned[name]} - {"exact"}
    assert differing == {factor.replace("-", "_")}
    guilty, before = result[factor.replace("-", "_")], pinned[factor.replace("-", "_")]
    if factor in ("clock", "entropy", "files", "pid", "threads"):  # every way to read it, not just one
        assert [left != right for left, right in zip(guilty, before, strict=True)] == [True] * len(before)


def test_switched_factor_is_as_steady_as_the_pinned_one(folder: Path) -> None:
    levels = {"clock": "pinned=1", "entropy": "1", "hash-seed": "3", "files": "reversed"}
    first, second = _run(folder, levels), _run(folder, levels)
    del first["exact"], second["exact"]  # file times are steady at the pinned level only
    assert first == second


def test_only_one_line_s_entropy_is_switched_when_a_site_is_named(folder: Path, pinned: dict[str, Any]) -> None:
    line = 1 + PROGRAMS.split("\n").index(next(x for x in PROGRAMS.split("\n") if "os.urandom(4)" in x))
    result = _run(folder, {"entropy": f"site=programs.py:{line};key=1"})
    changed = [left != right for left, right in zip(result["entropy"], pinned["entropy"], strict=True)]
    assert changed == [True] * 5 + [False] * 3


ADDRESSES = """
import json, sys
from pytest_repro.conditions import applied
from pytest_repro.model import Condition

before = [object() for _ in range(int(sys.argv[2]))] + [bytes(700) for _ in range(int(sys.argv[2]))]
del before[::3]
with applied(Condition(levels=(("memory", sys.argv[1]),)), own_process=True):
    large = [bytearray(size) for size in (700, 20_000, 3_000, 60, 9_000, 1_500) * 5]
    small = [object() for _ in range(60)]
    print(json.dumps([sorted(range(len(made)), key=lambda i: id(made[i])) for made in (large, small)]))
"""


def _orders(level: str, *, history: int = 0) -> list[list[int]]:
    """Numbers of objects in the order of their addresses, after so many others were made and in part given back."""
    how = launch(Condition(levels=(("hash-seed", "0"), ("memory", level))))
    env = {**os.environ, "PYTHONPATH": str(ROOT), **{name: value for name, value in how.env.items() if value}}
    command = [*how.argv_prefix, sys.executable, "-c", ADDRESSES, level, str(history)]
    orders: list[list[int]] = json.loads(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    return orders


@pytest.mark.skipif(FACTORS["memory"].available() is not None, reason="needs glibc on Linux")
def test_scattered_memory_gives_objects_of_every_size_another_order() -> None:
    pinned = _orders("perturb=165,aslr=off")
    assert _orders("perturb=165,aslr=off") == pinned
    scattered = _orders("perturb=165,aslr=off,scattered")
    assert [ours != theirs for ours, theirs in zip(scattered, pinned, strict=True)] == [True, True]
    assert _orders("perturb=165,aslr=off,scattered") == scattered


@pytest.mark.skipif(FACTORS["memory"].available() is not None, reason="needs glibc on Linux")
def test_packed_memory_gives_objects_one_order_whatever_was_made_before() -> None:
    def orders(layout: str) -> list[list[list[int]]]:
        return [_orders(f"perturb=165,aslr=off{layout}", history=history) for history in (0, 3000)]

    ours, theirs = orders("")
    assert ours != theirs, "without a layout, the gaps decide"
    kept = []
    for layout in (",packed", ",scattered"):
        ours, theirs = orders(layout)
        if ours != theirs:  # seen in one of some hundred starts on a busy machine; why is not known
            ours, theirs = orders(layout)
        assert ours == theirs, layout
        kept.append(ours)
    assert kept[0] != kept[1]
