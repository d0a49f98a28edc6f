"""The line about a long test, on a real pseudo-terminal and off it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")

ROOT = Path(__file__).parents[2]

SLOW = """
import os, time
import pytest

@pytest.mark.repro
def test_training(repro):
    print("an ordinary line of output")
    time.sleep(1.3)
    repro.metric("hash", hash("word") % 7 if os.environ.get("DRIFTS") else 1)
"""

#: what we send, and nothing else, between saving and restoring the cursor
LINE = re.compile("\x1b7(?P<text>[ -~]*)\x1b\\[K\x1b8")


def command(*arguments: str) -> list[str]:
    plugins = ["-p", "pytest_repro.plugin", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", *plugins, "--color=no", *arguments]


def environment(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    for name in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS"):
        kept.pop(name, None)
    return kept | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
        "COLUMNS": "90",
        **changes,
    }


def on_a_terminal(folder: Path, *arguments: str, **changes: str) -> str:
    """Everything that a terminal gets."""
    (folder / "test_it.py").write_text(SLOW, encoding="utf-8")
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(**changes), stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    received = b""
    while True:
        try:
            some = os.read(controller, 65536)
        except OSError:  # Linux says so when the last writer is gone
            break
        if not some:
            break
        received += some
    os.close(controller)
    process.wait(120)
    return received.decode()


def without_line(received: str) -> str:
    """What stays on the screen: each time that the line was drawn, it was erased before anything else came."""
    drawn = LINE.sub("\x1b[line]", received)
    assert not re.findall(r"\x1b\[line\](?!\x1b\[line\]|\x1b\[K)", drawn), "something was printed over the line"
    return drawn.replace("\x1b[line]", "").replace("\x1b[K", "")


@pytest.mark.parametrize("isolation", ["auto", "inline"])
def test_terminal_shows_the_run_and_keeps_nothing_of_it(isolation: str, tmp_path: Path) -> None:
    received = on_a_terminal(tmp_path, "--repro-runs=3", f"--repro-isolation={isolation}")
    texts = [found["text"] for found in LINE.finditer(received)]
    assert texts, received
    assert all(re.fullmatch(r"  test_training: run [23] of 3, \d+ s", text) for text in texts)
    assert any("run 3 of 3" in text for text in texts)
    screen = without_line(received)
    assert "\x1b" not in screen
    assert re.search(r"^test_it\.py \. +\[100%\]\r?$", screen, re.MULTILINE)


def test_search_for_the_cause_is_shown_with_its_budget(tmp_path: Path) -> None:
    received = on_a_terminal(
        tmp_path, "--repro-runs=2", "--repro-isolation=process", "--repro-budget=8", DRIFTS="1", PYTHONHASHSEED="0"
    )
    texts = [found["text"] for found in LINE.finditer(received)]
    assert any(re.search(r"looking for the cause: all pinned, \d of 8 s, \d+ s$", text) for text in texts), texts
    assert "\x1b" not in without_line(received)


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        pytest.param(("-q",), {}, id="quiet"),
        pytest.param(("-s",), {}, id="output not captured"),
        pytest.param(("-o", "log_cli=true"), {}, id="live log"),
        pytest.param((), {"TERM": "dumb"}, id="no cursor"),
        pytest.param((), {"CI": "true"}, id="CI"),
    ],
)
def test_terminal_that_is_not_ours_gets_nothing(
    arguments: tuple[str, ...], changes: dict[str, str], tmp_path: Path
) -> None:
    received = on_a_terminal(tmp_path, "--repro-runs=2", "--repro-isolation=inline", *arguments, **changes)
    assert "1 passed" in received
    assert "\x1b7" not in received


def test_log_file_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SLOW, encoding="utf-8")
    done = subprocess.run(
        command("--repro-runs=3"), cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert "1 passed" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
