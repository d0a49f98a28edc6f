"""Log a described session to MLflow, in a process of its own: ``main`` is what `tracking` starts.

The user's process never loads MLflow for us: its import takes seconds and starts threads, its first client call may
draw from `random`, its warnings would meet ``-W error``, and a tracker that does not answer could not be given up.
Only `MlflowClient` is used, with a URI that was fixed when the session started, so the user's active run and URI
cannot be touched.

Reads an `Assignment` as JSON from the file named by the argument; writes one JSON object a line: ``{"uri": ...,
"experiment": ...}``, ``{"test": ..., "children": [...]}`` for each test, or ``{"error": ...}`` at the end.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import UnavailableError
from pytest_repro.report.codec import decode
from pytest_repro.report.mlflow_run import Assignment

if TYPE_CHECKING:
    from pytest_repro.report.mlflow_run import LoggedRun

__all__ = ["log_session", "main", "require_store"]

#: MLflow's limit for one call
_BATCH = 1000
_PARAMS = 100
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

Say = Callable[[dict[str, Any]], None]


def require_store(uri: str) -> None:
    """Refuse a database when only mlflow-skinny is installed.

    Raises:
        UnavailableError: with what to install; MLflow's own message is about model registries.
    """
    database = uri.partition(":")[0].partition("+")[0] in _DATABASES
    if database and importlib.util.find_spec("sqlalchemy") is None:
        msg = (
            f"the tracking URI {uri.partition(':')[0]}:... is a database, for which mlflow-skinny is not enough; "
            "pip install mlflow, or set MLFLOW_TRACKING_URI to the address of an MLflow server"
        )
        raise UnavailableError(msg)


def log_session(client: Any, assignment: Assignment, *, say: Say) -> None:
    """Make all runs; says after each test which ones."""
    experiment = _experiment(client, assignment)
    say({"experiment": experiment, "name": client.get_experiment(experiment).name})
    user = _user()
    for test in assignment.tests:
        parent = _log(client, test, experiment=experiment, parent=assignment.outer, user=user)
        children = [_log(client, child, experiment=experiment, parent=parent, user=user) for child in test.children]
        # at the end, so that a test that is running here did not get through
        client.set_terminated(parent, test.status)
        say({"test": test.name, "status": test.status, "run": parent, "children": children})


def _experiment(client: Any, assignment: Assignment) -> str:
    if assignment.outer:
        # a child in another experiment would not be shown with its parent
        return str(client.get_run(assignment.outer).info.experiment_id)
    name = assignment.experiment
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except Exception:
            # another session may have been quicker
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        msg = f"the experiment {name!r} was deleted; mlflow experiments restore --experiment-id {found.experiment_id}"
        raise UnavailableError(msg)
    return str(found.experiment_id)


def _log(client: Any, run: LoggedRun, *, experiment: str, parent: str, user: str) -> str:
    from mlflow.entities import Metric, Param

    tags = dict(run.tags) | {"mlflow.user": user} | ({"mlflow.parentRunId": parent} if parent else {})
    # a run without a name would draw one from `random`
    made: str = client.create_run(experiment, run_name=run.name, tags=tags).info.run_id
    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step or 0) for key, step, value in run.metrics]
    params = [Param(key, value) for key, value in run.params]
    for some in _pieces(params, _PARAMS):
        client.log_batch(made, params=some)
    for some in _pieces(metrics, _BATCH):
        client.log_batch(made, metrics=some)
    for name, text in run.artifacts:
        client.log_text(made, text, name)
    if not run.children:
        client.set_terminated(made, run.status)
    return made


def _pieces(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _user() -> str:
    """As MLflow itself names the owner of a run."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def main(path: str) -> None:
    """Log what the file at `path` describes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what MLflow prints is not an answer
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that a crash does not take it along

    def say(entry: dict[str, Any]) -> None:
        answers.write(json.dumps(entry) + "\n")
        answers.flush()

    try:
        assignment = decode(Assignment, json.loads(Path(path).read_text(encoding="utf-8")))
        import mlflow

        uri = mlflow.get_tracking_uri()
        say({"uri": uri})
        require_store(uri)
        log_session(mlflow.MlflowClient(tracking_uri=uri), assignment, say=say)
    except Exception as error:  # noqa: BLE001 - whatever a tracker raises is a warning there
        say({"error": f"{type(error).__name__}: {error}" if not isinstance(error, UnavailableError) else str(error)})
        sys.exit(1)
