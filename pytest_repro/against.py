"""``--repro-against``: the same tests with the package as of another commit, on this machine, in this session.

Each marked test is run in a process of its own with the package as it was and in another as it is, under
one condition; the two are compared with no tolerance at all.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.errors import SettingsError
from pytest_repro.execute.outcomes import target_of
from pytest_repro.model import Comparison, Condition, EnvField, Place, Recording, RunSpec, Tolerance, Verdict
from pytest_repro.plan import command_for, given_options
from pytest_repro.source_tree import changed_since, checked_out, redirection, resolve_commit

if TYPE_CHECKING:
    from pytest_repro.execute.types import ProcessExecutor, ProcessRun
    from pytest_repro.execute.workers import WorkerPool
    from pytest_repro.model import EnvChange, TestResult
    from pytest_repro.settings import Settings
    from pytest_repro.source_tree import SourceTree

__all__ = ["Against"]

#: said by the other interpreter
_TELL = """
import json
from pytest_repro.environment import read_environment
print(json.dumps([[field.name, field.value, field.numeric] for field in read_environment()]))
"""
_SECONDS = 60
_CONDITION = Condition(Place.PROCESS, (("hash-seed", "1"),))


@dataclass(slots=True)
class Against:
    """The other version, made when first needed and removed at the end of the session."""

    config: pytest.Config
    settings: Settings
    #: the workers that have the package as it is
    now: Callable[[], ProcessExecutor]
    spool: Callable[[], Path]
    _pool: WorkerPool | None = None
    _folder: Path | None = None
    _tree: SourceTree | None = None
    #: why the other version cannot be had
    _refused: str = ""
    _differences: tuple[EnvChange, ...] | None = None

    @property
    def name(self) -> str:
        """What is compared with, as the user named it."""
        return self.settings.against or self.settings.against_env

    def check(self) -> None:
        """Refuse what cannot work before anything runs.

        Raises:
            SettingsError: there is no such commit, or no such interpreter.
        """
        if self.settings.against:
            resolve_commit(self.config.rootpath, self.settings.against)
        if self.settings.against_env and shutil.which(self.settings.against_env) is None:
            msg = f"--repro-against-env={self.settings.against_env}: there is no such interpreter"
            raise SettingsError(msg)

    def judged(self, item: pytest.Item, settings: Settings, result: TestResult) -> TestResult:
        """Return the verdict of a test whose other checks passed."""
        try:
            before = self._run(self._other(item), item, settings, 1)
        except SettingsError as error:
            self._refused = str(error)
            return _inconclusive(result, self._refused)
        problem = self._problem(before, f"as of {self.name}")
        if problem:
            return _inconclusive(result, problem)
        after = self._run(self.now(), item, settings, 2)
        problem = self._problem(after, "as it is") or _other_module(before.recording, item.path)
        if problem:
            return _inconclusive(result, problem)
        comparison = _compared(before.recording, after.recording)
        if not comparison.drifts:
            return replace(result, against=self.name)
        again = self._run(self._other(item), item, settings, 3)
        if again.recording is not None and _compared(before.recording, again.recording).drifts:
            return _inconclusive(
                result,
                f"two runs with the package as of {self.name} differ, so it cannot be compared with; find out why with "
                f"{command_for(target_of(item), '--repro-runs=3', seed=result.seed)}",
            )
        return self._drifted(item, result, comparison)

    def _run(self, executor: ProcessExecutor, item: pytest.Item, settings: Settings, number: int) -> ProcessRun:
        return executor.execute(item, RunSpec(number, _CONDITION), settings=settings, gate=None)

    def _problem(self, run: ProcessRun, how: str) -> str:
        if run.lost:
            return f"the run with the package {how} was lost: {run.lost}"
        failed = [report for report in run.reports if report.failed]
        if failed or run.recording is None:
            text = failed[0].longreprtext.strip().splitlines() if failed else []
            return f"the test does not pass with the package {how}{': ' + text[-1] if text else ''}"
        if not run.recording.observations:
            return "nothing was recorded, so nothing can be compared"
        if self._tree is not None and not self._used.exists():
            return (
                f"no module of the package was imported from {self.name}, so nothing was compared; for a compiled or "
                "installed package, give an interpreter that has the other version: --repro-against-env=PYTHON"
            )
        return ""

    def _drifted(self, item: pytest.Item, result: TestResult, comparison: Comparison) -> TestResult:
        commit = "" if self._tree is None else f" ({self._tree.commit[:12]})"
        option = f"--repro-against{'' if self.settings.against else '-env'}={shlex.quote(self.name)}"
        return replace(
            result,
            verdict=Verdict.BASELINE_DRIFTED,
            comparison=comparison,
            against=self.name,
            headline=f"{comparison.differing} from {self.name}{commit}",
            labels=((0, self.name), (1, "now")),
            changes=self._changes(),
            code=(f"changed since: {changed_since(self._tree)}",) if self._tree is not None else (),
            again=command_for(target_of(item), *given_options(self.settings), option, seed=result.seed),
        )

    def _changes(self) -> tuple[EnvChange, ...]:
        """What of another interpreter's environment can change numbers and is not as here; read once."""
        if self.settings.against_env and self._differences is None:
            from pytest_repro.environment import difference, read_environment

            found = difference(_environment_of(self.settings.against_env), read_environment())
            self._differences = tuple(change for change in found if change.numeric and change.before)
        return self._differences or ()

    # --- the other version --------------------------------------------------------------------

    @property
    def _used(self) -> Path:
        assert self._folder is not None
        return self._folder / "used"

    def _other(self, item: pytest.Item) -> ProcessExecutor:
        if self._refused:
            raise SettingsError(self._refused)
        if self._pool is None:
            from pytest_repro.execute.workers import WorkerPool

            # below the spool folder, which goes with the session however that ends
            self._folder = self.spool() / "against"
            self._folder.mkdir()
            redirect: dict[str, object] | None = None
            if self.settings.against:
                self._tree = checked_out(self.config.rootpath, self.settings.against, folder=self._folder)
                modules = {other.module for other in item.session.items if isinstance(other, pytest.Function)}
                redirect = redirection(self._tree, tests=modules, used=self._used)
            self._pool = WorkerPool(
                self.config,
                settings=self.settings,
                spool=self._folder,
                redirect=redirect,
                interpreter=self.settings.against_env,
            )
        return self._pool

    def close(self) -> None:
        """End the workers and remove the files."""
        if self._pool is not None:
            self._pool.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _inconclusive(result: TestResult, problem: str) -> TestResult:
    return replace(result, verdict=Verdict.INCONCLUSIVE, headline=problem, comparison=Comparison(), again="")


