"""The line about a long test: when it appears, what it says, how it goes away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from pytest_repro.progress import Progress, Screen


@dataclass
class Terminal:
    """One row of a terminal that knows what we send."""

    columns: int = 80
    row: str = ""
    column: int = 0
    saved: int = 0
    writes: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.writes.append(text)
        while text:
            if text.startswith("\x1b7"):
                self.saved, text = self.column, text[2:]
            elif text.startswith("\x1b8"):
                self.column, text = self.saved, text[2:]
            elif text.startswith("\x1b[K"):
                self.row, text = self.row[: self.column], text[3:]
            else:
                assert text[0] != "\x1b", "a sequence that we do not send"
                self.row = self.row[: self.column].ljust(self.column) + text[0] + self.row[self.column + 1 :]
                self.column, text = self.column + 1, text[1:]
                assert self.column < self.columns, "the line must not wrap"

    def screen(self) -> Screen:
        return Screen(self.write, lambda: self.columns - self.column - 1)


def make(terminal: Terminal, times: list[float]) -> Progress:
    return Progress(terminal.screen(), clock=lambda: times.pop(0) if len(times) > 1 else times[0])


def test_short_test_says_nothing() -> None:
    terminal = Terminal()
    progress = make(terminal, [0.0, 1.9])
    progress.begin("tests/test_a.py::test_it")
    progress.say("run 2 of 3")
    progress.clear()
    assert terminal.writes == []


def test_long_test_is_named_with_its_run_and_time_behind_what_pytest_printed() -> None:
    terminal = Terminal()
    terminal.write("tests/test_a.py ..")
    progress = make(terminal, [0.0, 12.4])
    progress.begin("tests/test_a.py::test_it")
    progress.say("run 2 of 3")
    assert terminal.row == "tests/test_a.py ..  test_it: run 2 of 3, 12 s"
    progress.clear()
    assert terminal.row == "tests/test_a.py .."
    terminal.write(".")
    assert terminal.row == "tests/test_a.py ..."


def test_shorter_line_leaves_nothing_of_the_one_before() -> None:
    terminal = Terminal()
    progress = make(terminal, [0.0, 5.0])
    progress.begin("test_a.py::test_it")
    progress.say("looking for the cause: hash seed")
    progress.say("run 3 of 3")
    assert terminal.row == "  test_it: run 3 of 3, 5 s"


def test_line_that_does_not_fit_goes_without_the_name_and_is_cut() -> None:
    terminal = Terminal(columns=30)
    progress = make(terminal, [0.0, 5.0])
    progress.begin("test_a.py::test_with_a_very_long_name")
    progress.say("run 2 of 3")
    assert terminal.row == "  run 2 of 3, 5 s"
    progress.say("looking for the cause: hash seed")
    assert terminal.row == "  looking for the cause: hash"


def test_full_row_gets_no_line() -> None:
    terminal = Terminal(columns=30)
    terminal.write("tests/test_model.py ..")
    progress = make(terminal, [0.0, 5.0])
    progress.begin("test_a.py::test_it")
    progress.say("run 2 of 3")
    assert terminal.row == "tests/test_model.py .."


def test_name_cannot_send_anything_to_the_terminal() -> None:
    terminal = Terminal()
    progress = make(terminal, [0.0, 5.0])
    progress.begin("test_a.py::test_it[\x1b]0;title\x07\u202e\u65e5]")
    progress.say("run 2 of 3")
    assert terminal.row == "  test_it[?]0;title???]: run 2 of 3, 5 s"


def test_waiting_is_kept_up_to_date_by_a_thread_that_ends_with_it() -> None:
    terminal = Terminal()
    progress = Progress(terminal.screen(), delay=0.0)
    progress.begin("test_a.py::test_it")
    before = threading.active_count()
    with progress.waiting(lambda: "run 3 of 3"):
        end = time.monotonic() + 10
        while not terminal.row and time.monotonic() < end:
            time.sleep(0.01)
        assert terminal.row == "  test_it: run 3 of 3, 0 s"
        with progress.waiting(lambda: "looking for the cause"):
            while "cause" not in terminal.row and time.monotonic() < end:
                time.sleep(0.01)
            assert terminal.row.startswith("  test_it: looking for the cause")
    assert terminal.row == ""
    assert threading.active_count() == before


def test_without_a_terminal_there_is_no_thread() -> None:
    progress = Progress(delay=0.0)
    progress.begin("test_a.py::test_it")
    progress.say("run 2 of 3")
    before = threading.active_count()
    with progress.waiting(lambda: "run 3 of 3"):
        assert threading.active_count() == before
    progress.clear()
