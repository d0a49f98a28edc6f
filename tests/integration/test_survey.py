"""``pytest-repro survey`` as a user types it: in an empty folder, from the checkout and from a built wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NIGHTLY = bool(os.environ.get("PYTEST_REPRO_NIGHTLY"))


def survey(folder: Path, *arguments: str, package: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest_repro.cli", "survey", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_model_of_numpy_is_measured_in_an_empty_folder(tmp_path: Path) -> None:
    work = tmp_path / "empty"
    work.mkdir()
    output = ["--json", str(tmp_path / "out.json"), "--md", str(tmp_path / "out.md")]
    done = survey(work, "--factors", "hash-seed", "--runs", "2", "-k", "argsort_stable", *output)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4: hash-seed-2-2" in done.stderr
    (model,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["models"]
    assert (model["library"], model["model"]) == ("numpy", "argsort_stable")
    assert model["factors"]["hash-seed"]["outcome"] == "reproduces"
    assert "| numpy | `argsort_stable` | reproduces |" in (tmp_path / "out.md").read_text(encoding="utf-8")
    assert not list(work.iterdir()), "nothing is left in the user's folder"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--factors", "weather"], "weather cannot be surveyed; there are: threads", id="factor"),
        pytest.param(["--runs", "1"], "2 runs of each condition or more", id="runs"),
        pytest.param(["--runs", "two"], "expected a whole number of at least 1, got 'two'", id="no number"),
        pytest.param(["-k", "NoSuchModel", "--factors", "hash-seed"], "no model is selected by -k", id="selection"),
        pytest.param(["-k", "and and", "--factors", "hash-seed"], "Wrong expression passed to '-k'", id="expression"),
    ],
)
def test_bad_input_is_one_clear_error(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = survey(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_built_wheel_has_the_suite(tmp_path: Path) -> None:
    build = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel; tox's packaging has it")
    (path,) = build.WheelBuilder(str(ROOT)).build(directory=str(tmp_path / "dist"), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        wheel.extractall(tmp_path / "installed")
    suite = tmp_path / "installed" / "pytest_repro" / "survey_suite"
    shipped = {file.name for file in (ROOT / "examples" / "survey").iterdir() if file.is_file()}
    assert {file.name for file in suite.iterdir()} == shipped
    done = survey(
        tmp_path, *("--factors", "hash-seed", "--runs", "2", "-k", "argsort_stable"), package=tmp_path / "installed"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "argsort_stable  reproduces" in done.stdout


@pytest.mark.skipif(not NIGHTLY, reason="trains every model twelve times: PYTEST_REPRO_NIGHTLY=1")
def test_whole_suite_is_measured(tmp_path: Path) -> None:
    done = survey(tmp_path, "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {
        (model["model"], factor): found["outcome"]
        for model in json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["models"]
        for factor, found in model["factors"].items()
    }
    assert outcomes["argsort_stable", "cpu"] in ("reproduces", "not applicable here")
    assert outcomes["CountVectorizer", "hash-seed"] == "reproduces"
