"""The temporary and the home folder without what runs left in them."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from pytest_repro.conditions.left_places import LEFT_HOME, LEFT_TEMP, left_in_place, settle_places
from pytest_repro.errors import SettingsError

FACTORS = {"left-temp": LEFT_TEMP, "left-home": LEFT_HOME}


@pytest.fixture
def since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A home and a temporary folder, a project in each, and then what runs left."""
    for place, variable in (("home", "HOME"), ("temp", "TMPDIR")):
        monkeypatch.setenv(variable, str(tmp_path / place))
        for folder in ("lib/project", ".cache/lib"):
            (tmp_path / place / folder).mkdir(parents=True)
        (tmp_path / place / "data.csv").write_text("before")
        (tmp_path / place / ".cache" / "lib" / "weights").write_text("before")
    monkeypatch.setattr(tempfile, "tempdir", None)
    time.sleep(0.05)
    moment = time.time_ns()
    time.sleep(0.05)
    for place in ("home", "temp"):
        for file in ("runs.txt", ".cache/lib/runs.txt", "lib/project/out.txt"):
            (tmp_path / place / file).write_text("left")
    (tmp_path / "temp" / "tmpab12_xyz").mkdir()
    (tmp_path / "temp" / "tmpab12_xyz" / "x").write_text("left")
    return moment


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def settle(place: str, since: int, spool: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin as a worker that was started for this factor; the folder that it was given."""
    for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", *(n for n in os.environ if n.startswith("XDG_"))):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back in the end
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "PYTEST_REPRO_LEFT_REAL"):
        monkeypatch.setenv(name, "")
    ((name, value),) = FACTORS[place].launch(f"without={since}").env.items()
    assert value is not None
    monkeypatch.setenv(name, value)
    settle_places(spool)
    assert name not in os.environ, "a session within a test must not read it"
    return Path(tempfile.gettempdir()) if place == "left-temp" else Path.home()


def test_what_changed_in_the_temporary_folder_is_found_but_for_names_by_chance(since: int, tmp_path: Path) -> None:
    names = [os.path.relpath(path, tmp_path / "temp") for path in left_in_place("left-temp", since)]
    assert names == [".cache/lib/runs.txt", "lib/project/out.txt", "runs.txt"]
    assert left_in_place("left-temp", time.time_ns() + 10**9) == []


def test_temporary_folder_is_looked_at_three_levels_deep(since: int, tmp_path: Path) -> None:
    deep = tmp_path / "temp" / "lib" / "project" / "deeper"
    deep.mkdir()
    (deep / "unseen").write_text("left")
    names = [os.path.relpath(path, tmp_path / "temp") for path in left_in_place("left-temp", since)]
    assert names == [".cache/lib/runs.txt", "lib/project/out.txt", "runs.txt"]


def test_home_is_looked_at_two_levels_deep_and_hidden_folders_four(since: int, tmp_path: Path) -> None:
    deep = tmp_path / "home" / ".local" / "share" / "lib" / "deeper"
    deep.mkdir(parents=True)
    (deep / "unseen").write_text("left")
    (deep.parent / "seen").write_text("left")
    found = left_in_place("left-home", since)
    assert found == ["~/.cache/lib/runs.txt", "~/.local/share/lib/seen", "~/runs.txt"]


def test_project_within_such_a_folder_is_shown_as_it_is(
    since: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "temp" / "lib" / "project")
    names = [os.path.relpath(path, tmp_path / "temp") for path in left_in_place("left-temp", since)]
    assert names == [".cache/lib/runs.txt", "runs.txt"]


def test_files_of_somebody_else_are_shown_as_they_are(since: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert left_in_place("left-temp", since) == []


@pytest.mark.parametrize("place", FACTORS)
def test_worker_sees_from_its_start_on_what_was_there_before(
    place: str, since: int, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = settle(place, since, spool, monkeypatch)
    assert mirror == spool / place
    assert (mirror / "data.csv").read_text() == "before"
    assert (mirror / ".cache" / "lib" / "weights").read_text() == "before"
    assert not (mirror / "runs.txt").exists()
    assert not (mirror / ".cache" / "lib" / "runs.txt").exists()


@pytest.mark.parametrize("place", FACTORS)
def test_each_run_finds_the_folder_as_it_was(
    place: str, since: int, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / place.removeprefix("left-")
    mirror = settle(place, since, spool, monkeypatch)
    for _ in range(2):
        with FACTORS[place].apply(f"without={since}"):
            assert not (mirror / "runs.txt").exists()
            (mirror / "runs.txt").write_text("mine")
            (mirror / ".cache" / "lib" / "runs.txt").write_text("mine")
            (mirror / "new").mkdir()
    assert not list(mirror.iterdir())
    assert (real / "runs.txt").read_text() == "left", "what it stands for is left alone"
    assert (real / ".cache" / "lib" / "runs.txt").read_text() == "left"
    assert (real / "lib" / "project" / "out.txt").read_text() == "left"


def test_file_that_vanishes_while_it_is_looked_at_is_no_error(since: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("project"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [Path(path).name for path in left_in_place("left-temp", since)] == ["runs.txt", "runs.txt"]


def test_other_workers_stay_where_they_are(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_REPRO_LEFT", raising=False)
    before = dict(os.environ)
    settle_places(spool)
    assert dict(os.environ) == before
    assert not list(spool.iterdir())


def test_other_levels_are_refused() -> None:
    with pytest.raises(SettingsError, match="without=NANOSECONDS"):
        LEFT_TEMP.launch("without=soon")
    with pytest.raises(SettingsError, match="without=NANOSECONDS"), LEFT_HOME.apply("all=3"):
        pass
