"""Whatever happens to a run in another process: one failed test that says what, and the session goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

WAYS = [
    pytest.param({}, id="fork"),
    pytest.param({"PYTEST_REPRO_SPAWN": "1"}, id="spawn"),
    pytest.param({"PYTEST_REPRO_TRANSPORT": "tcp"}, id="tcp"),
]

FAULTS = """
    import ctypes, os, signal, subprocess, sys, time
    import pytest

    pytestmark = pytest.mark.repro

    def test_exit(repro):
        print("last words")
        sys.stdout.flush()
        os._exit(9)

    def test_killed(repro):
        os.kill(os.getpid(), signal.SIGKILL)

    def test_late(repro):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("waiting")
        time.sleep(600)

    def test_good(repro):
        repro.metric("x", 1)
"""


def processes_with(marker: str) -> list[int]:
    """Every process that inherited the variable, but for this one."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if marker.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def wait_until(condition: object, *, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A variable that all processes of the session inherit; none may be left."""
    name = f"REPRO_MARK_{os.getpid()}_{tmp_path.name}"
    monkeypatch.setenv(name, "1")
    yield name
    left = processes_with(name)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def hear_ctrl_c() -> None:
    """In a process about to start: undo what a shell does to jobs in the background, which is to ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@linux_only
@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_dies_or_hangs_is_one_failed_test(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, marker: str, way: dict[str, str]
) -> None:
    set_all(monkeypatch, way)
    inner.file(FAULTS)
    result = inner("--repro-runs=2", "--repro-timeout=2", isolation="process")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*run 1 of 2 was lost: its process ended with exit status 9",
            "last words",
            "*run 1 of 2 was lost: its process was killed by SIGKILL",
            "*run 1 of 2 was lost: it took longer than 2 s (--repro-timeout) and was ended",
            "waiting",
        ]
    )
    assert wait_until(lambda: not processes_with(marker))


@pytest.mark.parametrize("way", WAYS)
def test_a_segmentation_fault_names_the_signal_and_shows_the_native_stack(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, way: dict[str, str]
) -> None:
    set_all(monkeypatch, way)
    inner.file("""
        import faulthandler
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            faulthandler._sigsegv()
    """)
    result = inner("--repro-runs=2", isolation="process")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*was lost: its process was killed by SIGSEGV", "*worker log*", "*in test_it"])


@linux_only
def test_a_worker_that_is_killed_is_replaced(inner: Inner, marker: str) -> None:
    inner.file("""
        import os, signal, time
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(repro, number):
            if number == 1:
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(600)
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=2", isolation="process")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*was lost: its worker died: its process was killed by SIGKILL"])
    assert wait_until(lambda: not processes_with(marker))


def test_a_test_that_the_worker_did_not_collect_is_named(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_PID", str(os.getpid()))
    inner.file("""
        import os
        import pytest

        if os.environ["SESSION_PID"] != str(os.getpid()):
            raise RuntimeError("cannot be imported there")

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=2", isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*was lost: the worker did not collect this test: collecting test_it.py failed there:*RuntimeError*"]
    )


def test_a_worker_that_cannot_start_says_why_for_each_test(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_PID", str(os.getpid()))
    inner.pytester.makeconftest("""
        import os
        if os.environ["SESSION_PID"] != str(os.getpid()):
            raise RuntimeError("no conftest there")
    """)
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2, 3])
        def test_it(repro, number):
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=2", isolation="")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*its worker did not start*", "*RuntimeError: no conftest there*"])


SLEEPER = """
    import subprocess, sys, time
    import pytest

    @pytest.mark.repro
    def test_it(repro):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open("reached", "w").close()
        time.sleep(600)
"""


@linux_only
@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize(
    ("signals", "status"),
    [
        pytest.param([signal.SIGINT], 2, id="ctrl-c"),
        pytest.param([signal.SIGINT, signal.SIGINT], None, id="ctrl-c twice"),
        pytest.param([signal.SIGTERM], -15, id="terminated"),
        pytest.param([signal.SIGKILL], -9, id="killed"),
    ],
)
def test_the_end_of_the_session_leaves_no_process_and_no_file(
    inner: Inner,
    monkeypatch: pytest.MonkeyPatch,
    marker: str,
    way: dict[str, str],
    signals: list[signal.Signals],
    status: int | None,
) -> None:
    set_all(monkeypatch, way)
    temporary = inner.pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    inner.file(SLEEPER)
    session = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider",
            "--repro-runs=2", "--repro-isolation=process",
        ],
        cwd=inner.pytester.path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_ctrl_c,
    )  # fmt: skip
    try:
        assert wait_until((inner.pytester.path / "reached").exists, seconds=60)
        for number in signals:
            session.send_signal(number)
            time.sleep(0.05)
        code = session.wait(timeout=30)
    finally:
        session.kill()
        session.wait()
    assert status is None or code == status
    assert wait_until(lambda: not processes_with(marker))
    assert wait_until(lambda: not list(temporary.glob("pytest-repro-*")))


@linux_only
def test_a_controller_that_dies_while_workers_collect_leaves_no_process(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, marker: str
) -> None:
    monkeypatch.setenv("STARTED_BY", str(os.getpid()))
    inner.pytester.makeconftest("""
        import os, signal, sys, time
        if os.environ["STARTED_BY"] != str(os.getppid()):
            open("collecting", "w").close()
            time.sleep(600)
    """)
    inner.file("import pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)")
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_repro.plugin", "--repro-runs=2", "--repro-isolation=process"],
        cwd=inner.pytester.path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until((inner.pytester.path / "collecting").exists, seconds=60)
    finally:
        session.kill()
        session.wait()
    assert wait_until(lambda: not processes_with(marker))


@linux_only
@pytest.mark.parametrize("way", WAYS[:2])
def test_what_a_good_test_leaves_running_is_ended(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, marker: str, way: dict[str, str]
) -> None:
    set_all(monkeypatch, way)
    inner.file("""
        import signal, subprocess, sys
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
            subprocess.Popen([sys.executable, "-c", deaf])
            repro.metric("x", 1)
    """)
    inner("--repro-runs=2", isolation="process").assert_outcomes(passed=1)
    assert wait_until(lambda: not processes_with(marker))


def test_a_condition_that_fails_right_before_the_test_is_a_lost_run_and_no_failure_of_the_test(inner: Inner) -> None:
    inner.pytester.makeconftest("""
        from pytest_repro.conditions import memory

        real, calls = memory.layout, []

        def second_fails(level):
            calls.append(level)
            if len(calls) == 2:
                raise MemoryError("no such block")
            return real(level)

        memory.layout = second_fails
    """)
    inner.file("import pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)")
    result = inner("--repro-runs=2", "--repro-vary=memory", isolation="process")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*run 2 of 2 was lost: its condition cannot be had: MemoryError: no such block"])
