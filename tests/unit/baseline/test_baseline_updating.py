from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pytest_repro import storage
from pytest_repro.baseline.document import read_baseline
from pytest_repro.baseline.entries import values_of
from pytest_repro.baseline.names import baseline_path
from pytest_repro.baseline.updating import Proposal, remove_stale, stale_files, write_proposal
from pytest_repro.errors import ReproError, SettingsError, StoredDataError
from pytest_repro.storage import NewerFormatError, locked, write_atomically
from tests.unit.baseline.kept import FIELDS, make_recording

TEST = "test_it.py::test_it"


def propose(tests: Path, value: float, *, fields: tuple[tuple[str, str], ...] = FIELDS, seed: int = 0) -> Proposal:
    return Proposal(
        path=str(baseline_path(TEST, tests / "test_it.py")),
        test=TEST,
        seed=seed,
        fields=fields,
        values=values_of(make_recording(("v", value), ("w", 1))),
        code=(),
    )


def values(proposal: Proposal) -> list[object]:
    found = read_baseline(Path(proposal.path), test=TEST)
    assert found is not None
    return [dict(known.values)["v"] for known in found.environments]


def test_proposal_crosses_processes_as_text(tmp_path: Path) -> None:
    proposal = propose(tmp_path, float("inf"))
    assert Proposal.from_text(proposal.to_text()) == proposal


def test_what_became_of_the_file_is_said(tmp_path: Path) -> None:
    other = (("package.numpy", "3.0"),)
    assert write_proposal(propose(tmp_path, 1.0)) == "new"
    assert write_proposal(propose(tmp_path, 1.0)) == ""
    assert write_proposal(propose(tmp_path, 2.0)) == "changed"
    assert write_proposal(propose(tmp_path, 3.0, fields=other)) == "another environment"
    assert values(propose(tmp_path, 0)) == [2.0, 3.0]
    assert write_proposal(propose(tmp_path, 1.0, seed=1)) == "written anew"
    assert values(propose(tmp_path, 0)) == [1.0]


def test_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    proposal = propose(tmp_path, 1.0)
    Path(proposal.path).parents[1].write_text("a file")
    with pytest.raises(SettingsError, match=r"cannot make .*__repro__: .*; baselines need a folder of that name"):
        write_proposal(proposal)


def test_damaged_file_is_written_anew(tmp_path: Path) -> None:
    path = Path(propose(tmp_path, 1.0).path)
    path.parent.mkdir(parents=True)
    path.write_text("<<<<<<< HEAD\n")
    assert write_proposal(propose(tmp_path, 1.0)) == "written anew"
    assert values(propose(tmp_path, 1.0)) == [1.0]


def test_file_of_a_newer_version_is_never_overwritten(tmp_path: Path) -> None:
    path = Path(propose(tmp_path, 1.0).path)
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": "pytest-repro/baseline@99"}')
    with pytest.raises(NewerFormatError):
        write_proposal(propose(tmp_path, 1.0))
    assert path.read_text() == '{"schema": "pytest-repro/baseline@99"}'


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_folder_that_a_link_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    tests, outside = tmp_path / "tests", tmp_path / "outside"
    tests.mkdir()
    outside.mkdir()
    (tests / "__repro__").symlink_to(outside)
    with pytest.raises(StoredDataError, match="leads out of"):
        write_proposal(propose(tests, 1.0))
    assert not list(outside.iterdir())


