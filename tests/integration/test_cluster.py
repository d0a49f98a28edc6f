"""Runs on a cluster, through executors that the user makes: what comes back is true, and what does not is lost."""

from __future__ import annotations

# pytester forgets what a session inside imports, and pools recognise their own classes by identity
import concurrent.futures.process
import concurrent.futures.thread  # noqa: F401
import json
import multiprocessing.queues
import multiprocessing.synchronize  # noqa: F401
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytest_repro.execute.cluster  # noqa: F401
from tests.integration.conftest import Inner
from tests.integration.test_workers_faults import marker, processes_with, wait_until

__all__ = ["marker"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="engines are imitated with fork and shell")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

#: What the sessions inside use as engines.
ENGINES = """
    import os, subprocess, sys
    from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

    def threads():
        return ThreadPoolExecutor(2)

    def _set():
        # what the workers of real engines do
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["PYTHONHASHSEED"] = "6640"

    def processes():
        return ProcessPoolExecutor(2, initializer=_set)

    class Memory(ThreadPoolExecutor):
        first = None

        def submit(self, *args, **kwargs):
            self.first = self.first or super().submit(*args, **kwargs)
            return self.first

    def remembers():
        return Memory(1)

    class Idle(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            return Future()

    def idle():
        return Idle(1)

    class Raising(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            raise RuntimeError("no seat left")

    def raising():
        return Raising(1)

    class Chatting(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            return super().submit(lambda: "done")

    def chatting():
        return Chatting(1)

    def number():
        return 3

    def broken():
        raise OSError("no licence")

    value = 1

    class Placing(ThreadPoolExecutor):
        def repro_hosts(self):
            return ["a", "b"]

        def repro_submit(self, host, function, command, **kwargs):
            # a machine of its own, as far as its name tells
            rename = 'hostname "$0" && exec "$@"'
            command = ["unshare", "--uts", "sh", "-c", rename, "node" + host, *command]
            return self.submit(function, ["env", "CUDA_VISIBLE_DEVICES=" + host, *command], **kwargs)

    def placing():
        return Placing(2)

    class Alone(ThreadPoolExecutor):
        def repro_hosts(self):
            return ["a"]

        def repro_submit(self, host, function, *args, **kwargs):
            return self.submit(function, *args, **kwargs)

    def alone():
        return Alone(1)
"""


@pytest.fixture
def cluster(inner: Inner) -> Inner:
    """Sessions that can import the engines above."""
    inner.file(ENGINES, "engines")
    inner.pytester.makeini("[pytest]\npythonpath = .\n")
    return inner


def report(inner: Inner, name: str = "r.json") -> dict[str, Any]:
    """The tests of the JSON report by their function's name."""
    tests = json.loads((inner.pytester.path / name).read_text(encoding="utf-8"))["tests"]
    return {test["nodeid"].partition("::")[2]: test for test in tests}


# --- what comes back ---------------------------------------------------------------------------


@posix_only
def test_runs_come_back_whole_and_drift_is_found(cluster: Inner, marker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cluster.file(
        """
        import os, sys
        import numpy as np
        import pytest

        pytestmark = pytest.mark.repro

        def test_good(repro):
            repro.metric("pi", 3.141592653589793)
            repro.artifact("w", repro.rng.normal(size=5000))
            repro.artifact("text", {"a": ["é", float("nan"), -0.0]})
            repro.artifact("threads", os.environ.get("OMP_NUM_THREADS"))

        def test_order(repro):
            print("seen", sys.flags.hash_randomization)
            repro.artifact("words", list({f"word {n}" for n in range(20)}))
        """
    )
    result = cluster("--repro-runs=2", "--repro-executor=engines:processes", "--repro-json=r.json", isolation="")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["repro: 2 runs each, seed 0: 1 in this process, 2 in a fresh interpreter on engines:processes"]
    )
    result.stdout.fnmatch_lines(["DRIFT: 1 of 1 value differs between 2 runs*", "*Captured stdout call*", "seen 1"])
    tests = report(cluster)
    assert tests["test_good"]["verdict"] == "reproduced"
    assert [each["place"] for each in tests["test_good"]["conditions"]] == ["inline", "cluster"]
    here, there = tests["test_good"]["environments"]
    assert here["host"] == there["host"]
    assert there["hash-seed"] == f"seed {tests['test_good']['conditions'][1]['levels']['hash-seed']}"
    assert "--repro-executor='engines:" in str(tests["test_order"]["again"])
    result.stdout.fnmatch_lines(
        ["repro: the engine's processes on * have OMP_NUM_THREADS=1, PYTHONHASHSEED=6640; runs had this session's *"]
    )
    assert wait_until(lambda: not processes_with(marker))


