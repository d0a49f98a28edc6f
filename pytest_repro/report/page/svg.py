"""A chart as inline SVG, readable without script and without style: every look is an attribute.

Under a strict content security policy (Jenkins' is one) a page loses its style sheet; shapes styled by
it would become black blobs.
"""

from __future__ import annotations

import html
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_repro.report.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_repro.report.page.series import Chart, Line

__all__ = ["COLOURS", "DASHES", "render_svg"]

#: after Okabe and Ito, each at least 3:1 against white and against the dark ground
COLOURS = ("#d55e00", "#2a86c9", "#00956d", "#b3599a", "#a07800", "#7a6fd0")
#: runs differ by dashes too, not by colour alone
DASHES = ("", "6 3", "2 2", "8 3 2 3", "10 4", "4 2 1 2")

_WIDTH, _LEFT, _RIGHT = 640, 62, 10
_UPPER, _LOWER = (34, 172), (196, 292)
_HEIGHT = 322


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps numbers to pixels; `log` shows decades."""

    low: float
    high: float
    start: int
    end: int
    log: bool = False

    def __call__(self, number: float) -> int:
        number = math.log10(number) if self.log else number
        span = self.high - self.low
        # Only a span that is too large for a double is halved: halving would turn the smallest ones into 0.
        share = (
            (number - self.low) / span
            if math.isfinite(span)
            else (number / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        )
        return round(self.start + (self.end - self.start) * share)


def render_svg(chart: Chart, *, label: str) -> str:
    """Draw the distance from the reference on a log axis above the trajectories; `label` is escaped already."""
    across = _Scale(chart.steps[0], chart.steps[-1], _LEFT, _WIDTH - _RIGHT)
    opening = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" aria-label="{label}" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="currentColor">'
    )
    parts = [
        opening,
        *_legend(chart.lines),
        *_distances(chart, across),
        *_trajectories(chart, across),
        *_steps(chart, across),
        "</svg>",
    ]
    return "".join(parts)


def _distances(chart: Chart, across: _Scale) -> Iterable[str]:
    sizes = [delta for line in chart.lines for delta in line.deltas if delta]
    yield _text(4, _UPPER[0] - 8, f"|Δ| from {_name(chart.lines[0])}", anchor="start")
    if not sizes:
        yield _text(_WIDTH // 2, sum(_UPPER) // 2, "no distance to draw", anchor="middle")
        return
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    scale = _Scale(low, max(high, low + 1), _UPPER[1], _UPPER[0], log=True)
    every = max(1, math.ceil((scale.high - scale.low) / 6))
    # A double has no power of ten beyond these.
    decades = [d for d in range(max(int(scale.low), -323), min(int(scale.high), 308) + 1) if d % every == 0]
    yield from _grid([(10.0**decade, f"1e{decade}") for decade in decades], scale)
    for index, line in enumerate(chart.lines[1:]):
        yield _path(_segments(chart.steps, line.deltas, across, scale, blank_zero=True), index)


def _trajectories(chart: Chart, across: _Scale) -> Iterable[str]:
    values = [value for line in chart.lines for value in line.values if value is not None and math.isfinite(value)]
    if not values:
        return
    low, high = min(values), max(values)
    if low == high:
        half, limit = (abs(low) or 1) / 2, sys.float_info.max
        low, high = max(low - half, -limit), min(high + half, limit)
    scale = _Scale(low, high, _LOWER[1], _LOWER[0])
    yield _text(4, _LOWER[0] - 8, "value", anchor="start")
    yield from _grid([(tick, f"{tick:g}") for tick in _ticks(low, high, 4)], scale)
    reference, *others = chart.lines
    yield _path(_segments(chart.steps, reference.values, across, scale), None)
    for index, line in enumerate(others):
        yield _path(_segments(chart.steps, line.values, across, scale), index)


def _steps(chart: Chart, across: _Scale) -> Iterable[str]:
    for tick in _ticks(chart.steps[0], chart.steps[-1], 8):
        if tick == int(tick):
            yield _text(across(tick), _LOWER[1] + 15, f"{int(tick)}", anchor="middle")
    yield _text(_WIDTH - _RIGHT, _HEIGHT - 2, "step", anchor="end")
    if chart.first is not None:
        x = across(chart.first)
        yield f'<path d="M{x} {_UPPER[0]}V{_LOWER[1]}" fill="none" stroke="#c33" stroke-dasharray="3 3"/>'
        anchor, shift = ("start", 4) if x < _WIDTH // 2 else ("end", -4)
        yield _text(x + shift, _UPPER[1] + 14, f"first difference: step {chart.first}", anchor=anchor)


def _legend(lines: Sequence[Line]) -> Iterable[str]:
    x = _WIDTH - _RIGHT
    for index in reversed(range(len(lines))):
        if x < 160:  # the rest would run into the axis' title
            return
        name = _name(lines[index])
        yield _text(x, _UPPER[0] - 8, name, anchor="end")
        x -= 7 * len(name) + 4
        yield _path([f"M{x - 22} {_UPPER[0] - 12}h22"], index - 1 if index else None)
        x -= 34


def _name(line: Line) -> str:
    """What a run is called, as long as there is room for, escaped."""
    return html.escape(shorten(line.name, 24))


def _segments(
    steps: Sequence[int], values: Sequence[float | None], across: _Scale, up: _Scale, *, blank_zero: bool = False
) -> list[str]:
    """Draw unbroken stretches; a lone point becomes a dot (a line of no length with round ends)."""
    segments: list[str] = []
    fresh = True
    for step, value in zip(steps, values, strict=True):
        if value is None or not math.isfinite(value) or (blank_zero and value == 0):
            fresh = True
            continue
        segments.append(f"{'M' if fresh else 'L'}{across(step)} {up(value)}" + ("h0" if fresh else ""))
        fresh = False
    return segments


def _path(segments: Sequence[str], index: int | None) -> str:
    if not segments:
        return ""
    if index is None:
        look = 'stroke="currentColor" stroke-width="1.5"'
    else:
        dash = DASHES[index % len(DASHES)]
        look = f'stroke="{COLOURS[index % len(COLOURS)]}" stroke-width="2"' + (
            f' stroke-dasharray="{dash}"' if dash else ""
        )
    return f'<path d="{"".join(segments)}" fill="none" stroke-linecap="round" stroke-linejoin="round" {look}/>'


def _grid(ticks: Sequence[tuple[float, str]], scale: _Scale) -> Iterable[str]:
    lines = "".join(f"M{_LEFT} {scale(tick)}H{_WIDTH - _RIGHT}" for tick, _ in ticks)
    yield f'<path d="{lines}" stroke="#888" stroke-opacity=".35"/>'
    labels = "".join(f'<text x="{_LEFT - 6}" y="{scale(tick) + 4}">{text}</text>' for tick, text in ticks)
    yield f'<g text-anchor="end">{labels}</g>'


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers between `low` and `high`, about `wanted` of them."""
    span = high / wanted - low / wanted
    if not span or not math.isfinite(span):
        return [low]
    size = 10.0 ** math.floor(math.log10(span))
    if not size:
        return [low, high]
    size = next((size * factor for factor in (1, 2, 5, 10) if size * factor >= span), span)
    return [number * size for number in range(math.ceil(low / size), math.floor(high / size) + 1)]


def _text(x: int, y: int, text: str, *, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
