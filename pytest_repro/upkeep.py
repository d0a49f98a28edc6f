"""The end of a session that keeps something: baselines are written, stale ones removed, each file named.

A plugin object of its own, registered only for such a session. With xdist, tests run in workers and
files are written here, on the controller; workers say which baselines their tests lay claim to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.errors import ReproError, SettingsError

if TYPE_CHECKING:
    from pytest_repro.settings import Settings

__all__ = ["Upkeep"]

_KEY = "repro_upkeep"
#: options that leave tests out, as pytest and its own plugins name them
_NARROWING = (
    "keyword",
    "markexpr",
    "deselect",
    "lf",
    "failedfirst",
    "stepwise",
    "ignore",
    "ignore_glob",
)


class Upkeep:
    """Collects what tests propose and writes it once all is known."""

    def __init__(
        self, config: pytest.Config, settings_for: Callable[[pytest.Item], Settings], *, mode: str, record: str
    ) -> None:
        self._config = config
        self._settings_for = settings_for
        self._mode = mode
        self._record = record
        self._proposals: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._kept: dict[str, int] = {}
        self._bad: set[str] = set()
        self._claims: set[Path] = set()
        self._modules: set[Path] = set()
        #: some tests were left out
        self._partial = False
        self._lines: list[str] = []

    # --- what there is ------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the baselines of all tests that are there, whether they pass, fail or are skipped."""
        from pytest_repro.baseline.names import baseline_path

        for item in session.items:
            self._modules.add(item.path)
            try:
                wanted = self._settings_for(item).keeps_baseline  # marked or not: --repro-all may have written it
            except SettingsError:
                wanted = True
            if wanted:
                self._claims.add(baseline_path(item.nodeid, item.path))

    def pytest_deselected(self, items: object) -> None:
        """Tests were left out."""
        self._partial = self._partial or bool(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What could not be collected is not gone."""
        self._partial = self._partial or not report.passed

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take what a test proposes, unless it fails anywhere."""
        if report.failed:
            self._bad.add(report.nodeid)
        if hasattr(report, "repro_proposal"):
            self._proposals[report.nodeid] = report.repro_proposal
        if hasattr(report, "repro_problem"):
            self._problems[report.repro_problem] = report.nodeid
        if hasattr(report, "repro_kept"):
            self._kept[report.nodeid] = report.repro_kept

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what an xdist worker knows."""
        found = getattr(node, "workeroutput", {}).get(_KEY)
        if found is None:  # it crashed
            self._partial = True
            return
        self._claims.update(Path(path) for path in found["claims"])
        self._modules.update(Path(path) for path in found["modules"])
        self._partial = self._partial or bool(found["partial"])

    # --- the end ------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write and remove; an xdist worker only says what it knows."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_KEY] = {
                "claims": sorted(map(str, self._claims)),
                "modules": sorted(map(str, self._modules)),
                "partial": self._partial,
            }
            return
        if int(session.exitstatus) in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        written = self._write(session)
        if self._mode == "all" and self._whole(session):
            written += self._remove(session)
        if self._kept:
            tests = "1 test" if len(self._kept) == 1 else f"{len(self._kept)} tests"
            runs = sum(self._kept.values())
            self._lines.append(
                f"repro: kept {runs} {'recording' if runs == 1 else 'recordings'} of {tests} in {self._record}"
            )
        if self._mode and not written:
            self._lines.append("repro: no baseline changed.")

    def _write(self, session: pytest.Session) -> int:
        from pytest_repro.baseline.updating import Proposal, write_proposal

        count = 0
        for nodeid in sorted(self._proposals.keys() - self._bad):
            proposal = Proposal.from_text(self._proposals[nodeid])
            try:
                what = write_proposal(proposal)
            except (ReproError, OSError) as error:
                self._fail(session, str(error))
                continue
            if what:
                count += 1
                self._lines.append(f"repro: wrote {self._shown(Path(proposal.path))} ({what})")
        for problem in sorted(self._problems):
            self._fail(session, problem)
        return count

    def _remove(self, session: pytest.Session) -> int:
        from pytest_repro.baseline.updating import remove_stale, stale_files

        count = 0
        for path in list(stale_files(self._roots(), claimed=self._claims, modules=self._modules)):
            try:
                remove_stale(path)
            except (ReproError, OSError) as error:
                self._fail(session, f"{path}: {error}")
                continue
            count += 1
            self._lines.append(f"repro: removed {self._shown(path)} (its test is gone)")
        return count

    def _fail(self, session: pytest.Session, problem: str) -> None:
        self._lines.append(f"repro: ERROR: {problem}")
        session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _shown(self, path: Path) -> str:
        try:
            return path.relative_to(self._config.rootpath).as_posix()
        except ValueError:
            return str(path)

    def _whole(self, session: pytest.Session) -> bool:
        """Whether all tests of the folders that were named have been seen."""
        option = self._config.option
        narrowed = any(getattr(option, name, None) for name in _NARROWING)
        stopped = (
            bool(session.shouldstop or session.shouldfail) or int(session.exitstatus) == pytest.ExitCode.INTERRUPTED
        )
        return not (self._partial or narrowed or stopped) and len(list(self._roots())) == len(self._config.args)

    def _roots(self) -> Iterator[Path]:
        base = self._config.invocation_params.dir
        for argument in self._config.args:
            folder = Path(os.path.normpath(base / argument))
            if folder.is_dir():
                yield folder

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name each file."""
        for line in self._lines:
            terminalreporter.write_line(line)
