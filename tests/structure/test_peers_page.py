"""docs/peers.md is of the tools and programs that are there, and says what was found of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pytest_repro.conditions import FACTORS
from pytest_repro.conditions.pins import PIN_FACTORS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
PROGRAMS = sorted((ROOT / "benchmarks" / "peer_programs").glob("*.py"))


def cause_of(path: Path) -> str:
    values = [
        ast.literal_eval(node.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CAUSE"
    ]
    assert len(values) == 1, path.name
    return str(values[0])


def tools() -> list[str]:
    """Names in the table of tools, as the benchmark has them: plain texts, so that nothing of it need be installed."""
    tree = ast.parse((ROOT / "benchmarks" / "peer_tools.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Tool"]
    return [str(eval(ast.unparse(call.args[0]), {"RUNS": 3})) for call in calls]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_is_on_the_page_with_its_cause(path: Path) -> None:
    cause = cause_of(path)
    assert cause in {"", "environment", *FACTORS, *PIN_FACTORS}
    assert re.search(rf"^\| `{path.stem}` \| {cause or 'must not drift'} \| ", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("tool", tools())
def test_tool_is_in_the_tables_of_what_it_finds_and_costs(tool: str) -> None:
    assert len(re.findall(rf"^\| {re.escape(tool)} \| ", PAGE, flags=re.MULTILINE)) >= 2


def test_innocent_programs_alarm_nobody_here() -> None:
    ours = re.search(r"^\| pytest-repro \| (\d+) of (\d+) \| (\d+) \| (\d+) of", PAGE, flags=re.MULTILINE)
    assert ours is not None
    assert ours[4] == "0"
    assert "Wrong causes that pytest-repro stated: none." in PAGE
