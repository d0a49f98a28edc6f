"""Mirror a finished session into MLflow, from the controller, once, within a bounded time.

A tracker is not part of the test: whatever it does, the verdicts stand, and the session ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pytest_repro import frozen
from pytest_repro.errors import SettingsError
from pytest_repro.report.wording import count, visible

if TYPE_CHECKING:
    from pytest_repro.model import SessionReport

__all__ = ["Limits", "Tracker"]

#: The current folder must not shadow `json`; from then on the search path is the session's.
_BOOT = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
with open(sys.argv[1], encoding="utf-8") as file:
    sys.path[:] = json.load(file)
from pytest_repro.report.mlflow_log import main
main(sys.argv[2])
"""

#: Unless the user says otherwise: MLflow's own are two minutes and seven retries, an hour in all.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
_QUIET = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "GIT_PYTHON_REFRESH": "quiet", "PYTHONWARNINGS": "ignore"}
#: a setting of a database's address that nobody else should read: ``?password=...``
_SECRET = re.compile(r"([?&][^=&#\s]*(?:pass|token|secret|key)[^=&#\s]*=)[^&#\s]*", re.IGNORECASE)
#: seconds to end in, once everything is said
_END = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after which a tracker is given up."""

    #: without a test getting through; a new database takes ten and more
    silence: float = 60.0
    total: float = 600.0


@dataclass(slots=True)
class _Said:
    """What came back."""

    uri: str = ""
    experiment: str = ""
    name: str = ""
    error: str = ""
    logged: list[dict[str, Any]] = field(default_factory=list)

    def take(self, entry: Mapping[str, Any]) -> None:
        for name in ("uri", "experiment", "name", "error"):
            if name in entry:
                setattr(self, name, str(entry[name]))
        if "test" in entry:
            self.logged.append(dict(entry))


class Tracker:
    """Where MLflow would log when the session started; what the tests change later does not matter."""

    def __init__(self, experiment: str, *, directory: Path, root: Path, limits: Limits | None = None) -> None:
        if importlib.util.find_spec("mlflow") is None:
            msg = "--repro-mlflow needs MLflow, which is not installed: pip install 'pytest-repro[mlflow]'"
            raise SettingsError(msg)
        self._experiment = experiment
        self._directory = directory
        self._root = root
        self._limits = limits or Limits()
        self._outer = os.environ.get("MLFLOW_RUN_ID", "")
        self._environment = {**_PATIENCE, **os.environ, **_QUIET}
        self._environment.pop("MLFLOW_RUN_ID", None)

    def log(self, report: SessionReport) -> list[str]:
        """Log the session; returns the lines that say where it is, or why it is not."""
        if not report.tests:
            return ["repro: no test was repeated, so nothing was logged to MLflow"]
        said = _Said()
        with tempfile.TemporaryDirectory(prefix="pytest-repro-") as folder:
            try:
                status = self._exchange(self._start(report, Path(folder)), said)
            except OSError as error:
                said.error = str(error) or type(error).__name__
            if not said.error and len(said.logged) < len(report.tests):
                said.error = f"its process ended with status {status}: {_tail(Path(folder) / 'log')}"
        return list(_lines(said, total=len(report.tests), directory=self._directory))

    # --- the process --------------------------------------------------------------------------

    def _start(self, report: SessionReport, folder: Path) -> subprocess.Popen[str]:
        from pytest_repro.environment.code import read_code
        from pytest_repro.environment.machine import installed_distributions
        from pytest_repro.report.codec import encode
        from pytest_repro.report.mlflow_run import Assignment, describe_session

        code = [(one.name, one.value) for one in read_code(self._root)]
        tests = describe_session(report, code=code, requirements=installed_distributions(), project=bool(self._outer))
        assignment = Assignment(self._experiment, self._outer, tests)
        (folder / "path.json").write_text(
            json.dumps([entry for entry in frozen.SEARCH_PATH if entry]), encoding="utf-8"
        )
        (folder / "session.json").write_text(json.dumps(encode(assignment), allow_nan=False), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", _BOOT, str(folder / "path.json"), str(folder / "session.json")],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def _exchange(self, process: subprocess.Popen[str], said: _Said) -> int:
        """Take what it says until it ends, or has been silent for too long; give its exit status."""
        assert process.stdout is not None
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        end = time.monotonic() + self._limits.total
        try:
            while line := lines.get(timeout=min(self._limits.silence, max(end - time.monotonic(), 0))):
                with contextlib.suppress(ValueError):
                    said.take(json.loads(line))
        except queue.Empty:
            said.error = f"it did not answer for {self._limits.silence:g} s"
            if time.monotonic() >= end:
                said.error = f"it took more than {self._limits.total:g} s"
        finally:
            if not said.error:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END)
            # it has ended, or is given up; also after Ctrl-C
            process.kill()
            process.wait()
        return process.returncode


def _read(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put("")


def _tail(log: Path) -> str:
    """The last line that it printed: an error that stopped it before it could say so."""
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return text.rpartition("\n")[2]


# --- wording ----------------------------------------------------------------------------------


def _lines(said: _Said, *, total: int, directory: Path) -> list[str]:
    if said.error:
        reason = visible(" ".join(_without_secret(said.error, said.uri).split()))[:500]
        got = f"{len(said.logged)} of {count(total, 'test')} logged to MLflow"
        at = f" at {_shown(said.uri, directory)}" if said.uri else ""
        return [f"repro: WARNING: {got}{at}: {reason}; the verdicts stand"]
    where = f"experiment {visible(said.name)!r} at {_shown(said.uri, directory)}"
    lines = [f"repro: {count(total, 'test')} logged to MLflow: {where}"]
    if said.uri.startswith("http"):
        drifted = next((entry for entry in said.logged if entry["status"] == "FAILED" and entry["children"]), None)
        if drifted is not None:
            link = _compare_link(_shown(said.uri, directory), drifted["children"], said.experiment)
            lines.append(f"repro: compare the runs of {visible(drifted['test'])}: {link}")
    elif said.uri:
        lines.append(f"repro: look at it: mlflow ui --backend-store-uri {shlex.quote(_shown(said.uri, directory))}")
    return lines


def _compare_link(uri: str, runs: list[str], experiment: str) -> str:
    from urllib.parse import quote

    chosen, where = (quote(json.dumps(value, separators=(",", ":"))) for value in (runs[:10], [experiment]))
    return f"{uri.rstrip('/')}/#/compare-runs?runs={chosen}&experiments={where}"


def _shown(uri: str, directory: Path) -> str:
    """The URI for other eyes: without a password, a relative SQLite file made absolute."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/") and ":memory:" not in uri:
        return f"{prefix}{directory / uri[len(prefix) :]}"
    try:
        parts = urlsplit(uri)
        if parts.username is None and parts.password is None:
            return visible(_SECRET.sub(r"\1***", uri))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return uri.partition(":")[0] + ":..."
    return visible(_SECRET.sub(r"\1***", urlunsplit((parts.scheme, f"***@{host}", *parts[2:]))))


def _without_secret(text: str, uri: str) -> str:
    # not by urlsplit: it raises where the address is none
    credentials = re.split("[/?#]", uri.partition("//")[2], maxsplit=1)[0].rpartition("@")[0]
    return _SECRET.sub(r"\1***", text.replace(credentials, "***") if credentials else text)
