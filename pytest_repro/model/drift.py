"""How values differ: what is made only where some do."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_repro.model.runs import Location, Tolerance

__all__ = ["Divergence", "LeafDifference", "NumberStats", "ValueDrift", "WithinTolerance"]


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