@posix_only
def test_what_goes_wrong_on_a_node_is_lost_and_never_drift(cluster: Inner, marker: str) -> None:
    cluster.file(
        """
        import os, signal, subprocess, sys, time
        import numpy as np
        import pytest

        pytestmark = pytest.mark.repro

        def test_crash(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                print("last words")
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGSEGV)

        def test_late(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                time.sleep(600)

        def test_large(repro):
            repro.artifact("w", np.zeros(40_000))

        def test_good(repro):
            repro.metric("x", 1)

        def test_fails_there(repro):
            repro.metric("x", 1)
            assert repro.run == 1

        def test_leaves(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                pytest.exit("enough")

        def test_never(repro):
            pass
        """
    )
    options = [
        "--repro-runs=2",
        "--repro-executor=engines:threads?limit=0.3",
        "--repro-timeout=4",
        "--repro-json=r.json",
    ]
    result = cluster(*options, isolation="")
    result.assert_outcomes(passed=1, failed=4)
    tests = report(cluster)
    assert {name: test["verdict"] for name, test in tests.items()} == {
        "test_crash": "lost",
        "test_late": "lost",
        "test_large": "lost",
        "test_good": "reproduced",
        "test_fails_there": "drifted",
    }
    assert "killed by SIGSEGV" in str(tests["test_crash"]["headline"])
    assert "took longer than 4 s (--repro-timeout)" in str(tests["test_late"]["headline"])
    assert "has 0.3 MB, more than the 0.3 MB that may travel" in str(tests["test_large"]["headline"])
    result.stdout.fnmatch_lines(["*Captured stdout call*", "last words", "*assert 2 == 1*", "*Exit: enough*"])
    assert wait_until(lambda: not processes_with(marker))


@linux_only
def test_a_worker_of_the_engine_that_dies_costs_one_run_and_leaves_nothing(cluster: Inner, marker: str) -> None:
    cluster.file(
        """
        import os, pathlib, signal, time
        import pytest

        pytestmark = pytest.mark.repro

        def parent(pid):
            return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

        def test_killed(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                os.kill(parent(os.getppid()), signal.SIGKILL)  # test < node's process < worker of the engine
                time.sleep(600)

        def test_next(repro):
            repro.metric("x", 1)
        """
    )
    result = cluster("--repro-runs=2", "--repro-executor=engines:processes", "--repro-json=r.json", isolation="")
    result.assert_outcomes(passed=1, failed=1)
    tests = report(cluster)
    assert tests["test_killed"]["verdict"] == "lost"
    assert "the engine's worker died while it was executed (BrokenProcessPool" in str(tests["test_killed"]["headline"])
    assert wait_until(lambda: not processes_with(marker))


@posix_only
def test_a_hook_makes_the_engine_and_all_runs_are_under_way_at_once(cluster: Inner) -> None:
    cluster.pytester.makeconftest(
        """
        import engines

        def pytest_repro_make_executor(config, spec):
            return engines.threads() if spec == "lab" else None
        """
    )
    cluster.file(
        """
        import time, warnings
        import pytest

        @pytest.mark.repro
        def test_meets_the_other(repro, request):
            warnings.warn("from afar")
            folder = request.path.parent
            (folder / f"here-{repro.run}").touch()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not all((folder / f"here-{n}").exists() for n in (1, 2)):
                time.sleep(0.05)
            repro.metric("met", int(time.monotonic() < deadline))
            assert time.monotonic() < deadline
        """
    )
    result = cluster("--repro-runs=2", "--repro-executor=lab", "--repro-json=r.json", isolation="process")
    result.assert_outcomes(passed=1, warnings=1)
    conditions = report(cluster)["test_meets_the_other"]["conditions"]
    assert [each["place"] for each in conditions] == ["cluster", "cluster"]


