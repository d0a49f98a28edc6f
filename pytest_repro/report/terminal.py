"""What the terminal shows of one test: the text of a drift, the line of the summary. Plain text, no colour codes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_repro.model import (
    CauseStatus,
    Verdict,
)
from pytest_repro.report.wording import (
    count,
    draw_text,
    drawn,
    finding,
    format_ulp,
    group_text,
    names_of,
    visible,
    where_first,
    within_text,
    wrap,
)

if TYPE_CHECKING:
    from pytest_repro.model import (
        Cause,
        TestResult,
        ValueDrift,
    )

__all__ = ["failure_text", "summary_line"]

#: lines of a failure, rows of its table, leaves per value, and lines per list that are shown without ``-v``
_LINES = 40
_ROWS = 12
_LEAVES = 4
#: changes of the environment that are shown without ``-v``
_CHANGES = 6
_LIST_LINES = 3
#: to which a column of the table that gives way on a narrow terminal may shrink
_NARROWEST = 8
_MARGIN = " " * 10
#: what `autolog` calls an operand: ``assert_allclose#4 test_it.py:907 actual``
_ASSERTION = re.compile(r"(\w+)(#\d+) .*(:\d+) (\w+)")


def failure_text(result: TestResult, *, width: int = 80, verbose: bool = False) -> str:
    """The body of a failing test: about 40 lines, everything with `verbose`."""
    word = "DRIFT" if result.verdict in (Verdict.DRIFTED, Verdict.BASELINE_DRIFTED) else result.verdict.value.upper()
    if result.verdict.good and result.violations:
        word = "STRICT"
    lines = [f"{word}: {finding(result)}"]
    if result.comparison.first is None and result.cause is None:
        body = [*_strict(result, width), *_tail(result, width=width, verbose=verbose)]
        return _text([*wrap(lines[0], width, indent="  "), *([""] if body else []), *body])
    lines.append("")
    lines += _first(result, width, verbose=verbose)
    if result.streams:
        lines += _field("streams", result.streams, width)
    lines += _cause(result.cause, width=width, verbose=verbose)
    lines += _over_time(result, width, verbose=verbose)
    lines += ["", *_table(result, width=width, verbose=verbose)]
    tail = ["", *_strict(result, width), *_tail(result, width=width, verbose=verbose)]
    lines += _all_details(result, room=_LINES - len(lines) - len(tail), width=width, verbose=verbose)
    return _text([*lines, *tail])


def _text(lines: Sequence[str]) -> str:
    """Join lines; a name that somebody else chose moves no cursor, sets no colour and begins no line."""
    return "\n".join(visible(line).rstrip() for line in lines)


def _all_details(result: TestResult, *, room: int, width: int, verbose: bool) -> list[str]:
    """What differs inside each value, as far as there is room."""
    lines: list[str] = []
    drifts = result.comparison.drifts
    for number, drift in enumerate(_shown(drifts, verbose=verbose)):
        details = _details(drift, width=width, verbose=verbose)
        if not verbose and len(lines) + len(details) > room - 2:
            hidden = sum(bool(_details(other, width=width, verbose=False)) for other in drifts[number:])
            return [*lines, "", f"  ... what differs inside {count(hidden, 'more value')} (-v shows all)"]
        lines += details
    return lines


def _strict(result: TestResult, width: int) -> list[str]:
    lines = []
    for violation in result.violations:
        lines += _field("drawn", draw_text(violation), width)
        lines += _field("fix", violation.fix, width)
    return lines


def _field(label: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, max(width - len(_MARGIN), 30), break_long_words=False, break_on_hyphens=False) or [""]
    return [f"  {label:<8}{lines[0]}", *(_MARGIN + line for line in lines[1:])]


def _list(label: str, text: str, width: int, *, verbose: bool) -> list[str]:
    """A field whose text may be long."""
    lines = _field(label, text, width)
    if verbose or len(lines) <= _LIST_LINES:
        return lines
    return [*lines[: _LIST_LINES - 1], f"{_MARGIN}... (-v shows all)"]


def _first(result: TestResult, width: int, *, verbose: bool) -> list[str]:
    first = result.comparison.first
    if first is None:
        return []
    lines = [f"  first   {first.label}  in {names_of(result).get(first.run, f'run {first.run}')}"]
    change = f"{first.reference} -> {first.other}"
    ulp = "" if first.ulp is None else f"{format_ulp(first.ulp)} ULP"
    where = str(first.location) if first.location else ""
    one_line = f"{lines[0]}    {'   '.join(part for part in (change, ulp, where) if part)}"
    if len(one_line) <= width:
        return [one_line]
    if len(change) <= width - len(_MARGIN):
        lines.append(_MARGIN + change)
    else:
        size = 10_000 if verbose else width - len(_MARGIN)
        lines += [_MARGIN + _cut(part, size) for part in (first.reference, "-> " + first.other)]
    rest = "   ".join(part for part in (ulp, where) if part)
    return [*lines, _MARGIN + rest] if rest else lines


def _over_time(result: TestResult, width: int, *, verbose: bool) -> list[str]:
    """How the environment and the code differ from those of what run 1 was compared with."""
    lines: list[str] = []
    changes = result.changes if verbose else result.changes[:_CHANGES]
    for index, change in enumerate(changes):
        text = f"{change.name}  {change.before or '(absent)'} -> {change.after or '(absent)'}"
        lines += _field("changed" if not index else "", text, width)
    if len(result.changes) > len(changes):
        lines += _field(
            "", f"... and {len(result.changes) - len(changes)} more of the environment (-v shows all)", width
        )
    for index, text in enumerate(result.code):
        lines += _field("code" if not index else "", text, width)
    for text in result.advice:
        lines += _field("then", text, width)
    return lines


def _cause(cause: Cause | None, *, width: int, verbose: bool) -> list[str]:
    if cause is None:
        return []
    label = {CauseStatus.CAUSE: "cause", CauseStatus.SUSPECT: "suspect", CauseStatus.UNKNOWN: "unknown"}[cause.status]
    lines = _field(label, cause.summary, width)
    if cause.location is not None:
        lines += _field("where", str(cause.location), width)
    for other in cause.also:
        lines += _field("also", other, width)
    if cause.advice:
        lines += _field("fix", cause.advice, width)
    details = cause.details if verbose else cause.details[:4]
    for detail in details:
        lines += _field("", detail, width)
    if cause.ruled_out:
        lines += _field("cleared", ", ".join(cause.ruled_out), width)
    return lines


def _shown(drifts: Sequence[ValueDrift], *, verbose: bool) -> Sequence[ValueDrift]:
    return drifts if verbose else drifts[:_ROWS]


def _groups(drift: ValueDrift, result: TestResult) -> str:
    runs = sum(map(len, drift.groups))
    return f"all {runs} differ" if runs == len(drift.groups) > 4 else group_text(drift, result, apart=" | ")


def _row(drift: ValueDrift, result: TestResult) -> tuple[str, ...]:
    stats = drift.stats
    if stats is not None and stats.sign_of_zero_only:
        measures: tuple[str, str, str] = ("sign of zero only", "", "")
    elif stats is not None:
        ulp = "" if stats.max_ulp is None else format_ulp(stats.max_ulp)
        measures = (f"{stats.max_abs:.1e}", f"{stats.max_rel:.1e}", ulp)
    else:
        measures = ("", "", "")
    return (drift.name, drift.kind, _groups(drift, result), f"{drift.n_different} of {drift.n_total}", *measures)


def _table(result: TestResult, *, width: int, verbose: bool) -> list[str]:
    drifts = result.comparison.drifts
    head = ("value", "kind", "runs", "differ", "max |d|", "max rel", "ULP")
    rows = [head, *(_row(drift, result) for drift in _shown(drifts, verbose=verbose))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    if not verbose:
        _narrow(widths, width)
    lines = []
    for row in rows:
        cells = [_cut(cell, size) for cell, size in zip(row, widths, strict=True)]
        cells[0] = _cut_middle(row[0], widths[0])
        lines.append("  " + "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip())
    hidden = len(drifts) - len(rows) + 1
    if hidden > 0:
        verb = "differs" if hidden == 1 else "differ"
        lines.append(f"  ... and {count(hidden, 'more value')} that {verb} (-v shows all)")
    return lines


def _narrow(widths: list[int], width: int) -> None:
    """Take from the widest of the columns that may give way until the table fits; from the names last."""
    for columns, narrowest in (((1, 2), 14), ((1,), 10), ((0,), 24), ((0, 1, 2), _NARROWEST)):
        while sum(widths) + 2 * len(widths) > width:
            column = max(columns, key=lambda each: widths[each])
            if widths[column] <= narrowest:
                break
            widths[column] -= 1


def _cut_middle(text: str, size: int) -> str:
    """Names that belong together differ at one of their ends, those of assertions in number and line."""
    if len(text) <= size:
        return text
    tail = (size - 2) // 3
    cut = f"{text[: size - 2 - tail]}..{text[len(text) - tail :]}"
    named = _ASSERTION.fullmatch(text)
    if named is not None and f"{named[2]} " not in cut:
        what = f"..{named[2]}{named[3]} {named[4]}"
        if len(what) < size:
            return named[1][: size - len(what)] + what
    return cut


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 2] + ".."


def _details(drift: ValueDrift, *, width: int, verbose: bool) -> list[str]:
    limit = 10_000 if verbose else _LEAVES
    lines: list[str] = []
    if drift.structure:
        lines = [f"    {line}" for line in drift.structure[: None if verbose else 8]]
    elif drift.n_leaves > 1:
        for leaf in drift.leaves[:limit]:
            what = "" if leaf.what == "value" else f"  ({leaf.what})"
            lines.append(f"    {drift.name}{leaf.path}  {leaf.reference} -> {leaf.other}{what}")
        hidden = drift.n_leaves - min(limit, len(drift.leaves))
        if hidden > 0:
            lines.append(f"    ... {count(hidden, 'more place')} in {drift.name}")
    if not lines:
        return []
    return ["", f"  {drift.name}", *(line if verbose else _cut(line, max(width, 60)) for line in lines)]


def _tail(result: TestResult, *, width: int, verbose: bool) -> list[str]:
    comparison = result.comparison
    lines: list[str] = []
    if comparison.equal:
        lines += _list("equal", ", ".join(comparison.equal), width, verbose=verbose)
    if comparison.within:
        lines += _list("within", "; ".join(map(within_text, comparison.within)), width, verbose=verbose)
    if comparison.notes:
        lines += _list("omitted", "; ".join(comparison.notes), width, verbose=verbose)
    if result.again:
        lines.append(f"  again   {result.again}")
    return lines


def summary_line(result: TestResult) -> str:
    """One line for the short test summary: ``loss[3] differs in run 3 of 3: hash seed``."""
    return visible(_summary(result))


def _summary(result: TestResult) -> str:
    first = result.comparison.first
    if first is None and result.verdict.good and result.violations:
        return f"{drawn(result)}, first {result.violations[0].call} at {result.violations[0].location}"
    if first is None:
        return result.headline
    text = f"{first.label} differs {where_first(result, first)}"
    if result.verdict is not Verdict.BASELINE_DRIFTED:
        text += f" of {result.runs}"
    if result.cause is not None and result.cause.status is CauseStatus.CAUSE:
        return f"{text}: {result.cause.factor}"
    return text
