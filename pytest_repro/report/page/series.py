"""A drifting series as a chart: aligned on steps, with its distance from the reference, thinned to a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_repro.report.codec import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_repro.model import ValueDrift

__all__ = ["Chart", "Line", "chart_data", "make_chart", "thin"]

#: neither JSON's readers nor pixels tell larger steps apart
_MAX_STEP = 2**53
#: lines beyond these are not drawn: nobody can tell them apart
_MAX_LINES = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One run's trajectory."""

    name: str
    #: per step; None where this run has none
    values: tuple[float | None, ...]
    #: |value - reference|: 0.0 where equal, None where one of them is missing or not finite
    deltas: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A series of all runs, on common steps."""

    steps: tuple[int, ...]
    #: the reference first
    lines: tuple[Line, ...]
    #: the first step at which a run differs; None when none of the drawn steps does
    first: int | None
    #: runs that are not drawn
    left_out: int = 0


def make_chart(drift: ValueDrift, names: Mapping[int, str]) -> Chart | None:
    """Align the runs of `drift` on their steps; None when there is no series to draw.

    Args:
        drift: with its series.
        names: of runs that are not called by their number.
    """
    runs = [(number, dict(zip(steps, values, strict=False))) for number, steps, values in drift.series]
    if len(runs) < 2:
        return None
    steps = tuple(sorted({step for _, points in runs for step in points}))
    if len(steps) < 2 or max(-steps[0], steps[-1]) > _MAX_STEP:
        return None
    reference = runs[0][1]
    # Where not all can be drawn, those that agree with the reference are left out first: the others are the news.
    telling = sorted(runs[1:], key=lambda run: run[1] == reference)[: _MAX_LINES - 1]
    drawn = [runs[0], *sorted(telling, key=lambda run: run[0])]
    lines = tuple(
        _line(names.get(number, f"run {number}"), points, reference=reference, steps=steps) for number, points in drawn
    )
    return Chart(steps, lines, _first_difference(steps, lines), left_out=len(runs) - len(drawn))


def thin(chart: Chart, points: int) -> Chart:
    """Keep about `points` steps: of each stretch the smallest and the largest distance, and the first difference."""
    total = len(chart.steps)
    if total <= points:
        return chart
    stretches = max(points // 2, 1)
    distance = [max((line.deltas[index] or 0.0 for line in chart.lines), default=0.0) for index in range(total)]
    keep = {0, total - 1}
    if chart.first is not None:
        index = chart.steps.index(chart.first)
        keep |= {index, max(index - 1, 0)}
    for number in range(stretches):
        stretch = range(number * total // stretches, (number + 1) * total // stretches)
        keep |= {max(stretch, key=distance.__getitem__), min(stretch, key=distance.__getitem__)}
    return _pick(chart, sorted(keep))


def chart_data(chart: Chart) -> dict[str, Any]:
    """Give what the page's script draws, JSON-simple; a run that equals the reference is not written twice.

    The script takes the distances itself: the difference of two doubles is the same there.
    """
    reference, *others = chart.lines
    runs: list[dict[str, Any]] = [{"name": reference.name, "values": encode(reference.values)}]
    for line in others:
        equal = all(delta == 0.0 for delta in line.deltas)
        runs.append({"name": line.name, "values": None if equal else encode(line.values)})
    return {"steps": list(chart.steps), "first": chart.first, "runs": runs}


def _line(name: str, points: dict[int, float], *, reference: dict[int, float], steps: Sequence[int]) -> Line:
    values = tuple(points.get(step) for step in steps)
    return Line(name, values, tuple(_distance(points.get(step), reference.get(step)) for step in steps))


def _distance(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None:
        return None
    if value == reference or (math.isnan(value) and math.isnan(reference)):
        return 0.0
    distance = abs(value - reference)
    return distance if math.isfinite(distance) else None


def _first_difference(steps: Sequence[int], lines: Sequence[Line]) -> int | None:
    differing = (step for index, step in enumerate(steps) if any(line.deltas[index] != 0.0 for line in lines))
    return next(differing, None)


def _pick(chart: Chart, indices: Sequence[int]) -> Chart:
    def at(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
        return tuple(values[index] for index in indices)

    lines = tuple(Line(line.name, at(line.values), at(line.deltas)) for line in chart.lines)
    return Chart(tuple(chart.steps[index] for index in indices), lines, chart.first, chart.left_out)
