"""Sessions inside the session: our plugin, the plugins that a test names, and nothing else that is installed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

# pytester forgets what a session inside imports: C extensions load only once, and our modules are measured once
import deepdiff  # noqa: F401
import numpy as np  # noqa: F401
import numpy.random  # noqa: F401
import pytest

import pytest_repro.entropy.taps
import pytest_repro.explaining
import pytest_repro.inplace
import pytest_repro.plugin
import pytest_repro.report.json_file
import pytest_repro.suspects


@dataclass
class Inner:
    """Runs pytest on test files, in this process unless told otherwise."""

    pytester: pytest.Pytester

    def file(self, source: str, name: str = "test_it") -> None:
        """Write a test module."""
        self.pytester.makepyfile(**{name: source})

    def __call__(
        self, *arguments: str, plugins: Sequence[str] = (), subprocess: bool = False, isolation: str = "inline"
    ) -> pytest.RunResult:
        """Run; without `isolation` the default one."""
        given: list[str] = ["-p", "no:cacheprovider"]
        for plugin in plugins:
            given += ["-p", plugin]
        if isolation:
            given += [f"--repro-isolation={isolation}"]
        if not any(argument.startswith("--repro-explain") for argument in arguments):
            given += ["--repro-explain=off"]
        if subprocess:
            return self.pytester.runpytest_subprocess(*_ours(), *given, *arguments)
        with warnings.catch_warnings():
            # the filters of the session outside are not those of the session inside
            warnings.resetwarnings()
            warnings.simplefilter("default")
            return self._here(*given, *arguments)

    def _here(self, *arguments: str) -> pytest.RunResult:
        # as an object: an option -p would warn that it cannot be rewritten any more
        return self.pytester.runpytest_inprocess(*arguments, plugins=[pytest_repro.plugin], no_reraise_ctrlc=True)


def _ours() -> tuple[str, ...]:
    """Load our plugin, unless pytest does so because it is installed: it refuses to load one twice."""
    installed = any(entry.value == "pytest_repro.plugin" for entry in entry_points(group="pytest11"))
    loaded = installed and "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ
    return () if loaded else ("-p", "pytest_repro.plugin")


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """Sessions with our plugin only."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "80")
    # subprocesses import the package that is tested, installed or not
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_repro.plugin.__file__).parents[1]))
    for name in ("PYTEST_ADDOPTS", "NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_ACTIONS", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    return Inner(pytester)
