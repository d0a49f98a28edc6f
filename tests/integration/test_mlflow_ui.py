"""``mlflow ui`` as the README has it typed, and its compare page of a drifting test's runs in Chromium."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
PORT = 5000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page cannot be opened"),
]

DRIFTING = """
import pytest

COUNT = []

@pytest.mark.repro
def test_training(repro):
    COUNT.append(1)
    for step in range(20):
        repro.metric("loss", 1 / (step + 1) + (0.125 * len(COUNT) if step > 11 else 0), step=step)
    repro.metric("accuracy", 0.75)
"""


def _environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "MLFLOW_"))}
    kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true"}
    kept |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])}
    return kept | changes


def _taken(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose drifting test is logged to the default store beside it."""
    (tmp_path / "test_model.py").write_text(DRIFTING, encoding="utf-8")
    gate = "python -m pytest -p pytest_repro.plugin -p no:cacheprovider --repro-runs=3 --repro-mlflow=gate"
    done = subprocess.run(
        ["bash", "-c", f"{gate} --repro-isolation=inline --repro-explain=off"],
        cwd=tmp_path, env=_environment(), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 test logged to MLflow" in done.stdout, done.stdout
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """``mlflow ui``, typed in that folder."""
    if _taken(PORT):
        pytest.skip(f"port {PORT}, which mlflow ui takes, is in use")
    with (folder / "ui.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", "exec mlflow ui"],
            cwd=folder, env=_environment(), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + 900
        while not _answers(f"http://127.0.0.1:{PORT}/health"):
            assert process.poll() is None, (folder / "ui.log").read_text(encoding="utf-8")
            assert time.monotonic() < end, "mlflow ui did not start in time"
            time.sleep(0.5)
        yield f"http://127.0.0.1:{PORT}"
    finally:
        for stop in (signal.SIGTERM, signal.SIGKILL):  # its workers are in its group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, stop)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _runs(address: str) -> tuple[str, dict[str, str]]:
    """Identity of the experiment, and of the three executions by name, from MLflow's own interface."""

    def ask(path: str, body: dict[str, object]) -> dict[str, object]:
        request = urllib.request.Request(
            f"{address}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            read: dict[str, object] = json.loads(answer.read())
            return read

    found = ask("experiments/search", {"max_results": 10, "filter": "name = 'gate'"})["experiments"]
    assert isinstance(found, list)
    experiment = found[0]["experiment_id"]
    runs = ask("runs/search", {"experiment_ids": [experiment]})["runs"]
    assert isinstance(runs, list)
    names = {run["info"]["run_name"]: run["info"]["run_id"] for run in runs}
    return experiment, {name: identity for name, identity in sorted(names.items()) if "[run " in name}


def test_compare_page_of_mlflow_ui_shows_the_drift(folder: Path, address: str) -> None:
    experiment, executions = _runs(address)
    assert len(executions) == 3
    # as the page links it: lists in the query, as JSON
    query = f"runs={quote(json.dumps(list(executions.values())))}&experiments={quote(json.dumps([experiment]))}"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", "--window-size=1500,1800", "--virtual-time-budget=60000"]
    picture = os.environ.get("REPRO_SCREENSHOTS")
    if picture:
        flags += [f"--screenshot={Path(picture) / 'mlflow-compare.png'}"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [str(CHROMIUM), *flags, f"{address}/#/compare-runs?{query}"],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, timeout=500, check=True,
    )  # fmt: skip
    page = done.stdout
    assert "Comparing 3 Runs from 1 Experiment" in page, page[-3000:]
    for name in executions:
        assert name in page
    # the last loss is 1/20 and, from run to run, an eighth more; MLflow shows three digits
    for value in ("0.175", "0.3", "0.425"):
        assert f">{value}<" in page
    assert ">diff.loss<" in page
    assert ">accuracy<" in page