def test_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_proposal(propose(tmp_path, 1.0))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match=r"test_it\.json: no space left on device"):
        write_proposal(propose(tmp_path, 2.0))
    monkeypatch.undo()
    assert values(propose(tmp_path, 0)) == [1.0]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["test_it.json"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is read-only here")
def test_read_only_folder_is_named(tmp_path: Path) -> None:
    write_proposal(propose(tmp_path, 1.0))
    home = Path(propose(tmp_path, 0).path).parents[1]
    home.chmod(0o555)
    try:
        with pytest.raises(ReproError, match="__repro__"):
            write_proposal(propose(tmp_path, 2.0))
    finally:
        home.chmod(0o755)


# --- several at once --------------------------------------------------------------------------


def _write_many(tests: Path, number: int) -> None:
    for i in range(20):
        write_proposal(propose(tests, number + i / 100, fields=(("package.numpy", str(number)),)))


def test_sessions_at_once_lose_nothing_and_mix_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    seen = 0
    while any(process.is_alive() for process in processes):
        found = read_baseline(Path(propose(tmp_path, 0).path), test=TEST)  # never torn
        seen += found is not None
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(values(propose(tmp_path, 0))) == [0.19, 1.19, 2.19]  # type: ignore[type-var]
    assert seen
    assert not list(tmp_path.rglob(".lock"))


def test_lock_waits_for_the_other_and_names_itself_when_that_hangs(tmp_path: Path) -> None:
    order: list[str] = []

    def other() -> None:
        with locked(tmp_path / ".lock"):
            order.append("other")

    with locked(tmp_path / ".lock"):
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.05)
        order.append("first")
        with pytest.raises(StoredDataError, match=r"\.lock: another session"), locked(tmp_path / ".lock", seconds=0.05):
            pass
    thread.join()
    assert order == ["first", "other"]
    assert not (tmp_path / ".lock").exists()


def test_lock_on_a_file_that_its_last_holder_removed_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire, calls = storage._acquire, []

    def acquired_too_late(descriptor: int) -> bool:
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / ".lock").unlink()
        return acquire(descriptor)

    monkeypatch.setattr(storage, "_acquire", acquired_too_late)
    with locked(tmp_path / ".lock"):
        assert (tmp_path / ".lock").exists()
    assert len(calls) == 2


def test_folder_in_which_no_lock_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(StoredDataError, match=r"\.lock: it cannot be made: "), locked(tmp_path / ".lock"):
        pass


_ENDLESS = """\
import sys
from pathlib import Path
from pytest_repro.baseline.updating import Proposal, write_proposal
first, second = (Proposal.from_text(line) for line in sys.stdin.read().splitlines())
write_proposal(first)
print("ready", flush=True)
while True:
    write_proposal(second)
    write_proposal(first)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")
def test_session_killed_at_any_moment_leaves_a_whole_file_and_no_lock_that_holds(tmp_path: Path) -> None:
    first, second = propose(tmp_path, 1.0), propose(tmp_path, 2.0)
    write_proposal(first)  # on a busy machine the other process is killed before it has written anything
    for delay in (0.0, 0.003, 0.006, 0.011):
        with subprocess.Popen(
            [sys.executable, "-c", _ENDLESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{first.to_text()}\n{second.to_text()}\n")
            process.stdin.close()
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.02 + delay)
            process.send_signal(signal.SIGKILL)
        assert values(first) in ([1.0], [2.0])
    started = time.monotonic()
    write_proposal(propose(tmp_path, 3.0))
    assert time.monotonic() - started < 5
    assert values(first) == [3.0]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["test_it.json"]


# --- stale ------------------------------------------------------------------------------------


def _files(tests: Path) -> dict[str, Path]:
    for module in ("test_a.py", "test_ignored.py"):
        (tests / module).write_text("")
    made = {}
    for module, name in (("test_a", "kept"), ("test_a", "gone"), ("test_ignored", "other"), ("test_removed", "old")):
        path = tests / "__repro__" / module / f"test_{name}.json"
        write_atomically(path, json.dumps({"schema": "pytest-repro/baseline@1"}))
        made[name] = path
    (tests / "__repro__" / "test_a" / "notes.json").write_text("{}")
    return made


def test_stale_are_those_whose_test_or_module_is_gone_and_no_others(tmp_path: Path) -> None:
    made = _files(tmp_path)
    found = list(stale_files([tmp_path], claimed={made["kept"]}, modules={tmp_path / "test_a.py"}))
    assert found == [made["gone"], made["old"]]


def test_removing_the_last_removes_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "__repro__" / "test_a" / "test_gone.json"
    write_atomically(path, "{}")
    remove_stale(path)
    assert not list(tmp_path.iterdir())
