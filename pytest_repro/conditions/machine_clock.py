"""Replace the C library's clock in this process: the only way that C readers are reached.

``datetime.now``, ``numpy.datetime64('now')``, ``from time import time`` and every C++ library read
the clock through libc. The first bytes of its functions are overwritten with a jump to our own
(`machine_code`) and put back on exit. Never used in the user's own process.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import mmap
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_repro.conditions.machine_code import DATA_OFFSET, ENTRIES, code

__all__ = ["MachineClock", "obstacle", "unpatchable"]

_READ, _WRITE, _EXEC = 1, 2, 4
#: jmp [rip+0], followed by the address
_JUMP = b"\xff\x25\x00\x00\x00\x00"
_JUMP_SIZE = len(_JUMP) + 8
_PROBE_SECONDS = 60
_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from pytest_repro.conditions.machine_clock import MachineClock
import time
before = time.time()
with MachineClock.pinned(1_500_000_000 * 10**9, 1000).installed():
    inside = time.time()
print(int(inside), time.time() >= before)
"""


def obstacle() -> str | None:
    """Tell what can be seen to be in the way, without trying; None when nothing is."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or struct.calcsize("P") != 8:
        return "the C library's clock is replaced on 64-bit x86 Linux only"
    if platform.libc_ver()[0] != "glibc":
        return "the C library is not glibc"
    libc = ctypes.CDLL("libc.so.6")
    missing = [name for name in (*ENTRIES, "sem_clockwait", "pthread_cond_clockwait") if not hasattr(libc, name)]
    return f"this glibc lacks {', '.join(missing)}" if missing else None


@functools.lru_cache(maxsize=4)
def _probe(executable: str) -> str | None:
    root = str(Path(__file__).parents[2])
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter that runs this
            [executable, "-c", _PROBE, root], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"the attempt to replace it failed: {error}"
    if answer.stdout.split() == ["1500000000", "True"]:
        return None
    return "this system does not let a process change its own code"


def unpatchable() -> str | None:
    """Tell why the C library's clock cannot be replaced, or None where it can; tried in a process of its own."""
    return obstacle() or _probe(sys.executable)


def _address(libc: Any, name: str) -> int:
    return ctypes.cast(getattr(libc, name), ctypes.c_void_p).value or 0


def _pages(address: int, length: int) -> tuple[int, int]:
    """Find start and size of the pages to unprotect.

    ``time`` and ``gettimeofday`` lie in the vDSO, which the kernel maps and which it refuses to
    split (EINVAL): there, the whole mapping.
    """
    with Path("/proc/self/maps").open(encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            if line.endswith("[vdso]\n"):
                first, end = (int(part, 16) for part in line.split()[0].split("-"))
                if first <= address < end:
                    return first, end - first
    start = address - address % mmap.PAGESIZE
    end = -(-(address + length) // mmap.PAGESIZE) * mmap.PAGESIZE
    return start, end - start


class MachineClock:
    """Our clock functions in memory of their own, ready to be jumped to."""

    def __init__(self, data: tuple[int, int, int, int, int, int]) -> None:
        self._libc: Any = ctypes.CDLL("libc.so.6", use_errno=True)
        self._libc.mmap.restype = ctypes.c_void_p
        self._libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        self._libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        machine, self._labels = code()
        # Never unmapped: a thread may still be inside when the jump is taken out.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = self._libc.mmap(None, DATA_OFFSET + mmap.PAGESIZE, _READ | _WRITE, flags, -1, 0)
        if base in (None, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), "no memory for the clock functions")
        self._base: int = base
        words = (*data, *(_address(self._libc, name) for name in self._callees()))
        ctypes.memmove(base, machine, len(machine))
        ctypes.memmove(base + DATA_OFFSET, struct.pack(f"<{len(words)}q", *words), 8 * len(words))
        self._protect(base, DATA_OFFSET, _READ | _EXEC)

    @staticmethod
    def _callees() -> tuple[str, ...]:
        return ("__errno_location", "sem_clockwait", "pthread_cond_clockwait")

    @classmethod
    def pinned(cls, start_ns: int, step_ns: int, cpu_ns: int = 10**9) -> MachineClock:
        """Make a wall clock that starts at a fixed time and steps once per reading; CPU clocks likewise."""
        return cls((start_ns, step_ns, cpu_ns, step_ns, 0, 0))

    @classmethod
    def shifted(cls, seconds: int) -> MachineClock:
        """Make the real wall clock, moved."""
        return cls((0, 0, 0, 0, seconds, 1))

    def advance(self, ns: int) -> None:
        """Move the pinned wall clock on, as sleeping does."""
        ctypes.c_int64.from_address(self._base + DATA_OFFSET).value += ns

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Let every reader in this process use it.

        Raises:
            OSError: the system does not let a process change its own code; nothing was changed.
        """
        with contextlib.ExitStack() as stack:
            for name in ENTRIES:
                self._redirect(stack, name)
            yield

    def _redirect(self, stack: contextlib.ExitStack, name: str) -> None:
        target = _address(self._libc, name)
        if target % 16:  # functions are aligned to 16 bytes: the jump then cannot reach into the next one
            raise OSError(os.strerror(0), f"{name} is not where a function can be")
        before = ctypes.string_at(target, _JUMP_SIZE)
        self._write(target, _JUMP + struct.pack("<q", self._base + self._labels[name]))
        stack.callback(self._write, target, before)

    def _write(self, address: int, data: bytes) -> None:
        start, size = _pages(address, len(data))
        self._protect(start, size, _READ | _WRITE | _EXEC)
        ctypes.memmove(address, data, len(data))
        self._protect(start, size, _READ | _EXEC)

    def _protect(self, start: int, size: int, mode: int) -> None:
        if self._libc.mprotect(start, size, mode):
            raise OSError(ctypes.get_errno(), "mprotect was refused")
