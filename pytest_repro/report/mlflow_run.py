"""A session as MLflow runs: what is logged under which name. Talks to nobody; `mlflow_log` does.

A test is a run; its executions are child runs of it. MLflow is a mirror, not a record: it stores infinities as the
largest double and rounds integers beyond 2**53, and its pages show few digits. Therefore the distances are metrics
of their own on the test's run, and our JSON rides along as an artifact.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.model import Verdict
from pytest_repro.report.json_file import render_json
from pytest_repro.report.wording import (
    cause_line,
    differing_environment,
    divergence_sentence,
    finding,
    only_reported,
    visible,
    worst_first,
)

if TYPE_CHECKING:
    from pytest_repro.model import Comparison, SessionReport, TestResult, ValueDrift

__all__ = ["Assignment", "LoggedRun", "POINTS", "describe_session", "safe_name"]

#: (key, step, value); no quotes: Python 3.10 would not see the types inside them
Metric: TypeAlias = tuple[str, int | None, float]
Pairs: TypeAlias = tuple[tuple[str, str], ...]

#: points kept of one series of one run: MLflow takes 20 ms and more for ten of them
POINTS = 200
#: MLflow's limit for a key, and what every store takes of a value
_KEY, _VALUE = 250, 4900
#: the largest step that a database column holds
_STEP = 2**63 - 1
#: child runs of one test: their pages list no more
_CHILDREN = 50


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One MLflow run that is to be made."""

    name: str
    tags: Pairs = ()
    params: Pairs = ()
    metrics: tuple[Metric, ...] = ()
    #: ``FINISHED`` or ``FAILED``
    status: str = "FINISHED"
    #: (file name, text)
    artifacts: Pairs = ()
    children: tuple[LoggedRun, ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything that one session logs."""

    experiment: str
    #: the run that ``mlflow run`` made, which becomes the parent; empty where there is none
    outer: str
    tests: tuple[LoggedRun, ...]


def describe_session(
    report: SessionReport, *, code: Iterable[tuple[str, str]], requirements: Iterable[tuple[str, str]], project: bool
) -> tuple[LoggedRun, ...]:
    """Describe the runs of all tests, the worst first: they get through where time runs out.

    Args:
        report: the session.
        code: ``git.commit`` and ``git.dirty`` of the user's repository, as far as there are any.
        requirements: (name, version) of what is installed.
        project: whether ``mlflow run`` started the session.
    """
    known = dict(code)
    common = [("mlflow.source.type", "PROJECT" if project else "LOCAL")]
    if "git.commit" in known:
        common.append(("mlflow.source.git.commit", known["git.commit"]))
        common.append(("repro.git.dirty", known.get("git.dirty", "") or "no"))
    pins = "".join(f"{name}=={version}\n" for name, version in requirements)
    return tuple(_test(test, report=report, common=tuple(common), pins=pins) for test in worst_first(report.tests))


def safe_name(name: str) -> str:
    """Make `name` one that MLflow takes for a metric or a key, on every platform and of every version."""
    text = re.sub(r"[^A-Za-z0-9_\-. /]", "_", name)[:_KEY]
    # MLflow refuses what would mean another name as a path
    if text in ("", ".") or posixpath.normpath(text) != text or text.startswith(("..", "/")):
        text = text.replace("/", "_").replace("..", "__")
        text = "_" if text in ("", ".") else text
    return text


# --- a test -----------------------------------------------------------------------------------


def _test(test: TestResult, *, report: SessionReport, common: Pairs, pins: str) -> LoggedRun:
    names = _Names()
    children = tuple(_execution(test, number, names=names, common=common) for number in _executed(test))
    artifacts = (("repro-report.json", render_json(replace(report, tests=(test,)))), ("requirements.txt", pins))
    return LoggedRun(
        name=_short(test),
        tags=_tags(
            *common,
            ("mlflow.source.name", test.nodeid),
            ("mlflow.note.content", _note(test)),
            ("repro.kind", "test"),
            ("repro.verdict", test.verdict.value),
            ("repro.headline", finding(test)),
            ("repro.excuse", only_reported(test)),
            ("repro.cause", cause_line(test.cause) if test.cause else ""),
            ("repro.cause.summary", test.cause.summary if test.cause else ""),
            ("repro.first_divergence", test.comparison.first.label if test.comparison.first else ""),
            ("repro.again", test.again),
            *names.originals(),
        ),
        params=_pairs(("seed", str(test.seed)), ("runs", str(test.runs)), ("varied", ", ".join(test.varied))),
        metrics=_summary(test),
        status="FINISHED" if test.good else "FAILED",
        artifacts=artifacts,
        children=children,
    )


def _short(test: TestResult) -> str:
    """``test_train.py::test_training``: folders are in the tag."""
    folder, _, rest = test.nodeid.partition("::")
    return visible(f"{posixpath.basename(folder)}::{rest}" if rest else folder)[:_KEY]


def _note(test: TestResult) -> str:
    """The run's description, shown as Markdown: names of the user stand in code."""
    lines = [f"**{test.verdict.value}**: {_code(finding(test))}"]
    if only_reported(test):
        lines.append(_code(only_reported(test)))
    first = test.comparison.first
    if first is not None:
        sentence = f"{divergence_sentence(test, first)}: {first.reference} -> {first.other}"
        lines.append(f"first: {_code(sentence)}" + (f" at {_code(str(first.location))}" if first.location else ""))
    if test.cause is not None:
        lines.append(f"cause: {_code(f'{cause_line(test.cause)}: {test.cause.summary}')}")
    if test.again:
        lines.append(f"again: {_code(test.again)}")
    return "\n\n".join(lines)


def _code(text: str) -> str:
    return "`" + visible(text).replace("`", "'") + "`"


def _summary(test: TestResult) -> tuple[Metric, ...]:
    if test.verdict in (Verdict.INCONCLUSIVE, Verdict.LOST):
        return ()
    comparison = test.comparison
    metrics: list[Metric] = [
        ("repro.reproduced", None, float(test.verdict.good)),
        ("repro.n_drifted", None, float(len(comparison.drifts))),
        ("repro.n_unequal", None, float(_unequal(comparison))),
    ]
    known = (*(drift.stats for drift in comparison.drifts), *(entry.stats for entry in comparison.within))
    stats = [entry for entry in known if entry is not None]
    # a drift without numbers (text, a shape) has no distance, and zero would be wrong
    if stats or not comparison.drifts:
        far = [entry.max_abs for entry in stats if not math.isnan(entry.max_abs)]
        metrics.append(("repro.max_abs_diff", None, max(far, default=0.0)))
        metrics.append(("repro.max_ulp", None, float(max((entry.max_ulp or 0 for entry in stats), default=0))))
    if comparison.first is not None and comparison.first.step is not None:
        metrics.append(("repro.first_step", None, float(comparison.first.step)))
    return tuple(metrics)


def _unequal(comparison: Comparison) -> int:
    """Elements, steps or leaves whose bits differ, those within tolerance too."""
    within = sum(entry.stats.unequal for entry in comparison.within if entry.stats is not None)
    return sum(drift.n_different for drift in comparison.drifts) + within


# --- an execution -----------------------------------------------------------------------------


def _executed(test: TestResult) -> Sequence[int]:
    """Numbers of the runs that finished; only of those something is known."""
    finished = len(test.environments) or len(test.conditions)
    return range(1, min(finished, _CHILDREN) + 1)


def _execution(test: TestResult, number: int, *, names: _Names, common: Pairs) -> LoggedRun:
    differs = [drift.name for drift in test.comparison.drifts if number not in drift.groups[0]]
    condition = test.conditions[number - 1] if number <= len(test.conditions) else None
    levels = () if condition is None else (("place", condition.place.value), *condition.levels)
    # a baseline has no column here: environments are those of the runs
    environment = [(name, values[number - 1]) for name, values in differing_environment(test) if number <= len(values)]
    return LoggedRun(
        name=f"{_short(test)[: _KEY - 20]} [run {number}]",
        tags=_tags(
            *common,
            ("mlflow.source.name", test.nodeid),
            ("repro.kind", "run"),
            ("repro.run", str(number)),
            ("repro.differs", ", ".join(differs)),
        ),
        params=_pairs(
            ("seed", str(test.seed)),
            ("run", str(number)),
            *((f"condition.{factor}", level) for factor, level in levels),
            *((f"environment.{name}", value) for name, value in environment),
        ),
        metrics=tuple(one for one in _values(test, number, names=names) if abs(one[1] or 0) <= _STEP),
    )


def _values(test: TestResult, number: int, *, names: _Names) -> Iterable[Metric]:
    """What the run recorded, as far as the result holds it."""
    for drift in test.comparison.drifts:
        first = drift.first.step if drift.first.step is not None else 0
        curves = {run: (steps, values) for run, steps, values in drift.series}
        if number in curves:
            yield from ((names.key(drift.name), step, value) for step, value in _thinned(*curves[number], first))
            reference = dict(zip(*next(iter(curves.values())), strict=True))
            pairs = [(value, reference[step]) for step, value in zip(*curves[number], strict=True) if step in reference]
            yield (f"diff.{names.key(drift.name)}", None, _distance(pairs))
        value, reference_value = _scalar(drift, number), _scalar(drift, drift.groups[0][0])
        if value is not None and reference_value is not None:
            yield (names.key(drift.name), None, value)
            yield (f"diff.{names.key(drift.name)}", None, _distance([(value, reference_value)]))
    equal = set(test.comparison.equal)
    drifting = {drift.name for drift in test.comparison.drifts}
    for name, step, value in test.metrics:
        # within a tolerance the other runs' values are others; they are not kept
        if name in equal or (number == 1 and name not in drifting):
            yield (names.key(name), step, value)


def _distance(pairs: Iterable[tuple[float, float]]) -> float:
    """The largest distance from the reference: MLflow's pages show three digits of the values themselves."""
    distances = (abs(value - other) if value != other else 0.0 for value, other in pairs)
    return max((distance for distance in distances if not math.isnan(distance)), default=0.0)


def _scalar(drift: ValueDrift, number: int) -> float | None:
    """The number that run `number` recorded, where it is one of the two that are shown."""
    first = drift.first
    if first.path or first.step is not None:
        return None
    alike = next((group for group in drift.groups if first.run in group), ())
    text = first.reference if number in drift.groups[0] else first.other if number in alike else ""
    try:
        return float(text)
    except ValueError:
        return None


def _thinned(steps: Sequence[int], values: Sequence[float], first: int) -> list[tuple[int, float]]:
    """At most `POINTS`: ends, the first difference, and of equal pieces the smallest and the largest value."""
    total = len(values)
    if total <= POINTS:
        return list(zip(steps, values, strict=True))
    keep = {0, total - 1, *(index for index, step in enumerate(steps) if step == first)}
    pieces = (POINTS - len(keep)) // 2
    for number in range(pieces):
        piece = range(number * total // pieces, (number + 1) * total // pieces)
        numbers = [index for index in piece if not math.isnan(values[index])] or [piece[0]]
        keep |= {min(numbers, key=values.__getitem__), max(numbers, key=values.__getitem__)}
    return [(steps[index], values[index]) for index in sorted(keep)]


# --- names and pairs --------------------------------------------------------------------------


class _Names:
    """Keys for the names of one test: safe, unique, the same in all its runs."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def key(self, name: str) -> str:
        """The key for `name`."""
        if name not in self._keys:
            taken = set(self._keys.values())
            key = stem = safe_name(name)
            number = 2
            while key in taken:
                key = f"{stem[: _KEY - 6]}_{number}"
                number += 1
            self._keys[name] = key
        return self._keys[name]

    def originals(self) -> list[tuple[str, str]]:
        """A tag for each name that had to change."""
        return [(f"repro.name.{key}", name) for name, key in self._keys.items() if key != name]


def _tags(*pairs: tuple[str, str]) -> Pairs:
    """Tags that say something, cut to what every store takes."""
    return _pairs(*(pair for pair in pairs if pair[1]))


def _pairs(*pairs: tuple[str, str]) -> Pairs:
    """Each key once: MLflow refuses a param that is set twice."""
    shown = ((key, value if key == "mlflow.note.content" else visible(value)) for key, value in pairs)
    return tuple({safe_name(key): _cut(value) for key, value in shown}.items())


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"
