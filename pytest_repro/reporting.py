"""The end of a session: verdicts of all tests → one `SessionReport` → every reader of it. On the controller only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.errors import ReproError
from pytest_repro.model import SessionReport, TestResult
from pytest_repro.plan import escape_rate
from pytest_repro.report.terminal import closing_lines
from pytest_repro.settings import Settings

__all__ = ["Reporting"]


class Reporting:
    """Collects verdicts, also from xdist's workers, and writes each report once."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._results: list[TestResult] = []
        self._errors: list[str] = []
        #: what an xdist worker could not say itself
        self.usage_error = ""
        #: lines for the end of the session
        self.notices: list[str] = []

    @property
    def _is_controller(self) -> bool:
        return not hasattr(self._config, "workerinput")

    def collect(self, report: Any) -> None:
        """Take one test's verdict."""
        if self._is_controller:
            from pytest_repro.report.codec import test_from_json

            self._results.append(test_from_json(report.repro))

    def report(self) -> SessionReport:
        """The session so far; tests in the order of their node ids, so that xdist changes nothing."""
        from pytest_repro.conditions import names
        from pytest_repro.environment import read_environment

        tests = tuple(sorted(self._results, key=lambda test: test.nodeid))
        varied = dict.fromkeys(factor for test in tests for factor in test.varied)
        return SessionReport(
            tests=tests,
            runs=self._settings.runs,
            seed=self._settings.seed,
            environment=tuple((field.name, field.value) for field in read_environment()),
            varied=tuple(varied),
            not_varied=tuple(name for name in names() if name not in varied),
        )

    def finish(self, session: pytest.Session) -> None:
        """Write what was asked for; a report that cannot be written makes the session fail."""
        if not self._is_controller:
            return
        if self.usage_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return
        if self._settings.runs < 2 and not self._results:
            return
        report = self.report()
        for write in (self._write_json, self._write_markdown, self._write_html, self._write_github):
            self._attempt(write, report, session)
        self._config.hook.pytest_repro_report(report=report)

    def _attempt(self, write: Callable[[SessionReport], None], report: SessionReport, session: pytest.Session) -> None:
        try:
            write(report)
        except ReproError as error:
            self._errors.append(f"repro: {error}")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _target(self, name: str) -> Path:
        return self._config.invocation_params.dir / name

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

    def closing(self) -> list[str]:
        """The lines at the end of the session."""
        if not self._is_controller:
            return []
        if self.usage_error:
            return [f"ERROR: {self.usage_error}"]
        if not self._results:
            return [*self.notices, *self._errors]
        runs = min(result.runs for result in self._results)
        width = self._config.get_terminal_writer().fullwidth
        lines = closing_lines(self.report(), escape=escape_rate(runs, 0.1), width=width)
        return [*lines, *self.notices, *self._errors, *self._annotations()]
