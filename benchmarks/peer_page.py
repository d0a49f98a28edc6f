"""What `benchmarks/peers.py` measured, as docs/peers.md."""

from __future__ import annotations

import ast
import platform
import statistics
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from peer_tools import RUNS, TOOLS

__all__ = ["PROGRAMS", "Cost", "Score", "page", "truths"]

PROGRAMS = Path(__file__).resolve().parent / "peer_programs"


@dataclass
class Cost:
    """What one tool's sessions took."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """What one tool said of the programs."""

    caught: frozenset[str]
    #: program → the factor that was named as the cause
    causes: dict[str, str] = field(default_factory=dict)


def truths() -> dict[str, str]:
    """Program → the factor that decides its result, empty where it must not drift."""
    found = {}
    for path in sorted(PROGRAMS.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CAUSE":
                found[path.stem] = ast.literal_eval(node.value)
    return found


def page(scores: dict[str, Score], found: dict[str, Cost], values: list[tuple[str, str, float, float]]) -> str:
    """docs/peers.md."""
    truth = truths()
    drifting = [name for name, cause in truth.items() if cause]
    clean = [name for name, cause in truth.items() if not cause]
    packages = sorted({tool.package for tool in TOOLS if tool.package})
    lines = [
        "# Beside its peers",
        "",
        'Written by `python benchmarks/peers.py --out docs/peers.md` (`pip install ".[peers]"` first), which says how',
        "each tool is used: as its own documentation does. Tools that repeat a test see what its assertion sees, that",
        "`score` is above 0.5; tools that compare values get the very values that this plugin records.",
        "",
        f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in packages)}.",
        "",
        "## What they find",
        "",
        f"{len(drifting)} small programs that drift, each for one known reason, and {len(clean)} that must not",
        f"(`benchmarks/peer_programs`); {RUNS} runs each where a tool repeats.",
        "",
        "| tool | drifts caught | cause named, and right | false alarms |",
        "|---|---|---|---|",
    ]
    for tool in TOOLS:
        score = scores[tool.name]
        right = sum(score.causes.get(name) == truth[name] for name in drifting)
        lines.append(
            f"| {tool.name} | {sum(name in score.caught for name in drifting)} of {len(drifting)} "
            f"| {right if tool is TOOLS[0] else 'none is named'} | {sum(name in score.caught for name in clean)} of "
            f"{len(clean)} |"
        )
    lines += ["", *_by_program(scores, drifting, clean, truth), "", *_reading(scores, truth), "", *_cost_lines(found)]
    return "\n".join([*lines, "", *_value_lines(values), ""])


def _by_program(scores: dict[str, Score], drifting: list[str], clean: list[str], truth: dict[str, str]) -> list[str]:
    lines = ["| program | reason | caught by |", "|---|---|---|"]
    for name in (*drifting, *clean):
        tools = [tool.name for tool in TOOLS if name in scores[tool.name].caught]
        reason = truth[name] or "must not drift"
        lines.append(f"| `{name}` | {reason} | {'; '.join(tools) or 'none'} |")
    return lines


def _reading(scores: dict[str, Score], truth: dict[str, str]) -> list[str]:
    wrong = {name: said for name, said in scores[TOOLS[0].name].causes.items() if said != truth[name]}
    said = ", ".join(f"{said} for `{name}`" for name, said in wrong.items()) or "none"
    return [
        f"Wrong causes that pytest-repro stated: {said}.",
        "",
        "- Repeating in one process (pytest-repeat, flake-finder, the checks that train twice in the test) cannot see",
        "  what differs between processes: hash seeds, process numbers.",
        "- `last_bits_of_a_sum` and `padded_embedding` drift in some sessions only: another run of this may count",
        "  one more or one fewer, for any tool.",
        "- pytest-regressions and syrupy compare with a file, across sessions, and miss what only a second call in one",
        "  process shows. Their question is another one: whether results are still those of last month, for which this",
        "  plugin has `--repro-baseline`.",
        "- pytest-rerunfailures passes a test that passes once: it is for living with drift, not for finding it.",
        "- pytest-benchmark stores values beside its timings and compares the timings only.",
    ]


def _cost_lines(found: dict[str, Cost]) -> list[str]:
    base = found["one plain session"]
    lines = [
        "## What they cost",
        "",
        f"Twenty tests that train a small model and do not drift, {RUNS} runs where a tool repeats, as a multiple of",
        f"one plain pytest session (median of {len(base.cpu)} interleaved rounds; CPU time of all its processes;",
        "memory is the peak of the largest process).",
        "",
        "| tool | CPU time | wall time | peak memory |",
        "|---|---|---|---|",
    ]
    for name, cost in found.items():
        cpu = statistics.median(a / b for a, b in zip(cost.cpu, base.cpu, strict=True))
        wall = statistics.median(a / b for a, b in zip(cost.wall, base.wall, strict=True))
        lines.append(f"| {name} | {cpu:.1f} x | {wall:.1f} x | {statistics.median(cost.memory):.0f} MB |")
    return lines


def _value_lines(values: list[tuple[str, str, float, float]]) -> list[str]:
    lines = [
        "## Comparing two values",
        "",
        "Two equal values, from the objects to the answer.",
        "",
        "| value | tool | time | extra memory |",
        "|---|---|---|---|",
    ]
    lines += [f"| {what} | {name} | {1e3 * took:.1f} ms | {memory:.1f} MB |" for what, name, took, memory in values]
    return lines
