"""The working directory without what runs left in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_repro.conditions import left_files
from pytest_repro.conditions.left_files import LEFT_FILES, left_since
from pytest_repro.errors import SettingsError


@pytest.fixture
def since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A project, and then what runs left in it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("data/raw", "src", "logs/kept", "runs"):
        Path(folder).mkdir(parents=True)
    for file in ("data/raw/x.csv", "src/code.py", "logs/kept/old", "history.csv"):
        Path(file).write_text("before")
    time.sleep(0.05)
    moment = time.time_ns()
    time.sleep(0.05)
    for folder in ("logs/version_0", "src/__pycache__", ".cache", "new/empty"):
        Path(folder).mkdir(parents=True)
    for file in ("last.ckpt", ".cache/f.npy", "src/__pycache__/code.pyc", "logs/version_0/a"):
        Path(file).write_text("left")
    Path("history.csv").write_text("before and more")
    return moment


def test_what_changed_is_found_and_what_tools_keep_is_not(since: int) -> None:
    assert left_since(since) == [".cache/f.npy", "history.csv", "last.ckpt", "logs/version_0/a", "new/empty"]
    assert left_since(time.time_ns() + 10**9) == []


def test_a_run_sees_the_directory_as_it_was(since: int, tmp_path: Path) -> None:
    with LEFT_FILES.apply(f"without={since}"):
        assert Path.cwd() != tmp_path
        assert sorted(os.listdir()) == ["data", "logs", "runs", "src"]
        assert sorted(os.listdir("logs")) == ["kept"]
        assert Path("data/raw/x.csv").read_text() == "before"
        Path("last.ckpt").write_text("again")
        Path("logs/version_0").mkdir()
        apart = Path.cwd()
    assert Path.cwd() == tmp_path
    assert not apart.exists()
    assert Path("last.ckpt").read_text() == "left"
    assert Path("data/raw/x.csv").read_text() == "before"
    assert sorted(os.listdir("logs")) == ["kept", "version_0"]


def test_a_directory_that_is_too_large_is_left_alone(since: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_files, "_MOST", 3)
    with pytest.raises(OSError, match="it holds more than 3 files"):
        left_since(since)
    with pytest.raises(OSError, match="more than 3 files"), LEFT_FILES.apply(f"without={since}"):
        pass


def test_other_levels_are_refused() -> None:
    with pytest.raises(SettingsError, match="without=NANOSECONDS"), LEFT_FILES.apply("without=soon"):
        pass


def test_a_folder_that_may_not_be_read_is_shown_as_it_is(since: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("logs"):
            raise PermissionError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert left_since(since) == [".cache/f.npy", "history.csv", "last.ckpt", "new/empty"]
