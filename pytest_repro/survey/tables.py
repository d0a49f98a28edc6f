"""A survey as text, as Markdown and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_repro.storage import canonical_json
from pytest_repro.survey.judging import Outcome
from pytest_repro.survey.sessions import HELD

if TYPE_CHECKING:
    from pytest_repro.survey.judging import Cell, Row, Survey

__all__ = ["SCHEMA", "as_json", "as_markdown", "as_text"]

#: of ``--json``; the first
SCHEMA = "pytest-repro/survey@1"

_FIELDS = ("python.version", "platform.system", "platform.machine", "cpu.model", "cpu.usable")


def as_text(survey: Survey) -> str:
    """For a terminal: columns, then what they mean."""
    head = ("library", "model", *survey.factors)
    rows = [(row.library, row.model, *(_words(row.cells[factor]) for factor in survey.factors)) for row in survey.rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in (head, *rows)]
    return "\n".join([*(line.rstrip() for line in lines), "", *_notes(survey)]) + "\n"


def as_markdown(survey: Survey) -> str:
    """For a page: the same table and notes."""
    lines = [f"| library | model | {' | '.join(survey.factors)} |", f"|{'---|' * (len(survey.factors) + 2)}"]
    for row in survey.rows:
        cells = " | ".join(_emphasised(row.cells[factor]) for factor in survey.factors)
        lines.append(f"| {row.library} | `{row.model}` | {cells} |")
    return "\n".join([*lines, "", *(f"- {note}" for note in _notes(survey))]) + "\n"


def as_json(survey: Survey) -> str:
    """For programs: everything, equal bytes for equal results."""
    body = {
        "schema": SCHEMA,
        "runs": survey.runs,
        "held": dict(HELD),
        "levels": {factor: list(levels) for factor, levels in survey.levels.items()},
        "not_applicable": dict(survey.lacking),
        "not_installed": sorted(survey.missing),
        "environment": {field.name: field.value for field in survey.environment if field.numeric},
        "models": [_model(row) for row in survey.rows],
    }
    return canonical_json(body)


def _model(row: Row) -> dict[str, object]:
    return {
        "library": row.library,
        "model": row.model,
        "factors": {
            factor: {
                "outcome": cell.outcome.value,
                "max_abs": cell.max_abs,
                "different": cell.different,
                "total": cell.total,
            }
            for factor, cell in row.cells.items()
        },
    }


def _words(cell: Cell) -> str:
    word = cell.outcome.value
    if cell.outcome not in (Outcome.DRIFTS, Outcome.RACES, Outcome.UNSTEADY):
        return word
    if not cell.total:
        return f"{word}, inside only"
    if cell.max_abs is not None:
        return f"{word}, {cell.max_abs:.0e}"
    return f"{word}, {cell.different} of {cell.total}"


def _emphasised(cell: Cell) -> str:
    text = _words(cell)
    return text if cell.outcome is Outcome.REPRODUCES else f"**{text}**"


def _notes(survey: Survey) -> Iterator[str]:
    held = ", ".join(f"{name} {HELD[name]}" for name in survey.factors)
    yield f"{survey.runs} runs of each condition, each in a fresh interpreter; held: {held}"
    for factor, levels in survey.levels.items():
        yield f"{factor} was switched to {', '.join(levels)}: {_counts(survey, factor)}"
    for factor, reason in survey.lacking.items():
        yield f"{factor} is not applicable here: {reason}"
    fields = {field.name: field.value for field in survey.environment}
    yield ", ".join(f"{name} {fields[name]}" for name in _FIELDS if name in fields)
    packages = {row.library: fields.get(f"package.{row.library}") for row in survey.rows}
    yield ", ".join(f"{library} {version}" for library, version in packages.items() if version)
    for library, remedy in survey.missing.items():
        yield f"{library} is not installed ({remedy})"


def _counts(survey: Survey, factor: str) -> str:
    counts = Counter(row.cells[factor].outcome for row in survey.rows)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
