"""What a reader may not do, watched while it reads: run something, write elsewhere, take for ever, take all memory."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Broken", "Guard", "bound_memory"]

#: seconds for one input; the slowest good one takes a few milliseconds
SECONDS = 10
#: bytes that the whole process may take beyond what it has once everything is imported
MEMORY = 768 << 20

_NEVER = (
    "pickle.find_class",
    "marshal.load",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "subprocess.Popen",
    "socket.connect",
    "shutil.rmtree",
    "ctypes.dlopen",
)


class Broken(BaseException):
    """A promise was broken; no reader can catch it by accident."""


class Guard:
    """An audit hook, which cannot be removed but rests outside `watching`."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self._on = False
        self.seen = ""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._on and (reason := self._forbidden(event, arguments)):
            self.seen = reason
            raise Broken(reason)

    def _forbidden(self, event: str, arguments: tuple[object, ...]) -> str:
        if event in _NEVER:
            return f"{event}{arguments!r:.200}"
        if event == "exec":  # a module that is imported late is a file; what comes out of data is none
            name = getattr(arguments[0], "co_filename", "")
            return "" if Path(name).is_file() or name.startswith("<frozen") else f"exec of {name!r}"
        if event == "open" and isinstance(arguments[0], (str, bytes)) and _writes(arguments[1], arguments[2]):
            name = os.fsdecode(arguments[0])
            inside = os.path.abspath(name).startswith(self._home) or name == os.devnull
            return "" if inside or name.endswith(".pyc") or "__pycache__" in name else f"writes {name!r}"
        if event in ("os.remove", "os.rename", "os.rmdir") and not str(arguments[0]).startswith(self._home):
            return f"{event}({arguments[0]!r})"
        return ""

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Forbid, and end what takes too long."""

        def late(*_: object) -> None:
            msg = f"it took more than {SECONDS} s"
            raise Broken(msg)

        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        self._on = True
        try:
            yield
        finally:
            self._on = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.seen:  # somebody caught it all the same
            raise Broken(self.seen)


def _writes(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def bound_memory(beyond: int = MEMORY) -> None:
    """Let this process have no more than `beyond` bytes more than now: a request for more is a `MemoryError`."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmSize:"):
            limit = int(line.split()[1]) * 1024 + beyond
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
