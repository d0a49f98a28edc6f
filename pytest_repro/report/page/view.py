"""What the page says, as plain text: the template only places it. Nothing here is markup but the charts."""

from __future__ import annotations

import html
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_repro.model import CauseStatus
from pytest_repro.report import wording
from pytest_repro.report.page import heat, series, svg
from pytest_repro.report.wording import visible

if TYPE_CHECKING:
    from pytest_repro.model import Cause, Comparison, Condition, SessionReport, TestResult, ValueDrift

__all__ = ["make_view"]

View = dict[str, Any]

#: longest text of a cell; the whole is in the JSON report
_CELL = 200
#: what is longer is no number: it is shown on lines of its own
_NUMBER = 32
#: pictures on the page, and the first values of a test that may have one
_MAX_CHARTS, _MAX_PICTURED = 200, 6
_MAX_ROWS, _MAX_LEAVES, _MAX_NAMES = 60, 12, 200
#: points and cells on the whole page, so that it stays within 8 MB with plotly's 4.8
_MAX_LINES, _POINTS_DATA, _POINTS_DRAWN, _CELLS = 1200, 32_000, 20_000, 40_000

_STATUS = {
    CauseStatus.CAUSE: ("Cause", "shown by re-running"),
    CauseStatus.SUSPECT: ("Suspect", "evidence points at it, and does not prove it"),
    CauseStatus.UNKNOWN: ("Unknown", "nothing that could be pinned explains it"),
}

#: what of the environment is said at the top, in this order, where the session has it
_FACTS = ("commit", "python", "platform", "cpu", "blas", "numpy", "torch")


def make_view(report: SessionReport) -> View:
    """Say everything about `report` that the page shows."""
    bad = [test for test in wording.worst_first(report.tests) if not test.verdict.good]
    good = [test for test in wording.worst_first(report.tests) if test.verdict.good]
    counts = Counter(test.verdict for test in report.tests)
    pictures = _Pictures(bad)
    environment = dict(report.environment)
    return {
        "state": "bad" if bad else "good" if good else "empty",
        "mark": wording.MARKS[bad[0].verdict] if bad else "✓" if good else "?",
        "headline": wording.headline(report),
        "scope": _text(wording.scope(report)),
        "facts": [f"{name} {_text(environment[name])}" for name in _FACTS if name in environment],
        "chips": [
            {"key": verdict.name.lower(), "mark": mark, "label": wording.LABELS[verdict], "count": counts[verdict]}
            for verdict, mark in wording.MARKS.items()
            if counts[verdict]
        ],
        "cards": [_card(test, number, pictures) for number, test in enumerate(bad, start=1)],
        "passing": [_passing(test) for test in good],
        "conditions": _session_conditions(report),
        "environment": [(_text(name), _text(value)) for name, value in report.environment],
        "notes": [_text(note, 1000) for note in report.notes],
        "data": pictures.data,
    }


