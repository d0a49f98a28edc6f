"""Folders of recordings → what each model does under each factor. Reads files, runs nothing."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.across import compare_folders, read_folder
from pytest_repro.model import Tolerance
from pytest_repro.survey.suite import library_of

if TYPE_CHECKING:
    from pytest_repro.across import Folder
    from pytest_repro.model import Comparison, EnvField, TestResult, ValueDrift
    from pytest_repro.survey.sessions import Session

__all__ = ["Cell", "Outcome", "Row", "Survey", "judge"]

#: what every test of the suite records first: what a user of the model sees
_OUTPUT = "output"


class Outcome(str, enum.Enum):
    """What a model does when one factor is switched."""

    REPRODUCES = "reproduces"
    #: another level, another result, the same each time
    DRIFTS = "drifts"
    #: runs at one level differ from each other
    RACES = "races"
    #: it differs from run to run although nothing is switched
    UNSTEADY = "unsteady"
    #: the test failed, or recorded nothing, in a session
    FAILED = "failed"
    #: this platform does not have the factor
    NOT_HERE = "not applicable here"


@dataclass(frozen=True, slots=True)
class Cell:
    """One model under one factor."""

    outcome: Outcome
    #: largest absolute difference of the output; None where it has no numbers or does not differ
    max_abs: float | None = None
    #: elements of the output that differ, of how many
    different: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One model."""

    library: str
    model: str
    #: factor → what was found
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Survey:
    """The whole table."""

    rows: tuple[Row, ...]
    factors: tuple[str, ...]
    #: factor → the levels that it was switched to
    levels: Mapping[str, tuple[str, ...]]
    #: runs of each arm
    runs: int
    #: library → the command that installs it
    missing: Mapping[str, str]
    #: factor → why it is not applicable here
    lacking: Mapping[str, str]
    environment: tuple[EnvField, ...]

    @property
    def complete(self) -> bool:
        """Whether every model could be measured."""
        return not any(cell.outcome is Outcome.FAILED for row in self.rows for cell in row.cells.values())


def judge(
    sessions: Sequence[Session],
    folder: Path,
    *,
    lacking: Mapping[str, str],
    missing: Mapping[str, str],
    installed: Sequence[str],
) -> Survey:
    """Compare every arm with the one in which everything is held.

    Args:
        sessions: that were recorded.
        folder: has a folder for each, named by its label.
        lacking: factors that this platform does not have, with the reason.
        missing: libraries that are not installed, with the remedy.
        installed: libraries of the suite that are; their order is that of the table.

    Raises:
        StoredDataError: a recording is damaged, or no test was recorded in every session.
    """
    arms: dict[str, list[Session]] = {}
    for session in sessions:
        arms.setdefault(session.factor, []).append(session)
    folders = {one.label: read_folder(folder / one.label, label=one.label) for one in sessions}
    nodeids = sorted(set().union(*(one.tests for one in folders.values())))
    held = [folders[one.label] for one in arms.pop("")]
    steady = _results(held)
    found = {factor: _results([held[0], *(folders[one.label] for one in arm)]) for factor, arm in arms.items()}
    factors = tuple(factor for factor in (*arms, *lacking))
    rows = []
    for nodeid in sorted(nodeids, key=lambda one: (_order(installed, one), one)):
        cells = {factor: Cell(Outcome.NOT_HERE) for factor in lacking}
        for factor, arm in arms.items():
            cells[factor] = _cell(steady.get(nodeid), found[factor].get(nodeid), [one.level for one in arm])
        rows.append(Row(library_of(nodeid.partition("::")[0]), _model(nodeid), cells))
    return Survey(
        rows=tuple(rows),
        factors=factors,
        levels={factor: tuple(dict.fromkeys(one.level for one in arm)) for factor, arm in arms.items()},
        runs=len(held),
        missing=missing,
        lacking=lacking,
        environment=held[0].environment_of(min(held[0].tests)),
    )


def _order(installed: Sequence[str], nodeid: str) -> int:
    library = library_of(nodeid.partition("::")[0])
    return installed.index(library) if library in installed else len(installed)


def _model(nodeid: str) -> str:
    """``test_scikit_learn.py::test_model[KMeans]`` → ``KMeans``."""
    name = nodeid.rpartition("::")[2]
    _, bracket, inside = name.partition("[")
    return inside.removesuffix("]") if bracket else name.removeprefix("test_")


def _results(folders: Sequence[Folder]) -> dict[str, TestResult]:
    return {result.nodeid: result for result in compare_folders(folders, tolerance=Tolerance())}


def _cell(steady: TestResult | None, switched: TestResult | None, levels: Sequence[str]) -> Cell:
    if steady is None or switched is None or not (_compared(steady) and _compared(switched)):
        return Cell(Outcome.FAILED)
    if steady.comparison.drifts:
        return _sized(Outcome.UNSTEADY, steady.comparison)
    if not switched.comparison.drifts:
        return Cell(Outcome.REPRODUCES)
    races = any(_race(drift, levels) for drift in switched.comparison.drifts)
    return _sized(Outcome.RACES if races else Outcome.DRIFTS, switched.comparison)


def _compared(result: TestResult) -> bool:
    comparison = result.comparison
    return bool(comparison.drifts or comparison.equal or comparison.within)


def _race(drift: ValueDrift, levels: Sequence[str]) -> bool:
    """Whether two runs at one level differ; run 1 is the reference, run 2 the first of `levels`."""
    group = {run: number for number, runs in enumerate(drift.groups) for run in runs}
    seen: dict[str, set[int]] = {}
    for run, level in enumerate(levels, start=2):
        seen.setdefault(level, set()).add(group.get(run, -1))
    return any(len(groups) > 1 for groups in seen.values())


def _sized(outcome: Outcome, comparison: Comparison) -> Cell:
    """With how far the output moved, where it did: labels and ranks have a count, not a distance."""
    drift = next((one for one in comparison.drifts if one.name == _OUTPUT), None)
    if drift is None:
        return Cell(outcome)
    stats = drift.stats if drift.kind.startswith("float") else None
    distance = stats.max_abs if stats is not None and math.isfinite(stats.max_abs) else None
    return Cell(outcome, distance, drift.n_different, drift.n_total)
