"""Every reader of what others wrote, as a function of bytes: it may only return, or raise an error of ours.

Each reader goes as far as the plugin itself goes with what it reads: a recording is judged against a good one
and worded, a baseline is compared with a run, a frame is answered.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import itertools
import json
import os
import pkgutil
import shutil
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import pytest_repro
from pytest_repro import cli, model
from pytest_repro.baseline.document import read_baseline
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.baseline.recordings import Kept, RecordFolder, read_environment_file
from pytest_repro.baseline.steps import read_steps
from pytest_repro.errors import ReproError, StoredDataError
from pytest_repro.execute import remote as remote_module
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.outcomes import ReproDrift
from pytest_repro.execute.protocol import Channel, Frame, FrameKind
from pytest_repro.execute.tasks import CarriedArrays, Reply, read_reply, write_reply
from pytest_repro.execute.wire import Request, failure_body, recording_body, recording_from, request_body, request_from
from pytest_repro.known import KnownDrift, read_known, write_known
from pytest_repro.model import EnvField, Recording, RunSpec, SessionReport, Tolerance
from pytest_repro.report import codec
from pytest_repro.report.json_file import render_json
from pytest_repro.report.markdown import render_markdown
from pytest_repro.report.terminal import failure_text
from pytest_repro.settings import OPTIONS, resolve
from pytest_repro.values import decode, describe, encode, fingerprint, render, walk_leaves
from tests.builders import make_cause, make_comparison, make_drift, make_report, make_result
from tests.peers import ScriptedPopen, make_config, make_remote, make_request, serialized_report
from tests.unit.baseline.kept import check, make_baseline, make_known, make_recording, make_series

__all__ = ["READERS", "Reader", "make_readers"]

_TEST = "test_it.py::test_it"


@dataclass(frozen=True)
class Reader:
    """One way in."""

    name: str
    #: good input: what the mutations start from
    seeds: Sequence[bytes]
    #: takes anything
    read: Callable[[bytes], object]
    #: its share of all inputs: the slow ones get fewer
    share: int = 4
    #: told that this error is fine, beside those of ours
    also: tuple[type[BaseException], ...] = ()

    @property
    def allowed(self) -> tuple[type[BaseException], ...]:
        """What it may raise."""
        return (ReproError, *self.also)

    def __call__(self, data: bytes) -> str:
        """Read `data`; what became of it: ``read`` or the name of our error. Anything else is raised."""
        try:
            self.read(data)
        except self.allowed as error:
            return type(error).__name__
        return "read"


def example_run() -> Recording:
    """A run with a value of every stored form."""
    rng = np.random.Generator(np.random.PCG64(0))
    return make_recording(
        ("accuracy", 0.93),
        ("count", 2**70),
        ("odd", float("nan")),
        ("z", 1 - 2j),
        ("text", "caf\u00e9 \ud800"),
        ("raw", b"\x00\xff"),
        ("nested", {"a": [1, (2.5, None)], "b": {1, 2}, "when": __import__("datetime").date(2027, 1, 31)}),
        ("small", np.array([[1.5, -0.0], [np.inf, np.nan]])),
        ("half", np.arange(4, dtype=np.float16)),
        ("words", np.array(["ab", "c"])),
        ("days", np.array(["2027-01-31"], "M8[D]")),
        ("big", rng.normal(size=700)),
        ("mask", np.array([True, False])),
        *make_series("loss", [0.5, 0.25, 0.125]),
        *make_series("long", [float(x) for x in rng.normal(size=260)]),
    )


def _json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


# --- stored files -----------------------------------------------------------------------------


def _folder_readers(home: Path) -> list[Reader]:
    good, bad = home / "good", home / "bad"
    run = example_run()
    for folder in (good, bad):
        keeper = RecordFolder(folder)
        key = keeper.keep_environment([EnvField("python.version", "3.11", numeric=True)], [("numpy", "2.0")])
        nonce = folder.name
        keeper.keep([Kept(_TEST, 0, Recording(run.spec, run.observations, nonce=nonce), key, Tolerance(rtol=0.1))])
    target = next(bad.glob("records/*/run-1.json"))
    environment = bad / "environments" / f"{key}.json"
    seeds = [target.read_bytes()]

    def recording(data: bytes) -> None:
        target.write_bytes(data)
        _command("compare", str(good), str(bad))
        _command("show", str(bad), "test")

    def environments(data: bytes) -> None:
        environment.write_bytes(data)
        read_environment_file(environment)
        _command("env", str(environment), str(environment))

    return [
        Reader("recording", seeds, recording, share=1),
        Reader("environment", [environment.read_bytes()], environments, share=2),
    ]


def _command(*arguments: str) -> None:
    """Run the command line tool, which turns our errors into exit code 2 and lets every other one through."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert cli.main(arguments) in (0, 1, 2)
    _printable(out.getvalue())