# --- machines ----------------------------------------------------------------------------------


def may_rename() -> bool:
    """Whether a process may have another host name."""
    tool = shutil.which("unshare")
    done = subprocess.run([tool, "--uts", "hostname", "x"], capture_output=True, check=False) if tool else None
    return done is not None and done.returncode == 0


@linux_only
@pytest.mark.skipif(not may_rename(), reason="needs the right to give a process another host name (unshare --uts)")
def test_spread_places_runs_on_other_machines_and_says_how_they_differ(cluster: Inner) -> None:
    cluster.file(
        """
        import socket
        import pytest

        @pytest.mark.repro
        def test_host(repro):
            repro.metric("x", len(socket.gethostname()) if socket.gethostname().startswith("node") else 0)
        """
    )
    options = ["--repro-runs=4", "--repro-executor=engines:placing", "--repro-spread", "--repro-json=r.json"]
    result = cluster(*options, isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*each on another machine",
            "  first   x  in run 3 on nodea    0 -> 5*",
            "  changed variable.CUDA_VISIBLE_DEVICES  (absent) -> a",
            "*--repro-executor='engines:placing' --repro-spread",
        ]
    )
    test = report(cluster)["test_host"]
    hosts = [environment["host"] for environment in test["environments"]]
    assert hosts[2:] == ["nodea", "nodeb"]
    assert test["varied"][0] == "machine"


# --- versions ----------------------------------------------------------------------------------


def _git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@posix_only
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_another_commit_is_refused_before_anything_runs(
    cluster: Inner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = cluster.pytester.path
    cluster.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)\n")
    (here / "lib.py").write_text("value = 1\n", encoding="utf-8")
    _git(here, "init", "-q")
    _git(here, "add", ".")
    _git(here, "commit", "-qm", "one")
    there = tmp_path_factory.mktemp("node") / "project"
    shutil.copytree(here, there)
    options = ["--repro-runs=2", f"--repro-executor=engines:threads?dir={there}"]
    cluster(*options, isolation="").assert_outcomes(passed=1)

    (there / "lib.py").write_text("value = 2\n", encoding="utf-8")
    result = cluster(*options, isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *has other versions*git.changes is clean here and * there; *--repro-allow-skew"]
    )

    _git(there, "commit", "-aqm", "two")
    result = cluster(*options, isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *git.commit is * here and * there*"])
    cluster(*options, "--repro-allow-skew", isolation="").assert_outcomes(passed=1)


@posix_only
def test_another_version_of_a_library_is_refused(cluster: Inner, tmp_path: Path) -> None:
    cluster.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)\n")
    metadata = tmp_path / "older" / "numpy-1.0.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0.0\n", encoding="utf-8")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}/older:$PYTHONPATH" exec {sys.executable} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    result = cluster("--repro-runs=2", f"--repro-executor=engines:threads?python={python}", isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *numpy is {np.__version__} here and 1.0.0 there*"])


