"""All frozen domain types: the only thing that stages hand to each other.

The words are those of the design: a *run* is one execution of a test under one *condition*; an
*observation* is one recorded value; a *recording* is the observations of one run in execution
order; *drift* is a recorded value that differs between runs.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np

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


# --- canonical values -------------------------------------------------------------------------


class Layout(str, enum.Enum):
    """How the children of a `Branch` are addressed."""

    SEQUENCE = "sequence"  # by position; ``keys`` is empty, paths read ``[3]``
    MAPPING = "mapping"  # by key, order not part of the value; paths read ``['a']``
    SET = "set"  # by membership, order not part of the value; paths read ``{'a'}``
    OBJECT = "object"  # by field, in declaration order; paths read ``.coef_``


@dataclass(frozen=True, slots=True)
class Atom:
    """A scalar that Python's literals do not cover (a date, a Decimal, an enum member, a device)."""

    #: qualified type name, e.g. ``decimal.Decimal``
    type: str
    #: text that is equal exactly when the values are
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A homogeneous array of numbers, booleans, dates or fixed-width text (never objects)."""

    #: what the user had: ``numpy.ndarray``, ``numpy.float32`` (a numpy scalar, shape ``()``), ``torch.Tensor``
    type: str
    #: dtype name in native byte order: ``float64``, ``datetime64[ns]``, ``bfloat16``
    dtype: str
    shape: tuple[int, ...]
    #: the elements, native byte order, any strides. For dtypes that numpy lacks (``bfloat16``,
    #: ``float8_*``) an unsigned-integer view of the bits; ``dtype`` says what they mean.
    data: np.ndarray
    #: False while ``data`` is a view of memory that the user may still change
    owned: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A container or an object with fields, as a node of the canonical tree."""

    #: qualified type name: ``list``, ``dict``, ``sklearn.svm._classes.SVC``
    type: str
    layout: Layout
    #: path segments (``['a']``, ``.coef_``), unique, as many as ``items``; empty for sequences.
    #: For mappings and sets sorted, so that insertion order is not part of the value.
    keys: tuple[str, ...]
    items: tuple[Node, ...]
    #: what was left out on purpose, said in the output: ``refit_time_ (timing)``
    notes: tuple[str, ...] = ()


#: A canonical value: immutable Python scalars stand for themselves.
Node: TypeAlias = Union[bool, int, float, complex, str, bytes, Atom, Array, Branch, None]  # noqa: UP007


# --- what a run is ----------------------------------------------------------------------------


class Place(str, enum.Enum):
    """Where a run happens."""

    INLINE = "inline"
    PROCESS = "process"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Condition:
    """The levels of all factors during a run."""

    place: Place = Place.INLINE
    #: (factor, level) sorted by factor; factors not named are as the session has them
    levels: tuple[tuple[str, str], ...] = ()

    def level(self, factor: str) -> str | None:
        """The level of `factor`, or None where it is not set."""
        return dict(self.levels).get(factor)


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One planned run."""

    #: 1-based; run 1 is the reference
    number: int
    condition: Condition = Condition()


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs of one test, in the order of their execution."""

    runs: tuple[RunSpec, ...]
    seed: int
    #: factors whose level differs between the runs
    varied: tuple[str, ...] = ()
    #: those of them that were asked for, beyond what fresh interpreters vary by themselves
    asked: tuple[str, ...] = ()


# --- what a run gives -------------------------------------------------------------------------


