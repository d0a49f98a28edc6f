"""The session as JSON for other programs; ``report.schema.json`` beside this module describes it.

History of the schema:

- ``pytest-repro/report@1``: the first.

No times and no process ids are in it: sessions with equal results give equal bytes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Verdict
from pytest_repro.report.codec import encode

if TYPE_CHECKING:
    from pytest_repro.model import Condition, Divergence, Location, SessionReport, TestResult, ValueDrift

__all__ = ["SCHEMA", "render_json"]

SCHEMA = "pytest-repro/report@1"

_SURROGATE = re.compile("[\ud800-\udfff]")


def render_json(report: SessionReport) -> str:
    """Canonical JSON: sorted keys, one space of indent, LF, a final newline, shortest floats that round-trip.

    A float that JSON lacks is ``"nan"``, ``"inf"`` or ``"-inf"``.
    """
    text = json.dumps(_session(report), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # UTF-8 has no lone surrogates (they stand for bytes of a file name); JSON's own escape does.
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _session(report: SessionReport) -> dict[str, Any]:
    counts = Counter(test.verdict for test in report.tests)
    return {
        "schema": SCHEMA,
        "runs": encode(report.runs),
        "seed": encode(report.seed),
        "environment": dict(report.environment),
        "varied": list(report.varied),
        "not_varied": list(report.not_varied),
        "notes": list(report.notes),
        "summary": {verdict.value: counts[verdict] for verdict in Verdict},
        "tests": [_test(test) for test in report.tests],
    }


def _test(test: TestResult) -> dict[str, Any]:
    comparison = test.comparison
    cause = test.cause
    return {
        "nodeid": test.nodeid,
        "verdict": test.verdict.value,
        "runs": encode(test.runs),
        "seed": encode(test.seed),
        "headline": test.headline,
        "location": _location(test.location),
        "first_divergence": _divergence(comparison.first),
        "drifted": [drift.name for drift in comparison.drifts],
        "drifts": [_drift(drift) for drift in comparison.drifts],
        "equal": list(comparison.equal),
        "within": encode(comparison.within),
        "notes": list(comparison.notes),
        "cause": None if cause is None else {**encode(cause), "location": _location(cause.location)},
        "streams": test.streams,
        "conditions": [_condition(condition) for condition in test.conditions],
        "environments": [dict(environment) for environment in test.environments],
        "varied": list(test.varied),
        "again": test.again,
        "against": test.against,
        "changes": encode(test.changes),
        "code": list(test.code),
        "advice": list(test.advice),
        "violations": [{**encode(draw), "location": _location(draw.location)} for draw in test.violations],
        "excuse": test.excuse,
        "labels": {str(run): name for run, name in test.labels},
    }


def _drift(drift: ValueDrift) -> dict[str, Any]:
    series = [{"run": run, "steps": encode(steps), "values": encode(values)} for run, steps, values in drift.series]
    return {**encode(drift), "first": _divergence(drift.first), "series": series}


def _divergence(first: Divergence | None) -> dict[str, Any] | None:
    return None if first is None else {**encode(first), "location": _location(first.location)}


def _condition(condition: Condition) -> dict[str, Any]:
    return {"place": condition.place.value, "levels": dict(condition.levels)}


def _location(location: Location | None) -> str | None:
    return None if location is None else str(location)
