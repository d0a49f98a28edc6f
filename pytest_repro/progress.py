"""One line about a test that takes long, on a terminal, and nothing of it anywhere else.

The line stands behind what pytest has printed and leaves the cursor where it was, so that whatever is printed next
overwrites it; it is erased before that all the same. A thread keeps it up to date, but only while this process waits
for another one: never beside the user's code, which could count threads, or fork.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pytest_repro.model.classes import dataclass

__all__ = ["Progress", "Screen", "Waiting", "find_screen", "no_progress"]

#: takes what is being waited for, and is entered while it is
Waiting = Callable[[Callable[[], str]], Any]

_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"
#: seconds that a test may take without a word
_DELAY = 2.0
_TICK = 1.0
#: columns below which the line says nothing
_ROOM = 12


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal: where the line goes, and how many columns are left behind the cursor."""

    write: Callable[[str], None]
    room: Callable[[], int]


def find_screen(config: Any) -> Screen | None:
    """The terminal of this session, unless something else owns it or somebody reads a log."""
    option = config.getoption
    reporter = config.pluginmanager.getplugin("terminalreporter")
    unsuited = (
        hasattr(config, "workerinput"),
        # a subclass (pytest-sugar, pytest-rich) moves the cursor itself
        type(reporter).__module__ != "_pytest.terminal",
        option("verbose", 0) < 0,
        # the test writes to the terminal at any time
        option("capture", "no") not in ("fd", "sys"),
        _logs_live(config),
        option("usepdb", False) or option("trace", False) or option("setupshow", False),
        os.environ.get("CI"),
        os.environ.get("TERM", "dumb") == "dumb" or os.name != "posix",
    )
    if any(unsuited) or not _is_terminal(1):
        return None
    # while a test is captured, 1 is something else
    descriptor = os.dup(1)
    writer = config.get_terminal_writer()

    def write(text: str) -> None:
        with suppress(OSError):
            os.write(descriptor, text.encode("ascii", "backslashreplace"))

    def room() -> int:
        return int(writer.fullwidth - writer.width_of_current_line % writer.fullwidth - 1)

    config.add_cleanup(lambda: os.close(descriptor))
    return Screen(write, room)


def _logs_live(config: Any) -> bool:
    """Whether log records are shown as they come; never where pytest's own logging is switched off."""
    if not config.pluginmanager.has_plugin("logging-plugin"):
        return False
    return bool(config.getoption("log_cli_level", None) or config.getini("log_cli"))


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


@contextmanager
def no_progress(_what: Callable[[], str]) -> Iterator[None]:
    """What waits without a word."""
    yield


class Progress:
    """What the line says; without a screen, nothing."""

    def __init__(
        self, screen: Screen | None = None, *, clock: Callable[[], float] = time.monotonic, delay: float = _DELAY
    ) -> None:
        self._screen = screen
        self._clock = clock
        self._delay = delay
        self._test = ""
        self._started = 0.0
        self._shown = False
        #: what is waited for, the innermost last
        self._reasons: list[Callable[[], str]] = []
        self._lock = threading.Lock()

    def begin(self, nodeid: str) -> None:
        """A test starts; the delay counts from here."""
        self._test = nodeid.rpartition("::")[2] or nodeid
        self._started = self._clock()

    def say(self, what: str) -> None:
        """Show `what` now, if the test has taken long already."""
        self._draw(what)

    def clear(self) -> None:
        """Erase the line: something is about to be printed."""
        with self._lock:
            if self._screen is not None and self._shown:
                self._screen.write(_ERASE)
            self._shown = False

    @contextmanager
    def waiting(self, what: Callable[[], str]) -> Iterator[None]:
        """Show what is being waited for until the block ends; the user's code must not run meanwhile."""
        if self._screen is None:
            yield
            return
        self._reasons.append(what)
        try:
            if len(self._reasons) > 1:
                # the outer block's thread shows the innermost reason
                yield
            else:
                with self._ticking():
                    yield
        finally:
            self._reasons.pop()
            self.clear()

    @contextmanager
    def _ticking(self) -> Iterator[None]:
        done = threading.Event()

        def tick() -> None:
            while True:
                reasons = tuple(self._reasons)
                if reasons:
                    self._draw(reasons[-1]())
                if done.wait(_TICK):
                    return

        thread = threading.Thread(target=tick, name="repro-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _draw(self, what: str) -> None:
        if self._screen is None:
            return
        elapsed = self._clock() - self._started
        room = self._screen.room()
        if elapsed < self._delay or room < _ROOM:
            return
        text = f"  {self._test}: {what}, {elapsed:.0f} s"
        if len(text) > room:
            text = f"  {what}, {elapsed:.0f} s"
        shown = "".join(character if " " <= character <= "~" else "?" for character in text)[:room]
        with self._lock:
            self._shown = True
            self._screen.write(f"{_SAVE}{shown}{_ERASE}{_RESTORE}")
