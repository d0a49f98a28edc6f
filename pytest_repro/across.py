"""Recordings of several machines or versions against each other, without pytest and what made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.compare import compare_recordings
from pytest_repro.environment import difference
from pytest_repro.errors import StoredDataError
from pytest_repro.model import (
    Recording,
    RunSpec,
    TestResult,
    Tolerance,
    Verdict,
)

if TYPE_CHECKING:
    from pytest_repro.baseline.recordings import Kept
    from pytest_repro.model import (
        Comparison,
        EnvChange,
        EnvField,
    )

__all__ = ["Folder", "compare_folders", "environment_changes", "read_folder"]


@dataclass(frozen=True, slots=True)
class Folder:
    """What one folder of recordings holds."""

    label: str
    #: node id → its runs, by number
    tests: Mapping[str, tuple[Kept, ...]]
    environments: Mapping[str, tuple[EnvField, ...]]

    def environment_of(self, nodeid: str) -> tuple[EnvField, ...]:
        """Where the first run of a test happened."""
        return self.environments[self.tests[nodeid][0].environment]


def read_folder(path: Path, *, label: str = "") -> Folder:
    """Read all that a folder of recordings holds.

    Raises:
        StoredDataError: it holds none, or one is damaged.
    """
    from pytest_repro.baseline.recordings import RecordFolder

    folder = RecordFolder(path)
    tests: dict[str, list[Kept]] = {}
    for kept in folder.read():
        tests.setdefault(kept.nodeid, []).append(kept)
    runs = {nodeid: tuple(sorted(some, key=lambda kept: kept.recording.spec.number)) for nodeid, some in tests.items()}
    keys = {kept.environment for some in runs.values() for kept in some}
    return Folder(label or str(path), runs, {key: folder.environment(key) for key in sorted(keys)})


def environment_changes(a: Folder, b: Folder) -> tuple[EnvChange, ...]:
    """How the environments of two folders differ, what can change numbers first; of the first test of each."""
    fields = [folder.environment_of(min(folder.tests)) for folder in (a, b)]
    return difference(*fields)


def compare_folders(
    folders: Sequence[Folder], *, tolerance: Tolerance, allow_missing: bool = False
) -> tuple[TestResult, ...]:
    """Give every test a verdict, by node id; the first folder is the reference.

    Args:
        folders: two or more.
        tolerance: allowed beyond what each value was recorded with.
        allow_missing: leave out tests that not every folder has; else they are inconclusive.

    Raises:
        StoredDataError: no test is in all of them, so that nothing can be compared.
    """
    everywhere = set.intersection(*(set(folder.tests) for folder in folders))
    if not everywhere:
        names = ", ".join(folder.label for folder in folders)
        msg = f"no test is in all of {names}, so nothing can be compared; record the same tests with --repro-record"
        raise StoredDataError(msg)
    nodeids = sorted(set().union(*(folder.tests for folder in folders)))
    return tuple(
        _compared(nodeid, folders, tolerance) if nodeid in everywhere else _missing(nodeid, folders)
        for nodeid in nodeids
        if nodeid in everywhere or not allow_missing
    )


def _missing(nodeid: str, folders: Sequence[Folder]) -> TestResult:
    lacking = ", ".join(folder.label for folder in folders if nodeid not in folder.tests)
    return TestResult(
        nodeid, Verdict.INCONCLUSIVE, runs=len(folders), seed=0, headline=f"it is not in {lacking}; record it there too"
    )


def _compared(nodeid: str, folders: Sequence[Folder], tolerance: Tolerance) -> TestResult:
    first = [folder.tests[nodeid][0] for folder in folders]
    labels = tuple((number, folder.label) for number, folder in enumerate(folders, start=1))
    result = TestResult(
        nodeid,
        Verdict.INCONCLUSIVE,
        runs=len(folders),
        seed=first[0].seed,
        headline="",
        labels=labels,
        against="recordings",
    )
    problem = _problem(first)
    if problem:
        return replace(result, headline=problem)
    fields = [folder.environment_of(nodeid) for folder in folders]
    changes = _numeric_first(fields)
    reference, *others = (Recording(RunSpec(i), one.recording.observations) for i, one in enumerate(first, start=1))
    here = [run for run, there in zip(others, fields[1:], strict=True) if not _apart(fields[0], there)]
    machine = first[0].machine if len(here) < len(others) else Tolerance()
    comparison = compare_recordings([_allowing(reference, machine, tolerance), *others])
    if here and not machine.exact:  # between those of one environment it does not count
        alike = compare_recordings([_allowing(reference, tolerance), *here])
        comparison = alike if alike.drifts else comparison
    if not comparison.drifts:
        verdict = Verdict.WITHIN if comparison.within else Verdict.REPRODUCED
        return replace(result, verdict=verdict, comparison=comparison, headline=_agreed(comparison))
    return replace(
        result,
        verdict=Verdict.DRIFTED,
        comparison=comparison,
        headline=f"{comparison.differing} between the recordings",
        changes=changes,
        advice=tuple(_unsteady(nodeid, folders)),
    )


def _problem(kept: Sequence[Kept]) -> str:
    seeds = sorted({one.seed for one in kept})
    if len(seeds) > 1:
        return (
            f"it was run with seeds {', '.join(map(str, seeds))}, so its values cannot be compared; give all one seed"
        )
    nonces = [one.recording.nonce for one in kept if one.recording.nonce]
    if len(set(nonces)) < len(nonces):
        return "two of the recordings are one and the same execution, so they prove nothing; record it twice"
    if not any(one.recording.observations for one in kept):
        return "nothing was recorded, so nothing can be compared"
    return ""


def _apart(a: tuple[EnvField, ...], b: tuple[EnvField, ...]) -> bool:
    return any(change.numeric for change in difference(a, b))


def _numeric_first(fields: Sequence[tuple[EnvField, ...]]) -> tuple[EnvChange, ...]:
    """All differences of the others from the first."""
    changes: dict[EnvChange, None] = {}
    for other in fields[1:]:
        changes.update(dict.fromkeys(difference(fields[0], other)))
    return tuple(sorted(changes, key=lambda change: not change.numeric))


def _allowing(reference: Recording, *more: Tolerance) -> Recording:
    """Return the recording with each value's tolerance widened."""
    if all(one.exact for one in more):
        return reference
    observations = []
    for seen in reference.observations:
        all_of = (seen.tolerance, *more)
        joined = Tolerance(
            rtol=max(one.rtol for one in all_of),
            atol=max(one.atol for one in all_of),
            ulp=max(one.ulp for one in all_of),
            nan_payload=seen.tolerance.nan_payload,
        )
        observations.append(replace(seen, tolerance=joined))
    return replace(reference, observations=tuple(observations))


def _agreed(comparison: Comparison) -> str:
    total = comparison.total
    return f"{total} of {total} {'value agrees' if total == 1 else 'values agree'} between the recordings"


def _unsteady(nodeid: str, folders: Sequence[Folder]) -> list[str]:
    """Name the folders whose own runs differ: then it is no matter of the machine."""
    lines = []
    for folder in folders:
        runs = [kept.recording for kept in folder.tests[nodeid]]
        if len(runs) > 1 and compare_recordings(runs, one_session=True).drifts:
            lines.append(f"the {len(runs)} runs of {folder.label} differ among themselves: find that cause first")
    return lines
