"""Recordings, requests and verdicts as JSON, and back with every field checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import WorkerError
from pytest_repro.execute.outcomes import FAILURES, ReproFailure
from pytest_repro.execute.protocol import field
from pytest_repro.model import (
    Condition,
    EntropyDraw,
    Kind,
    Location,
    Observation,
    Place,
    Recording,
    RunSpec,
    Tolerance,
)
from pytest_repro.settings import Settings

if TYPE_CHECKING:
    from pytest_repro.execute.array_files import ArrayFiles
    from pytest_repro.model import (
        Node,
    )

__all__ = [
    "Request",
    "failure_body",
    "failure_from",
    "recording_body",
    "recording_from",
    "request_body",
    "request_from",
]

_EXACT_INTEGERS = 1 << 53


# --- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Execute one test once."""

    nodeid: str
    spec: RunSpec
    seed: int
    runs: int
    #: whether the run waits at the end of its call phase for a verdict
    gated: bool
    #: the part of the settings that matters while recording
    settings: Settings
    #: modules that the session's own process has imported late
    ahead: tuple[str, ...] = ()


def request_body(request: Request) -> dict[str, object]:
    """As JSON."""
    settings = request.settings
    return {
        "nodeid": request.nodeid,
        "run": request.spec.number,
        "levels": [list(level) for level in request.spec.condition.levels],
        "seed": request.seed,
        "runs": request.runs,
        "gated": request.gated,
        "tolerance": Tolerance(settings.rtol, settings.atol, settings.ulp).row(),
        "patterns": [[pattern, tolerance.row()] for pattern, tolerance in settings.patterns],
        "autolog": list(settings.autolog),
        "noise": list(settings.noise),
        "all": settings.all,
        "exclude": list(settings.exclude),
        "ahead": list(request.ahead),
    }


def request_from(body: Mapping[str, Any]) -> Request:
    """Read a request.

    Raises:
        WorkerError: a field is missing or of another type.
    """
    try:
        own = Tolerance.from_row(body.get("tolerance"))
        patterns = tuple((str(name), Tolerance.from_row(row)) for name, row in field(body, "patterns", list))
        levels = tuple((str(factor), str(level)) for factor, level in field(body, "levels", list))
    except (TypeError, ValueError) as error:
        msg = f"a request to a worker is damaged: {error}"
        raise WorkerError(msg) from None
    return Request(
        nodeid=field(body, "nodeid", str),
        spec=RunSpec(field(body, "run", int), Condition(Place.PROCESS, levels)),
        seed=field(body, "seed", int),
        runs=field(body, "runs", int),
        gated=field(body, "gated", bool),
        settings=Settings(
            rtol=own.rtol,
            atol=own.atol,
            ulp=own.ulp,
            tolerance=patterns,
            autolog=tuple(str(name) for name in field(body, "autolog", list)),
            noise=tuple(str(name) for name in field(body, "noise", list)),
            all=field(body, "all", bool),
            exclude=tuple(str(pattern) for pattern in field(body, "exclude", list)),
        ),
        ahead=tuple(str(name) for name in field(body, "ahead", list)),
    )


# --- verdicts ---------------------------------------------------------------------------------


def failure_body(failure: ReproFailure | None) -> dict[str, object]:
    """A verdict as JSON."""
    if failure is None:
        return {"failure": None}
    return {
        "failure": {
            "type": type(failure).__name__,
            "text": str(failure),
            "summary": failure.summary,
            "file": failure.file,
            "line": failure.line,
        }
    }


def failure_from(body: Mapping[str, Any]) -> ReproFailure | None:
    """Read a verdict.

    Raises:
        WorkerError: a field is missing or of another type.
    """
    if body.get("failure") is None:
        return None
    given = field(body, "failure", dict)
    kind = FAILURES.get(str(given.get("type")), ReproFailure)
    return kind(
        field(given, "text", str),
        summary=field(given, "summary", str),
        file=field(given, "file", str),
        line=field(given, "line", int),
    )


