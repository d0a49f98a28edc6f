"""CONTRIBUTING.md takes a newcomer to a first value type: its steps, on a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (\S+\.py)(, in (\w+))?\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^```text\n(\|.*\|)\n```$", TEXT, flags=re.MULTILINE)


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment | {"PYTHONPATH": str(tree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def in_tree(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # the options of the project's own ini file name plugins that are off here
    return run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *arguments)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the steps touch and what holds it."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("pytest_repro", "docs", "tests/structure", "tests/unit/values", "tests/gold"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for file in ("pyproject.toml", "tests/builders.py", "tests/conftest.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def apply(tree: Path, path: str, table: str, code: str) -> None:
    """One block of code: a new file, or lines for a table that is there."""
    target = tree / path
    if not table:
        assert not target.exists(), f"{path} is there already: choose another example"
        target.write_text(code.lstrip("\n"), encoding="utf-8")
        return
    text = target.read_text(encoding="utf-8")
    head = re.search(rf"^{table}: .* = {{\n", text, flags=re.MULTILINE)
    assert head is not None
    target.write_text(text[: head.end()] + code + text[head.end() :], encoding="utf-8")


def test_steps_lead_to_a_value_type_that_every_check_accepts(tree: Path) -> None:
    (test, *_), *others = BLOCKS
    assert len(others) == 2, "a test, a module, a line of the registry"
    assert len(ROWS) == 1
    apply(tree, BLOCKS[0][0], BLOCKS[0][2], BLOCKS[0][3])
    before = in_tree(tree, test)
    assert before.returncode == 1, before.stdout + before.stderr
    assert "out of Python's sight" in before.stdout

    for path, _, table, code in others:
        apply(tree, path, table, code)
    document = tree / "docs" / "values.md"
    row = next(line for line in document.read_text(encoding="utf-8").splitlines() if line.endswith("| `graphs` |"))
    document.write_text(document.read_text(encoding="utf-8").replace(row, f"{row}\n{ROWS[0]}"), encoding="utf-8")

    new = [path for path, _, table, _ in BLOCKS if not table]
    checks = (test, "tests/unit/values/test_family_docs.py", "tests/structure/test_layers.py", "-k", "structs")
    after = in_tree(tree, *checks)
    assert after.returncode == 0, after.stdout + after.stderr
    if find_spec("ruff"):
        for check in (("check",), ("format", "--check")):
            done = run(tree, "-m", "ruff", *check, *new)
            assert done.returncode == 0, done.stdout + done.stderr


def test_steps_name_commands_and_files_that_exist() -> None:
    for path in re.findall(r"`((?:tests|docs|pytest_repro)/[\w/.]+)`", TEXT):
        assert (ROOT / path).exists(), path
