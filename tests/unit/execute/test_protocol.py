"""Frames: what is sent arrives, and what is no frame is refused in words."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_repro.errors import StoredDataError, WorkerError
from pytest_repro.execute import protocol
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.endings import describe_status
from pytest_repro.execute.outcomes import ReproDrift, ReproFailure
from pytest_repro.execute.protocol import Channel, Closed, FrameKind, Late, field
from pytest_repro.execute.transport import connect, make_transport
from pytest_repro.execute.wire import (
    Request,
    failure_body,
    failure_from,
    recording_body,
    recording_from,
    request_body,
    request_from,
)
from pytest_repro.model import (
    Array,
    Condition,
    EntropyDraw,
    Kind,
    Location,
    Node,
    Observation,
    Place,
    Recording,
    RunSpec,
    Tolerance,
)
from pytest_repro.settings import Settings, Source


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_a_message_arrives_as_it_was_sent(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    other = Channel(theirs)
    other.send(FrameKind.DONE, {"text": "caf\u00e9 \ud800", "number": 2**60})
    frame = channel.receive(timeout=5)
    assert frame.kind is FrameKind.DONE
    assert frame.body() == {"text": "caf\u00e9 \ud800", "number": 2**60}


def test_an_end_of_the_line_is_told_apart_from_silence(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    with pytest.raises(Late):
        channel.receive(timeout=0.01)
    theirs.sendall(b"\x06\x00\x00\x00\x09half")
    theirs.close()
    with pytest.raises(Closed):
        channel.receive(timeout=5)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        pytest.param(struct.pack("!BI", 99, 2) + b"{}", "kind 99", id="unknown kind"),
        pytest.param(struct.pack("!BI", 6, 2**31), "length 2,147,483,648", id="too large"),
        pytest.param(struct.pack("!BI", 6, 3) + b"{x}", "holds no JSON", id="no JSON"),
        pytest.param(struct.pack("!BI", 6, 2) + b"[]", "holds a list", id="no object"),
        pytest.param(struct.pack("!BI", 6, 200_000) + b"[" * 200_000, "holds no JSON", id="too deep"),
    ],
)
def test_what_is_no_frame_is_refused(ends: tuple[Channel, socket.socket], sent: bytes, message: str) -> None:
    channel, theirs = ends
    theirs.sendall(sent)
    with pytest.raises(WorkerError, match=message):
        channel.receive(timeout=5).body()


def test_a_message_beyond_the_limit_is_not_sent(
    ends: tuple[Channel, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_FRAME", 10)
    with pytest.raises(WorkerError, match="more than the limit of 10; record fewer values"):
        ends[0].send(FrameKind.RECORDED, {"rows": "x" * 10})


@pytest.mark.parametrize("value", [None, "1", True, 1.0])
def test_a_field_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(WorkerError, match="'run' must be int"):
        field({"run": value}, "run", int)


@pytest.mark.parametrize("kind", ["pair", "tcp"])
def test_both_transports_connect(kind: str) -> None:
    transport = make_transport(kind)
    address = dict(transport.address())
    if "descriptor" in address:
        address["descriptor"] = os.dup(int(str(address["descriptor"])))
    theirs = connect(address)
    ours = transport.channel(alive=lambda: True, timeout=5)
    theirs.send(FrameKind.READY, {})
    assert ours.receive(timeout=5).kind is FrameKind.READY
    for each in (ours, theirs, transport):
        each.close()


def test_a_stranger_without_the_token_is_not_taken_for_the_worker() -> None:
    transport = make_transport("tcp")
    address = dict(transport.address())
    stranger = connect({**address, "token": "0" * 64})
    worker = connect(address)
    ours = transport.channel(alive=lambda: True, timeout=5)
    worker.send(FrameKind.READY, {"pid": 1})
    assert ours.receive(timeout=5).body() == {"pid": 1}
    with pytest.raises(Closed):
        stranger.receive(timeout=5)
    for each in (ours, worker, stranger, transport):
        each.close()


def test_a_worker_that_died_before_it_connected_is_not_waited_for() -> None:
    transport = make_transport("tcp")
    with pytest.raises(WorkerError, match="did not connect"):
        transport.channel(alive=lambda: False, timeout=60)
    transport.close()


def test_a_request_crosses_unchanged() -> None:
    request = Request(
        nodeid="tests/test_it.py::test_it[caf\u00e9]",
        spec=RunSpec(3, Condition(Place.PROCESS, (("hash-seed", "2"), ("threads", "4")))),
        seed=2**70,
        runs=5,
        gated=True,
        settings=Settings(
            rtol=1e-3, ulp=4, tolerance=(("loss*", Tolerance(atol=0.5)),), all=True, exclude=("tests/slow", "*gpu*")
        ),
        ahead=("matplotlib.pyplot",),
    )
    assert request_from(request_body(request)) == request


@pytest.mark.parametrize("source", Source)
def test_a_worker_has_the_tolerances_of_the_session(source: Source) -> None:
    by_name = (("loss*", Tolerance(rtol=0.5)),)
    settings = Settings(rtol=1e-9, tolerance=by_name, sources=(("rtol", source), ("tolerance", Source.INI)))
    request = Request(nodeid="t", spec=RunSpec(1, Condition()), seed=0, runs=2, gated=False, settings=settings)
    there = request_from(request_body(request)).settings
    for name in ("loss", "accuracy"):
        assert there.tolerance_for(name) == settings.tolerance_for(name)


@pytest.mark.parametrize("failure", [None, ReproDrift("text", summary="loss", file="test_it.py", line=3)])
def test_a_verdict_crosses_unchanged(failure: ReproFailure | None) -> None:
    read = failure_from(failure_body(failure))
    if failure is None:
        assert read is None
    else:
        assert read is not None
        assert (type(read), str(read), read.summary, read.file, read.line) == (
            ReproDrift, "text", "loss", "test_it.py", 3,
        )  # fmt: skip


def recording_of(*values: Node) -> Recording:
    return Recording(
        spec=RunSpec(1),
        observations=tuple(
            Observation(seq, f"value {seq}", seq or None, Kind.METRIC, value, Location("test_it.py", seq + 1))
            for seq, value in enumerate(values)
        ),
        nonce="abc",
        environment=(("hash-seed", "0"),),
        draws=(EntropyDraw("uuid", "uuid.uuid4()", Location("test_it.py", 9), 2),),
    )


def test_a_recording_crosses_unchanged(tmp_path: Path) -> None:
    recording = recording_of(1, 0.1, "text", "\ud800", None, True, -0.0, float("inf"), 2**70, b"\x00", 1 + 2j)
    files = ArrayFiles(tmp_path)
    body = recording_body(recording, files=files)
    assert recording_from(body, spec=RunSpec(1), files=files) == recording


def test_ledgers_cross_with_the_names_of_their_streams_and_equal_ones_once(tmp_path: Path) -> None:
    plain = recording_of(1, 2, 3, 4)
    ledgers = ((1,), (1,), (1, 2), (2**32 - 1, 0))
    rows = tuple(replace(row, ledger=ledger) for row, ledger in zip(plain.observations, ledgers, strict=True))
    recording = replace(plain, observations=rows, streams=("random", "numpy.random"))
    files = ArrayFiles(tmp_path)
    body = json.loads(json.dumps(recording_body(recording, files=files)))
    assert body["ledgers"] == [[1], [1, 2], [2**32 - 1, 0]]
    assert recording_from(body, spec=RunSpec(1), files=files) == recording


@pytest.mark.parametrize("size", [10, 10_000, 1_000_000])
def test_an_array_crosses_and_leaves_no_file(tmp_path: Path, size: int) -> None:
    data = np.arange(size, dtype="float32")
    files = ArrayFiles(tmp_path)
    body = recording_body(recording_of(Array("numpy.ndarray", "float32", (size,), data)), files=files)
    (seen,) = recording_from(body, spec=RunSpec(1), files=files).observations
    assert isinstance(seen.value, Array)
    assert np.array_equal(seen.value.data, data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside.npy", "/etc/passwd", 3, "absent.npy", "text.txt"])
def test_only_files_of_the_spool_folder_are_read(tmp_path: Path, name: object) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    np.save(tmp_path / "outside.npy", np.zeros(3))
    with pytest.raises(StoredDataError):
        ArrayFiles(folder).get(name)
    assert (tmp_path / "outside.npy").exists()


def test_a_damaged_recording_is_refused(tmp_path: Path) -> None:
    files = ArrayFiles(tmp_path)
    good = recording_body(recording_of(1), files=files)
    for key, value in {
        "rows": [["name"]],
        "files": [],
        "environment": [["one"]],
        "outcome": 3,
        "tolerances": [["x"]],
        "draws": [[1]],
        "ledgers": [["x"]],
        "streams": None,
    }.items():
        with pytest.raises(WorkerError):
            recording_from({**good, key: value}, spec=RunSpec(1), files=files)


def test_the_end_of_a_process_is_named() -> None:
    assert describe_status(9) == "its process ended with exit status 9"
    assert describe_status(-11) == "its process was killed by SIGSEGV"
    assert describe_status(-99) == "its process was killed by signal 99"