# --- recordings -------------------------------------------------------------------------------


class _Table:
    """Values that many rows share, each written once."""

    def __init__(self) -> None:
        self.rows: list[object] = []
        self._index: dict[object, int] = {}

    def index(self, key: object, row: object) -> int:
        known = self._index.get(key)
        if known is None:
            known = self._index[key] = len(self.rows)
            self.rows.append(row)
        return known


def recording_body(recording: Recording, *, files: ArrayFiles) -> dict[str, object]:
    """A recording as JSON; large arrays are written to files."""
    sources, tolerances, ledgers = _Table(), _Table(), _Table()
    rows = [
        [
            seen.name,
            seen.step,
            seen.kind.value,
            _encoded(seen.value, files),
            sources.index(seen.location.file, seen.location.file),
            seen.location.line,
            tolerances.index(seen.tolerance, seen.tolerance.row()),
            ledgers.index(seen.ledger, seen.ledger),
        ]
        for seen in recording.observations
    ]
    return {
        "outcome": recording.outcome,
        "nonce": recording.nonce,
        "environment": [list(entry) for entry in recording.environment],
        "draws": [
            [draw.source, draw.call, draw.location.file, draw.location.line, draw.count] for draw in recording.draws
        ],
        "files": sources.rows,
        "tolerances": tolerances.rows,
        "streams": list(recording.streams),
        "ledgers": ledgers.rows,
        "rows": rows,
    }


def _encoded(value: Node, files: ArrayFiles) -> object:
    # what JSON has itself needs no codec, whose import would load numpy into a test that has none
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]
        return value
    if kind is int and abs(value) <= _EXACT_INTEGERS:  # type: ignore[arg-type]
        return value
    if kind is str and value.isascii():  # type: ignore[union-attr]
        return value
    from pytest_repro.values import encode

    return encode(value, put=files.put)


def recording_from(body: Mapping[str, Any], *, spec: RunSpec, files: ArrayFiles) -> Recording:
    """Read a recording.

    Raises:
        WorkerError: a field is missing or of another type.
        StoredDataError: a value cannot be decoded.
    """
    try:
        return Recording(
            spec=spec,
            observations=tuple(_observations(body, files)),
            outcome=field(body, "outcome", str),
            nonce=field(body, "nonce", str),
            environment=tuple((str(name), str(value)) for name, value in field(body, "environment", list)),
            draws=tuple(
                EntropyDraw(str(source), str(call), Location(str(file), int(line)), int(count))
                for source, call, file, line, count in field(body, "draws", list)
            ),
            streams=tuple(str(name) for name in field(body, "streams", list)),
        )
    except (TypeError, ValueError, IndexError, OverflowError, RecursionError) as error:
        msg = f"a recording from a worker is damaged: {error}"
        raise WorkerError(msg) from None


def _observations(body: Mapping[str, Any], files: ArrayFiles) -> list[Observation]:
    from pytest_repro.values import decode

    sources = [str(name) for name in field(body, "files", list)]
    tolerances = [Tolerance.from_row(row) for row in field(body, "tolerances", list)]
    ledgers = [tuple(map(int, row)) for row in field(body, "ledgers", list)]
    observations = []
    for seq, (name, step, kind, value, source, line, tolerance, ledger) in enumerate(field(body, "rows", list)):
        if not isinstance(name, str) or not (step is None or type(step) is int):
            msg = f"row {seq} of a recording has name {name!r} and step {step!r}"
            raise WorkerError(msg)
        decoded = value if type(value) in _PLAIN else decode(value, get=files.get)
        observations.append(
            Observation(
                seq=seq,
                name=name,
                step=step,
                kind=Kind(kind),
                value=decoded,
                location=Location(sources[source], int(line)),
                tolerance=tolerances[tolerance],
                ledger=ledgers[ledger],
            )
        )
    return observations


_PLAIN = frozenset({float, int, bool, str, type(None)})
