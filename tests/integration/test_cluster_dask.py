"""Runs on a real Dask scheduler with workers on loopback, some of which die.

The cluster is started once for this file; the last test ends its workers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.conftest import Inner
from tests.integration.test_cluster import may_rename
from tests.integration.test_workers_faults import marker, processes_with, wait_until

__all__ = ["marker"]

pytest.importorskip("distributed", reason="needs dask's scheduler: the extra 'dask'")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@dataclass
class Dask:
    """A scheduler and four workers with one thread each, all on loopback."""

    folder: Path
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        file = self.folder / "scheduler.json"
        # one worker may die under a task; a second one, and the scheduler gives the task up
        self.scheduler = self._process(
            "scheduler",
            "--host=127.0.0.1",
            "--port=0",
            f"--scheduler-file={file}",
            DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1",
        )
        assert wait_until(lambda: file.exists() and file.read_text(encoding="utf-8").endswith("}"), seconds=120)
        self.address = json.loads(file.read_text(encoding="utf-8"))["address"].removeprefix("tcp://")
        # as a nanny would set it
        engine = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "6640"}
        for number in (1, 2, 3, 4):
            # nothing in common: not the temporary folder, and two of them have another machine's name
            scratch = self.folder / str(number)
            scratch.mkdir()
            other = number > 2 and may_rename()
            options = ["--no-nanny", "--nthreads=1", f"--local-directory={scratch}"]
            options.append("--host=127.0.0.2" if other else "--host=127.0.0.1")
            variables = {**engine, "TMPDIR": str(scratch)}
            self.workers.append(self._process("worker", f"tcp://{self.address}", *options, renamed=other, **variables))

    def _process(self, kind: str, *options: str, renamed: bool = False, **variables: str) -> subprocess.Popen[bytes]:
        prefix = ["unshare", "--uts", "sh", "-c", 'hostname node-b && exec "$@"', "sh"] if renamed else []
        command = [*prefix, sys.executable, "-m", f"distributed.cli.dask_{kind}", *options, "--no-dashboard"]
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> None:
        for process in [*self.workers, self.scheduler]:
            if process is not None:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    cluster = Dask(tmp_path_factory.mktemp("dask"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


SUITE = """
    import os
    import pytest

    pytestmark = pytest.mark.repro

    def test_good(repro):
        repro.artifact("w", repro.rng.normal(size=5000))
        repro.artifact("threads", os.environ.get("OMP_NUM_THREADS"))

    def test_order(repro):
        repro.artifact("words", list({f"word {n}" for n in range(20)}))
"""


def test_two_sessions_on_one_scheduler(dask: Dask, inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    inner.file(SUITE)
    command = [sys.executable, "-m", "pytest", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider", "--repro-runs=2"]
    command += [f"--repro-executor=dask://{dask.address}?wait=120", "--repro-explain=off"]
    sessions = [
        subprocess.Popen(
            [*command, f"--repro-json={number}.json"], cwd=inner.pytester.path, stdout=subprocess.PIPE, text=True
        )
        for number in (1, 2)
    ]
    outputs = [session.communicate(timeout=300)[0] for session in sessions]
    for number, output in enumerate(outputs, start=1):
        assert "1 failed, 1 passed" in output, output
        assert "have OMP_NUM_THREADS=1, PYTHONHASHSEED=6640; runs had this session's values instead" in output
        tests = json.loads((inner.pytester.path / f"{number}.json").read_text(encoding="utf-8"))["tests"]
        assert [test["verdict"] for test in tests] == ["reproduced", "drifted"]


@pytest.mark.skipif(not may_rename(), reason="needs the right to give a process another host name (unshare --uts)")
def test_spread_places_each_run_on_a_host_of_the_scheduler(dask: Dask, inner: Inner) -> None:
    inner.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', repro.rng.random())\n")
    options = ["--repro-runs=3", f"--repro-executor=dask://{dask.address}?wait=120", "--repro-spread"]
    result = inner(*options, "--repro-json=r.json", subprocess=True, isolation="process")
    result.assert_outcomes(passed=1)
    (test,) = json.loads((inner.pytester.path / "r.json").read_text(encoding="utf-8"))["tests"]
    here = socket.gethostname()
    assert [environment["host"] for environment in test["environments"]] == ["node-b", here, "node-b"]
    assert test["varied"][0] == "machine"


def test_a_resource_that_no_worker_has(dask: Dask, inner: Inner) -> None:
    inner.file(SUITE)
    engine = f"dask://{dask.address}?resources=GPU=1&wait=3"
    result = inner("--repro-runs=2", f"--repro-executor={engine}", subprocess=True, isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *was not executed within 3 s by a worker with GPU=1; see whether*"])


def test_no_scheduler_there(inner: Inner) -> None:
    inner.file(SUITE)
    result = inner("--repro-runs=2", "--repro-executor=dask://127.0.0.1:1?wait=1", subprocess=True, isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *no Dask scheduler answers at 127.0.0.1:1 within 1 s *'dask scheduler'"])


def test_a_lost_worker_is_lost_and_a_task_that_was_run_again_is_told(
    dask: Dask, inner: Inner, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file(
        """
        import os, pathlib, signal, time
        import pytest

        pytestmark = pytest.mark.repro

        def parent(pid):
            return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

        def end_worker():
            os.kill(parent(os.getppid()), signal.SIGKILL)  # test < node's process < worker of the engine
            time.sleep(600)

        def test_once(repro, request):
            repro.metric("x", 1)
            seen = request.path.parent / "seen"
            if repro.run == 2 and not seen.exists():
                seen.touch()
                end_worker()

        def test_always(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                end_worker()

        def test_scheduler(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                os.kill(int(os.environ["PYTEST_REPRO_TEST_SCHEDULER"]), signal.SIGKILL)
                time.sleep(600)

        def test_after(repro):
            repro.metric("x", 1)
        """
    )
    assert dask.scheduler is not None
    monkeypatch.setenv("PYTEST_REPRO_TEST_SCHEDULER", str(dask.scheduler.pid))
    assert all(worker.poll() is None for worker in dask.workers)
    options = [
        "--repro-runs=2",
        f"--repro-executor=dask://{dask.address}?wait=60",
        "--repro-timeout=60",
        "--repro-json=r.json",
    ]
    result = inner(*options, subprocess=True, isolation="")
    result.assert_outcomes(passed=1, failed=3)
    told = "the engine handed out run 2 2 times, because it lost a worker; the last one counts"
    result.stdout.fnmatch_lines([f"repro: test_it.py::test_once: {told}"])
    tests = json.loads((inner.pytester.path / "r.json").read_text(encoding="utf-8"))["tests"]
    after, always, once_more, scheduler = tests
    assert [test["verdict"] for test in tests] == ["lost", "lost", "reproduced", "lost"]
    assert "the engine's worker died while it was executed (KilledWorker: " in always["headline"]
    assert once_more["environments"][1]["executions"] == "2"
    assert "the engine gave it up: the scheduler gave the task up" in scheduler["headline"]
    assert after["headline"].startswith("run 2 of 2 was lost: the engine ")
    assert sorted(worker.wait(timeout=120) for worker in dask.workers)[:3] == [-signal.SIGKILL] * 3
    assert wait_until(lambda: not processes_with(marker))
