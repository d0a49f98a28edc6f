"""Times and numbers of files that a run makes are the same in every run; those of older files are the system's."""

from __future__ import annotations

import _thread
import contextlib
import os
import queue
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.conditions.listing import FILES
from pytest_repro.conditions.mtimes import StatClock


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old"
    path.write_text("x")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    return path


def _made(folder: Path) -> list[Any]:
    folder.mkdir()
    names = ["b", "a", "c"]
    for name in names:
        (folder / name).write_text("x")
        time.sleep(0.002)
    seen = [(os.stat(folder / name).st_ino, (folder / name).stat().st_mtime_ns) for name in names]
    return [*seen, [entry.inode() for entry in os.scandir(folder)]]


def test_files_that_a_run_makes_have_the_same_numbers_and_times_each_time(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        (tmp_path / "spare").write_text("x" * number)  # takes a number of its own, or not
        with FILES.apply("pinned"):
            found.append(_made(tmp_path / f"run{number}"))
    assert found[0] == found[1]
    inodes = [inode for inode, _ in found[0][:3]]
    assert len(set(inodes)) == 3
    assert found[0][3] == [inodes[1], inodes[0], inodes[2]], "in the order of the names"


def test_code_that_nothing_else_called_may_ask(tmp_path: Path) -> None:
    """As in a thread that a C library starts, or on the first level of a program."""
    (tmp_path / "a").write_text("x")
    given: queue.Queue[Any] = queue.Queue()

    def alone() -> None:
        with contextlib.suppress(ValueError):
            with os.scandir(tmp_path) as entries:
                first = next(entries)
            given.put([first.stat().st_ino == first.inode()])
        given.put(None)

    with FILES.apply("pinned"):
        _thread.start_new_thread(alone, ())
        assert given.get(timeout=20) == [True]


def test_other_levels_leave_them_to_the_system(tmp_path: Path) -> None:
    with FILES.apply("reversed"):
        made = _made(tmp_path / "run")
    assert made[0][0] == os.stat(tmp_path / "run" / "b").st_ino


def test_older_files_keep_theirs_even_once_they_are_written(old: Path) -> None:
    before = os.stat(old)
    with FILES.apply("pinned"):
        seen = os.stat(old)
        old.write_text("y")
        written = os.stat(old)
    assert (seen.st_ino, seen.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert written.st_ino == before.st_ino
    assert written.st_mtime == 1_700_000_000


def test_a_number_stays_when_the_time_is_set_back(tmp_path: Path) -> None:
    with FILES.apply("pinned"):
        path = tmp_path / "new"
        path.write_text("x")
        given = os.stat(path).st_ino
        os.utime(path, (1_600_000_000, 1_600_000_000))
        later = os.stat(path)
    assert (later.st_ino, later.st_mtime) == (given, 1_600_000_000)


def test_two_names_of_one_file_stay_one(tmp_path: Path, old: Path) -> None:
    with FILES.apply("pinned"):
        (tmp_path / "new").write_text("x")
        os.link(tmp_path / "new", tmp_path / "link")
        with (tmp_path / "new").open() as file:
            assert os.path.sameopenfile(file.fileno(), file.fileno())
            assert os.path.samestat(os.fstat(file.fileno()), os.stat(tmp_path / "link"))
        assert os.path.samefile(tmp_path / "new", tmp_path / "link")
        assert not os.path.samefile(tmp_path / "new", old)


def test_folders_can_be_removed(tmp_path: Path) -> None:
    with FILES.apply("pinned"):
        _made(tmp_path / "run")
        shutil.rmtree(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system makes no files up under /proc")
def test_files_that_the_kernel_makes_up_have_the_same_times_however_long_it_has_known_them() -> None:
    os.stat("/proc/self/status")
    time.sleep(0.05)
    with FILES.apply("pinned"):
        seen = os.stat("/proc/self/status")
        assert (seen.st_mtime, os.stat("/proc/self/status").st_mtime) == (1_700_000_000, 1_700_000_000)
    assert os.stat("/proc/self/status").st_mtime != 1_700_000_000


def test_questions_that_tell_no_time_leave_no_trace(tmp_path: Path) -> None:
    """What they would leave takes memory, where a folder that others write to changed meanwhile: by chance."""
    clock = StatClock()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    (tmp_path / "file").write_text("x")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stat", "lstat"):
            patch.setattr(os, name, clock.around(getattr(os, name)))
        questions = (os.path.exists, os.path.lexists, os.path.isfile, os.path.isdir, os.path.islink, os.path.realpath)
        for ask in questions:
            assert bool(ask(str(link))) is (ask is not os.path.isdir)
        assert (clock._seen, clock._inodes) == ({}, {})
        assert os.path.getmtime(link) == 1_700_000_000
    assert len(clock._seen) == 1
