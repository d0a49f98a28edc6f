"""How the explainer holds factors, and to which levels it switches them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any

from pytest_repro.conditions.draws import ENTROPY
from pytest_repro.conditions.factor import AS_IS, Factor, Launch, bad_level, check_level, cycle
from pytest_repro.conditions.hardware import JOBLIB
from pytest_repro.conditions.left_files import LEFT_FILES
from pytest_repro.conditions.left_places import LEFT_HOME, LEFT_TEMP
from pytest_repro.conditions.patching import StandIn, by_user, early_bound, infrastructure, put
from pytest_repro.model import Condition, Place

__all__ = [
    "ALL_PINNED",
    "IMPORT_VARIABLE",
    "PIN_FACTORS",
    "START_VARIABLE",
    "SWITCHED",
    "entropy_site",
    "import_condition",
]

#: through them a coroutine starts a process
_STARTING = ("asyncio.subprocess", "asyncio.base_events", "asyncio.unix_events", "asyncio.base_subprocess")
_PIDS = 4_000_000  # near the kernel's limit, so that it is hardly any real process's


@contextlib.contextmanager
def _pid(level: str) -> Iterator[None]:
    word, _, k = level.partition("=")
    if word != "pinned" or not (k or "0").isdecimal():
        raise bad_level("pid", level, f"{AS_IS!r}, 'pinned' or 'pinned=K'")
    original = os.getpid
    value = _PIDS + int(k or 0)

    def getpid() -> int:
        # Bookkeeping asks whether it was forked; only code that may compute with the number is told ours.
        return original() if infrastructure(sys._getframe(2).f_globals.get("__name__")) else value

    native = threading.get_native_id
    known = {native(): value}  # of the main thread it is that of the process

    def get_native_id() -> int:
        if infrastructure(sys._getframe(2).f_globals.get("__name__")):
            return native()
        return known.setdefault(native(), value + len(known))

    new, new_native = StandIn(getpid, original), StandIn(get_native_id, native)
    with ExitStack() as stack:
        put(stack, os, "getpid", new)
        put(stack, threading, "get_native_id", new_native)
        early_bound(stack, {id(original): new, id(native): new_native})
        yield


PID = Factor(
    name="pid",
    description="the numbers of the process and of its threads, as the test's code sees them",
    platforms="Everywhere; only in a process of our own.",
    ladder=lambda k: AS_IS if k == 0 else f"pinned={k}",
    apply_part=_pid,
    own_process=True,
)

#: What the worker holds while it imports the tests, read back with `import_condition`.
IMPORT_VARIABLE = "PYTEST_REPRO_IMPORT"

STATE = Factor(
    name="state",
    description="whether the test ran before in the same process; the executor runs it twice and keeps the second",
    platforms="Everywhere.",
    ladder=cycle("fresh", "repeated"),
)

IMPORT = Factor(
    name="import",
    description="entropy, clock and process number while the test's modules are imported",
    platforms="Everywhere; in workers only.",
    ladder=cycle(AS_IS, "0", "1", "clock=1", "pid=1"),
    launch_part=lambda level: Launch({IMPORT_VARIABLE: level}),
)

#: Told to the worker and taken out of its environment: what tells it from others of the same condition.
START_VARIABLE = "PYTEST_REPRO_START"

START = Factor(
    name="start",
    description="which start of an interpreter; runs at one level share a worker, and its heap's history",
    platforms="Everywhere.",
    ladder=lambda k: AS_IS if k == 0 else f"{k:04}",
    launch_part=lambda level: Launch({START_VARIABLE: level}),
)


def import_condition(level: str) -> Condition:
    """What holds during imports in a worker whose ``import`` factor is at `level`.

    A number is the key of what imports draw; ``clock=1`` and ``pid=1`` leave that as it is and switch another.
    """
    levels = {"clock": "pinned", "entropy": "0", "files": "pinned", "pid": "pinned"}
    name, _, k = level.partition("=")
    levels |= {name: f"pinned={k}"} if k else {"entropy": level}
    return Condition(Place.PROCESS, tuple(sorted(levels.items())))


@contextlib.contextmanager
def _children(level: str) -> Iterator[None]:
    """Interpreters that the test starts in an environment of their own get the hash seed of this one."""
    check_level("children", level, ["hash-seed"])
    seed = os.environ.get("PYTHONHASHSEED")
    if seed is None:
        yield
        return
    start = subprocess.Popen.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - takes its place
        given = kwargs.get("env")
        if given is not None and by_user("subprocess", *_STARTING):
            names = [os.fsdecode(name) for name in given]
            kwargs["env"] = given if "PYTHONHASHSEED" in names else {**given, "PYTHONHASHSEED": seed}
        start(self, *args, **kwargs)

    with ExitStack() as stack:
        put(stack, subprocess.Popen, "__init__", __init__)
        yield


CHILDREN = Factor(
    name="children",
    description="the hash seed of interpreters that the test starts in an environment of their own",
    platforms="Everywhere; only in a process of our own.",
    ladder=cycle(AS_IS, "hash-seed"),
    apply_part=_children,
    own_process=True,
)

#: factors that only the explainer uses
PIN_FACTORS: Mapping[str, Factor] = MappingProxyType(
    {
        factor.name: factor
        for factor in (ENTROPY, JOBLIB, PID, STATE, IMPORT, START, CHILDREN, LEFT_FILES, LEFT_TEMP, LEFT_HOME)
    }
)

#: Everything held: the level of each factor in the runs that must agree before anything is blamed.
#: ``joblib`` is not among them: the pinned level of ``threads`` covers it, so that switching
#: ``threads`` lets it go, too.
ALL_PINNED: Mapping[str, str] = MappingProxyType(
    {
        "children": "hash-seed",
        "clock": "pinned",
        "entropy": "0",
        "files": "pinned",
        "gpu": "deterministic",
        "hash-seed": "0",
        "import": "0",
        "memory": "perturb=165,aslr=off,packed",
        "pid": "pinned",
        "state": "fresh",
        "threads": "1,joblib=sequential",
    }
)

#: The levels to switch to, in this order, while all other factors stay pinned. Each is as steady as
#: the pinned one, except four threads, whose races are what is looked for.
SWITCHED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # a minute later first, as runs are, then weeks
        "clock": ("pinned=soon", "pinned=1", "pinned=2"),
        "cpu": ("avx2", "baseline"),
        "cwd": ("elsewhere",),
        "entropy": ("1", "2", "3"),
        "environ": ("padding=4111",),
        # as the system gives them first: where that differs from run to run, it explains a drift
        "files": (AS_IS, "reversed", "shuffled=2"),
        "gpu": ("kernels", "benchmark", "tf32"),
        # fewer than four seeds leave an order of three words unchanged too often
        "hash-seed": ("1", "2", "3", "4"),
        "home": ("elsewhere",),
        "import": ("1", "clock=1", "pid=1"),
        "locale": ("C",),
        # another order of addresses, four times: one of four objects comes first again in one of four; other
        # contents; another base
        "memory": (
            "perturb=165,aslr=off,scattered",
            "perturb=165,aslr=off,scattered=1",
            "perturb=165,aslr=off,scattered=2",
            "perturb=165,aslr=off,scattered=3",
            "perturb=90,aslr=off,packed",
            "perturb=165,packed",
        ),
        "order": ("after others",),
        "pid": ("pinned=1", "pinned=2"),
        "state": ("repeated",),
        "threads": ("4",),
        "timezone": ("Asia/Tokyo", "America/New_York"),
    }
)


def entropy_site(*, file: str, line: int, key: str) -> str:
    """Make the level of ``entropy`` at which only the stream of one line has another key."""
    return f"site={file}:{line};key={key}"
