"""What a run is, and what it gives."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING

from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from pytest_repro.model.causes import EntropyDraw
    from pytest_repro.model.values import Node

__all__ = [
    "Condition",
    "Kind",
    "Location",
    "Observation",
    "Place",
    "Plan",
    "Recording",
    "RunSpec",
    "Tolerance",
]


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
    #: the ``--repro-executor`` that makes some of them; empty where none does
    executor: str = ""
    #: whether that places them on different machines
    spread: bool = False
    #: options of the command line that decide what is repeated and recorded, as they were given
    options: tuple[str, ...] = ()


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

    def row(self) -> list[object]:
        """As files and frames have it."""
        return [self.rtol, self.atol, self.ulp, self.nan_payload]

    @classmethod
    def from_row(cls, row: object) -> Tolerance:
        """Read what `row` gave.

        Raises:
            ValueError: it is anything else; above all no tolerance is infinite, which would let everything pass.
        """
        match row:
            case [int() | float() as rtol, int() | float() as atol, int() as ulp, bool() as nan_payload]:
                numbers = (rtol, atol, ulp)
                largest = sys.float_info.max
                if all(type(number) is not bool and 0 <= number <= largest for number in numbers):
                    return cls(float(rtol), float(atol), ulp, nan_payload)
        raise ValueError("a tolerance is not [rtol, atol, ulp, nan_payload], finite and not negative")

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
    #: one digest per global random stream, in the order of `Recording.streams`; fewer before a library was loaded
    ledger: tuple[int, ...] = ()

    def __init__(
        self,
        seq: int,
        name: str,
        step: int | None,
        kind: Kind,
        value: Node,
        location: Location,
        tolerance: Tolerance = Tolerance(),  # noqa: B008 - frozen
        ledger: tuple[int, ...] = (),
    ) -> None:
        """Written out, as of no other class: one is made for each recorded value."""
        put = object.__setattr__
        put(self, "seq", seq)
        put(self, "name", name)
        put(self, "step", step)
        put(self, "kind", kind)
        put(self, "value", value)
        put(self, "location", location)
        put(self, "tolerance", tolerance)
        put(self, "ledger", ledger)


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
    #: names of the global random streams whose digests each observation carries
    streams: tuple[str, ...] = ()
