"""All frozen domain types: the only thing that stages hand to each other.

The words are those of the design: a *run* is one execution of a test under one *condition*; an
*observation* is one recorded value; a *recording* is the observations of one run in execution
order; *drift* is a recorded value that differs between runs.
"""

from __future__ import annotations

from pytest_repro.model.comparison import (
    Comparison,
    Divergence,
    LeafDifference,
    Match,
    MatchStatus,
    NumberStats,
    ValueDrift,
    WithinTolerance,
)
from pytest_repro.model.environment import EnvChange, EnvField
from pytest_repro.model.results import (
    Cause,
    CauseStatus,
    Evidence,
    SessionReport,
    Suspect,
    TestResult,
    Verdict,
    Violation,
)
from pytest_repro.model.runs import (
    Condition,
    EntropyDraw,
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