def _environment_of(interpreter: str) -> tuple[EnvField, ...]:
    """Read the environment of another interpreter, which has this package; nothing where it cannot be told."""
    words = [interpreter, "-c", _TELL]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout  # noqa: S603 - the user named it
        return tuple(EnvField(str(name), str(value), bool(numeric)) for name, value, numeric in json.loads(told))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return ()


def _other_module(before: Recording | None, module: Path) -> str:
    """Why a test says nothing that comes with the package, as with ``--pyargs``, and was changed with it."""
    assert before is not None
    files = {Path(seen.location.file) for seen in before.observations}
    there = [file for file in files if file.is_absolute() and file.name == module.name and file != module]
    for file in sorted(there):
        with contextlib.suppress(OSError):
            if file.read_bytes() != module.read_bytes():
                return f"its module is another one there, so their results are not those of one test: {file}"
    return ""


def _compared(before: Recording | None, after: Recording | None) -> Comparison:
    """Compare with no tolerance: it is one machine."""
    from pytest_repro.compare import compare_recordings
    from pytest_repro.shared_fields import reduced

    assert before is not None
    assert after is not None
    exact = []
    for number, observations in enumerate(reduced(before.observations, after.observations)):
        observed = tuple(
            replace(seen, tolerance=Tolerance(nan_payload=seen.tolerance.nan_payload)) for seen in observations
        )
        exact.append(Recording(RunSpec(number), observed))
    return compare_recordings(exact)
