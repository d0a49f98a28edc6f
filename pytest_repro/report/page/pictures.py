"""Which pictures the page has room for, and each of them in two forms: plain, and as data for the script."""

from __future__ import annotations

import html
import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_repro.report import wording
from pytest_repro.report.page import heat, series, svg
from pytest_repro.report.wording import shorten

if TYPE_CHECKING:
    from pytest_repro.model import TestResult, ValueDrift

__all__ = ["Pictures"]

View = dict[str, Any]

#: pictures on the page, and the first values of a test that may have one
_MAX_CHARTS, _MAX_PICTURED = 200, 6
#: points and cells on the whole page, so that it stays within 8 MB with plotly's 4.8
_MAX_LINES, _POINTS_DATA, _POINTS_DRAWN, _CELLS = 1200, 32_000, 20_000, 40_000


class Pictures:
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
            drawn += self._chart(drift, test) if place in self._charts else []
            drawn += self._heat(drift, test) if place in self._heats else []
        return drawn

    def left_out(self, test: TestResult) -> int:
        """Count the series of `test` that are not drawn."""
        drifts = enumerate(test.comparison.drifts)
        return sum(bool(drift.series) and (test.nodeid, index) not in self._charts for index, drift in drifts)

    def _chart(self, drift: ValueDrift, test: TestResult) -> list[View]:
        chart = series.make_chart(drift, wording.names_of(test))
        if chart is None:
            return []
        identity = f"picture-{len(self.data) + 1}"
        self.data[identity] = {"kind": "series", **series.chart_data(series.thin(chart, self._points))}
        name = shorten(drift.name)
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

    def _heat(self, drift: ValueDrift, test: TestResult) -> list[View]:
        if not drift.heat or not drift.heat[0]:
            return []
        grid = heat.coarsen(drift.heat, self._side)
        limits = heat.sizes(grid)
        extent = f"{drift.n_different} of {drift.n_total} elements differ"
        identity = f"picture-{len(self.data) + 1}"
        blocks = len(grid) * len(grid[0]) < drift.n_total
        self.data[identity] = {"kind": "heat", "cells": heat.logarithms(grid), "blocks": blocks}
        caption = [f"|Δ| {shorten(wording.where_first(test, drift.first))}, log colour", "grey: equal bits"]
        if blocks:
            caption.append("a cell is a block of elements, as far off as the worst of them")
        if limits:
            light, dark = map(wording.format_float, limits)
            caption.append(f"light {light}, dark {dark}" if light != dark else f"dark {dark}")
        return [
            {
                "id": identity,
                "name": shorten(drift.name),
                "kind": "heat",
                "uri": heat.data_uri(grid),
                "size": (len(grid[0]), len(grid)),
                "caption": caption,
                "alt": f"{shorten(drift.name)}: where it differs. {extent}",
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
