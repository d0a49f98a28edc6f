"""Temporary files have the same name in every run, and are gone after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_repro.conditions.draws import ENTROPY


def _folder() -> str:
    path = tempfile.mkdtemp()
    (Path(path) / "inside").touch()
    return path


def _file() -> str:
    descriptor, path = tempfile.mkstemp(suffix=".csv")
    os.close(descriptor)
    return path


def _named() -> str:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return file.name


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("make", [_folder, _file, _named])
def test_the_name_is_the_same_in_every_run(make: Callable[[], str]) -> None:
    names = []
    for level in ("0", "0", "1"):
        with ENTROPY.apply(level):
            names.append([make(), make()])
            assert all(Path(name).exists() for name in names[-1])
        assert not any(Path(name).exists() for name in names[-1])
    assert names[0] == names[1]
    assert names[0] != names[2]
    assert names[0][0] != names[0][1]


@pytest.mark.parametrize("make", [_folder, _file, _named])
def test_without_it_the_name_is_another_one_and_what_was_made_stays(make: Callable[[], str]) -> None:
    assert make() != make()
    assert Path(make()).exists()


def test_a_name_that_is_taken_is_not_given(tmp_path: Path) -> None:
    with ENTROPY.apply("0"):
        first, second = (Path(_folder()) for _ in range(2))
    (tmp_path / first.name).mkdir()
    with ENTROPY.apply("0"):
        assert Path(_folder()).name == second.name
    assert (tmp_path / first.name).is_dir(), "it was made by somebody else"


def test_bookkeeping_gets_names_that_nobody_has() -> None:
    made = []
    for _ in range(2):
        names: dict[str, object] = {"__name__": "joblib.something", "tempfile": tempfile}
        with ENTROPY.apply("0"):
            exec("made = tempfile.mkdtemp()", names)
        made.append(str(names["made"]))
    assert made[0] != made[1]
    assert all(Path(path).is_dir() for path in made), "it is not ours to remove"


def test_a_file_that_the_run_removed_itself_is_no_error(tmp_path: Path) -> None:
    with ENTROPY.apply("0"), tempfile.TemporaryDirectory() as folder:
        assert Path(folder).parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_everything_is_put_back() -> None:
    before = tempfile.mkdtemp, tempfile._mkstemp_inner  # type: ignore[attr-defined]
    with ENTROPY.apply("0"):
        assert (tempfile.mkdtemp, tempfile._mkstemp_inner) != before  # type: ignore[attr-defined]
    assert (tempfile.mkdtemp, tempfile._mkstemp_inner) == before  # type: ignore[attr-defined]
