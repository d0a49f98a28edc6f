"""One test over time: run 1 against the baseline, and what would be written. Writes no baseline itself.

The files are written at the end of the session, by the controller; see `upkeep`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import ReproError, StoredDataError
from pytest_repro.model import (
    Comparison,
    Tolerance,
    Verdict,
)
from pytest_repro.plan import command_for, given_options
from pytest_repro.settings import Source
from pytest_repro.storage import NewerFormatError

if TYPE_CHECKING:
    from pytest_repro.baseline.document import Baseline, Known
    from pytest_repro.baseline.objects import ObjectStore
    from pytest_repro.model import (
        EnvChange,
        Location,
        Recording,
        TestResult,
    )
    from pytest_repro.settings import Settings
    from pytest_repro.surroundings import Surroundings

__all__ = ["Keeping"]


@dataclass(slots=True)
class Keeping:
    """What one test's runs are compared with beyond each other, and kept as."""

    nodeid: str
    #: how to name the test to pytest from where it was called
    target: str
    module: Path
    settings: Settings
    surroundings: Surroundings
    location: Location
    #: where recordings are kept; None where they are not
    record: Path | None = None
    #: compares with another version of the package; None where none was asked for
    against: Callable[[TestResult], TestResult] | None = None
    #: False: nobody marked it, and nothing but a difference may change how it comes out
    marked: bool = True
    #: why it was not compared with what it was to be compared with, where that is no failure
    uncompared: str = ""
    #: for the controller: `Proposal.to_text`
    proposal: str = ""
    #: why something could not be stored
    problem: str = ""
    #: how many runs were kept
    kept: int = 0

    def judged(self, result: TestResult, recordings: Sequence[Recording]) -> TestResult | None:
        """Return the verdict of a test whose runs were compared; None where one run says nothing by itself."""
        said = result.runs > 1 or not result.good
        if self.settings.keeps_baseline and result.good:
            run = min(recordings, key=lambda recording: recording.spec.number)
            try:
                result = self._checked(result, run)
                # one that is written now has been compared with nothing
                result = replace(result, against="" if self.proposal or self.uncompared else "baseline")
            except StoredDataError as error:
                result = self._inconclusive(result, str(error))
            said = True
        if self.against is not None and result.good:
            compared = self.against(result)
            if self.marked or compared.verdict is not Verdict.INCONCLUSIVE:
                result = compared
            else:
                self.uncompared = compared.headline
            said = True
        return result if said else None

    @property
    def expects_values(self) -> bool:
        """Whether a baseline has some, which the test must record."""
        from pytest_repro.baseline.names import baseline_path

        return self.settings.keeps_baseline and baseline_path(self.nodeid, self.module).exists()

    def attach(self, report: Any) -> None:
        """Hand the controller what it is to write."""
        if self.proposal:
            report.repro_proposal = self.proposal
        if self.problem:
            report.repro_problem = self.problem
        if self.kept:
            report.repro_kept = self.kept

    def keep_records(self, recordings: Sequence[Recording], *, seed: int) -> None:
        """Write whole recordings, where that was asked for; what cannot be written fails the session, not the test.

        Of a test without any, those of an earlier session go.
        """
        if self.record is None:
            return
        from pytest_repro.baseline.recordings import Kept, RecordFolder
        from pytest_repro.environment.machine import installed_distributions

        folder = RecordFolder(self.record)
        try:
            if not recordings:
                folder.forget(self.nodeid)
                return
            fields = (*self.surroundings.fields(), *self.surroundings.code_fields())
            key = folder.keep_environment(fields, installed_distributions())
            folder.keep([Kept(self.nodeid, seed, one, key, self._machine()) for one in recordings])
        except ReproError as error:
            self.problem = f"recordings were not kept: {error}"
        else:
            self.kept = len(recordings)

    # --- the baseline -------------------------------------------------------------------------

    def _checked(self, result: TestResult, run: Recording) -> TestResult:
        from pytest_repro.baseline.names import baseline_path

        path = baseline_path(self.nodeid, self.module)
        baseline = self._read(path)
        if baseline is None:
            if not self.settings.update:
                if self.marked:
                    return self._inconclusive(result, self._missing(path))
                options = " ".join([*given_options(self.settings), "--repro-update"])
                self.uncompared = f"it has no baseline; write it with {options}"
                return result
            self._propose(path, result, run)
            return replace(result, headline=f"{result.headline}; its baseline is written")
        if baseline.seed != result.seed:
            return self._other_seed(baseline, result, run)
        return self._compared(baseline, result, run)

    def _read(self, path: Path) -> Baseline | None:
        from pytest_repro.baseline.document import read_baseline
        from pytest_repro.baseline.names import test_name

        try:
            return read_baseline(path, test=test_name(self.nodeid, self.module))
        except NewerFormatError:
            raise
        except StoredDataError:
            if self.settings.update == "all":
                return None
            raise

    def _missing(self, path: Path) -> str:
        shown = path.relative_to(self.surroundings.root) if path.is_relative_to(self.surroundings.root) else path
        return f"there is no baseline to compare with ({shown}); {self._write_it()}"

    def _write_it(self) -> str:
        # an update means every test that says nothing else; one whose marker does needs the command line too
        asked = ["--repro-baseline"] if self.settings.source("baseline") is Source.COMMAND_LINE else []
        return f"write one: {command_for(self.target, *given_options(self.settings), *asked, '--repro-update')}"

    def _other_seed(self, baseline: Baseline, result: TestResult, run: Recording) -> TestResult:
        if self.settings.update == "all":
            self._propose(baseline.path, result, run)
            return replace(result, headline=f"{result.headline}; its baseline is written anew for this seed")
        return self._inconclusive(
            result,
            f"the baseline was made with seed {baseline.seed} and this run with seed {result.seed}, so they cannot be "
            f"compared; run with --repro-seed={baseline.seed}, or {self._write_it()}",
        )

    def _compared(self, baseline: Baseline, result: TestResult, run: Recording) -> TestResult:
        from pytest_repro.baseline.checking import check_run

        known, changes = baseline.nearest(self.surroundings.fields())
        machine = self._machine() if changes else Tolerance()
        comparison = check_run(
            known, run, path=baseline.path, store=self._store(), machine=machine, location=self.location
        )
        if self.settings.update:
            self._fill_store(run)
        if not comparison.drifts:
            return _equal(result, comparison)
        if self.settings.update == "all":
            self._propose(baseline.path, result, run)
            return replace(result, headline=f"{result.headline}; its baseline changes")
        return self._drifted(result, comparison, known=known, changes=changes)

    def _machine(self) -> Tolerance:
        settings = self.settings
        return Tolerance(settings.machine_rtol, settings.machine_atol, settings.machine_ulp)

    def _drifted(
        self, result: TestResult, comparison: Comparison, *, known: Known, changes: tuple[EnvChange, ...]
    ) -> TestResult:
        return replace(
            result,
            verdict=Verdict.BASELINE_DRIFTED,
            comparison=comparison,
            headline=f"{comparison.differing} from the baseline",
            changes=changes,
            code=_code_lines(dict(known.code), dict(self.surroundings.code())),
            advice=self._advice(changes),
            again=command_for(self.target, *given_options(self.settings), "--repro-baseline", seed=result.seed),
        )

    def _advice(self, changes: tuple[EnvChange, ...]) -> tuple[str, ...]:
        update = "if the new values are meant, keep them with --repro-update"
        if not changes:
            return (f"the environment is the one that the baseline was made in; {update}",)
        machine = self._machine()
        if not machine.exact:
            return (f"{machine} is declared for other environments, and is exceeded; {update}",)
        declare = (
            "the environment is not the one that the baseline was made in; if that may move numbers, declare by how "
            "much: machine_rtol=, machine_atol= or machine_ulp= of the marker, or repro_machine_rtol and so on in the "
            f"ini file; {update}, which adds this environment beside the other"
        )
        return (declare,)

    def _inconclusive(self, result: TestResult, problem: str) -> TestResult:
        return replace(result, verdict=Verdict.INCONCLUSIVE, headline=problem, comparison=Comparison(), again="")

    # --- what would be written ----------------------------------------------------------------

    def _propose(self, path: Path, result: TestResult, run: Recording) -> None:
        from pytest_repro.baseline.document import numeric_fields
        from pytest_repro.baseline.entries import values_of
        from pytest_repro.baseline.names import test_name
        from pytest_repro.baseline.updating import Proposal

        self._fill_store(run)
        self.proposal = Proposal(
            path=str(path),
            test=test_name(self.nodeid, self.module),
            seed=result.seed,
            fields=numeric_fields(self.surroundings.fields()),
            values=values_of(run),
            code=self.surroundings.code(),
        ).to_text()

    def _store(self) -> ObjectStore:
        from pytest_repro.baseline.objects import STORE, ObjectStore

        return ObjectStore(self.surroundings.root / STORE / "objects", ignored=True)

    def _fill_store(self, run: Recording) -> None:
        """Keep the elements of big values; a store that cannot be written costs the elements, not the baseline."""
        from pytest_repro.baseline.entries import big_values

        try:
            for node, nan_payload in big_values(run):
                self._store().put(node, nan_payload=nan_payload)
        except ReproError as error:
            self.problem = f"the elements of big values were not kept: {error}"


