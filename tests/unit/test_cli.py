from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_repro.cli import _print_changes, main
from pytest_repro.model import EnvChange
from tests.unit.baseline.kept import env
from tests.unit.baseline.test_baseline_recordings import make


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("compare", "show", "env", "prune"))


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["compare"], ["compare", "a", "b", "--rtol=-1"], ["compare", "--rtol=nan"]]
)
def test_wrong_words_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: pytest-repro" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--rtol=-1", "argument --rtol: expected a finite number that is not negative, got '-1'"),
        ("--ulp=1.5", "argument --ulp: expected a whole number of at least 0, got '1.5'"),
    ],
)
def test_a_number_of_no_use_is_refused_in_words(option: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "a", "b", option])
    assert message in capsys.readouterr().err


def test_folders_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = make(tmp_path / "a" / "rec", ("v", 1)), make(tmp_path / "b" / "rec", ("v", 2))
    assert main(["compare", str(a), str(b)]) == 1
    assert "environment: a/rec -> b/rec" in capsys.readouterr().out


def test_environments_are_shown_first_what_can_change_numbers_before_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = make(tmp_path / "a", ("v", 1))
    b = make(tmp_path / "b", ("v", 1), fields=env(("package.numpy", "3.0"), ("cpu.model", "B")))
    assert main(["compare", str(a), str(b)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["environment: a -> b", "  cpu.model  (absent) -> B", "  package.numpy  2.4.6 -> 3.0"]
    assert main(["env", str(a), str(b)]) == 1


def test_test_that_one_folder_lacks_is_no_pass_unless_that_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = make(tmp_path / "a", ("v", 1)), make(tmp_path / "b", ("v", 1))
    make(a, ("v", 1), nodeid="only_a")
    assert main(["compare", str(a), str(b)]) == 1
    assert "it is not in b; record it there too" in capsys.readouterr().out
    assert main(["compare", str(a), str(b), "--allow-missing"]) == 0


def test_show_of_a_test_that_is_not_there_says_so_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(make(tmp_path / "a", ("v", 1))), "nothing-like-this"]) == 1
    assert "no test has 'nothing-like-this' in its id; without a name, show lists all" in capsys.readouterr().err


def test_names_that_are_left_out_are_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    _print_changes([EnvChange(f"x.{i:02}", "1", "2") for i in range(21)], verbose=False)
    assert "(and 21 that cannot: x.00," in (said := capsys.readouterr().out)
    assert "x.19, ...)" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_output_that_cannot_be_written_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    make(tmp_path, ("loss", 1.0))
    command = [sys.executable, "-m", "pytest_repro.cli", "show", str(tmp_path)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
        )
    assert (done.returncode, done.stderr) == (2, "pytest-repro: No space left on device\n")


def test_error_of_the_system_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, ("w", list(range(10))))
    (tmp_path / "objects" / "00").mkdir(parents=True)
    (tmp_path / "objects" / "00" / f"{'0' * 30}.npy").mkdir()  # no file: cannot be unlinked
    assert main(["prune", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    make(tmp_path, *[("loss", float(i), i) for i in range(50_000)], nodeid="t")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_repro.cli", "show", str(tmp_path), "t"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
