"""The session as Markdown: for GitHub's job summary, GitLab, a merge request or any file.

Text from outside (names, values, ids) never becomes markup: it stands in code spans, where neither
markup nor mentions nor links are recognised, or it is escaped in one pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_repro.report.wording import (
    badge_of,
    cause_line,
    count,
    differing_environment,
    draw_text,
    drift_of,
    finding,
    format_ulp,
    headline,
    only_reported,
    over_time,
    scope,
    visible,
    where_first,
    worst_first,
)

if TYPE_CHECKING:
    from pytest_repro.model import Divergence, SessionReport, TestResult

__all__ = ["code", "escape", "render_markdown"]

#: longest text of a table's cell; the whole is in the JSON report
_CELL = 300

_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_SPECIAL = re.compile(r"[\\`*_\[\]#|~$<>&@]|://|(?<=www)\.")


def escape(text: str) -> str:
    """Make `text` stand for itself in a paragraph or a table's cell."""

    def replace(match: re.Match[str]) -> str:
        special = match[0]
        if special == "@":
            # GitHub looks for mentions after it has undone escapes; a zero-width space stops it.
            return "@\u200b"
        return _ENTITIES.get(special) or "".join(f"\\{char}" for char in special)

    # One pass: a chain of replacements would escape its own escapes.
    return _SPECIAL.sub(replace, visible(_cut(text)))


def code(text: str) -> str:
    """Show `text` as code, also inside a table's cell."""
    shown = visible(_cut(text))
    if not shown.strip():
        return "<code>&nbsp;</code>"
    if not set("`|\\") & set(shown):
        return f"`{shown}`" if shown == shown.strip() else f"`` {shown} ``"
    # Renderers disagree on how a bar, a backslash or a backtick is written in a code span in a table.
    return "<code>" + re.sub(r"[^\w ./:]", lambda match: f"&#{ord(match[0])};", shown).replace("_", "&#95;") + "</code>"


def render_markdown(report: SessionReport, *, limit: int = 200_000) -> str:
    """Render verdict, table of drifts, commands and folded environment in at most `limit` bytes.

    What does not fit is left out from the end, whole rows at a time, and a last line says what.
    """
    bad = [test for test in worst_first(report.tests) if not test.good]
    page = _Page(limit)
    mark = badge_of(bad[0]).mark if bad else "✓" if report.tests else "?"
    page.add([f"## {mark} {escape(headline(report))}", "", escape(scope(report)) + ".", ""])
    if bad:
        page.add(["| test | first divergence | reference → other | cause |", "|---|---|---|---|"])
        page.add_each([_row(test) for test in bad], "test")
        page.add([""])
        page.add_folded("Show it again", _commands(bad))
        page.add_folded("Environment that differs between runs", _environment_difference(bad))
    page.add_folded("Environment", [f"- {escape(name)}: {code(value)}" for name, value in report.environment])
    page.add_folded("Notes", [f"- {escape(note)}" for note in report.notes])
    return page.text()


def _row(test: TestResult) -> str:
    first = test.comparison.first
    badge = badge_of(test)
    label = f"{badge.mark} {badge.label}<br>{code(test.nodeid)}"
    if only_reported(test):
        label += f"<br>{escape(only_reported(test))}"
    if first is None:
        return f"| {label} | {escape(finding(test))} | - | {_cause(test)} |"
    return f"| {label} | {_first(test, first)} | {_values(first)} | {_cause(test)} |"


def _first(test: TestResult, first: Divergence) -> str:
    where = "" if first.location is None else f"<br>{code(str(first.location))}"
    names = len(test.comparison.drifts)
    total = names + len(test.comparison.equal) + len(test.comparison.within)
    drift = drift_of(test)
    extent = f", {drift.n_different} of {drift.n_total} differ" if drift and drift.n_total > 1 else ""
    drifting = f"{names} of {count(total, 'value')} drift{'s' if names == 1 else ''}"
    return f"{code(first.label)} {escape(where_first(test, first))}{extent}{where}<br>{drifting}"


def _values(first: Divergence) -> str:
    ulp = "" if first.ulp is None else f"<br>{format_ulp(first.ulp)} ULP"
    return f"{code(first.reference)} → {code(first.other)}{ulp}"


def _cause(test: TestResult) -> str:
    cause = test.cause
    since = over_time(test)
    if cause is None and since:
        return "<br>".join(map(escape, since))
    if badge_of(test).key == "strict":
        return "<br>".join(f"{code(draw_text(draw))}: {escape(draw.fix)}" for draw in test.violations)
    if cause is None:
        return escape(cause_line(cause))
    return f"**{escape(cause_line(cause))}**<br>{escape(cause.summary)}"


def _commands(tests: list[TestResult]) -> list[str]:
    return [f"- {code(test.again)}" for test in tests if test.again]


def _environment_difference(tests: list[TestResult]) -> list[str]:
    rows = []
    for test in tests:
        for name, values in differing_environment(test):
            shown = ", ".join(f"run {number} {code(value)}" for number, value in enumerate(values, start=1))
            rows.append(f"- {code(test.nodeid)}: {escape(name)}: {shown}")
    return rows


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


class _Page:
    """Lines within a budget of bytes."""

    #: room kept for the line that says what was cut
    _RESERVE = 400

    def __init__(self, limit: int) -> None:
        self._room = max(limit - self._RESERVE, 0)
        self._limit = limit
        self._lines: list[str] = []
        self._cut: list[str] = []

    def add(self, lines: list[str], keep_free: int = 0) -> bool:
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if size + keep_free > self._room:
            return False
        self._room -= size
        self._lines += lines
        return True

    def add_each(self, rows: list[str], noun: str, keep_free: int = 0) -> None:
        for index, row in enumerate(rows):
            if not self.add([row], keep_free):
                self._cut.append(count(len(rows) - index, noun))
                return

    def add_folded(self, title: str, rows: list[str]) -> None:
        closing = ["", "</details>", ""]
        if not rows:
            return
        if not self.add([f"<details><summary>{title}</summary>", ""], keep_free=20):
            self._cut.append(f"“{title}”")
            return
        self.add_each(rows, f"entry of “{title}”", keep_free=20)
        self.add(closing)

    def text(self) -> str:
        if self._cut:
            self._lines += ["", f"Cut to stay within {self._limit} bytes: {', '.join(self._cut)}. See the JSON report."]
        return "\n".join(self._lines).rstrip("\n") + "\n"