def _text(text: str, longest: int = _CELL) -> str:
    shown = visible(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


# --- cards ------------------------------------------------------------------------------------


def _card(test: TestResult, number: int, pictures: _Pictures) -> View:
    comparison = test.comparison
    differing = wording.differing_environment(test)
    return {
        "id": f"test-{number}",
        **_badge(test),
        "headline": _text(test.headline, 1000),
        "place": _text(str(test.location)) if test.location else "",
        "first": _first(test),
        "cause": _cause(test.cause) if test.cause else None,
        "cause_line": _text(wording.cause_line(test.cause)),
        "pictures": pictures.of(test),
        "more_pictures": pictures.left_out(test),
        "drifts": [_drift(drift) for drift in comparison.drifts[:_MAX_ROWS]],
        "more_drifts": max(len(comparison.drifts) - _MAX_ROWS, 0),
        **_settled(comparison),
        "environment": [(_text(name), [_text(value) for value in values]) for name, values in differing],
        "environment_same": bool(test.environments) and not differing,
        "runs": list(range(1, len(test.environments) + 1)),
        "conditions": _matrix(test.conditions, drift=wording.drift_of(test)),
        "again": visible(test.again),
    }


def _badge(test: TestResult) -> View:
    return {
        "key": test.verdict.name.lower(),
        "mark": wording.MARKS[test.verdict],
        "label": wording.LABELS[test.verdict],
        "nodeid": _text(test.nodeid, 1000),
    }


def _first(test: TestResult) -> View | None:
    first = test.comparison.first
    if first is None:
        return None
    drift = wording.drift_of(test)
    return {
        "name": _text(first.name + first.path),
        "label": _text(first.label),
        "since": f" at step {first.step}" if first.step is not None else "",
        "run": f"in {wording.run_name(first.run)}" if first.run else "from the baseline",
        "reference": _text(first.reference),
        "other": _text(first.other),
        "short": (_text(first.reference, _NUMBER), _text(first.other, _NUMBER)),
        "long": max(len(first.reference), len(first.other)) > _NUMBER,
        "ulp": f"{wording.format_ulp(first.ulp)} ULP" if first.ulp is not None else "",
        "end": _end(drift) if drift else "",
        "location": _text(str(first.location)) if first.location else "",
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
        "factor": _text(cause.factor),
        "summary": _text(cause.summary, 1000),
        "advice": _text(cause.advice, 1000),
        "location": _text(str(cause.location)) if cause.location else "",
        "details": [_text(line, 1000) for line in cause.details],
        "ruled_out": ", ".join(_text(name) for name in cause.ruled_out),
        "also": [_text(line, 1000) for line in cause.also],
        "evidence": [
            {
                "factor": _text(arm.factor),
                "level": _text(arm.level),
                "runs": arm.runs,
                "distinct": arm.distinct,
                "differ": arm.differ,
                "dots": "≠" * min(arm.differ, 20) + "=" * min(max(arm.runs - arm.differ, 0), 20),
            }
            for arm in cause.evidence
        ],
    }


def _drift(drift: ValueDrift) -> View:
    largest, relative, ulp = wording.stats_cells(drift.stats)
    return {
        "name": _text(drift.name),
        "kind": _text(drift.kind),
        "groups": wording.group_text(drift.groups),
        "at": _text(drift.first.label[len(drift.name) :]),
        "reference": _text(drift.first.reference, _NUMBER),
        "other": _text(drift.first.other, _NUMBER),
        "differ": f"{drift.n_different} of {drift.n_total}",
        "max_abs": largest,
        "max_rel": relative,
        "ulp": ulp,
        "zero": drift.stats is not None and drift.stats.sign_of_zero_only,
        "leaves": [
            (_text(leaf.path) or "the value", _text(leaf.what), _text(leaf.reference), _text(leaf.other))
            for leaf in drift.leaves[:_MAX_LEAVES]
        ],
        "more_leaves": max(drift.n_leaves - min(len(drift.leaves), _MAX_LEAVES), 0),
        "structure": [_text(line, 1000) for line in drift.structure],
    }


def _settled(comparison: Comparison) -> View:
    return {
        "equal": [_text(name) for name in comparison.equal[:_MAX_NAMES]],
        "more_equal": max(len(comparison.equal) - _MAX_NAMES, 0),
        "within": [
            (_text(value.name), str(value.tolerance), *wording.stats_cells(value.stats))
            for value in comparison.within[:_MAX_ROWS]
        ],
        "notes": [_text(note, 1000) for note in comparison.notes],
    }


def _passing(test: TestResult) -> View:
    within = [
        f"{name}: max |Δ| {largest} ({tolerance})"
        for name, tolerance, largest, *_ in _settled(test.comparison)["within"]
    ]
    return {**_badge(test), "headline": _text(test.headline, 1000), "within": within}


# --- conditions -------------------------------------------------------------------------------


def _matrix(conditions: tuple[Condition, ...], *, drift: ValueDrift | None = None) -> View | None:
    """Lay out runs by factors; with `drift` also what each run gave for it."""
    if not conditions:
        return None
    factors = list(dict.fromkeys(factor for condition in conditions for factor, _ in condition.levels))
    rows = [
        [condition.place.value, *(_text(condition.level(factor) or "-") for factor in factors)]
        for condition in conditions
    ]
    varied = [len({row[column] for row in rows}) > 1 for column in range(len(factors) + 1)]
    results = _results(drift, len(conditions)) if drift else []
    return {
        "columns": list(zip(["place", *map(_text, factors)], varied, strict=True)),
        "rows": [
            (number, list(zip(row, varied, strict=True)), results[number - 1] if results else "")
            for number, row in enumerate(rows, start=1)
        ],
        "result": _text(drift.name) if drift else "",
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


# --- pictures ---------------------------------------------------------------------------------


class _Pictures:
    """Charts and heat maps under the budget of the whole page; collects what the script draws."""

    def __init__(self, tests: list[TestResult]) -> None:
        places = [(test.nodeid, index, drift) for test in tests for index, drift in enumerate(test.comparison.drifts)]
        charts = _affordable([place for place in _first_few(places) if place[2].series])
        heats = [place for place in _first_few(places) if place[2].heat][:_MAX_CHARTS]
        lines = sum(len(drift.series) for _, _, drift in charts) or 1
        self._points = min(max(_POINTS_DATA // lines, 26), 2000)
        self._drawn = min(max(_POINTS_DRAWN // lines, 20), 300)
        self._side = min(max(int((_CELLS / (len(heats) or 1)) ** 0.5), 8), 64)
        self._charts = {(nodeid, index) for nodeid, index, _ in charts}
        self._heats = {(nodeid, index) for nodeid, index, _ in heats}
        self.data: dict[str, Any] = {}

    def of(self, test: TestResult) -> list[View]:
        """Draw what there is room for of `test`."""
        drawn = []
        for index, drift in enumerate(test.comparison.drifts):
            place = (test.nodeid, index)
            drawn += self._chart(drift) if place in self._charts else []
            drawn += self._heat(drift) if place in self._heats else []
        return drawn

    def left_out(self, test: TestResult) -> int:
        """Count the series of `test` that are not drawn."""
        drifts = enumerate(test.comparison.drifts)
        return sum(bool(drift.series) and (test.nodeid, index) not in self._charts for index, drift in drifts)

    def _chart(self, drift: ValueDrift) -> list[View]:
        chart = series.make_chart(drift)
        if chart is None:
            return []
        identity = f"picture-{len(self.data) + 1}"
        self.data[identity] = {"kind": "series", **series.chart_data(series.thin(chart, self._points))}
        name = _text(drift.name)
        label = html.escape(f"{name}: distance from the reference per step, and the trajectories", quote=True)
        small = series.thin(chart, self._drawn)
        caption = [f"{drift.n_different} of {drift.n_total} differ", "|Δ| on a log axis, blank where equal"]
        if len(chart.steps) > self._points:
            caption.append(f"{len(chart.steps)} steps thinned to about {self._points}")
        if chart.left_out:
            caption.append(f"{wording.count(chart.left_out, 'more run')} not drawn")
        return [
            {
                "id": identity,
                "name": name,
                "kind": "series",
                "svg": svg.render_svg(small, label=label),
                "caption": caption,
            }
        ]

    def _heat(self, drift: ValueDrift) -> list[View]:
        if not drift.heat or not drift.heat[0]:
            return []
        grid = heat.coarsen(drift.heat, self._side)
        limits = heat.sizes(grid)
        identity = f"picture-{len(self.data) + 1}"
        self.data[identity] = {"kind": "heat", "cells": heat.logarithms(grid)}
        caption = [f"|Δ| in {wording.run_name(drift.first.run)}, log colour", "grey: equal bits"]
        if limits:
            caption.append(f"light {wording.format_float(limits[0])}, dark {wording.format_float(limits[1])}")
        return [
            {
                "id": identity,
                "name": _text(drift.name),
                "kind": "heat",
                "uri": heat.data_uri(grid),
                "size": (len(grid[0]), len(grid)),
                "caption": caption,
                "alt": f"{_text(drift.name)}: where it differs. {drift.n_different} of {drift.n_total} elements differ",
            }
        ]


#: a drift by its place: the test's id, its index there
_Place: TypeAlias = "tuple[str, int, ValueDrift]"


def _first_few(places: list[_Place]) -> list[_Place]:
    return [place for place in places if place[1] < _MAX_PICTURED]


def _affordable(places: list[_Place]) -> list[_Place]:
    """Keep the first charts, as many as the page has room for lines."""
    lines = itertools.accumulate(len(drift.series) for _, _, drift in places)
    return [place for place, total in zip(places, lines, strict=True) if total <= _MAX_LINES][:_MAX_CHARTS]
