"""The words and numbers that several reports share: one way to say each thing."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from pytest_repro.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_repro.model import (
        Cause,
        Divergence,
        NumberStats,
        SessionReport,
        TestResult,
        ValueDrift,
        WithinTolerance,
    )

__all__ = [
    "LABELS",
    "MARKS",
    "WORST_FIRST",
    "cause_line",
    "count",
    "differing_environment",
    "divergence_sentence",
    "drift_of",
    "format_float",
    "format_ulp",
    "group_text",
    "headline",
    "over_time",
    "run_name",
    "scope",
    "shorten",
    "stats_cells",
    "visible",
    "worst_first",
    "within_text",
    "wrap",
]

#: a mark that tells the verdict without colour
MARKS = {
    Verdict.DRIFTED: "✕",
    Verdict.BASELINE_DRIFTED: "≠",
    Verdict.LOST: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.WITHIN: "≈",
    Verdict.REPRODUCED: "✓",
}

#: the verdict as a badge
LABELS = {
    Verdict.DRIFTED: "drift",
    Verdict.BASELINE_DRIFTED: "baseline drift",
    Verdict.LOST: "lost",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.WITHIN: "within tolerance",
    Verdict.REPRODUCED: "reproduced",
}

WORST_FIRST = tuple(MARKS)

_VERBS = {
    Verdict.DRIFTED: ("drifts", "drift"),
    Verdict.BASELINE_DRIFTED: ("is off its baseline", "are off their baselines"),
    Verdict.LOST: ("lost a run", "lost runs"),
    Verdict.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
}

# C0 and C1 controls, and what reorders or hides text: bidirectional overrides, lone surrogates.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Replace every character of `text` that would not be seen, or would disturb the rest, by ``\n`` or ``\u202e``."""
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return _INVISIBLE.sub(lambda match: short.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


def shorten(text: str, longest: int = 200) -> str:
    """Make `text` visible and cut it where it is longer than a cell should be; the JSON report has the whole."""
    shown = visible(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def count(number: int, noun: str) -> str:
    """``1 test``, ``2 tests``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_float(number: float) -> str:
    """Two digits, enough to judge a size: ``5.2e-04``, ``0``, ``inf``."""
    return "0" if number == 0 else f"{number:.1e}"


def format_ulp(ulp: int | None) -> str:
    """``1``, ``11402``, ``2.1e12``; a dash where the dtype has no such distance."""
    if ulp is None:
        return "-"
    if abs(ulp) < 1_000_000:
        return str(ulp)
    # Not float(): a distance may be larger than a double.
    exponent = (ulp.bit_length() * 30103) // 100000
    exponent -= 10**exponent > ulp
    tenths = (ulp * 10 + 10**exponent // 2) // 10**exponent
    if tenths >= 100:  # 9.96 was rounded up to 10.0
        tenths, exponent = 10, exponent + 1
    return f"{tenths // 10}.{tenths % 10}e{exponent}"


def run_name(number: int) -> str:
    """``run 3``; 0 is the stored baseline."""
    return f"run {number}" if number else "baseline"


def group_text(groups: Iterable[Sequence[int]]) -> str:
    """Which runs agree: ``1 = 2 ≠ 3``."""
    return " ≠ ".join(" = ".join(str(run) if run else "baseline" for run in group) for group in groups)


def worst_first(tests: Iterable[TestResult]) -> list[TestResult]:
    """Sort by severity of the verdict, else in the given order."""
    return sorted(tests, key=lambda test: WORST_FIRST.index(test.verdict))


def headline(report: SessionReport) -> str:
    """Answer in one sentence whether it is reproducible."""
    tests = report.tests
    if not tests:
        return "Nothing was checked: no test asked to be repeated"
    counts = Counter(test.verdict for test in tests)
    bad = [(counts[verdict], verdict) for verdict in _VERBS if counts[verdict]]
    if not bad:
        close = counts[Verdict.WITHIN]
        return f"Reproduced: {count(len(tests), 'test')}" + (
            f", {close} of them only within tolerance" if close else ""
        )
    opening = "Not reproducible" if counts[Verdict.DRIFTED] or counts[Verdict.BASELINE_DRIFTED] else "Not shown"
    (number, verdict), *others = bad
    first = f"{number} of {count(len(tests), 'test')} {_VERBS[verdict][number != 1]}"
    return f"{opening}: " + ", ".join([first, *(f"{n} {_VERBS[v][n != 1]}" for n, v in others)])


def scope(report: SessionReport) -> str:
    """How it was checked, so that a pass says what it means."""
    parts = [f"{count(report.runs, 'run')} each", f"seed {report.seed}"]
    if report.varied:
        parts.append(f"varied: {', '.join(report.varied)}")
    if report.not_varied:
        parts.append(f"not varied: {', '.join(report.not_varied)}")
    return "; ".join(parts)


def divergence_sentence(first: Divergence) -> str:
    """``loss first differs at step 3 in run 3``: what differs and since when."""
    since = "" if first.step is None else f" at step {first.step}"
    where = f"in {run_name(first.run)}" if first.run else "from the baseline"
    return f"{first.name}{first.path} first differs{since} {where}"


def cause_line(cause: Cause | None) -> str:
    """``hash-seed (cause)``: the factor and how sure it is."""
    if cause is None:
        return "not examined"
    if cause.status.value == "unknown" or not cause.factor:
        return "unknown"
    return f"{cause.factor} ({cause.status.value})"


def over_time(test: TestResult, *, limit: int = 6) -> list[str]:
    """How environment and code differ from those of what the test was compared with, a line each."""
    changes = [
        f"{change.name}: {change.before or '(absent)'} → {change.after or '(absent)'}"
        for change in test.changes[:limit]
    ]
    if len(test.changes) > limit:
        changes.append(f"{len(test.changes) - limit} more of the environment")
    return [*changes, *test.code]


def differing_environment(test: TestResult) -> list[tuple[str, tuple[str, ...]]]:
    """(name, value per run) of what was not the same in all runs; a dash where a run does not say."""
    runs = [dict(environment) for environment in test.environments]
    names = dict.fromkeys(name for run in runs for name in run)
    rows = [(name, tuple(run.get(name, "-") for run in runs)) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def drift_of(test: TestResult) -> ValueDrift | None:
    """Find the drift that holds the first divergence."""
    drifts = test.comparison.drifts
    first = test.comparison.first
    return next((drift for drift in drifts if first and drift.name == first.name), drifts[0] if drifts else None)


def stats_cells(stats: NumberStats | None) -> tuple[str, str, str]:
    """Largest absolute, relative and ULP distance, dashes where there is no number."""
    if stats is None:
        return ("-", "-", "-")
    return (format_float(stats.max_abs), format_float(stats.max_rel), format_ulp(stats.max_ulp))


def within_text(entry: WithinTolerance) -> str:
    """How far a value is from the reference, and how far it may be."""
    stats = entry.stats
    seen = "" if stats is None else f": max |d| {stats.max_abs:.1e}, max rel {stats.max_rel:.1e}"
    return f"{entry.name} within {entry.tolerance}{seen}"


def wrap(text: str, width: int, *, indent: str = "") -> list[str]:
    """Lines of at most `width` columns where words allow it; those after the first are indented."""
    lines = textwrap.wrap(
        text, max(width, 40), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\xa0", " ") for line in lines] or [""]
