"""The shipped examples do what their docstrings say: verdict and first divergence, from the JSON report."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

#: file -> (name, step, run) of the first divergence, with the options beyond ``--repro-runs=3``
DRIFTING: dict[str, tuple[str, int | None, int, tuple[str, ...]]] = {
    "test_unseeded_generator.py": ("loss", 0, 2, ()),
    "test_clock.py": ("ages", None, 2, ()),
    "test_state_left_behind.py": ("loss", 0, 2, ()),
    "test_hash_order.py": ("counts", None, 3, ()),
    "test_directory_order.py": ("loss", 0, 3, ("--repro-vary=files",)),
}


def run_examples(target: Path, *options: str, report: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run pytest as a user does; return its exit code and, by test name, what the JSON report says."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider", str(target)]
    done = subprocess.run(
        [*command, "--repro-runs=3", f"--repro-json={report}", "--repro-explain=off", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert report.exists(), done.stdout
    tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
    return done.returncode, {test["nodeid"].partition("::")[2]: test for test in tests}


def test_clean_examples_reproduce_bit_for_bit(tmp_path: Path) -> None:
    code, tests = run_examples(EXAMPLES / "clean", report=tmp_path / "report.json")
    assert {name: test["verdict"] for name, test in tests.items()} == {
        "test_bootstrap_interval_depends_on_its_seed_alone": "reproduced",
        "test_diabetes_forest": "reproduced",
        "test_digits_network": "reproduced",
        "test_wine_pipeline": "reproduced",
    }
    assert code == 0


@pytest.mark.parametrize("file", DRIFTING)
def test_drifting_example_drifts_where_its_docstring_says(file: str, tmp_path: Path) -> None:
    name, step, run, options = DRIFTING[file]
    code, tests = run_examples(EXAMPLES / "drifting" / file, *options, report=tmp_path / "report.json")
    (test,) = tests.values()
    first = test["first_divergence"]
    assert (test["verdict"], first["name"], first["step"], first["run"]) == ("drifted", name, step, run)
    assert first["location"].startswith(f"examples/drifting/{file}:")
    assert code == 1


def test_every_drifting_example_says_why_and_how_to_fix_it() -> None:
    files = sorted((EXAMPLES / "drifting").glob("test_*.py"))
    assert {path.name for path in files} == set(DRIFTING)
    for path in files:
        document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        name, step, _, _ = DRIFTING[path.name]
        assert "Drifts" in document.splitlines()[0]
        assert "\nFix: " in document
        first = f"`{name}`" if step is None else f"the {name} of "
        assert f"first value to drift is {first}" in " ".join(document.split())


def test_index_names_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.rglob("test_*.py"):
        assert f"]({path.relative_to(EXAMPLES).as_posix()})" in index