#: control characters, what reorders text, and what no encoding has
_CONTROL = {
    chr(code) for code in (*range(9), *range(11, 32), 127, *range(0x80, 0xA0), *range(0x202A, 0x202F),
                           *range(0x2066, 0x206A), *range(0xD800, 0xE000))
}  # fmt: skip


def _baseline_reader(home: Path) -> Reader:
    run = example_run()
    path = home / "baseline.json"
    twice = make_baseline(run).with_values(make_known(make_recording(("accuracy", 0.5)), (("python.version", "3.9"),)))
    seeds = [make_baseline(run).text().encode(), twice.text().encode()]

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = read_baseline(path, test=_TEST)
        assert found is not None
        for known in found.environments:
            comparison = check(known, run, store=home / "nowhere")
            if comparison.first is not None:
                _printable(failure_text(make_result(comparison=comparison)))
        found.text()

    return Reader("baseline", seeds, read, share=1)


def _printable(text: str) -> None:
    assert not set(text) & _CONTROL, f"control characters reach the terminal: {text!r:.300}"


def _known_reader(home: Path) -> Reader:
    path = home / "known.json"
    write_known(path, {"test_it.py::test_a": KnownDrift("loss[3]", "hash-seed"), "test_it.py::test_b": KnownDrift()})

    def read(data: bytes) -> None:
        path.write_bytes(data)
        write_known(path, read_known(path))

    return Reader("known", [path.read_bytes()], read)


def _value_reader() -> Reader:
    arrays: dict[str, Any] = {}

    def put(data: Any) -> object:
        arrays[f"{len(arrays):032x}"] = data
        return f"{len(arrays) - 1:032x}"

    def get(ref: object) -> Any:
        if not isinstance(ref, str) or ref not in arrays:
            raise StoredDataError("no such array")
        return arrays[ref]

    seeds = [_json(encode(seen.value, put=put)) for seen in example_run().observations[:13]]

    def read(data: bytes) -> None:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return
        node = decode(body, get=get)
        again = decode(encode(node, put=put), get=get)
        assert fingerprint(again, nan_payload=True) == fingerprint(node, nan_payload=True)
        describe(node)
        _printable(render(node))
        for _ in itertools.islice(walk_leaves(node), 1000):
            pass

    return Reader("value", seeds, read, share=20)


def _npy_reader(home: Path) -> Reader:
    store, spool = ObjectStore(home / "objects"), home / "spool"
    spool.mkdir()
    plain: list[Any] = [np.arange(700.0), np.zeros((3, 0), "U5"), np.array([1 + 2j]), np.array(["2027"], "M8[Y]")]
    pickled: list[Any] = [np.array([_Canary()], object), np.zeros(2, [("a", "O"), ("b", "f8")])]
    seeds = []
    for data in (*plain, *pickled):
        out = io.BytesIO()
        np.save(out, data, allow_pickle=True)
        seeds.append(out.getvalue())
    out = io.BytesIO()
    np.savez_compressed(out, a=np.zeros(1 << 20))  # what np.load takes for an archive
    seeds.append(out.getvalue()[:4000])
    ref = store.put_array(plain[0])  # the first is what its name says, whatever is made of it is not
    path = store.path(str(ref), ".npy")

    def read(data: bytes) -> None:
        (spool / "x.npy").write_bytes(data)
        with contextlib.suppress(ReproError):
            found = ArrayFiles(spool).get("x.npy")
            assert isinstance(found, np.ndarray)
            assert not found.dtype.hasobject
        path.write_bytes(data)
        store.get_array(ref)

    return Reader("npy", seeds, read, share=4)


class _Canary:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed-by-a-reader",)


