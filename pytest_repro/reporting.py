"""The end of a session: verdicts of all tests → one `SessionReport` → every reader of it. On the controller only."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.errors import ReproError, SettingsError
from pytest_repro.excuses import Watched, excuse_lines
from pytest_repro.model import SessionReport
from pytest_repro.plan import escape_rate
from pytest_repro.report.closing import closing_lines
from pytest_repro.settings import Source

if TYPE_CHECKING:
    from pytest_repro.known import KnownDrift
    from pytest_repro.model import TestResult
    from pytest_repro.settings import Settings
    from pytest_repro.surroundings import Surroundings
    from pytest_repro.tracking import Tracker

__all__ = ["ReproWarning", "Reporting", "known_drifts"]


class ReproWarning(UserWarning):
    """A verdict that is only reported."""


def _known_path(config: pytest.Config, settings: Settings) -> Path:
    """The file of known drifts: relative to where pytest was called, or to the root where the ini file names it."""
    base = config.invocation_params.dir if settings.source("known") is Source.COMMAND_LINE else config.rootpath
    return base / settings.known


def known_drifts(config: pytest.Config, settings: Settings) -> Mapping[str, KnownDrift]:
    """What the file of known drifts says.

    Raises:
        SettingsError: there is no such file, and none is to be written.
        StoredDataError: it cannot be read.
    """
    if not settings.known:
        return {}
    from pytest_repro.known import read_known

    try:
        return read_known(_known_path(config, settings))
    except FileNotFoundError:
        if settings.update:
            return {}
        msg = f"--repro-known={settings.known}: there is no such file; write it with --repro-update"
        raise SettingsError(msg) from None


class Reporting:
    """Collects verdicts, also from xdist's workers, and writes each report once."""

    def __init__(self, config: pytest.Config, settings: Settings, surroundings: Surroundings) -> None:
        self._config = config
        self._surroundings = surroundings
        self._settings = settings
        self._results: list[TestResult] = []
        self._parts: dict[Any, Any] = {}
        self._errors: list[str] = []
        #: what an xdist worker could not say itself
        self.usage_error = ""
        #: lines for the end of the session
        self.notices: list[str] = []
        #: what the file of known drifts says
        self.known: Mapping[str, KnownDrift] = {}
        self._watched: dict[str, Watched] = {}
        self._tracker = self._find_tracker()
        if settings.html and self._is_controller:
            from pytest_repro.report.html_page import require

            require()  # now, not after all tests have run
        #: tests with and without the marker that pytest ran
        self._seen = [0, 0]
        self._tracked: list[str] = []

    def _find_tracker(self) -> Tracker | None:
        """Fix where MLflow logs before any test can change it."""
        experiment = self._settings.mlflow
        if not experiment or not self._is_controller:
            return None
        from pytest_repro.tracking import Tracker

        here = self._config.invocation_params
        if "--repro-mlflow" in here.args and (here.dir / experiment.partition("::")[0]).exists():
            msg = (
                f"--repro-mlflow: {experiment!r} was taken for the experiment's name; write --repro-mlflow=pytest-repro"
            )
            raise SettingsError(msg)
        return Tracker(experiment, directory=here.dir, root=self._config.rootpath)

    @property
    def _verbose(self) -> bool:
        return bool(self._config.getoption("verbose", 0) > 0)

    @property
    def _is_controller(self) -> bool:
        return not hasattr(self._config, "workerinput")

    def collect(self, report: Any) -> None:
        """Take one test's verdict."""
        if self._is_controller:
            from pytest_repro.report.codec import result_of, was_sent

            result = result_of(report.repro)
            if was_sent(report.repro):
                result = self._shared(result)
            self._results.append(result)
            # pytest keeps every report to the end; what this one carried is in the results now
            report.repro = {"verdict": result.verdict.value}
            if result.excuse and not result.good:
                self._warn(result)

    def _shared(self, result: TestResult) -> TestResult:
        """Let equal conditions and environments be one object: thousands of tests have the same."""
        return replace(
            result,
            conditions=self._parts.setdefault(result.conditions, result.conditions),
            environments=self._parts.setdefault(result.environments, result.environments),
            varied=self._parts.setdefault(result.varied, result.varied),
        )

    def _warn(self, result: TestResult) -> None:
        """List it among the warnings; not by raising one, which ``-W error`` would turn into a failure."""
        from pytest_repro.report.wording import finding, visible

        place = result.location
        message = warnings.WarningMessage(
            ReproWarning(visible(f"{finding(result)} ({result.excuse})")),
            ReproWarning,
            filename=place.file if place is not None else "",
            lineno=place.line if place is not None else 0,
        )
        arguments = {"warning_message": message, "nodeid": result.nodeid, "when": "runtest", "location": None}
        self._config.hook.pytest_warning_recorded.call_historic(kwargs=arguments)

    def see(self, report: pytest.TestReport) -> None:
        """Count a test, to say so when none of them was to be repeated."""
        if report.when == "call":
            # not by its keywords: those hold the names of folders, too
            self._seen[hasattr(report, "repro_marked")] += 1

    def watch(self, report: Any) -> None:
        """Take what became of one test's automatic observations."""
        if self._is_controller:
            watched = Watched(**report.repro_watched)
            self._watched[watched.nodeid] = watched

    def report(self) -> SessionReport:
        """The session so far; tests in the order of their node ids, so that xdist changes nothing."""
        from pytest_repro.conditions import names

        tests = tuple(sorted(self._results, key=lambda test: test.nodeid))
        varied = dict.fromkeys(factor for test in tests for factor in test.varied)
        return SessionReport(
            tests=tests,
            runs=self._settings.runs,
            seed=self._settings.seed,
            environment=self._environment,
            varied=tuple(varied),
            not_varied=tuple(name for name in names() if name not in varied and (name != "gpu" or self._has_gpu)),
        )

    @cached_property
    def _has_gpu(self) -> bool:
        from pytest_repro.conditions import FACTORS

        return FACTORS["gpu"].available() is None

    @cached_property
    def _environment(self) -> tuple[tuple[str, str], ...]:
        """Read where somebody will read it: that takes longer than many a small test."""
        settings = self._settings
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        hooked = self._config.hook.pytest_repro_report.get_hookimpls()
        if not (settings.json or settings.md or settings.html or settings.mlflow or summary or hooked):
            return ()
        try:
            fields = self._surroundings.fields()
        except SettingsError as error:  # of an xdist controller, which collects nothing and so could not refuse it
            self._errors.append(f"repro: {error}")
            return ()
        return tuple((field.name, field.value) for field in fields)

    def finish(self, session: pytest.Session) -> None:
        """Write what was asked for; a report that cannot be written makes the session fail."""
        if not self._is_controller:
            return
        if self.usage_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        settings = self._settings
        repeated = bool(self._results) or settings.runs > 1
        if not repeated and self._tracker is not None:
            self._tracked = ["repro: no test was repeated, so nothing was logged to MLflow"]
        # also where nothing was: an older report in that place would be taken for this session's
        if not (repeated or settings.json or settings.md or settings.html):
            return
        report = self.report()
        if repeated:
            self._attempt(self._write_known, report, session)
        for write in (self._write_json, self._write_markdown, self._write_html, self._write_github):
            self._attempt(write, report, session)
        if repeated:
            self._config.hook.pytest_repro_report(report=report)
            if self._tracker is not None:
                self._tracked = self._tracker.log(report)

    def _attempt(self, write: Callable[[SessionReport], None], report: SessionReport, session: pytest.Session) -> None:
        try:
            write(report)
        except ReproError as error:
            self._errors.append(f"repro: {error}")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _target(self, name: str) -> Path:
        return self._config.invocation_params.dir / name

    def _write_known(self, report: SessionReport) -> None:
        if self._settings.known and self._settings.update:
            from pytest_repro.known import changed, write_known

            write_known(_known_path(self._config, self._settings), changed(self.known, report.tests))

    def _write_json(self, report: SessionReport) -> None:
        if self._settings.json:
            from pytest_repro.report.files import write_atomically
            from pytest_repro.report.json_file import render_json

            write_atomically(self._target(self._settings.json), render_json(report))

    def _write_markdown(self, report: SessionReport) -> None:
        if self._settings.md:
            from pytest_repro.report.files import write_atomically
            from pytest_repro.report.markdown import render_markdown

            write_atomically(self._target(self._settings.md), render_markdown(report))

    def _write_html(self, report: SessionReport) -> None:
        if self._settings.html:
            from pytest_repro.report.files import write_atomically
            from pytest_repro.report.html_page import render_html

            write_atomically(self._target(self._settings.html), render_html(report))

    def _write_github(self, report: SessionReport) -> None:
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary and report.tests and os.environ.get("GITHUB_ACTIONS") == "true":
            from pytest_repro.report.github import append_summary
            from pytest_repro.report.markdown import render_markdown

            append_summary(summary, render_markdown(report))

    def _annotations(self) -> list[str]:
        """Workflow commands, unless the plugin that makes them from every failure is there."""
        annotated = self._config.pluginmanager.hasplugin("pytest_github_actions_annotate_failures")
        if os.environ.get("GITHUB_ACTIONS") != "true" or annotated or not self._results:
            return []
        from pytest_repro.report.github import render_annotations

        root = os.environ.get("GITHUB_WORKSPACE") or str(self._config.rootpath)
        return list(render_annotations(self.report(), root=root))

    def _nothing_repeated(self) -> list[str]:
        """What to do where runs were asked for and no test has the marker: passing says nothing then."""
        settings = self._settings
        asked = settings.runs > 1 and settings.source("runs") is Source.COMMAND_LINE and not settings.all
        unmarked, marked = self._seen
        if not asked or marked or not unmarked:
            return []
        return [
            "repro: no test that ran is marked 'repro', so nothing was repeated: add @pytest.mark.repro to tests",
            "  that record values, or --repro-all to repeat every test as it is",
        ]

    def closing(self) -> list[str]:
        """The lines at the end of the session."""
        if not self._is_controller:
            return []
        if self.usage_error:
            return [f"ERROR: {self.usage_error}"]
        extra = excuse_lines(self._results, self._watched.values(), self._settings, verbose=self._verbose)
        if not self._results:
            return [*self._nothing_repeated(), *extra, *self.notices, *self._errors, *self._tracked]
        width = self._config.get_terminal_writer().fullwidth
        lines = closing_lines(self.report(), escape=partial(escape_rate, rate=0.1), width=width)
        return [*lines, *extra, *self.notices, *self._errors, *self._tracked, *self._annotations()]
