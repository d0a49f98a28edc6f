"""Whatever an engine does with a task, what it means is said in one sentence, and in time."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.errors import WorkerError
from pytest_repro.execute.courier import Courier, Overdue, Sent, refusal
from pytest_repro.execute.dispatch import Dispatch
from pytest_repro.execute.engines import parse_spec
from pytest_repro.execute.launch import Blueprint
from pytest_repro.execute.tasks import Reply, write_reply


class Hand:
    """An engine whose tasks the test answers itself."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.futures: list[Future[Any]] = []

    def submit(self, function: Callable[..., Any], *args: object, key: str, host: str, **kwargs: object) -> Future[Any]:
        self.calls.append(((function, *args), kwargs))
        self.futures.append(Future())
        return self.futures[-1]

    def hosts(self) -> tuple[str, ...]:
        return ()

    def executions(self, key: str) -> int:
        return 0

    def close(self) -> None:
        pass


def courier(wait: float = 30.0) -> tuple[Courier, Hand]:
    spec = parse_spec(f"a:b?wait={wait}")
    arguments = ("-q", "--cov-append", "--cov-report=")
    blueprint = Blueprint(arguments, Path("/p"), {"PYTEST_ADDOPTS": "-q"}, (), Path(), "pair", "")
    engine = Hand()
    return Courier(engine, Dispatch(spec, blueprint, Path("/p"), Path("/p")), spec), engine


def send(made: Courier, seconds: float = 1.0) -> Sent:
    return made.send({"nodeid": "t"}, expected={"numpy": "2"}, host="", seconds=seconds)


def answer(reply: Reply, *, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    stream = io.BytesIO()
    write_reply(reply, stream)
    return subprocess.CompletedProcess(["python"], status, stream.getvalue(), b"")


def test_what_an_engine_unpickles_is_of_the_standard_library() -> None:
    """So its own processes need neither this package nor the project."""

    class Globals(pickle.Unpickler):
        found: set[str] = set()  # noqa: RUF012

        def find_class(self, module: str, name: str) -> Any:
            self.found.add(f"{module}.{name}")
            return super().find_class(module, name)

    made, engine = courier()
    send(made)
    loaded = Globals(io.BytesIO(pickle.dumps(engine.calls))).load()
    assert Globals.found == {"subprocess.run"}
    task = json.loads(loaded[0][1]["input"])
    assert task["expected"] == {"numpy": "2"}
    assert task["variables"]["PYTEST_ADDOPTS"] == "-q"
    assert task["variables"]["OMP_NUM_THREADS"] is None
    assert "CUDA_VISIBLE_DEVICES" not in task["variables"]
    assert task["arguments"] == ["-q", "--no-cov", "--cov-report="]


def test_no_two_tasks_are_alike() -> None:
    made, engine = courier()
    assert send(made).key != send(made).key
    first, second = engine.calls
    assert first[1]["input"] != second[1]["input"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BrokenProcessPool("a process was terminated"), "the engine's worker died while it was executed (Broken"),
        (type("KilledWorker", (Exception,), {})("3 times"), "the engine's worker died while it was executed (Killed"),
        (CancelledError("gone"), "the engine gave it up: gone"),
        (CancelledError(), "the engine gave it up: it was cancelled"),
        (FileNotFoundError(2, "no", "/opt/python"), "there is no /opt/python on the node; name the interpreter"),
        (RuntimeError("no seat\nleft"), "the engine could not execute it: RuntimeError: no seat left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_exception_of_the_engine_is_worded(error: BaseException, said: str) -> None:
    made, engine = courier()
    sent = send(made)
    engine.futures[0].set_exception(error)
    with pytest.raises(WorkerError) as raised:
        made.fetch(sent)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    "error", [subprocess.TimeoutExpired("python", 3), TimeoutError("there")], ids=["node", "engine"]
)
def test_a_task_that_was_ended_on_the_node_is_overdue(error: Exception) -> None:
    made, engine = courier()
    sent = send(made)
    engine.futures[0].set_exception(error)
    with pytest.raises(Overdue):
        made.fetch(sent)


def test_a_task_that_never_comes_back_is_overdue_and_cancelled() -> None:
    made, engine = courier(wait=0.1)
    start = time.monotonic()
    with pytest.raises(Overdue):
        made.fetch(send(made, seconds=0.1))
    assert time.monotonic() - start >= 0.3  # the run, the start, the queue
    assert engine.futures[0].cancelled()


def test_a_task_waits_as_long_as_the_engine_brings_others_back() -> None:
    made, engine = courier(wait=0.5)
    sent = [send(made, seconds=0.5) for _ in range(5)]
    replies = [answer(Reply(id=each.key, nonce=each.key)) for each in sent]

    def work() -> None:
        for future, reply in zip(engine.futures, replies, strict=True):
            time.sleep(0.5)
            future.set_result(reply)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert made.fetch(sent[-1]).id == sent[-1].key  # 2.5 s, where one alone may take 1.5
    finally:
        thread.join()


def test_the_result_of_another_task_or_of_an_earlier_execution_is_refused() -> None:
    made, engine = courier()
    first, second, third = send(made), send(made), send(made)
    engine.futures[0].set_result(answer(Reply(id=first.key, nonce="n")))
    engine.futures[1].set_result(answer(Reply(id=first.key, nonce="m")))
    engine.futures[2].set_result(answer(Reply(id=third.key, nonce="n")))
    assert made.fetch(first).nonce == "n"
    for sent in (second, third):
        with pytest.raises(WorkerError, match="result of another task"):
            made.fetch(sent)


def test_a_node_that_says_nothing_is_quoted() -> None:
    made, engine = courier()
    sent = send(made)
    engine.futures[0].set_result(subprocess.CompletedProcess([], 127, b"", b"line\nsh: python: not found\n"))
    with pytest.raises(WorkerError, match=r"no reply: .* exit status 127: sh: python: not found"):
        made.fetch(sent)


def test_a_refusal_names_the_machine_and_both_sides() -> None:
    skew = (("git.changes", "", "ab"), ("torch", "2.4", ""))
    text = refusal(Reply(id="a", host="node-b", skew=skew))
    assert "node-b has other versions" in text
    assert "git.changes is clean here and ab there; torch is 2.4 here and absent there" in text
    assert refusal(Reply(id="a", host="node-b", refused="no such folder")) == "on node-b: no such folder"
    assert refusal(Reply(id="a", host="node-b")) == ""
