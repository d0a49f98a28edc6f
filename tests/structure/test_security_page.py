"""Each line of docs/security.md names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [
    line.strip("| ").split(" | ")
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| What it could try |")
]


def test_every_section_has_lines() -> None:
    assert len(ROWS) > 35
    assert all(len(row) == 3 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_each_line_is_held_by_a_test(row: list[str]) -> None:
    match = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[2])
    assert match is not None, row[2]
    tree = ast.parse((ROOT / match[1]).read_text(encoding="utf-8"))
    assert match[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_test_stands_for_two_lines() -> None:
    tests = [row[2] for row in ROWS]
    assert len(set(tests)) == len(tests)