@posix_only
def test_a_node_with_another_test_file_runs_nothing(cluster: Inner, tmp_path: Path) -> None:
    cluster.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)\n")
    there = tmp_path / "project"
    shutil.copytree(cluster.pytester.path, there)
    with (there / "test_it.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    options = ["--repro-runs=2", f"--repro-executor=engines:threads?dir={there}", "--repro-json=r.json"]
    cluster(*options, isolation="").assert_outcomes(failed=1)
    test = report(cluster)["test_it"]
    assert test["verdict"] == "lost"
    assert "file test_it.py is" in str(test["headline"])


# --- engines that are of no use ----------------------------------------------------------------

ONE = "import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)\n"


@posix_only
@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["engines:idle?wait=0.2"], "*a first small task was not executed within 0.2 s*", id="idle"),
        pytest.param(["engines:raising"], "*the engine could not execute it: RuntimeError: no seat left", id="raises"),
        pytest.param(["engines:chatting"], "*answered with a str, expected what subprocess.run returns", id="other"),
        pytest.param(["engines:number"], "*expected a concurrent.futures.Executor, got int", id="no executor"),
        pytest.param(["engines:broken"], "*making the executor failed: OSError: no licence", id="factory fails"),
        pytest.param(["engines:value"], "*value is a int, expected a function", id="no function"),
        pytest.param(["engines:absent"], "*no attribute 'absent'*pythonpath*", id="no such function"),
        pytest.param(["nowhere:f"], "*No module named 'nowhere'*pythonpath*", id="no such module"),
        pytest.param(["slurm"], "*expected dask://HOST:PORT, or MODULE:FUNCTION*", id="unknown"),
        pytest.param(["engines:threads?host=1"], "*unknown 'host' after the question mark*", id="query"),
        pytest.param(["engines:threads?wait=soon"], "*wait='soon' is not usable; expected seconds", id="value"),
        pytest.param(["engines:threads?python=/no/python"], "*there is no /no/python on the node; *", id="python"),
        pytest.param(["engines:threads?dir=/no/dir"], "*there is no folder /no/dir on *?dir=*", id="folder"),
        pytest.param(["engines:threads", "--repro-spread"], "*does not say where it can run something*", id="spread"),
        pytest.param(["engines:alone", "--repro-spread"], "*--repro-spread: there is one machine only, *", id="alone"),
        pytest.param(["engines:threads", "--repro-isolation=inline"], "*is for runs elsewhere; drop*", id="inline"),
    ],
)
def test_an_engine_of_no_use_is_refused_before_anything_runs(cluster: Inner, options: list[str], message: str) -> None:
    cluster.file(ONE)
    result = cluster("--repro-runs=2", f"--repro-executor={options[0]}", *options[1:], isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.parametrize("option", ["--repro-spread", "--repro-allow-skew"])
def test_options_about_a_cluster_need_one(inner: Inner, option: str) -> None:
    inner.file(ONE)
    result = inner("--repro-runs=2", option, isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option} is about runs on a cluster: name one with --repro-executor"])


@posix_only
def test_a_node_without_the_package_says_so(cluster: Inner, tmp_path: Path) -> None:
    cluster.file(ONE)
    python = tmp_path / "python"
    without = "import sys; sys.modules['pytest_repro'] = None; exec(sys.argv[-1])"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{without}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    result = cluster("--repro-runs=2", f"--repro-executor=engines:threads?python={python}", isolation="")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *the Python 3.* cannot load pytest-repro there: ModuleNotFoundError: *"])


@posix_only
def test_an_engine_that_answers_twice_from_one_execution_proves_nothing(cluster: Inner) -> None:
    cluster.file(ONE)
    result = cluster("--repro-runs=2", "--repro-executor=engines:remembers", "--repro-json=r.json", isolation="")
    result.assert_outcomes(failed=1)
    test = report(cluster)["test_it"]
    assert test["verdict"] == "lost"
    assert "it must not keep and reuse results" in str(test["headline"])


@posix_only
def test_under_xdist_each_worker_has_its_engine_and_the_controller_refuses(cluster: Inner) -> None:
    pytest.importorskip("xdist")
    cluster.file(ONE + "\n@pytest.mark.repro\ndef test_two(repro):\n    repro.metric('x', 1)\n")
    options = ["-n2", "--repro-runs=2"]
    result = cluster(*options, "--repro-executor=engines:threads", plugins=["xdist"], subprocess=True, isolation="")
    result.assert_outcomes(passed=2)
    result = cluster(
        *options, "--repro-executor=engines:idle?wait=0.2", plugins=["xdist"], subprocess=True, isolation=""
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *a first small task was not executed within 0.2 s*"])
