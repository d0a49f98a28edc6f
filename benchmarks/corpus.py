"""Run the plugin over a corpus of programs with known causes, and write the table of the docs.

    python benchmarks/corpus.py --corpus ../shared/corpus --out docs/corpus.md

Each program is a module with ``train() -> dict`` and its truth as constants: ``CAUSE``, ``FIRST`` (the
first value that drifts), ``VISIBLE`` and, where it shows only when a factor is varied, ``VARY``.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: the corpus's word for a cause → the factors that are right
FACTORS = {
    "hash-seed": {"hash-seed"},
    "os-entropy": {"entropy"},
    "clock": {"clock"},
    "threads": {"threads"},
    "process-state": {"state"},
    "fs-order": {"files"},
    "memory-address": {"memory"},
    "environment": {"environment", "threads", "cpu", "files"},
}

TEST = """\
import sys
sys.path.insert(0, {folder!r})
import {name} as program
import pytest

@pytest.mark.repro
def test_program(repro):
    for key, value in program.train().items():
        repro.artifact(key, value)
"""


@dataclass(frozen=True)
class Row:
    """One program and what the plugin said of it."""

    name: str
    cause: str
    drifts: bool
    verdict: str
    first: str
    first_right: bool
    found: str
    status: str

    @property
    def caught(self) -> bool:
        return self.drifts and self.verdict == "drifted"

    @property
    def false_alarm(self) -> bool:
        return not self.drifts and self.verdict != "reproduced"

    @property
    def cause_right(self) -> bool:
        return self.caught and self.status == "cause" and self.found in FACTORS.get(self.cause, set())

    @property
    def cause_wrong(self) -> bool:
        return self.caught and self.status == "cause" and not self.cause_right


def truth(path: Path) -> dict[str, Any]:
    """The constants of a program, without running it."""
    found: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def run(path: Path, options: list[str], timeout: float) -> dict[str, Any]:
    """The plugin's JSON on one program."""
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_program.py"
        test.write_text(TEST.format(folder=str(path.parent.resolve()), name=path.stem), encoding="utf-8")
        out = Path(folder) / "out.json"
        command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--repro-runs=3"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"}
        try:
            subprocess.run(
                [*command, f"--repro-json={out}", *options, str(test)],
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"verdict": "timeout"}
        tests = json.loads(out.read_text(encoding="utf-8"))["tests"] if out.exists() else []
        return tests[0] if tests else {"verdict": "no result"}


def rows(corpus: Path, options: list[str], timeout: float) -> Iterator[Row]:
    """Every program of the corpus, in order."""
    for path in sorted(corpus.rglob("*.py")):
        facts = truth(path)
        if "CAUSE" not in facts:
            continue
        result = run(path, options, timeout)
        first = (result.get("first_divergence") or {}).get("name", "")
        cause = result.get("cause") or {}
        yield Row(
            name=path.stem,
            cause=facts["CAUSE"],
            drifts=any((facts.get("VISIBLE") or {}).values()),
            verdict=result["verdict"],
            first=first,
            first_right=first == (facts.get("FIRST") or ""),
            found=cause.get("factor", ""),
            status=cause.get("status", ""),
        )


def table(found: list[Row]) -> str:
    """The page of the docs."""
    drifting = [row for row in found if row.drifts]
    caught = [row for row in drifting if row.caught]
    clean = [row for row in found if not row.drifts]
    lines = [
        "# The corpus: real programs with known causes",
        "",
        "Made by `python benchmarks/corpus.py` with `--repro-runs=3` and every other setting at its default.",
        "*Cause* is stated only where switching that factor alone, with everything else pinned, decided the result.",
        "",
        f"- drifting programs caught: {len(caught)} of {len(drifting)}",
        f"- first divergent value right: {sum(row.first_right for row in caught)} of {len(caught)}",
        f"- cause right: {sum(row.cause_right for row in caught)} of {len(caught)}",
        f"- a wrong cause stated: {sum(row.cause_wrong for row in caught)}",
        f"- false alarms: {sum(row.false_alarm for row in clean)} of {len(clean)} programs that must pass",
        "",
        "| program | true cause | verdict | first value | found |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        first = row.first + ("" if not row.caught or row.first_right else " (wrong)")
        said = f"{row.status}: {row.found}".rstrip(": ") if row.status else ""
        lines.append(f"| {row.name} | {row.cause} | {row.verdict} | {first} | {said} |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Run and write; 1 when a program that must pass does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--timeout", type=float, default=400)
    parser.add_argument("options", nargs="*", help="further options for pytest, after --")
    arguments = parser.parse_args()
    found = []
    for row in rows(arguments.corpus, arguments.options, arguments.timeout):
        found.append(row)
        print(f"{row.name:36} {row.cause:15} {row.verdict:13} {row.first:18} {row.status} {row.found}", flush=True)
    page = table(found)
    if arguments.out:
        arguments.out.write_text(page, encoding="utf-8")
    print(page)
    return int(any(row.false_alarm for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
