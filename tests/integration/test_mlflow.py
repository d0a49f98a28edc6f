"""Sessions that are mirrored into a real MLflow: a SQLite store, a server on loopback, and trackers that fail."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.errors import UnavailableError
from pytest_repro.report.mlflow_log import require_store
from pytest_repro.report.mlflow_run import POINTS
from pytest_repro.tracking import Limits, Tracker
from tests.builders import make_report, make_result

HERE = Path(__file__).parents[2]
needs_mlflow = pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is not installed")

DRIFTING = """
import random
import pytest
import mlflow

COUNT = []

@pytest.mark.repro
def test_drift(repro):
    COUNT.append(1)
    mlflow.set_tracking_uri("http://127.0.0.1:9/elsewhere")
    for step in range(300):
        repro.metric("loss <b>", 1 / (step + 1) + (1e-12 * len(COUNT) if step > 17 else 0), step=step)
    repro.metric("accuracy", 0.75)

@pytest.mark.repro
def test_same(repro):
    repro.metric("../value", repro.rng.normal())
    repro.metric("draw", random.random())
"""

PASSING = """
import os
import pytest

@pytest.mark.repro
def test_same(repro):
    repro.metric("value", 0.5)
    assert "MLFLOW_RUN_ID" not in os.environ
"""

ACTIVE = """
import mlflow, pytest, warnings

URI = mlflow.get_tracking_uri()

def pytest_sessionstart():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.start_run(run_name="mine")

def pytest_unconfigure():
    print("active:", mlflow.active_run().info.run_name, mlflow.get_tracking_uri())
    mlflow.set_tracking_uri(URI)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.end_run()
