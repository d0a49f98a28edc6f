"""The clock: moved by weeks, or pinned so that every reading is the same in every run.

Wall and CPU clocks are replaced in the C library. The monotonic clocks are not: locks, queues and
time-outs wait by them. ``time.perf_counter`` and ``time.monotonic`` are pinned by name instead, for
callers that compute with them; bookkeeping (the standard library, test runners, data-loader
workers) goes on reading the real one.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from pytest_repro.conditions.factor import AS_IS, Factor, bad_level, cycle
from pytest_repro.conditions.machine_clock import MachineClock, obstacle, unpatchable
from pytest_repro.conditions.patching import StandIn, early_bound, infrastructure, put

__all__ = ["CLOCK"]

_NS = 10**9
_DAY = 86_400
#: noon in UTC, so that the date is the same in most zones; in the past, so that a deadline that is not
#: translated ends a wait at once, not in weeks
_START = 1_699_963_200
_STEP_NS = 10**6
_MONOTONIC_START = 10_000
#: how much later ``soon`` is, and how much longer its steps are: every digit of a reading and of a duration changes
_SOON_NS, _SOON_STEP_NS = 67_654_321_987, 370_003


class _Ticks:
    """A count of nanoseconds that steps once per reading."""

    def __init__(self, start_ns: int, step_ns: int) -> None:
        self._now = start_ns
        self._step = step_ns
        self._lock = threading.Lock()

    def read(self) -> int:
        with self._lock:
            self._now += self._step
            return self._now - self._step

    def advance(self, ns: int) -> None:
        with self._lock:
            self._now += ns


def _for_results() -> bool:
    """Whether the code that called the stand-in may compute a result with the reading."""
    return not infrastructure(sys._getframe(3).f_globals.get("__name__"))


def _pinned_names(ticks: _Ticks, names: tuple[str, ...]) -> dict[str, StandIn]:
    def reader(original: Callable[[], Any], *, whole: bool) -> StandIn:
        def read() -> Any:
            if not _for_results():
                return original()
            return ticks.read() if whole else ticks.read() / _NS

        return StandIn(read, original)

    return {
        f"{name}{suffix}": reader(getattr(time, f"{name}{suffix}"), whole=bool(suffix))
        for name in names
        for suffix in ("", "_ns")
        if hasattr(time, f"{name}{suffix}")
    }


def _sleep(advance: Sequence[Callable[[int], None]]) -> StandIn:
    """Sleeping moves pinned clocks on, or else a loop that waits for a time would take for ever."""
    original = time.sleep

    def sleep(seconds: float) -> None:
        original(seconds)
        if _for_results():
            for move in advance:
                move(int(seconds * _NS))

    return StandIn(sleep, original)


def _install(stack: ExitStack, names: dict[str, StandIn]) -> None:
    if "time_machine" in sys.modules:
        return  # its C code takes the functions of ``time`` for builtins and crashes on anything else
    for name, new in names.items():
        put(stack, time, name, new)
    if "perf_counter" in names:
        put(stack, timeit, "default_timer", names["perf_counter"])
    early_bound(stack, {id(new.original): new for new in names.values()})


def _machine(stack: ExitStack, clock: Callable[[], MachineClock]) -> MachineClock | None:
    """Replace the C library's clock, or give None where that is not possible."""
    if obstacle() is not None:
        return None
    with contextlib.suppress(OSError):
        machine = clock()
        stack.enter_context(machine.installed())
        return machine
    return None


def _pinned(stack: ExitStack, later_ns: int, step: int) -> None:
    """Pin every clock: the time of day, monotonic and processor time all begin later, by the same."""
    start, cpu = _START * _NS + later_ns, _NS + later_ns
    monotonic = _Ticks(_MONOTONIC_START * _NS + later_ns, step)
    advance = [monotonic.advance]
    names = _pinned_names(monotonic, ("perf_counter", "monotonic"))
    machine = _machine(stack, lambda: MachineClock.pinned(start, step, cpu))
    if machine is None:
        wall = _Ticks(start, step)
        advance.append(wall.advance)
        names |= _pinned_names(wall, ("time",)) | _pinned_names(_Ticks(cpu, step), ("process_time", "thread_time"))
    else:
        advance.append(machine.advance)
    _install(stack, names | {"sleep": _sleep(advance)})


def _shifted(stack: ExitStack, seconds: int) -> None:
    if _machine(stack, lambda: MachineClock.shifted(seconds)) is not None:
        return
    real, real_ns = time.time, time.time_ns
    later = StandIn(lambda: real() + (seconds if _for_results() else 0), real)
    later_ns = StandIn(lambda: real_ns() + (seconds * _NS if _for_results() else 0), real_ns)
    _install(stack, {"time": later, "time_ns": later_ns})


@contextlib.contextmanager
def _clock(level: str) -> Iterator[None]:
    shift = re.fullmatch(r"([+-]\d{1,5})d", level)
    pin = re.fullmatch(r"pinned(?:=(\d{1,3}|soon))?", level)
    if shift is None and pin is None:
        raise bad_level("clock", level, f"{AS_IS!r}, '+DAYSd', '-DAYSd', 'pinned', 'pinned=soon' or 'pinned=K'")
    with ExitStack() as stack:
        if shift is not None:
            _shifted(stack, int(shift.group(1)) * _DAY)
        elif pin is not None and pin.group(1) == "soon":
            _pinned(stack, _SOON_NS, _STEP_NS + _SOON_STEP_NS)
        elif pin is not None:
            k = int(pin.group(1) or 0)
            _pinned(stack, 37 * _DAY * k * _NS, _STEP_NS * (1 + k))
        yield


@functools.cache
def _limits() -> str:
    reason = unpatchable()
    common = "programs that the test starts read the real clock"
    if reason is None:
        return common
    return f"only the names of the module time are replaced, not datetime and C code: {reason}; {common}"


CLOCK = Factor(
    name="clock",
    description="the date and time: moved by weeks",
    platforms="Everywhere, in a process of our own; readers in C are reached on x86-64 Linux with glibc only.",
    ladder=cycle(AS_IS, "+40d", "+220d"),
    apply_part=_clock,
    own_process=True,
    limits=_limits,
)
