"""Whatever goes wrong between us and a worker: one verdict or one clear error for each run, and nothing left."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from pytest_repro.execute import remote as remote_module
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.outcomes import ReproDrift
from pytest_repro.execute.protocol import Channel, FrameKind, Late
from pytest_repro.execute.wire import recording_body
from tests.faults.schedules import FAULTS, STARTS, STEPS, Fault, Schedule, play
from tests.peers import make_remote, make_request
from tests.unit.baseline.kept import make_recording

SCHEDULES = 1000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 25

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="socket pairs and process groups")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def one(fault: Fault | None, *, start: str = "", single_use: bool = False, gates: list[bool | None]) -> Schedule:
    schedule = Schedule(0, requests=len(gates))
    schedule.faults = [fault, *[None] * 9]
    schedule.starts = [start, *[""] * 9]
    schedule.single_use, schedule.gates, schedule.workers = single_use, gates, 1
    return schedule


def test_nothing_goes_wrong(pytestconfig: pytest.Config, spool: Path) -> None:
    answers = play(one(None, gates=[None, False, True]), config=pytestconfig, spool=spool)
    assert [(run.lost, run.passed) for run in answers] == [("", True), ("", True), ("", False)]


@pytest.mark.parametrize("single_use", [False, True], ids=["forks", "spawns"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_any_step_costs_at_most_one_run(
    pytestconfig: pytest.Config, spool: Path, step: str, kind: str, single_use: bool
) -> None:
    fault = Fault(step, kind)
    before = descriptors()
    answers = play(one(fault, single_use=single_use, gates=[False, False]), config=pytestconfig, spool=spool)
    assert fault.fired
    if kind == "twice" and step == "done" and not single_use:  # what is left over must not be taken for an answer
        assert answers[-1].lost == "a worker sent DONE before the run had begun"
    else:
        assert answers[-1].passed, f"the next run is lost, too: {answers[-1].lost}"
    assert descriptors() <= before


def test_silence_is_waited_for_as_long_as_the_limit_says(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """A worker that is stopped before it forks has not begun; the limit of a run is one all the same."""
    ours, theirs = socket.socketpair()
    with theirs, mock.patch.object(remote_module, "_BEGIN_LIMIT", 0.1):
        remote = make_remote(ours, folder=tmp_path, config=pytestconfig)
        remote.no_fork, remote._channel = "", Channel(ours)
        answer = remote.execute(make_request(), gate=None, timeout=0.1)
    assert answer.run.lost == "it took longer than 0.1 s (--repro-timeout) and was ended"


def test_who_drips_is_late() -> None:
    ours, theirs = socket.socketpair()
    channel, stop = Channel(ours), threading.Event()

    def drip() -> None:
        for byte in b"\x06\x00\x00\x00\xff" + b" " * 255:
            theirs.send(bytes([byte]))
            if stop.wait(0.05):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    with pytest.raises(Late):
        channel.receive(timeout=0.3)
    assert time.monotonic() - start < 5
    stop.set()
    thread.join()
    channel.close()
    theirs.close()


@pytest.mark.parametrize("group", [0, 1, -5, 2**31, None], ids=lambda group: "our own" if group is None else str(group))
def test_a_process_group_that_is_not_a_childs_is_never_ended(
    tmp_path: Path, pytestconfig: pytest.Config, group: int | None
) -> None:
    """Group 0 is this session; a signal to group 1 goes to every process that we may end."""
    group = os.getpgrp() if group is None else group
    ours, theirs = socket.socketpair()
    killed: list[int] = []
    with theirs, mock.patch.object(remote_module, "kill_group", killed.append):
        remote = make_remote(ours, folder=tmp_path, config=pytestconfig)
        remote.no_fork, remote._channel = "", Channel(ours)
        Channel(theirs).send(FrameKind.STARTED, {"group": group})
        answer = remote.execute(make_request(), gate=None, timeout=5)
    assert answer.run.lost == f"a worker says that its run is in the process group {group}, which cannot be"
    assert group not in killed


def test_what_a_run_started_is_ended_when_its_worker_breaks_the_protocol(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    ours, theirs = socket.socketpair()
    killed: list[int] = []
    with theirs, mock.patch.object(remote_module, "kill_group", killed.append):
        remote = make_remote(ours, folder=tmp_path, config=pytestconfig)
        remote.no_fork, remote._channel = "", Channel(ours)
        Channel(theirs).send(FrameKind.STARTED, {"group": 2**22 + 5})
        Channel(theirs).send(FrameKind.READY, {})
        answer = remote.execute(make_request(), gate=None, timeout=5)
    assert answer.run.lost == "a worker sent READY in the middle of a run"
    assert killed[0] == 2**22 + 5


@pytest.mark.parametrize(
    ("asks", "reason"),
    [
        pytest.param(False, "it passed without asking for the verdict", id="never asked"),
        pytest.param(True, "it passed although the verdict was a failure", id="swallowed"),
    ],
)
def test_a_run_cannot_pass_against_its_verdict(
    tmp_path: Path, pytestconfig: pytest.Config, asks: bool, reason: str
) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        remote = make_remote(ours, folder=tmp_path, config=pytestconfig)
        remote.no_fork, remote._channel = "", Channel(ours)
        peer = Channel(theirs)
        peer.send(FrameKind.STARTED, {"group": 2**22 + 5})
        if asks:
            body = recording_body(make_recording(("x", 1)), files=ArrayFiles(tmp_path))
            peer.send(FrameKind.RECORDED, {**body, "waits": True})
        peer.send(FrameKind.DONE, {"passed": True, "reports": [], "subtests": [], "warnings": []})
        answer = remote.execute(make_request(gated=True), gate=lambda _: ReproDrift("DRIFT"), timeout=5)
    assert reason in answer.run.lost
    assert not answer.run.passed


@pytest.mark.parametrize("start", STARTS)
def test_a_worker_that_cannot_be_started_is_tried_again_and_leaves_nothing(
    pytestconfig: pytest.Config, spool: Path, start: str
) -> None:
    before = descriptors()
    [answer] = play(one(None, start=start, gates=[False]), config=pytestconfig, spool=spool)
    assert answer.passed
    assert descriptors() <= before


@pytest.mark.parametrize("start", STARTS)
def test_a_system_that_starts_no_process_is_named(pytestconfig: pytest.Config, spool: Path, start: str) -> None:
    schedule = one(None, gates=[False, None])
    schedule.starts = [start] * 9
    answers = play(schedule, config=pytestconfig, spool=spool)
    reasons = {"no process": "Resource temporarily unavailable", "no room for a file": "No space left on device"}
    expected = reasons.get(start, "Too many open files")
    assert [run.lost for run in answers] == [f"its worker could not be started: {expected}"] * 2


def test_random_schedules(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    before = descriptors()
    for seed in range(SCHEDULES):
        spool = tmp_path / str(seed)
        spool.mkdir()
        try:
            play(Schedule(seed), config=pytestconfig, spool=spool)
        except BaseException as error:
            error.add_note(f"seed {seed}: {Schedule(seed)}") if hasattr(error, "add_note") else None
            raise
    assert descriptors() <= before


def test_a_schedule_is_a_function_of_its_seed() -> None:
    assert Schedule(3) == Schedule(3) != Schedule(4)
