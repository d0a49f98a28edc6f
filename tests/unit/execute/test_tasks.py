"""What travels to a node and back: whole, or refused by name."""

from __future__ import annotations

import io
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from pytest_repro.errors import SettingsError, StoredDataError, WorkerError
from pytest_repro.execute import attempts
from pytest_repro.execute.dispatch import Dispatch
from pytest_repro.execute.engines import parse_spec
from pytest_repro.execute.identity import commit_of, file_digest, skew_between, versions_in
from pytest_repro.execute.launch import Blueprint
from pytest_repro.execute.protocol import Frame, FrameKind
from pytest_repro.execute.tasks import CarriedArrays, Reply, read_reply, write_reply
from pytest_repro.model import EnvField


def written(reply: Reply) -> bytes:
    stream = io.BytesIO()
    write_reply(reply, stream)
    return stream.getvalue()


def array_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=array.dtype.hasobject)
    return stream.getvalue()


FULL = Reply(
    id="ab",
    nonce="n",
    host="node",
    executions=2,
    environment=(EnvField("cpu.model", "é", numeric=True),),
    engine=(("OMP_NUM_THREADS", "1"),),
    skew=(("numpy", "2", "1"),),
    refused="no",
    lost="gone",
    sections=(("log", "text"),),
    frames=(Frame(FrameKind.RECORDED, b"{}"), Frame(FrameKind.DONE, b"[1]")),
    arrays={"1-0.npy": b"\x93NUMPY", "1-1.npy": b""},
)

# --- replies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [FULL, Reply(id="ab")], ids=["full", "empty"])
def test_a_reply_comes_back_as_it_was_sent_whatever_was_printed_before(reply: Reply) -> None:
    assert read_reply(written(reply)) == reply
    assert read_reply(b"Welcome to the cluster\n" + written(reply)) == reply


@pytest.mark.parametrize("cut", [0, 10, 26, 40, 60, -1])
def test_a_reply_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(WorkerError, match=r"no reply|cut off|damaged"):
        read_reply(written(FULL)[:cut])


def damaged(**changes: object) -> bytes:
    whole = written(FULL)
    mark = whole.index(b"\n") + 1
    (size,) = struct.unpack_from("!I", whole, mark)
    body = {**json.loads(whole[mark + 4 : mark + 4 + size]), **changes}
    text = json.dumps({key: value for key, value in body.items() if value is not None}).encode()
    return whole[:mark] + struct.pack("!I", len(text)) + text + whole[mark + 4 + size :]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 3},
        {"host": None},
        {"environment": [["a"]]},
        {"skew": [["a", "b"]]},
        {"sections": 4},
        {"frames": [[99, 2]]},
        {"frames": [[4, 1 << 40]]},
        {"frames": [[4, -2]]},
        {"arrays": [["x.npy", True]]},
        {"executions": "many"},
    ],
    ids=str,
)
def test_a_damaged_reply_is_refused(changes: dict[str, object]) -> None:
    assert read_reply(damaged()) == FULL
    with pytest.raises(WorkerError, match=r"damaged|cut off|frame field|unknown"):
        read_reply(damaged(**changes))


@pytest.mark.parametrize("text", [b"[]", b"{", b"nul", b"[" * 100_000], ids=["list", "open", "word", "deep"])
def test_a_reply_that_is_no_object_is_refused(text: bytes) -> None:
    mark = written(FULL)[: written(FULL).index(b"\n") + 1]
    with pytest.raises(WorkerError):
        read_reply(mark + struct.pack("!I", len(text)) + text)


# --- arrays -----------------------------------------------------------------------------------


def test_arrays_come_back_bit_for_bit() -> None:
    array = np.array([[-0.0, np.nan], [5e-324, np.inf]])
    back = CarriedArrays({"a": array_bytes(array)}).get("a")
    assert back.tobytes() == array.tobytes()
    assert (back.dtype, back.shape) == (array.dtype, array.shape)


HUGE = (
    b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }".ljust(117)
    + b"\n"
)


@pytest.mark.parametrize(
    ("arrays", "name"),
    [
        ({}, "a"),
        ({"a": b""}, "a"),
        ({"a": b"PK\x03\x04"}, "a"),
        ({"a": array_bytes(np.zeros(9))[:-1]}, "a"),
        ({"a": array_bytes(np.array([{}], dtype=object))}, "a"),
        ({"a": HUGE}, "a"),
        ({"a": b""}, 3),
    ],
    ids=["missing", "empty", "zip", "cut", "pickle", "huge", "no name"],
)
def test_a_damaged_array_is_refused_and_never_unpickled(arrays: dict[str, bytes], name: object) -> None:
    with pytest.raises(StoredDataError):
        CarriedArrays(arrays).get(name)


