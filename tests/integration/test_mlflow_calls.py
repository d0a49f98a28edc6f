"""The calls that MLflow gets, on a stand-in that writes them down.

It is quick, and fails in ways a real one rarely does; `test_mlflow` has the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

STAND_IN = """
import json, os, time
from types import SimpleNamespace as Thing

MODE = os.environ.get("STAND_IN_MODE", "")
print("a banner on standard output")

def note(name, /, **arguments):
    with open(os.environ["STAND_IN_LOG"], "a") as log:
        log.write(json.dumps({"call": name, **arguments}) + "\\n")

def get_tracking_uri():
    return os.environ.get("MLFLOW_TRACKING_URI", "https://me:s3cret@tracker.example/path")

class MlflowClient:
    def __init__(self, tracking_uri):
        retries = os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
        note("client", uri=tracking_uri, run=os.environ.get("MLFLOW_RUN_ID"), retries=retries)
        self.made = 0

    def get_experiment_by_name(self, name):
        return Thing(experiment_id="4", lifecycle_stage="deleted") if MODE == "deleted" else None

    def create_experiment(self, name):
        note("create_experiment", name=name)
        return "7"

    def get_experiment(self, experiment):
        return Thing(name=f"experiment {experiment}")

    def get_run(self, run):
        return Thing(info=Thing(experiment_id="5"))

    def create_run(self, experiment, *, run_name, tags):
        self.made += 1
        note("create_run", experiment=experiment, name=run_name, tags=tags)
        if self.made == 4 and MODE == "raises":
            raise RuntimeError("https://me:s3cret@tracker.example says:\\n quota exceeded")
        if self.made == 4 and MODE == "dies":
            os._exit(3)
        if MODE == "hangs":
            time.sleep(300)
        return Thing(info=Thing(run_id=f"id{self.made}"))

    def log_batch(self, run, metrics=(), params=()):
        note("log_batch", run=run, metrics=[vars(one) for one in metrics], params=[vars(one) for one in params])

    def log_text(self, run, text, name):
        note("log_text", run=run, name=name, size=len(text))

    def set_terminated(self, run, status):
        note("set_terminated", run=run, status=status)
"""

ENTITIES = """
class Metric:
    def __init__(self, key, value, timestamp, step):
        self.key, self.value, self.step = key, value, step

class Param:
    def __init__(self, key, value):
        self.key, self.value = key, value
"""

TESTS = """
import pytest

COUNT = []

@pytest.mark.repro
def test_drift(repro):
    COUNT.append(1)
    for number in range(7):
        for step in range(300):
            repro.metric(f"series {number}", step + len(COUNT), step=step)

