"""Whatever goes wrong while a file of ours is written: the old file or the new one, whole, and a clear error."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from pytest_repro.baseline.document import read_baseline
from pytest_repro.baseline.entries import values_of
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.baseline.recordings import Kept, RecordFolder
from pytest_repro.baseline.updating import Proposal, write_proposal
from pytest_repro.errors import ReproError
from pytest_repro.known import KnownDrift, read_known, write_known
from pytest_repro.model import Recording, Tolerance
from pytest_repro.storage import locked, write_atomically
from pytest_repro.values import canonical
from tests.unit.baseline.kept import FIELDS, env, make_recording

ROUNDS = 1000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 20

#: calls of the system on the way to a file, and how each fails
CALLS = {
    "open": errno.EMFILE,
    "fdopen": errno.ENOMEM,
    "mkdir": errno.EROFS,
    "fsync": errno.EIO,
    "replace": errno.EACCES,
    "chmod": errno.EPERM,
    "unlink": errno.EBUSY,
}

posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


class Disk:
    """Counts the calls of the system below one folder, and lets one of them fail."""

    def __init__(self, folder: Path, *, fail: int) -> None:
        self.folder, self.fail, self.count = str(folder), fail, 0
        self.failed = ""
        self._real: dict[str, Any] = {name: getattr(os, name) for name in CALLS}

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        ours = name in ("fdopen", "fsync") or str(arguments[0]).startswith(self.folder)
        if ours and not self.failed:
            self.count += 1
            if self.count == self.fail:
                self.failed = name
                raise OSError(CALLS[name], os.strerror(CALLS[name]), str(arguments[0]))
        result = self._real[name](*arguments, **options)
        if name == "fdopen" and ours and not self.failed and "w" in str(arguments[1:]):
            self.count += 1
            if self.count == self.fail:
                self.failed = "write"
                return _Full(result)
        return result

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name in CALLS:

                def call(*args: Any, _name: str = name, **options: Any) -> Any:
                    return self.call(_name, *args, **options)

                stack.enter_context(mock.patch.object(os, name, call))
                # Python 3.10's pathlib keeps the functions that it found when it was imported
                accessor = getattr(pathlib, "_NormalAccessor", None)
                if accessor is not None and hasattr(accessor, name):
                    stack.enter_context(mock.patch.object(accessor, name, staticmethod(call)))
            yield


class _Full:
    """A file on a disk that is full after the half of it."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def new_text(folder: Path) -> Callable[[], object]:
    write_atomically(folder / "a" / "file.json", "old")
    return lambda: write_atomically(folder / "a" / "file.json", "new")


def new_known(folder: Path) -> Callable[[], object]:
    write_known(folder / "known.json", {"test_a": KnownDrift("loss", "hash-seed")})
    return lambda: write_known(folder / "known.json", {"test_b": KnownDrift()})


def proposal(folder: Path, value: float) -> Proposal:
    path = folder / "__repro__" / "test_it" / "test_it.json"
    return Proposal(str(path), "test_it.py::test_it", 0, FIELDS, values_of(make_recording(("x", value))), ())


def new_baseline(folder: Path) -> Callable[[], object]:
    write_proposal(proposal(folder, 0.5))
    return lambda: write_proposal(proposal(folder, 0.25))


def kept(value: float) -> Kept:
    run = make_recording(("x", value), ("big", np.full(900, value)))
    return Kept(
        "test_it.py::test_it", 0, Recording(run.spec, run.observations, nonce=str(value)), "0" * 16, Tolerance()
    )


def new_recording(folder: Path) -> Callable[[], object]:
    records = RecordFolder(folder)
    records.keep_environment(env(), [])
    records.keep([kept(0.5)])
    return lambda: records.keep([kept(0.25)])


def new_object(folder: Path) -> Callable[[], object]:
    store = ObjectStore(folder / "objects", ignored=True)
    store.put(canonical(np.arange(900.0)))
    return lambda: store.put(canonical({"a": np.arange(950.0)}))


def whole(folder: Path) -> dict[str, bytes]:
    """Every file, and that each is a whole one."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, data in found.items():
        if name.endswith(".json") and data not in (b"old", b"new"):
            json.loads(data)
        if name.endswith(".npy"):
            np.load(folder / name, allow_pickle=False)
    return found


@pytest.mark.parametrize(
    "writer", [new_text, new_known, new_baseline, new_recording, new_object], ids=lambda f: f.__name__
)
def test_a_call_that_fails_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, writer: Callable[[Path], Callable[[], object]]
) -> None:
    failed: set[str] = set()
    for fail in range(1, 200):
        folder = tmp_path / str(fail)
        folder.mkdir()
        write = writer(folder)
        before = whole(folder)
        disk = Disk(folder, fail=fail)
        error = None
        with disk.in_place():
            try:
                write()
            except ReproError as caught:
                error = caught
        if not disk.failed:
            break
        failed.add(disk.failed)
        after = whole(folder)
        temporary = [name for name in after if name.endswith(".tmp")]
        assert not temporary or disk.failed == "unlink", f"{disk.failed}: {temporary} are left"
        if error is not None:
            assert str(folder) in str(error), f"{disk.failed}: the error does not say where: {error}"
        assert before.keys() <= after.keys(), f"{disk.failed}: files are gone"
        write()
        again = whole(folder)
        assert not [name for name in again if name.endswith(".lock")]
        if error is None:  # nothing was said, so everything was written
            assert {name: after[name] for name in after if not name.endswith((".tmp", ".lock"))} == {
                name: again[name] for name in again if not name.endswith(".tmp")
            }
    else:
        pytest.fail("it never ends")
    assert {"open", "fsync", "replace", "write"} <= failed


@posix_only
def test_who_is_killed_while_writing_leaves_a_whole_file_and_no_lock(tmp_path: Path) -> None:
    path, rng = tmp_path / "file.json", random.Random(0)
    texts = ["a" * 50_000, "b" * 70_000]
    write_atomically(path, texts[0])
    for _ in range(ROUNDS):
        pid = os.fork()
        if pid == 0:
            while True:
                for text in texts:
                    with locked(tmp_path / "lock"):
                        write_atomically(path, text)
        time.sleep(rng.random() * 0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert path.read_text() in texts
        with locked(tmp_path / "lock", seconds=1):  # the system gave it back
            pass
    left = [name for name in os.listdir(tmp_path) if name not in ("file.json", "lock")]
    assert all(name.startswith(".repro-") for name in left)  # known by their name, removed by the next update


@posix_only
def test_a_disk_that_is_full_is_named(tmp_path: Path) -> None:
    """The real thing, by a limit on the size of files, in a process of its own."""
    write_atomically(tmp_path / "file", "old")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        said = "nothing"
        try:
            write_atomically(tmp_path / "file", b"x" * 100_000)
        except ReproError as error:
            said = str(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    assert said == f"cannot write {tmp_path / 'file'}: file too large; name a file in a folder that can be written to"
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_clock_that_jumps_breaks_no_lock(tmp_path: Path) -> None:
    with mock.patch.object(time, "time", return_value=0.0), locked(tmp_path / "lock", seconds=1):
        write_known(tmp_path / "known.json", {"test_a": KnownDrift()})
    assert read_known(tmp_path / "known.json") == {"test_a": KnownDrift()}
    assert read_baseline(tmp_path / "none.json", test="x") is None