class Kind(str, enum.Enum):
    """How an observation came about."""

    METRIC = "metric"
    ARTIFACT = "artifact"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two numbers may lie apart. The default allows nothing: bits must be equal.

    Two numbers agree when ``abs(other - reference) <= atol + rtol * abs(reference)`` (numpy's rule,
    https://numpy.org/doc/stable/reference/generated/numpy.isclose.html) **or** when they are at most
    `ulp` representable numbers apart.
    """

    rtol: float = 0.0
    atol: float = 0.0
    ulp: int = 0
    #: count the payload bits of NaNs too
    nan_payload: bool = False

    @property
    def exact(self) -> bool:
        """Whether only equal bits agree."""
        return not (self.rtol or self.atol or self.ulp)

    def __str__(self) -> str:
        parts = [f"{key}={getattr(self, key):g}" for key in ("rtol", "atol", "ulp") if getattr(self, key)]
        return ", ".join(parts) or "bitwise"


@dataclass(frozen=True, slots=True)
class Observation:
    """One recorded value."""

    #: 0-based position in execution order
    seq: int
    name: str
    #: the step of a series, or None for a scalar or an artifact
    step: int | None
    kind: Kind
    value: Node
    location: Location
    tolerance: Tolerance = Tolerance()
    #: (stream, digest) of the global RNG states when it was recorded; empty when the ledger is off
    ledger: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EntropyDraw:
    """Draws on uncontrolled entropy (or a directory listing) from one line of the user's code."""

    #: ``os-entropy``, ``uuid``, ``listing``, ``clock``
    source: str
    #: the call as the user would write it: ``numpy.random.default_rng()``
    call: str
    location: Location
    count: int


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run gave."""

    spec: RunSpec
    observations: tuple[Observation, ...]
    #: ``passed``, ``failed``, ``skipped`` or ``lost``
    outcome: str = "passed"
    #: made in the process that executed the run: two recordings with one nonce are one execution
    nonce: str = ""
    #: (name, value) of what was in effect: hash seed, threads as libraries report them, CPU features
    environment: tuple[tuple[str, str], ...] = ()
    draws: tuple[EntropyDraw, ...] = ()


# --- what comparing gives ---------------------------------------------------------------------


class MatchStatus(str, enum.Enum):
    """How one value of a run relates to the reference."""

    EQUAL = "equal"
    WITHIN = "within tolerance"
    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class NumberStats:
    """How two arrays (or numbers) of one dtype and shape differ."""

    #: elements in all
    total: int
    #: elements whose bits differ (all NaNs being equal)
    unequal: int
    #: index of the first element beyond the tolerance in C order (of the first unequal one while all
    #: are within); ``()`` for a scalar
    first_index: tuple[int, ...]
    max_abs: float
    max_rel: float
    #: largest distance in representable numbers; None for dtypes without one (complex: per part)
    max_ulp: int | None
    #: every unequal element is ``0.0`` against ``-0.0``
    sign_of_zero_only: bool = False
    #: elements that differ beyond the tolerance (all unequal ones where there is none)
    outside: int = 0


@dataclass(frozen=True, slots=True)
class LeafDifference:
    """One leaf of a value that differs."""

    #: path from the value's root: ``.named_steps['clf'].coef_[1, 7]``; empty for the value itself
    path: str
    #: ``value``, ``type``, ``dtype``, ``shape``, ``length``, ``missing``, ``extra``
    what: str
    reference: str
    other: str
    stats: NumberStats | None = None
    #: distance in representable numbers of the two that are shown; None where there is none
    ulp: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One value of a run against the reference's."""

    status: MatchStatus
    #: the leaves that differ in execution order, cut at a limit
    leaves: tuple[LeafDifference, ...] = ()
    #: how many leaves differ in all
    n_leaves: int = 0
    #: over all numeric leaves; None when nothing numeric differs
    stats: NumberStats | None = None


@dataclass(frozen=True, slots=True)
class Divergence:
    """The earliest drifting observation, in execution order."""

    name: str
    step: int | None
    #: the run that differs from the reference
    run: int
    #: path inside the value, empty for the value itself
    path: str
    reference: str
    other: str
    ulp: int | None
    location: Location | None

    @property
    def label(self) -> str:
        """``loss[3]`` or ``weights`` or ``model.coef_[0, 1]``."""
        step = "" if self.step is None else f"[{self.step}]"
        return f"{self.name}{step}{self.path}"


@dataclass(frozen=True, slots=True)
class ValueDrift:
    """All that is known of one recorded name that drifts: one row of the table."""

    name: str
    #: ``series, 10`` or ``float64 (4, 3)`` or ``dict, 3 keys``
    kind: str
    #: runs that agree with each other, the reference's group first: ``((1, 2), (3,))``
    groups: tuple[tuple[int, ...], ...]
    first: Divergence
    #: elements (of an array) or steps (of a series) that differ, and how many there are
    n_different: int
    n_total: int
    stats: NumberStats | None
    leaves: tuple[LeafDifference, ...] = ()
    n_leaves: int = 0
    #: short structural difference for text and nested values, one line each
    structure: tuple[str, ...] = ()
    #: for a numeric series: per run (number, steps, values), the reference first; bounded
    series: tuple[tuple[int, tuple[int, ...], tuple[float, ...]], ...] = ()
    #: for an array: |difference| in the run of the first divergence on a grid of at most 64 by 64, rows of
    #: one length, each cell the largest of its block; None where all bits are equal, NaN where there is no distance
    heat: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class WithinTolerance:
    """A value that differs, by less than what was asked for."""

    name: str
    tolerance: Tolerance
    stats: NumberStats | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The recordings of one test against each other."""

    #: in execution order of their first divergence
    drifts: tuple[ValueDrift, ...] = ()
    equal: tuple[str, ...] = ()
    within: tuple[WithinTolerance, ...] = ()
    first: Divergence | None = None
    #: what values left out on purpose: ``model: refit_time_ (timing)``
    notes: tuple[str, ...] = ()


# --- why --------------------------------------------------------------------------------------


class CauseStatus(str, enum.Enum):
    """How sure the explanation is: three words with three meanings."""

    CAUSE = "cause"  # it alone was switched, everything else pinned, and it decided the result
    SUSPECT = "suspect"  # evidence points at it, and does not prove it
    UNKNOWN = "unknown"  # nothing that could be pinned explains the drift


@dataclass(frozen=True, slots=True)
class Evidence:
    """One arm of the experiment: what was held, what was switched, what came out."""

    factor: str
    #: ``pinned`` or the level that the factor was switched to
    level: str
    runs: int
    #: distinct results among them
    distinct: int
    #: how many of them differ from the pinned result
    differ: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a test drifted, as far as re-running has shown."""

    status: CauseStatus
    #: ``hash-seed``, ``entropy``, ``clock``, ``threads``, ``state``, ``files``, ``memory``,
    #: ``environment``, ``cpu``, ``gpu``, ``order``; empty when unknown
    factor: str
    #: one sentence with the counts of both arms
    summary: str
    evidence: tuple[Evidence, ...] = ()
    #: what to change, in the vocabulary of the library at fault
    advice: str = ""
    location: Location | None = None
    #: factors that were switched and changed nothing
    ruled_out: tuple[str, ...] = ()
    #: further causes, when several factors act
    also: tuple[str, ...] = ()
    #: lines for the reader beyond the summary: suspects, ledger, budget
    details: tuple[str, ...] = ()


# --- verdicts and reports ---------------------------------------------------------------------


class Verdict(str, enum.Enum):
    """What a test's runs came to."""

    REPRODUCED = "reproduced"
    WITHIN = "within tolerance"
    DRIFTED = "drifted"
    BASELINE_DRIFTED = "baseline drifted"
    INCONCLUSIVE = "inconclusive"
    LOST = "lost"

    @property
    def good(self) -> bool:
        """Whether the test may pass."""
        return self in (Verdict.REPRODUCED, Verdict.WITHIN)


@dataclass(frozen=True, slots=True)
class Violation:
    """A draw on uncontrolled entropy that the strict mode does not let pass."""

    call: str
    location: Location
    count: int
    #: what to write instead
    fix: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test from plan to verdict: everything any report needs."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    nodeid: str
    verdict: Verdict
    runs: int
    seed: int
    #: one sentence: ``2 of 5 values differ between 3 runs that should be equal``
    headline: str
    comparison: Comparison = Comparison()
    cause: Cause | None = None
    #: one per run, in the order of their numbers
    conditions: tuple[Condition, ...] = ()
    #: per run (name, value) of what was in effect
    environments: tuple[tuple[tuple[str, str], ...], ...] = ()
    varied: tuple[str, ...] = ()
    location: Location | None = None
    #: the command that shows it again
    again: str = ""
    #: draws that fail a strict test, whatever the verdict
    violations: tuple[Violation, ...] = ()
    #: what run 1 was compared with beside the other runs: ``baseline``; empty where it was not
    against: str = ""
    #: how the environment differs from the one it was compared with, what can change numbers first
    changes: tuple[EnvChange, ...] = ()
    #: how the user's code differs: commit range, changed files
    code: tuple[str, ...] = ()
    #: what to do about it
    advice: tuple[str, ...] = ()
    #: (run, name) where runs have other names than ``run 3``
    labels: tuple[tuple[int, str], ...] = ()
    #: (name, step or None, value) of the metrics of run 1, of a series the last; bounded
    metrics: tuple[tuple[str, int | None, float], ...] = ()
    #: why it is only reported where it is not good: a quarantine, a known drift, ``--repro-level=warn``
    excuse: str = ""

    @property
    def good(self) -> bool:
        """Whether the test may pass."""
        return self.verdict.good and not self.violations


@dataclass(frozen=True, slots=True)
class SessionReport:
    """A whole session, for any report."""

    tests: tuple[TestResult, ...]
    runs: int
    seed: int
    #: (name, value), sorted
    environment: tuple[tuple[str, str], ...] = ()
    varied: tuple[str, ...] = ()
    not_varied: tuple[str, ...] = ()
    #: field for later additions, so that readers can ignore what they do not know
    notes: tuple[str, ...] = field(default=())


# --- the environment --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnvField:
    """One fact about where a run happened."""

    name: str
    value: str
    #: whether it can change numbers; others are only shown
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class EnvChange:
    """One fact that differs between two environments; empty where it is absent."""

    name: str
    before: str
    after: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line of the user's code that may make results differ; found by reading, not by running."""

    #: as in `Cause`: ``clock``, ``hash-seed``, ``state`` …
    factor: str
    #: what stands there: ``time.time()``, ``for token in set(...)``
    call: str
    location: Location
    advice: str = ""