def _equal(result: TestResult, comparison: Comparison) -> TestResult:
    """Join what the runs gave among themselves with what the baseline gives."""
    names = {entry.name for entry in result.comparison.within}
    within = (*result.comparison.within, *(entry for entry in comparison.within if entry.name not in names))
    total = len(comparison.equal) + len(comparison.within)
    said = f"{total} {'value' if total == 1 else 'values'}"
    headline = (
        f"{said} agree with the baseline, {len(within)} of them within tolerance"
        if within
        else (f"{said} {'is' if total == 1 else 'are'} equal to the baseline")
    )
    return replace(
        result,
        verdict=Verdict.WITHIN if within else Verdict.REPRODUCED,
        headline=headline,
        comparison=replace(
            result.comparison,
            within=within,
            equal=tuple(name for name in result.comparison.equal if name not in {entry.name for entry in within}),
        ),
    )


def _code_lines(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Say how the user's code differs: the range of commits, the files changed since."""
    old, new = before.get("git.commit", ""), after.get("git.commit", "")
    lines = []
    if old and new and old != new:
        lines.append(f"commits {old[:12]}..{new[:12]}")
    elif old and old == new:
        lines.append(f"commit {old[:12]}, as it was then")
    for when, found in (("then", before), ("now", after)):
        if found.get("git.dirty"):
            lines.append(f"changed beside it {when}: {found['git.dirty']}")
    return tuple(lines)
