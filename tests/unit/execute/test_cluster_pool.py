"""What a controller makes of a node's reply, and a node of a worker that does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_repro.errors import WorkerError
from pytest_repro.execute import node
from pytest_repro.execute.cluster import ClusterPool
from pytest_repro.execute.tasks import Reply
from pytest_repro.settings import Settings


def test_a_run_that_passed_without_a_recording_is_no_pass(pytestconfig: pytest.Config) -> None:
    pool = ClusterPool(pytestconfig, settings=Settings(executor="engines:none"))
    body = {"passed": True, "reports": [], "subtests": [], "warnings": []}
    with pytest.raises(WorkerError, match="no recording"):
        pool._done(body, None, Settings())
    assert not pool._done({**body, "passed": False}, None, Settings()).passed


def test_a_worker_that_a_node_cannot_start_is_told_without_the_host_which_the_controller_adds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise WorkerError("its worker could not be started: no room")

    monkeypatch.setattr(node, "start", refuse)
    task = {"launch": [], "prefix": [], "arguments": [], "preload": [], "timeout": 0, "limit": 1, "request": {}}
    assert node._run(task, tmp_path, Reply(id="1", host="here")).lost == "its worker could not be started: no room"