# --- versions ---------------------------------------------------------------------------------


def test_skew_names_both_sides_and_passes_over_what_only_the_node_has() -> None:
    here = {"numpy": "2.0", "torch": "2.4", "python.version": "3.11.7"}
    assert skew_between(here, {**here, "jax": "0.4"}) == ()
    assert skew_between(here, {"numpy": "2.1", "python.version": "3.11.7"}) == (
        ("numpy", "2.0", "2.1"),
        ("torch", "2.4", ""),
    )


def test_commits_are_compared_where_both_sides_know_one() -> None:
    here = {"git.commit": "a", "git.changes": ""}
    assert skew_between(here, {}) == ()
    assert skew_between(here, {"git.commit": "a", "git.changes": ""}) == ()
    assert [name for name, *_ in skew_between(here, {"git.commit": "b", "git.changes": "d"})] == [
        "git.changes",
        "git.commit",
    ]


def test_versions_are_those_of_what_computes_and_of_the_tools() -> None:
    fields = [EnvField("package.numpy", "2.0"), EnvField("python.version", "3.11"), EnvField("cpu.model", "x")]
    found = versions_in(fields)
    assert found.pop("pytest") == pytest.__version__
    assert set(found) == {"numpy", "python.version", "pytest-repro"}


def test_a_folder_outside_a_repository_and_a_missing_file_have_nothing_to_compare(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == {}
    assert file_digest(tmp_path / "absent.py") == ""


# --- attempts ---------------------------------------------------------------------------------


def test_an_execution_that_was_killed_is_counted_and_one_that_answered_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with attempts.counted("abc") as first:
        assert first == 1
        with attempts.counted("abc") as second:  # the first one is still there, as after a kill
            assert second == 2
    with attempts.counted("abc") as third:
        assert third == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("task", ["../x", "a/b", ""])
def test_a_task_that_is_no_name_touches_no_file(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with attempts.counted(task) as number:
        assert number == 1
    assert not list(tmp_path.iterdir())


# --- folders ----------------------------------------------------------------------------------


def dispatch(here: str, root: str, there: str) -> Dispatch:
    blueprint = Blueprint((), Path(here), {}, (), Path(), "pair", "")
    return Dispatch(parse_spec(f"a:b?dir={there}" if there else "a:b"), blueprint, Path(here), Path(root))


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/p/tests", "/srv/q/tests"),
        ("/home/me/p", "/srv/q"),
        ("/home/me/p/tests/test_a.py::test_x[a=/home]", "/srv/q/tests/test_a.py::test_x[a=/home]"),
        ("--rootdir=/home/me/p", "--rootdir=/srv/q"),
        ("/home/me/project", "/home/me/project"),
        ("tests", "tests"),
        ("-k", "-k"),
        ("not /home/me/p", "not /home/me/p"),
    ],
)
def test_paths_inside_the_project_are_called_as_on_the_node(text: str, expected: str) -> None:
    assert dispatch("/home/me/p", "/home/me/p", "/srv/q").there(text) == expected
    assert dispatch("/home/me/p", "/home/me/p", "").there(text) == text


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
def test_a_root_above_the_current_folder_is_found_above_it_there() -> None:
    moved = dispatch("/home/me/p/sub", "/home/me/p", "/srv/q/sub")
    assert os.path.normpath(moved.there("/home/me/p")) == "/srv/q"
    assert os.path.normpath(moved.there("/home/me/p/tests")) == "/srv/q/tests"
    assert moved.there("/home/me/p/sub/t.py") == "/srv/q/sub/t.py"


# --- the option -------------------------------------------------------------------------------


def test_a_spec_is_taken_apart() -> None:
    spec = parse_spec("dask://h:8786?resources=GPU=1,MEM=2e9&wait=5&limit=1.5&dir=/srv/p&python=/opt/python")
    assert (spec.name, dict(spec.resources), spec.wait) == ("dask://h:8786", {"GPU": 1.0, "MEM": 2e9}, 5.0)
    assert (spec.limit, spec.dir, spec.python) == (1_500_000, "/srv/p", "/opt/python")


@pytest.mark.parametrize(
    "text",
    [
        "?wait=1",
        "a:b?wait=0",
        "a:b?wait=nan",
        "a:b?limit=x",
        "a:b?resources=GPU",
        "a:b?resources==1",
        "a:b?dir=",
        "a:b?x",
    ],
)
def test_a_spec_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--repro-executor"):
        parse_spec(text)