def _steps_reader() -> Reader:
    def read(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        read_steps(text[3:], int.from_bytes(data[:3], "big"))

    return Reader("steps", [b"\0\0\x640..99", b"\0\0\x0a0..90/10", b"\0\0\x051,5,7..9", b"\0\0\0"], read, share=20)


# --- frames -----------------------------------------------------------------------------------


def _frame(kind: FrameKind, body: object) -> bytes:
    payload = json.dumps(body).encode()
    return struct.pack("!BI", kind, len(payload)) + payload


def _frames_reader(home: Path) -> Reader:
    """What a worker sends, from READY to the end of its line."""
    config = make_config()
    folder = home / "frames"
    folder.mkdir()
    files = ArrayFiles(folder)
    row = recording_body(make_recording(("x", 0.5), ("a", np.arange(3.0)), *make_series("s", [1.0, 2.0])), files=files)
    reports = [serialized_report(config, when=when, failing=when == "call") for when in ("setup", "call", "teardown")]
    bodies: dict[str, tuple[FrameKind, dict[str, object]]] = {
        "started": (FrameKind.STARTED, {"group": 2**22 + 2}),
        "recorded": (FrameKind.RECORDED, {**row, "waits": True}),
        "done": (FrameKind.DONE, {"passed": True, "reports": reports, "subtests": [], "warnings": [{"text": "w"}]}),
        "lost": (FrameKind.LOST, {"reason": "", "status": 9, "sections": [["Captured stdout", "text"]]}),
        "stopped": (FrameKind.STOPPED, {"what": "exit", "reason": "enough", "status": 3}),
    }
    # a dialogue is [[kind, body], ...]: mutated as JSON, sent as frames
    dialogues: list[list[tuple[FrameKind, dict[str, object]]]] = [
        [bodies["started"], bodies["recorded"], bodies["done"]],
        [bodies["started"], bodies["lost"]],
        [bodies["started"], bodies["recorded"], bodies["stopped"]],
        [(FrameKind.FAILED, {"message": "no"})],
    ]
    seeds = [_json([[int(kind), body] for kind, body in dialogue]) for dialogue in dialogues]
    seeds.append(b"".join(_frame(kind, body) for kind, body in dialogues[0]))

    def read(data: bytes) -> None:
        _converse(_as_stream(data), folder, config)

    return Reader("frames", seeds, read, share=6, also=(KeyboardInterrupt, pytest.exit.Exception))


def _as_stream(data: bytes) -> bytes:
    if data[:1] != b"[":
        return data
    try:
        pairs = json.loads(data)
        return b"".join(_frame(FrameKind(kind), body) for kind, body in pairs)
    except (ValueError, TypeError, RecursionError):
        return data


def _converse(stream: bytes, folder: Path, config: Any) -> None:
    ours, theirs = socket.socketpair()
    killed: list[int] = []

    def kill_group(group: int, number: int | None = None) -> bool:
        del number
        assert group > 1, f"kill({-group}) would end processes that are not ours"
        assert group != os.getpgrp(), "it would end this session"
        assert -(2**31) <= group < 2**31, "no process group has such a number"
        killed.append(group)
        return True

    with ours, theirs, mock.patch.object(remote_module, "kill_group", kill_group):
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(stream) + 4096)
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.send(stream)
        theirs.shutdown(socket.SHUT_WR)
        remote = make_remote(ours, folder=folder, config=config, popen=ScriptedPopen())
        remote.no_fork = ""
        remote._channel = Channel(ours)
        answer = remote.execute(make_request(gated=True), gate=lambda _: ReproDrift("no"), timeout=0)
        assert answer.run.lost or answer.run.recording is not None or not answer.run.passed or answer.run.reports
        for report in answer.run.reports:
            assert report.longreprtext is not None


def _reply_reader() -> Reader:
    """What a node of a cluster sends: the frames of its worker, and the arrays that they name."""
    folder: dict[str, bytes] = {}

    class Carried(ArrayFiles):
        def __init__(self) -> None:
            """Nothing lies in a folder."""

        def put(self, array: Any) -> object:
            out = io.BytesIO()
            np.save(out, array)
            folder[f"{len(folder)}.npy"] = out.getvalue()
            return f"{len(folder) - 1}.npy"

    body = recording_body(make_recording(("x", 0.5), ("a", np.arange(600.0))), files=Carried())
    kinds: list[tuple[FrameKind, dict[str, object]]] = [(FrameKind.RECORDED, body), (FrameKind.DONE, {})]
    good = Reply(
        id="1",
        nonce="n",
        host="h",
        environment=(EnvField("python.version", "3.11", numeric=True),),
        skew=(("numpy", "1", "2"),),
        sections=(("log", "text"),),
        frames=tuple(Frame(kind, json.dumps(row).encode()) for kind, row in kinds),
        arrays=folder,
    )
    out = io.BytesIO()
    write_reply(good, out)

    def read(data: bytes) -> None:
        reply = read_reply(data)
        for frame in reply.frames[:1]:
            recording_from(frame.body(), spec=RunSpec(2), files=CarriedArrays(reply.arrays))

    return Reader("reply", [out.getvalue()], read)


