from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_repro.errors import SettingsError
from pytest_repro.report.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def test_missing_folders_are_created_and_text_is_written_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "r.json"
    write_atomically(target, "é\n\r\n")
    assert target.read_bytes() == "é\n\r\n".encode()
    assert os.listdir(target.parent) == ["r.json"]


def test_an_existing_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "r"
    target.write_text("old")
    target.chmod(0o640)
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.name == "nt" or stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced there")
def test_who_reads_the_old_file_goes_on_reading_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "r"
    target.write_text("old")
    with target.open() as reader:
        write_atomically(target, "new")
        assert reader.read() == "old"
    assert target.read_text() == "new"


def test_a_new_file_can_be_read_by_others_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_lone_surrogate_does_not_cost_the_report(tmp_path: Path) -> None:
    write_atomically(tmp_path / "r", "a\udc80b")
    assert (tmp_path / "r").read_text() == "a\\udc80b"


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    write_atomically(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of the file system are POSIX")
def test_what_is_not_a_regular_file_is_written_in_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, "through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_as_target_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        write_atomically(tmp_path, "x")
    assert (
        str(caught.value) == f"cannot write {tmp_path}: it is a folder; name a file in a folder that can be written to"
    )
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_place_of_a_folder_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SettingsError, match=r"cannot write .*r\.json: (not a directory|file exists); name a file"):
        write_atomically(tmp_path / "file" / "r.json", "x")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_null_byte_in_the_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="null"):
        write_atomically(tmp_path / "a\0b", "x")


def test_nothing_is_left_and_the_old_file_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "r"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="no space left on device"):
        write_atomically(target, "new")
    assert os.listdir(tmp_path) == ["r"]
    assert target.read_text() == "old"


def test_a_left_over_temporary_file_of_another_crash_is_passed_over(tmp_path: Path) -> None:
    left_over = tmp_path / f".repro-{os.getpid()}-0.tmp"
    left_over.write_text("of someone else")
    write_atomically(tmp_path / "r", "x")
    assert (tmp_path / "r").read_text() == "x"
    assert left_over.read_text() == "of someone else"