"""

HIDDEN = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "mlflow" else found(name, *rest)
"""


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Session:
    """Runs pytest as a user does, with our plugin only."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "MLFLOW_"))}
        variables |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(HERE), "COLUMNS": "500"}
        variables |= {"MLFLOW_DISABLE_TELEMETRY": "true", **environment}
        command = [sys.executable, "-m", "pytest", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, "--repro-runs=2", "--repro-explain=off", *arguments],
            cwd=self.folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that is made once: that takes MLflow long."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    # in a process of its own: its warnings would be errors here
    code = f"import mlflow; mlflow.MlflowClient(tracking_uri={uri!r}).search_experiments()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=folder, check=True, timeout=300)
    return uri


def stored(uri: str, experiment: str, folder: Path) -> dict[str, dict[str, Any]]:
    """All runs of an experiment by name, as MLflow gives them."""
    code = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
found = client.get_experiment_by_name(sys.argv[2])
runs = {}
for run in client.search_runs([found.experiment_id], max_results=1000) if found else []:
    one = runs[run.info.run_name] = {
        "id": run.info.run_id, "status": run.info.status, "tags": run.data.tags, "params": run.data.params,
        "metrics": run.data.metrics, "series": {}, "artifacts": {},
    }
    for key in run.data.metrics:
        one["series"][key] = [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, key)]
    for artifact in client.list_artifacts(run.info.run_id):
        one["artifacts"][artifact.path] = open(client.download_artifacts(run.info.run_id, artifact.path)).read()
open(sys.argv[3], "w").write(json.dumps(runs))
"""
    answer = folder / "runs.json"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, uri, experiment, str(answer)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    import json

    runs: dict[str, dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
    return runs


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@needs_mlflow
def test_drifting_session_is_logged_with_values_distances_commit_and_requirements(session: Session, store: str) -> None:
    (session.folder / "test_train.py").write_text(DRIFTING, encoding="utf-8")
    git(session.folder, "init", "-q")
    git(session.folder, "add", "test_train.py")
    git(session.folder, "commit", "-qm", "first")
    (session.folder / "conftest.py").write_text(ACTIVE, encoding="utf-8")

    done = session("--repro-mlflow=drifting", "--repro-isolation=inline", "-W", "error", MLFLOW_TRACKING_URI=store)

    assert done.returncode == 1, done.stdout
    assert f"repro: 2 tests logged to MLflow: experiment 'drifting' at {store}" in done.stdout
    assert f"mlflow ui --backend-store-uri {store}" in done.stdout
    assert "active: mine http://127.0.0.1:9/elsewhere" in done.stdout, "the user's own run and URI are as they were"
    runs = stored(store, "drifting", session.folder)
    assert len(runs) == 6
    test = runs["test_train.py::test_drift"]
    assert test["status"] == "FAILED"
    assert test["tags"]["repro.verdict"] == "drifted"
    assert test["tags"]["repro.first_divergence"] == "loss <b>[18]"
    assert test["tags"]["repro.name.loss _b_"] == "loss <b>"
    assert test["tags"]["mlflow.source.git.commit"] == git(session.folder, "rev-parse", "HEAD")
    assert test["tags"]["repro.git.dirty"] == "no"
    assert test["metrics"]["repro.first_step"] == 18
    assert 0 < test["metrics"]["repro.max_abs_diff"] < 2e-12
    assert test["metrics"]["repro.max_ulp"] > 1000
    assert '"verdict": "drifted"' in test["artifacts"]["repro-report.json"]
    assert "\nnumpy==" in "\n" + test["artifacts"]["requirements.txt"]
    second = runs["test_train.py::test_drift [run 2]"]
    assert second["tags"]["mlflow.parentRunId"] == test["id"]
    assert second["params"]["seed"] == "0"
    points = dict(second["series"]["loss _b_"])
    assert 100 < len(points) <= POINTS
    assert points[18] != dict(runs["test_train.py::test_drift [run 1]"]["series"]["loss _b_"])[18]
    assert second["metrics"]["accuracy"] == 0.75
    assert runs["test_train.py::test_same"]["status"] == "FINISHED"
    assert runs["test_train.py::test_same [run 1]"]["metrics"].keys() == {"___value", "draw"}


@needs_mlflow
def test_run_that_mlflow_made_is_the_parent_and_is_kept_from_workers(session: Session, store: str) -> None:
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    code = (
        "import mlflow, sys; client = mlflow.MlflowClient(); made = client.create_experiment('outer')\n"
        "print(client.create_run(made, run_name='outer').info.run_id)"
    )
    outer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=session.folder,  # where MLflow puts its artifacts
        env={**os.environ, "MLFLOW_TRACKING_URI": store},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]

    done = session(
        "--repro-mlflow", "--repro-isolation=process",
        MLFLOW_TRACKING_URI=store, MLFLOW_RUN_ID=outer, MLFLOW_EXPERIMENT_ID="0",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    runs = stored(store, "outer", session.folder)
    assert runs["test_it.py::test_same"]["tags"]["mlflow.parentRunId"] == outer
    assert runs["test_it.py::test_same"]["tags"]["mlflow.source.type"] == "PROJECT"
    assert runs["outer"]["status"] == "RUNNING", "it belongs to mlflow run, which ends it"


@needs_mlflow
def test_workers_of_xdist_leave_logging_to_the_controller(session: Session, store: str) -> None:
    pytest.importorskip("xdist")
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    done = session("-p", "xdist", "-n2", "--repro-isolation=inline", "--repro-mlflow=shared", MLFLOW_TRACKING_URI=store)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("logged to MLflow") == 1
    assert len(stored(store, "shared", session.folder)) == 3


@pytest.fixture
def server(store: str, tmp_path: Path) -> Iterator[str]:
    """``mlflow server`` on loopback."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store, "--artifacts-destination", str(tmp_path / "artifacts")]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + 150
        while not _answers(address):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < end, "the server did not start in time"
            time.sleep(0.5)
        yield address
    finally:
        # its workers are in its group
        os.killpg(process.pid, 15)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@needs_mlflow
@pytest.mark.slow
def test_server_gets_the_same_and_the_session_says_where_to_compare(session: Session, server: str) -> None:
    (session.folder / "test_train.py").write_text(DRIFTING, encoding="utf-8")
    done = session("--repro-mlflow=served", "--repro-isolation=inline", MLFLOW_TRACKING_URI=server)
    assert done.returncode == 1, done.stdout
    assert f"repro: compare the runs of test_train.py::test_drift: {server}/#/compare-runs?runs=" in done.stdout
    runs = stored(server, "served", session.folder)
    assert len(runs) == 6
    assert runs["test_train.py::test_drift"]["metrics"]["repro.first_step"] == 18
    assert len(runs["test_train.py::test_drift [run 2]"]["series"]["loss _b_"]) > 100
    assert "repro-report.json" in runs["test_train.py::test_drift"]["artifacts"]


# --- trackers that fail -----------------------------------------------------------------------


@needs_mlflow
def test_tracker_that_is_down_is_a_warning_and_its_password_is_not_shown(session: Session) -> None:
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    uri = f"http://me:s3cret@127.0.0.1:{free_port()}"
    done = session(
        "--repro-mlflow", "--repro-isolation=inline",
        MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "repro: WARNING: 0 of 1 test logged to MLflow at http://***@127.0.0.1:" in done.stdout
    assert "s3cret" not in done.stdout


@needs_mlflow
def test_tracker_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "100")
        tracker = Tracker("x", directory=tmp_path, root=tmp_path, limits=Limits(silence=30, total=1))
        start = time.monotonic()
        (line,) = tracker.log(make_report(make_result()))
    assert "repro: WARNING: 0 of 1 test logged to MLflow" in line
    assert line.endswith("it took more than 1 s; the verdicts stand")
    assert time.monotonic() - start < 20


@needs_mlflow
def test_store_that_cannot_be_written_is_a_warning(session: Session) -> None:
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    uri = f"sqlite:///{session.folder / 'test_it.py' / 'mlflow.db'}"
    done = session("--repro-mlflow", "--repro-isolation=inline", MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stdout
    assert f"repro: WARNING: 0 of 1 test logged to MLflow at {uri}: " in done.stdout
    assert "Traceback" not in done.stdout


@needs_mlflow
def test_session_without_repeated_tests_says_that_nothing_was_logged(session: Session) -> None:
    (session.folder / "test_it.py").write_text("def test_plain(): pass\n", encoding="utf-8")
    done = session("--repro-mlflow", MLFLOW_TRACKING_URI="sqlite:///never.db")
    assert "repro: no test was repeated, so nothing was logged to MLflow" in done.stdout
    assert not (session.folder / "never.db").exists()


def test_database_needs_more_than_the_skinny_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="mlflow-skinny is not enough; pip install mlflow, or set MLFLOW_TRACK"):
        require_store("sqlite:///mlflow.db")
    with pytest.raises(UnavailableError, match=r"postgresql\+psycopg2:\.\.\. is a database"):
        require_store("postgresql+psycopg2://me:secret@host/db")
    require_store("https://tracker.example")


def test_missing_mlflow_is_said_before_anything_runs(session: Session) -> None:
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    (session.folder / "hide.py").write_text(HIDDEN, encoding="utf-8")
    done = session("-p", "hide", "--repro-mlflow", PYTHONPATH=os.pathsep.join([str(HERE), str(session.folder)]))
    assert done.returncode == 4, done.stdout
    assert "--repro-mlflow needs MLflow, which is not installed: pip install 'pytest-repro[mlflow]'" in done.stdout


def test_path_after_the_bare_option_is_not_taken_for_an_experiment(session: Session) -> None:
    (session.folder / "test_it.py").write_text(PASSING, encoding="utf-8")
    done = session("--repro-mlflow", "test_it.py::test_same")
    assert done.returncode == 4, done.stdout
    assert "write --repro-mlflow=pytest-repro" in done.stdout