def _request_reader() -> Reader:
    """What the controller sends to a worker."""
    given = make_request(rtol=0.5, tolerance=(("loss*", Tolerance(ulp=4)),), autolog=("torch",))
    drift = failure_body(ReproDrift("text", summary="s", file="f", line=3))

    def read(data: bytes) -> None:
        from pytest_repro.execute.wire import failure_from

        request: Request = request_from(Frame(FrameKind.REQUEST, data).body())
        request.settings.tolerance_for("x")
        failure_from(Frame(FrameKind.VERDICT, data).body())

    return Reader("request", [_json({**request_body(given), **drift})], read, share=10)


# --- reports and settings ---------------------------------------------------------------------


def _report_reader() -> Reader:
    results = [
        make_result(comparison=make_comparison(make_drift()), cause=make_cause()),
        make_result(),
    ]
    seeds = [_json(codec.to_json(make_report(*results, environment=(("python", "3.11"),))))]
    for cls in [getattr(model, name) for name in model.__all__]:  # evaluates our annotations before the guard watches
        if isinstance(cls, type) and dataclasses.is_dataclass(cls):
            with contextlib.suppress(NameError):  # those of arrays, which no report has
                codec._hints(cls)

    def read(data: bytes) -> None:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return
        report: SessionReport = codec.decode(SessionReport, body)
        render_json(report)
        render_markdown(report)
        for test in report.tests:
            _printable(failure_text(test))

    return Reader("report", seeds, read, share=2)


def _settings_reader() -> Reader:
    """What stands in the ini file, in a marker, on the command line."""
    given = {
        "ini": {"runs": "3", "tolerance": ["loss*: rtol=1e-6, ulp=4"], "vary": ["threads"], "rtol": "0.5"},
        "marker": {"runs": 3, "rtol": 0.25, "seed_free": True, "allow": ["uuid"], "quarantine": "2027-01-31"},
        "command_line": {"runs": "3", "isolation": "process", "vary": "threads,cpu", "timeout": "3.5", "strict": "1"},
    }
    every = {option.name: "1" for option in OPTIONS}
    allowed = {
        "ini": {option.name for option in OPTIONS if option.ini},
        "command_line": {option.name for option in OPTIONS if option.command_line},
    }
    seeds = [_json(given), _json({"ini": {}, "marker": every, "command_line": every})]

    def read(data: bytes) -> None:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(body, dict) or not all(isinstance(layer, dict) for layer in body.values()):
            return
        layers: dict[str, Any] = {"ini": {}, "command_line": {}} | {
            key: {name: value for name, value in layer.items() if key == "marker" or name in allowed.get(key, ())}
            for key, layer in body.items()
            if key in ("ini", "marker", "command_line")
        }
        settings = resolve(**layers)
        settings.tolerance_for("loss")
        assert settings == resolve(**layers)

    return Reader("settings", seeds, read, share=10)


def make_readers(home: Path) -> list[Reader]:
    """Make all readers, each with files of its own below `home`."""
    _import_all()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    return [
        *_folder_readers(home),
        _baseline_reader(home),
        _known_reader(home),
        _value_reader(),
        _npy_reader(home),
        _steps_reader(),
        _frames_reader(home),
        _reply_reader(),
        _request_reader(),
        _report_reader(),
        _settings_reader(),
    ]


def _import_all() -> None:
    """Import what readers import late: dataclasses are made by exec, which the guard forbids."""
    importlib.import_module("deepdiff")
    for module in pkgutil.walk_packages(pytest_repro.__path__, "pytest_repro."):
        heavy = module.name.endswith(("mlflow_run", "mlflow_log"))
        if not heavy and module.name.split(".")[1] in (
            "values",
            "compare",
            "baseline",
            "report",
            "environment",
            "conditions",
        ):
            with contextlib.suppress(ImportError):  # of a library that is not there: its values are not read either
                importlib.import_module(module.name)


#: their names, for parametrised tests
READERS = (
    "recording", "environment", "baseline", "known", "value", "npy", "steps", "frames", "reply", "request", "report",
    "settings",
)  # fmt: skip
