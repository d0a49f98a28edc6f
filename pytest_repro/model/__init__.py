"""All frozen domain types: the only thing that stages hand to each other.

The words are those of the design: a *run* is one execution of a test under one *condition*; an
*observation* is one recorded value; a *recording* is the observations of one run in execution
order; *drift* is a recorded value that differs between runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_repro.model.causes import Cause, CauseStatus, EntropyDraw, Evidence, Suspect, Violation
    from pytest_repro.model.comparison import Comparison, Match, MatchStatus
    from pytest_repro.model.drift import Divergence, LeafDifference, NumberStats, ValueDrift, WithinTolerance
    from pytest_repro.model.environment import EnvChange, EnvField
    from pytest_repro.model.results import SessionReport, TestResult, Verdict
    from pytest_repro.model.runs import (
        Condition,
        Kind,
        Location,
        Observation,
        Place,
        Plan,
        Recording,
        RunSpec,
        Tolerance,
    )
    from pytest_repro.model.values import Array, Atom, Branch, Layout, Node

__all__ = [
    "Array",
    "Atom",
    "Branch",
    "Cause",
    "CauseStatus",
    "Comparison",
    "Condition",
    "Divergence",
    "EntropyDraw",
    "EnvChange",
    "EnvField",
    "Evidence",
    "Kind",
    "Layout",
    "LeafDifference",
    "Location",
    "Match",
    "MatchStatus",
    "Node",
    "NumberStats",
    "Observation",
    "Place",
    "Plan",
    "Recording",
    "RunSpec",
    "SessionReport",
    "Suspect",
    "TestResult",
    "Tolerance",
    "ValueDrift",
    "Verdict",
    "Violation",
    "WithinTolerance",
]

#: module → what it holds; each is loaded with the first of its names, since a dataclass takes 0.5 ms to make
#: and most sessions end without a drift
_HOMES: Final = {
    "causes": ("Cause", "CauseStatus", "EntropyDraw", "Evidence", "Suspect", "Violation"),
    "comparison": ("Comparison", "Match", "MatchStatus"),
    "drift": ("Divergence", "LeafDifference", "NumberStats", "ValueDrift", "WithinTolerance"),
    "environment": ("EnvChange", "EnvField"),
    "results": ("SessionReport", "TestResult", "Verdict"),
    "runs": (
        "Condition",
        "Kind",
        "Location",
        "Observation",
        "Place",
        "Plan",
        "Recording",
        "RunSpec",
        "Tolerance",
    ),
    "values": ("Array", "Atom", "Branch", "Layout", "Node"),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
