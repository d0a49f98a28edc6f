"""What the README says is so: its commands, its code, its printed output, its tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate_outputs import make, parts, without_numbers

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PARTS = {name: (kind, text) for kind, name, text in parts(TEXT)}


def marked_command(name: str) -> str:
    """The command after ``<!-- command: NAME -->``: a code block of one line."""
    found = re.findall(rf"^<!-- command: {name} -->\n```sh\n(.+)\n```$", TEXT, flags=re.MULTILINE)
    assert len(found) == 1, "one marker, directly before a block of exactly one line"
    return str(found[0])


@pytest.mark.parametrize(
    ("name", "extra", "tail"),
    [
        pytest.param("examples", "examples", "pytest examples/clean --repro-runs=3", id="main job"),
        pytest.param("tests", "test", "pytest -n 2 --dist loadfile", id="tests"),
    ],
)
def test_first_commands_do_all_the_set_up(name: str, extra: str, tail: str) -> None:
    steps = marked_command(name).split(" && ")
    assert steps == ["python3 -m venv .venv", f'.venv/bin/pip install -q ".[{extra}]"', f".venv/bin/{tail}"]
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf"^{extra} = \[", metadata, flags=re.MULTILINE)


def test_readme_opens_with_the_two_commands() -> None:
    assert TEXT.index("<!-- command: examples -->") < TEXT.index("<!-- command: tests -->") < TEXT.index("\n## ")


def test_ci_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    expression = re.search(r"sed -n '([^']+)' README\.md", script)
    assert expression is not None
    found = subprocess.run(
        ["sed", "-n", expression[1], "README.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == marked_command("tests")
    assert 'bash -c "$command"' in script


@pytest.mark.parametrize("name", [name for name, (kind, _) in PARTS.items() if kind != "output"])
def test_generated_code_and_tables_are_current(name: str) -> None:
    kind, text = PARTS[name]
    assert text == make(kind, name), "python docs/generate_outputs.py writes them anew"


@pytest.mark.parametrize("name", [name for name, (kind, _) in PARTS.items() if kind == "output"])
def test_printed_output_is_current(name: str) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("pandas")
    kind, text = PARTS[name]
    assert without_numbers(text) == without_numbers(make(kind, name)), "python docs/generate_outputs.py"


def test_code_blocks_run(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    blocks = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == TEXT.count("```python"), "the first line of each block of code names its file"
    for name, block in blocks:
        (tmp_path / Path(name).name).write_text(block, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_repro.plugin"]
    done = subprocess.run(
        [*command, "--repro-runs=2", "--repro-isolation=inline"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 3 passed" in f" {done.stdout.splitlines()[-1]}"


def test_files_that_the_readme_names_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_readme_stays_short() -> None:
    assert len(TEXT.splitlines()) <= 300
