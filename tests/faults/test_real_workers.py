"""The same faults on real workers: stopped, out of descriptors, on a full disk, cut off; one clear error each."""

from __future__ import annotations

import os
import sys

import pytest

from tests.integration.conftest import Inner
from tests.integration.test_workers_faults import processes_with, wait_until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, forks")

CONFTEST = """
    import errno, os
    from pytest_repro.execute import forking

    real, refused = forking._fork, []

    def fork():
        if os.environ.get("REFUSE_FORK") and not refused:
            refused.append(True)
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return real()

    forking._fork = fork
"""

FAULTS = """
    import os, resource, signal, socket, time
    import numpy as np
    import pytest

    pytestmark = pytest.mark.repro

    def test_stopped(repro):
        os.kill(os.getpid(), signal.SIGSTOP)

    def test_worker_stopped(repro):
        os.kill(os.getppid(), signal.SIGSTOP)
        repro.metric("x", 1)

    def test_full_disk(repro):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        repro.artifact("big", np.zeros(10_000))

    def test_no_descriptors(repro):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        repro.artifact("big", np.zeros(10_000))

    def test_cut_off(repro):
        os.closerange(3, 1000)

    def test_garbage(repro):
        for descriptor in range(3, 100):
            try:
                sock = socket.socket(fileno=os.dup(descriptor))
                sock.send(b"garbage that is no frame")
            except OSError:
                pass
        time.sleep(600)

    def test_good(repro):
        repro.metric("x", 1)
"""


def test_each_fault_is_one_failed_test_that_says_what(inner: Inner, marker: str) -> None:
    inner.pytester.makeconftest(CONFTEST)
    inner.file(FAULTS)
    result = inner("--repro-runs=2", "--repro-timeout=2", "--tb=short", isolation="process")
    result.assert_outcomes(passed=1, failed=6)
    result.stdout.fnmatch_lines(
        [
            "*run 1 of 2 was lost: it took longer than 2 s (--repro-timeout) and was ended",
            "*run 1 of 2 was lost: it took longer than 2 s (--repro-timeout) and was ended",
            "*was lost: an array of 80,000 bytes cannot be handed over: * (*); make room there*",
            "*Too many open files*",
            "*run 1 of 2 was lost: *",
            "*run 1 of 2 was lost: it wrote to a descriptor that is not its own*",
        ]
    )
    assert "INTERNALERROR" not in result.stdout.str()
    assert wait_until(lambda: not processes_with(marker))


def test_a_fork_that_is_refused_costs_one_run(inner: Inner, marker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSE_FORK", "1")
    inner.pytester.makeconftest(CONFTEST)
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(repro, number):
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=2", "--repro-workers=1", isolation="process")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*run 1 of 2 was lost: its process could not be forked: Resource temporarily unavailable"]
    )


def test_an_idle_worker_that_is_killed_costs_nothing(inner: Inner, marker: str) -> None:
    inner.pytester.makeconftest("""
        import os, signal, time
        from pathlib import Path

        def pytest_runtest_logreport(report):
            if "PYTEST_WORKER_KILLED" in os.environ or report.when != "call" or "[1]" not in report.nodeid:
                return
            os.environ["PYTEST_WORKER_KILLED"] = "1"
            for folder in Path("/proc").iterdir():  # every worker of this session: its children
                try:
                    stat = (folder / "stat").read_text()
                except OSError:
                    continue
                if stat.rpartition(")")[2].split()[1] == str(os.getpid()):
                    os.kill(int(folder.name), signal.SIGKILL)
    """)
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(repro, number):
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=2", isolation="process", subprocess=True)
    result.assert_outcomes(passed=2)
    assert "PYTEST_WORKER_KILLED" not in os.environ
