"""Results and reports with defaults, for tests that care about one field of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from pytest_repro.model import (
    Cause,
    CauseStatus,
    Comparison,
    Condition,
    Divergence,
    Evidence,
    LeafDifference,
    Location,
    NumberStats,
    Place,
    SessionReport,
    TestResult,
    Tolerance,
    ValueDrift,
    Verdict,
    WithinTolerance,
)

__all__ = [
    "make_cause",
    "make_comparison",
    "make_conditions",
    "make_divergence",
    "make_drift",
    "make_heat",
    "make_report",
    "make_result",
    "make_series",
    "make_stats",
]

Series = tuple[tuple[int, tuple[int, ...], tuple[float, ...]], ...]


def make_stats(**changes: Any) -> NumberStats:
    values: dict[str, Any] = {
        "total": 10,
        "unequal": 7,
        "first_index": (3,),
        "max_abs": 5.2e-4,
        "max_rel": 1.2e-3,
        "max_ulp": 2_100_000_000_000,
    }
    return NumberStats(**{**values, **changes})


def make_divergence(name: str = "loss", **changes: Any) -> Divergence:
    values: dict[str, Any] = {
        "step": 3,
        "run": 3,
        "path": "",
        "reference": "0.43127",
        "other": "0.43179",
        "ulp": 2_100_000_000_000,
        "location": Location("tests/test_train.py", 9),
    }
    return Divergence(name, **{**values, **changes})


def make_series(*, runs: int = 3, steps: int = 10, first: int = 3, gap: float = 1e-6) -> Series:
    """A falling loss; run 2 equals run 1, later runs leave it at step `first` and drift away."""
    reference = [2.4 * math.exp(-4 * step / steps) + 0.05 * math.sin(step / 7) + 0.2 for step in range(steps)]

    def values(run: int) -> tuple[float, ...]:
        if run <= 2:
            return tuple(reference)
        return tuple(
            value + (0 if step < first else gap * run * 1.5 ** (20 * (step - first) / steps))
            for step, value in enumerate(reference)
        )

    return tuple((run, tuple(range(steps)), values(run)) for run in range(1, runs + 1))


def make_heat(rows: int = 4, columns: int = 3) -> tuple[tuple[float | None, ...], ...]:
    """Differences of several sizes, with blocks of equal bits among them."""
    return tuple(
        tuple(
            None if (row // 4 + column // 6) % 3 == 0 else 10.0 ** (-5 + ((row * 7 + column * 3) % 9) / 3)
            for column in range(columns)
        )
        for row in range(rows)
    )


def make_drift(name: str = "loss", **changes: Any) -> ValueDrift:
    values: dict[str, Any] = {
        "kind": "series, 10",
        "groups": ((1, 2), (3,)),
        "first": make_divergence(name),
        "n_different": 7,
        "n_total": 10,
        "stats": make_stats(),
    }
    return ValueDrift(name, **{**values, **changes})


def make_comparison(*drifts: ValueDrift, **changes: Any) -> Comparison:
    """A comparison whose first divergence is that of the first of `drifts`."""
    values: dict[str, Any] = {
        "drifts": drifts,
        "equal": ("accuracy", "vocabulary"),
        "first": drifts[0].first if drifts else None,
    }
    return Comparison(**{**values, **changes})


def make_cause(**changes: Any) -> Cause:
    values: dict[str, Any] = {
        "status": CauseStatus.CAUSE,
        "factor": "hash-seed",
        "summary": (
            "hash seed decides it: all pinned, 3 of 3 agree; only PYTHONHASHSEED switched, 3 of 3 differ from them"
        ),
        "evidence": (Evidence("hash-seed", "pinned", 3, 1, 0), Evidence("hash-seed", "1", 3, 1, 3)),
        "advice": "the order of a set or of dict keys built from a set reaches the training data: sort it",
        "ruled_out": ("threads", "state"),
    }
    return Cause(**{**values, **changes})


def make_conditions(runs: int = 3) -> tuple[Condition, ...]:
    """Run 1 and 2 inline, the rest in processes with other hash seeds."""
    return tuple(
        Condition(Place.INLINE if run <= 2 else Place.PROCESS, (("hash-seed", "0" if run <= 2 else str(run - 2)),))
        for run in range(1, runs + 1)
    )


def make_result(nodeid: str = "tests/test_train.py::test_training", **changes: Any) -> TestResult:
    """A drifting test with a series and an array; another `verdict` without drifts has none."""
    verdict = changes.get("verdict", Verdict.DRIFTED)
    drifts = (
        make_drift(series=make_series()),
        make_drift(
            "weights",
            kind="float64 (4, 3)",
            first=make_divergence(
                "weights", step=None, path="[0, 1]", reference="-0.11832", other="-0.11790", ulp=7_700_000_000_000
            ),
            n_different=12,
            n_total=12,
            stats=make_stats(total=12, unequal=12, max_abs=4.2e-4, max_rel=3.6e-3, max_ulp=7_700_000_000_000),
            leaves=(LeafDifference("[0, 1]", "value", "-0.11832", "-0.11790", make_stats()),),
            n_leaves=12,
            heat=make_heat(),
        ),
    )
    result = TestResult(
        nodeid,
        verdict,
        runs=3,
        seed=0,
        headline=_HEADLINES[verdict],
        comparison=make_comparison(*drifts) if verdict in _DRIFTING else make_comparison(),
        cause=make_cause() if verdict in _DRIFTING else None,
        conditions=make_conditions(),
        environments=tuple((("OMP_NUM_THREADS", "2"), ("PYTHONHASHSEED", seed)) for seed in ("0", "0", "1")),
        varied=("process", "hash-seed"),
        location=Location("tests/test_train.py", 5),
        again=f'PYTHONHASHSEED=1 pytest "{nodeid}" --repro-runs=2' if verdict in _DRIFTING else "",
    )
    return replace(result, **changes)


def make_report(*tests: TestResult, **changes: Any) -> SessionReport:
    """A session over `tests`; without any, one of each verdict."""
    values: dict[str, Any] = {
        "tests": tests or tuple(_one_of(verdict) for verdict in Verdict),
        "runs": 3,
        "seed": 0,
        "environment": (
            ("cpu.count", "8"),
            ("cpu.model", "AMD EPYC 7763"),
            ("package.numpy", "2.4.0"),
            ("platform.machine", "x86_64"),
            ("platform.system", "Linux"),
            ("python.version", "3.11.7"),
            ("variable.OMP_NUM_THREADS", "2"),
        ),
        "varied": ("process", "hash-seed"),
        "not_varied": ("threads", "timezone", "files"),
    }
    return SessionReport(**{**values, **changes})


_DRIFTING = (Verdict.DRIFTED, Verdict.BASELINE_DRIFTED)

_HEADLINES = {
    Verdict.REPRODUCED: "5 values equal in 3 runs, bitwise",
    Verdict.WITHIN: "1 of 5 values differs within its tolerance",
    Verdict.DRIFTED: "2 of 4 values differ between 3 runs that should be equal",
    Verdict.BASELINE_DRIFTED: "2 of 4 values differ from the baseline",
    Verdict.INCONCLUSIVE: "nothing was recorded: no value to compare",
    Verdict.LOST: "run 3 was lost: its worker died",
}


def _one_of(verdict: Verdict) -> TestResult:
    result = make_result(f"tests/test_{verdict.name.lower()}.py::test_it", verdict=verdict)
    if verdict is Verdict.WITHIN:
        within = (WithinTolerance("score", Tolerance(rtol=1e-6), make_stats(max_abs=3e-9, max_rel=4e-9)),)
        return replace(result, comparison=make_comparison(within=within))
    return result
