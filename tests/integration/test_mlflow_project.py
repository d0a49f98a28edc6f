"""The commands of the MLflow project's README, typed in a copy of it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "examples" / "mlflow_project"
README = (PROJECT / "README.md").read_text(encoding="utf-8")

pytest.importorskip("sklearn")
needs_mlflow = pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="MLflow is not installed")

DRIFTING = """
import os
import pytest

@pytest.mark.repro
def test_drift(repro):
    repro.metric("loss", os.urandom(1)[0] + 256 * repro.run)
"""


def commands() -> list[str]:
    (block,) = re.findall(r"<!-- commands: local -->\n```sh\n(.+?)\n```", README, re.DOTALL)
    return str(block).splitlines()


def typed(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As in a shell whose environment has everything installed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "MLFLOW_"))}
    kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_repro.plugin", "PYTHONPATH": str(ROOT)}
    kept |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])}
    kept |= {"MLFLOW_DISABLE_TELEMETRY": "true", "COLUMNS": "300"}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy = tmp_path / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__", "mlflow.db", "mlruns"))
    return copy


def logged(folder: Path) -> list[dict[str, Any]]:
    """Every run in the project's store."""
    code = """
import json
from mlflow import MlflowClient
client = MlflowClient(tracking_uri="sqlite:///mlflow.db")
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        tags = run.data.tags
        print("RUN", json.dumps({
            "experiment": experiment.name, "id": run.info.run_id, "name": run.info.run_name, "status": run.info.status,
            "parent": tags.get("mlflow.parentRunId"), "kind": tags.get("repro.kind"), "params": run.data.params,
            "verdict": tags.get("repro.verdict"), "entry": tags.get("mlflow.project.entryPoint"),
        }))
"""
    (folder / "list.py").write_text(code, encoding="utf-8")
    done = typed("python -W ignore list.py", folder)
    assert done.returncode == 0, done.stdout
    return [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("RUN ")]


def test_readme_names_the_commands() -> None:
    assert commands() == [
        "mlflow run . --env-manager=local",
        "mlflow experiments create --experiment-name reproducible-ml",
        "mlflow run . --experiment-name reproducible-ml --env-manager=local",
    ]


def test_project_names_an_environment_without_a_python_that_would_be_downloaded() -> None:
    yaml = pytest.importorskip("yaml")
    project = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
    environment = yaml.safe_load((PROJECT / project["python_env"]).read_text(encoding="utf-8"))
    assert "python" not in environment
    assert "mlflow>=3" in environment["dependencies"], "the default store is a database"
    assert project["entry_points"]["main"]["command"].endswith("--repro-mlflow")


@needs_mlflow
@pytest.mark.slow
def test_commands_of_the_readme_work_as_typed(project: Path) -> None:
    for command in commands():
        done = typed(command, project)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
    runs = logged(project)
    for experiment in ("Default", "reproducible-ml"):
        of_it = [run for run in runs if run["experiment"] == experiment]
        (outer,) = (run for run in of_it if run["entry"] == "main")
        (test,) = (run for run in of_it if run["kind"] == "test")
        executions = [run for run in of_it if run["kind"] == "run"]
        assert (outer["status"], outer["params"]) == ("FINISHED", {"repro_runs": "3", "seed": "0"})
        assert (test["parent"], test["verdict"], test["status"]) == (outer["id"], "reproduced", "FINISHED")
        assert [run["parent"] for run in executions] == [test["id"]] * 3


@needs_mlflow
@pytest.mark.slow
def test_drift_fails_the_run_of_the_project(project: Path) -> None:
    (project / "tests" / "test_model.py").write_text(DRIFTING, encoding="utf-8")
    done = typed("mlflow run . --env-manager=local -P repro_runs=2", project)
    assert done.returncode == 1, done.stdout
    runs = logged(project)
    assert {run["status"] for run in runs if run["entry"] == "main"} == {"FAILED"}
    assert [run["verdict"] for run in runs if run["kind"] == "test"] == ["drifted"]
