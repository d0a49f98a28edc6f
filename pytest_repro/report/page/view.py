"""What the page says, as plain text: the template only places it. Nothing here is markup but the charts."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_repro.model import CauseStatus
from pytest_repro.report import wording
from pytest_repro.report.page.pictures import Pictures
from pytest_repro.report.wording import shorten, visible

if TYPE_CHECKING:
    from pytest_repro.model import Cause, Comparison, Condition, SessionReport, TestResult, ValueDrift

__all__ = ["make_view"]

View = dict[str, Any]

#: what is longer is no number: it is shown on lines of its own
_NUMBER = 32
_MAX_ROWS, _MAX_LEAVES, _MAX_NAMES = 60, 12, 200

_STATUS = {
    CauseStatus.CAUSE: ("Cause", "shown by re-running"),
    CauseStatus.SUSPECT: ("Suspect", "evidence points at it, and does not prove it"),
    CauseStatus.UNKNOWN: ("Unknown", "nothing that could be pinned explains it"),
}

#: what of the environment is said at the top, in this order, where the session has it
_FACTS = {
    "git.commit": "commit",
    "python.version": "Python",
    "platform.system": "",
    "platform.machine": "",
    "cpu.model": "",
    "cpu.count": "cores",
    "package.numpy": "numpy",
    "package.torch": "torch",
    "package.scikit-learn": "scikit-learn",
}


def make_view(report: SessionReport) -> View:
    """Say everything about `report` that the page shows."""
    bad = [test for test in wording.worst_first(report.tests) if not test.good]
    good = [test for test in wording.worst_first(report.tests) if test.good]
    counts = Counter(map(wording.badge_of, report.tests))
    pictures = Pictures(bad)
    environment = dict(report.environment)
    return {
        "state": "bad" if bad else "good" if good else "empty",
        "mark": wording.badge_of(bad[0]).mark if bad else "✓" if good else "?",
        "headline": wording.headline(report),
        "scope": shorten(wording.scope(report), 1000),
        "facts": [
            f"{label} {shorten(environment[name])}".strip() for name, label in _FACTS.items() if name in environment
        ],
        "chips": [
            {"key": badge.key, "mark": badge.mark, "label": badge.label, "count": counts[badge]}
            for badge in wording.BADGES
            if counts[badge]
        ],
        "cards": [_card(test, number, pictures) for number, test in enumerate(bad, start=1)],
        "passing": [_passing(test) for test in good],
        "conditions": _session_conditions(report),
        "environment": [(shorten(name), shorten(value)) for name, value in report.environment],
        "notes": [shorten(note, 1000) for note in report.notes],
        "data": pictures.data,
    }


# --- cards ------------------------------------------------------------------------------------


def _card(test: TestResult, number: int, pictures: Pictures) -> View:
    comparison = test.comparison
    differing = wording.differing_environment(test)
    return {
        "id": f"test-{number}",
        **_badge(test),
        "headline": shorten(wording.finding(test), 1000),
        "only_reported": shorten(wording.only_reported(test), 1000),
        "first": _first(test),
        "streams": shorten(test.streams, 1000),
        "cause": _cause(test.cause) if test.cause else None,
        "cause_line": shorten(wording.cause_line(test.cause)),
        "drawn": [(shorten(wording.draw_text(draw), 1000), shorten(draw.fix, 1000)) for draw in test.violations],
        "pictures": pictures.of(test),
        "more_pictures": pictures.left_out(test),
        "drifts": [_drift(drift, test) for drift in comparison.drifts[:_MAX_ROWS]],
        "more_drifts": max(len(comparison.drifts) - _MAX_ROWS, 0),
        **_settled(comparison),
        "environment": [(shorten(name), [shorten(value) for value in values]) for name, values in differing],
        "environment_same": bool(test.environments) and not differing,
        "over_time": [shorten(line) for line in wording.over_time(test, limit=50)],
        "runs": list(range(1, len(test.environments) + 1)),
        "conditions": _matrix(test.conditions, drift=wording.drift_of(test)),
        "again": visible(test.again),
    }


def _badge(test: TestResult) -> View:
    badge = wording.badge_of(test)
    return {"key": badge.key, "mark": badge.mark, "label": badge.label, "nodeid": shorten(test.nodeid, 1000)}


def _first(test: TestResult) -> View | None:
    first = test.comparison.first
    if first is None:
        return None
    drift = wording.drift_of(test)
    return {
        "name": shorten(first.name + first.path),
        "label": shorten(first.label),
        "since": f" at step {first.step}" if first.step is not None else "",
        "where": shorten(wording.where_first(test, first)),
        "reference": shorten(first.reference),
        "other": shorten(first.other),
        "short": (shorten(first.reference, _NUMBER), shorten(first.other, _NUMBER)),
        "long": max(len(first.reference), len(first.other)) > _NUMBER,
        "ulp": f"{wording.format_ulp(first.ulp)} ULP" if first.ulp is not None else "",
        "end": _end(drift) if drift else "",
        "location": shorten(str(first.location)) if first.location else "",
    }


def _end(drift: ValueDrift) -> str:
    """Say how far a series has drifted apart by its last step."""
    if not drift.series or not all(values for _, _, values in drift.series):
        return ""
    last = {(steps[-1], values[-1]) for _, steps, values in drift.series}
    values = [value for _, value in last]
    if len({step for step, _ in last}) > 1 or not all(map(math.isfinite, values)):
        return ""
    reference = drift.series[0][2][-1]
    return f"|Δ| {wording.format_float(max(abs(value - reference) for value in values))} at the last step"


def _cause(cause: Cause) -> View:
    title, meaning = _STATUS[cause.status]
    return {
        "title": title,
        "meaning": meaning,
        "factor": shorten(cause.factor),
        "summary": shorten(cause.summary, 1000),
        "advice": shorten(cause.advice, 1000),
        "location": shorten(str(cause.location)) if cause.location else "",
        "details": [shorten(line, 1000) for line in cause.details],
        "ruled_out": ", ".join(shorten(name) for name in cause.ruled_out),
        "also": [shorten(line, 1000) for line in cause.also],
        "evidence": [
            {
                "factor": shorten(arm.factor),
                "level": shorten(arm.level),
                "runs": arm.runs,
                "distinct": arm.distinct,
                "differ": arm.differ,
                "dots": "≠" * min(arm.differ, 20) + "=" * min(max(arm.runs - arm.differ, 0), 20),
            }
            for arm in cause.evidence
        ],
    }


def _drift(drift: ValueDrift, test: TestResult) -> View:
    largest, relative, ulp = wording.stats_cells(drift.stats)
    return {
        "name": shorten(drift.name),
        "kind": shorten(drift.kind),
        "groups": shorten(wording.group_text(drift, test)),
        "at": shorten(drift.first.label[len(drift.name) :]),
        "reference": shorten(drift.first.reference, _NUMBER),
        "other": shorten(drift.first.other, _NUMBER),
        "differ": f"{drift.n_different} of {drift.n_total}",
        "max_abs": largest,
        "max_rel": relative,
        "ulp": ulp,
        "zero": drift.stats is not None and drift.stats.sign_of_zero_only,
        "leaves": [
            (shorten(leaf.path) or "the value", shorten(leaf.what), shorten(leaf.reference), shorten(leaf.other))
            for leaf in drift.leaves[:_MAX_LEAVES]
        ],
        "more_leaves": max(drift.n_leaves - min(len(drift.leaves), _MAX_LEAVES), 0),
        "structure": [shorten(line, 1000) for line in drift.structure],
    }


def _settled(comparison: Comparison) -> View:
    return {
        "equal": [shorten(name) for name in comparison.equal[:_MAX_NAMES]],
        "more_equal": max(len(comparison.equal) - _MAX_NAMES, 0),
        "within": [
            (shorten(value.name), str(value.tolerance), *wording.stats_cells(value.stats))
            for value in comparison.within[:_MAX_ROWS]
        ],
        "notes": [shorten(note, 1000) for note in comparison.notes],
    }


def _passing(test: TestResult) -> View:
    within = [
        f"{name}: max |Δ| {largest} ({tolerance})"
        for name, tolerance, largest, *_ in _settled(test.comparison)["within"]
    ]
    return {**_badge(test), "headline": shorten(test.headline, 1000), "within": within}


# --- conditions -------------------------------------------------------------------------------


def _matrix(conditions: tuple[Condition, ...], *, drift: ValueDrift | None = None) -> View | None:
    """Lay out runs by factors; with `drift` also what each run gave for it."""
    if not conditions:
        return None
    factors = list(dict.fromkeys(factor for condition in conditions for factor, _ in condition.levels))
    rows = [
        [condition.place.value, *(shorten(condition.level(factor) or "-") for factor in factors)]
        for condition in conditions
    ]
    varied = [len({row[column] for row in rows}) > 1 for column in range(len(factors) + 1)]
    results = _results(drift, len(conditions)) if drift else []
    return {
        "columns": list(zip(["place", *map(shorten, factors)], varied, strict=True)),
        "rows": [
            (number, list(zip(row, varied, strict=True)), results[number - 1] if results else "")
            for number, row in enumerate(rows, start=1)
        ],
        "result": shorten(drift.name) if drift else "",
    }


def _results(drift: ValueDrift, runs: int) -> list[str]:
    """Name per run whom it agrees with: a letter for each group of equal runs."""
    letters = {run: _letter(index) for index, group in enumerate(drift.groups) for run in group}
    return [letters.get(run, "-") for run in range(1, runs + 1)]


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"#{index + 1}"


def _session_conditions(report: SessionReport) -> list[View]:
    """Give each distinct set of conditions once, with how many tests ran under it."""
    counts = Counter(test.conditions for test in report.tests)
    return [
        {"count": wording.count(number, "test"), "matrix": matrix}
        for conditions, number in counts.most_common(20)
        if (matrix := _matrix(conditions))
    ]