@pytest.mark.repro
def test_same(repro):
    repro.metric("value", 0.5)
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@pytest.fixture
def run(tmp_path: Path, log: Path) -> Run:
    """Runs Python where the stand-in is the MLflow that is found."""
    package = tmp_path / "path" / "mlflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STAND_IN, encoding="utf-8")
    (package / "entities.py").write_text(ENTITIES, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "MLFLOW_"))}
    kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "300", "STAND_IN_LOG": str(log)}
    kept |= {"PYTHONPATH": os.pathsep.join([str(package.parent), str(ROOT)])}

    def start(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=kept | changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    return start


def session(run: Run, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    given = ["-m", "pytest", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider", "--repro-runs=2"]
    given += ["--repro-isolation=inline", "--repro-explain=off", "--repro-mlflow", *arguments]
    return run(*given, **changes)


def calls(log: Path, name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [call for call in found if call["call"] == name]


def test_every_run_has_its_parent_and_is_ended_with_its_status(run: Run, log: Path) -> None:
    done = session(run)
    assert done.returncode == 1, done.stdout
    tests = calls(log, "create_run")
    # the worst first: id1 with id2, id3; then id4 with id5, id6
    assert [call["tags"].get("mlflow.parentRunId") for call in tests] == [None, "id1", "id1", None, "id4", "id4"]
    assert [call["tags"]["repro.kind"] for call in tests] == ["test", "run", "run"] * 2
    assert {call["experiment"] for call in tests} == {"7"}
    ended = {call["run"]: call["status"] for call in calls(log, "set_terminated")}
    assert ended == {f"id{number}": "FAILED" if number == 1 else "FINISHED" for number in range(1, 7)}


def test_no_call_carries_more_metrics_than_mlflow_takes(run: Run, log: Path) -> None:
    session(run)
    sizes = [len(call["metrics"]) for call in calls(log, "log_batch")]
    assert max(sizes) == 1000
    points = [one for call in calls(log, "log_batch") if call["run"] == "id2" for one in call["metrics"]]
    series = [one["step"] for one in points if one["key"] == "series 3"]
    assert 100 < len(series) <= 200
    assert {one["key"] for one in points} == {f"{prefix}series {n}" for prefix in ("", "diff.") for n in range(7)}


def test_uri_and_outer_run_are_those_of_the_session_start(run: Run, log: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import os\n" + TESTS + "    os.environ['MLFLOW_TRACKING_URI'] = 'https://elsewhere.example'\n"
        "    os.environ.pop('MLFLOW_RUN_ID', None)\n",
        encoding="utf-8",
    )
    done = session(run, MLFLOW_TRACKING_URI="https://here.example", MLFLOW_RUN_ID="outer")
    assert "repro: 2 tests logged to MLflow: experiment 'experiment 5' at https://here.example" in done.stdout
    assert calls(log, "client") == [{"call": "client", "uri": "https://here.example", "run": None, "retries": "2"}]
    assert calls(log, "create_experiment") == []
    tests = [call for call in calls(log, "create_run") if call["tags"]["repro.kind"] == "test"]
    assert {call["tags"]["mlflow.parentRunId"] for call in tests} == {"outer"}
    assert "outer" not in {call["run"] for call in calls(log, "set_terminated")}, "it belongs to mlflow run"


def test_patience_that_the_user_chose_is_kept(run: Run, log: Path) -> None:
    session(run, MLFLOW_HTTP_REQUEST_MAX_RETRIES="9")
    assert calls(log, "client")[0]["retries"] == "9"


def test_session_says_where_to_compare_without_the_password(run: Run) -> None:
    done = session(run)
    place = "https://***@tracker.example/path"
    assert f"repro: 2 tests logged to MLflow: experiment 'experiment 7' at {place}" in done.stdout
    link = f"{place}/#/compare-runs?runs=%5B%22id2%22%2C%22id3%22%5D&experiments=%5B%227%22%5D"
    assert f"repro: compare the runs of test_it.py::test_drift: {link}" in done.stdout
    assert "s3cret" not in done.stdout
    assert "a banner" not in done.stdout


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        pytest.param("raises", "RuntimeError: https://***@tracker.example says: quota exceeded", id="an error"),
        pytest.param("dies", "its process ended with status 3: a banner on standard output", id="a crash"),
    ],
)
def test_tracker_that_fails_midway_is_a_warning_that_says_how_far_it_got(run: Run, mode: str, reason: str) -> None:
    done = session(run, STAND_IN_MODE=mode)
    assert done.returncode == 1, "the verdict's own"
    expected = (
        f"repro: WARNING: 1 of 2 tests logged to MLflow at https://***@tracker.example/path: {reason}; the verdicts"
    )
    assert expected in done.stdout
    assert "s3cret" not in done.stdout


def test_deleted_experiment_is_named_with_the_command_that_restores_it(run: Run) -> None:
    done = session(run, "-k", "test_same", STAND_IN_MODE="deleted")
    assert done.returncode == 0
    assert "the experiment 'pytest-repro' was deleted; mlflow experiments restore --experiment-id 4" in done.stdout


def test_tracker_that_hangs_is_given_up_and_its_process_ended(run: Run) -> None:
    code = (
        "from pathlib import Path\n"
        "from pytest_repro.tracking import Limits, Tracker\n"
        "from tests.builders import make_report, make_result\n"
        "tracker = Tracker('x', directory=Path.cwd(), root=Path.cwd(), limits=Limits(silence=1.5))\n"
        "print(*tracker.log(make_report(make_result())))\n"
    )
    done = run("-c", code, STAND_IN_MODE="hangs")
    assert "0 of 1 test logged to MLflow at" in done.stdout, done.stdout
    assert "it did not answer for 1.5 s; the verdicts stand" in done.stdout
