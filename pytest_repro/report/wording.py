"""The words and numbers that several reports share: one way to say each thing."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from pytest_repro.model import Verdict
from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_repro.model import (
        Cause,
        Divergence,
        NumberStats,
        SessionReport,
        TestResult,
        ValueDrift,
        Violation,
        WithinTolerance,
    )

__all__ = [
    "BADGES",
    "Badge",
    "badge_of",
    "cause_line",
    "count",
    "differing_environment",
    "divergence_sentence",
    "draw_text",
    "drawn",
    "drift_of",
    "finding",
    "format_float",
    "format_ulp",
    "group_text",
    "headline",
    "names_of",
    "only_reported",
    "over_time",
    "scope",
    "shorten",
    "stats_cells",
    "visible",
    "where_first",
    "within_text",
    "worst_first",
    "wrap",
]


@dataclass(frozen=True, slots=True)
class Badge:
    """What became of a test, as reports show it: its verdict, or that it drew what the strict mode forbids."""

    #: as the page's classes have it
    key: str
    #: tells it without colour
    mark: str
    label: str
    #: of a test and of several that did not pass; empty where all is well
    verbs: tuple[str, str] | None = None


_STRICT = Badge("strict", "§", "entropy drawn", ("draws uncontrolled entropy", "draw uncontrolled entropy"))
_OFF = Badge("baseline_drifted", "≠", "baseline drift", ("is off its baseline", "are off their baselines"))
_OF_VERDICT = {
    Verdict.DRIFTED: Badge("drifted", "✕", "drift", ("drifts", "drift")),
    Verdict.BASELINE_DRIFTED: _OFF,
    Verdict.LOST: Badge("lost", "!", "lost", ("lost a run", "lost runs")),
    Verdict.INCONCLUSIVE: Badge("inconclusive", "?", "inconclusive", ("is inconclusive", "are inconclusive")),
    Verdict.WITHIN: Badge("within", "≈", "within tolerance"),
    Verdict.REPRODUCED: Badge("reproduced", "✓", "reproduced"),
}
#: all that there are, the worst first
BADGES = tuple(sorted((*_OF_VERDICT.values(), _STRICT), key=lambda badge: badge.verbs is None))

# C0 and C1 controls, what reorders or hides text (bidirectional marks, no width), lone surrogates. The joiners
# of scripts and emoji (U+200C, U+200D) stay.
_INVISIBLE = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Replace every character of `text` that would not be seen, or would disturb the rest, by ``\n`` or ``\u202e``."""
    if text.isprintable():  # nothing of the sort is; to compile the pattern takes longer than most sessions' closing
        return text
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return re.sub(_INVISIBLE, lambda match: short.get(match[0]) or f"\\u{ord(match[0]):04x}", text)


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


def names_of(test: TestResult) -> dict[int, str]:
    """What the runs of `test` are called where they are not ``run 3``; 0 is what run 1 was compared with."""
    return {0: test.against or "baseline", **dict(test.labels)}


def where_first(test: TestResult, first: Divergence) -> str:
    """``in run 3``, ``from the baseline``, ``from v1.2``: where the first difference shows."""
    if test.verdict is Verdict.BASELINE_DRIFTED:
        other = names_of(test)[0]
        return "from the baseline" if other == "baseline" else f"from {other}"
    return f"in {names_of(test).get(first.run, f'run {first.run}')}"


def group_text(drift: ValueDrift, test: TestResult, *, apart: str = " ≠ ") -> str:
    """Which runs agree: ``1 = 2 ≠ 3``."""
    names = names_of(test)
    return apart.join(" = ".join(names.get(run, str(run)) for run in group) for group in drift.groups)


def badge_of(test: TestResult) -> Badge:
    """The verdict of `test`, or that it fails although that is good."""
    return _OF_VERDICT[test.verdict] if test.good or not test.verdict.good else _STRICT


def drawn(test: TestResult) -> str:
    """``uncontrolled entropy is drawn in 2 places``; for a test that has violations."""
    return f"uncontrolled entropy is drawn in {count(len(test.violations), 'place')}"


def draw_text(draw: Violation) -> str:
    """``os.urandom() at test_a.py:4, 3 times``."""
    return f"{draw.call} at {draw.location}{'' if draw.count == 1 else f', {draw.count} times'}"


def finding(test: TestResult) -> str:
    """One sentence on what was found."""
    return f"{drawn(test)}; the values did not drift" if badge_of(test) is _STRICT else test.headline


def only_reported(test: TestResult) -> str:
    """``only reported: in quarantine until 2027-01-31``; empty for a test that counts, or has nothing to report."""
    return f"only reported: {test.excuse}" if test.excuse and not test.good else ""


def worst_first(tests: Iterable[TestResult]) -> list[TestResult]:
    """Sort by severity of what became of them, else in the given order."""
    return sorted(tests, key=lambda test: BADGES.index(badge_of(test)))


def headline(report: SessionReport) -> str:
    """Answer in one sentence whether it is reproducible."""
    tests = report.tests
    if not tests:
        return "Nothing was checked: no test asked to be repeated"
    counts = Counter(map(badge_of, tests))
    bad = [(counts[badge], _verb(badge, counts[badge], tests)) for badge in BADGES if badge.verbs and counts[badge]]
    if not bad:
        close = counts[_OF_VERDICT[Verdict.WITHIN]]
        return f"Reproduced: {count(len(tests), 'test')}" + (
            f", {close} of them only within tolerance" if close else ""
        )
    shown = counts[_OF_VERDICT[Verdict.DRIFTED]] or counts[_OFF]
    (number, verb), *others = bad
    parts = [f"{number} of {count(len(tests), 'test')} {verb}", *(f"{number} {verb}" for number, verb in others)]
    excused = sum(bool(only_reported(test)) for test in tests)
    return f"{'Not reproducible' if shown else 'Not shown'}: {', '.join(parts)}" + (
        f"; {excused} of these only reported" if excused else ""
    )


def _verb(badge: Badge, number: int, tests: Sequence[TestResult]) -> str:
    """What tests with this badge do."""
    assert badge.verbs is not None
    others = dict.fromkeys(names_of(test)[0] for test in tests if test.verdict is Verdict.BASELINE_DRIFTED)
    if badge is _OFF and list(others) != ["baseline"]:
        return f"{'differs' if number == 1 else 'differ'} from {' or '.join(map(visible, others))}"
    return badge.verbs[number != 1]


def scope(report: SessionReport) -> str:
    """How it was checked, so that a pass says what it means."""
    parts = [f"{count(report.runs, 'run')} each", f"seed {report.seed}"]
    if report.varied:
        parts.append(f"varied: {', '.join(report.varied)}")
    if report.not_varied:
        parts.append(f"not varied: {', '.join(report.not_varied)}")
    return "; ".join(parts)


def divergence_sentence(test: TestResult, first: Divergence) -> str:
    """``loss first differs at step 3 in run 3``: what differs and since when."""
    since = "" if first.step is None else f" at step {first.step}"
    return f"{first.name}{first.path} first differs{since} {where_first(test, first)}"


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
