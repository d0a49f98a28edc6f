"""The README's two commands, and its length. Its code, output, tables and links are held by test_docs.py."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


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


def test_readme_stays_short() -> None:
    assert len(TEXT.splitlines()) <= 300
