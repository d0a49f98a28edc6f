"""The controller's side of the worker protocol without a worker: the real `Remote` against a scripted peer."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import _pytest.hookspec
import _pytest.reports
import pluggy
import pytest

from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.launch import Process
from pytest_repro.execute.protocol import Channel
from pytest_repro.execute.remote import Remote
from pytest_repro.execute.wire import Request
from pytest_repro.model import Condition, Place, RunSpec
from pytest_repro.settings import Settings

__all__ = ["FakeTransport", "ScriptedPopen", "make_config", "make_remote", "make_request", "serialized_report"]


@dataclass
class _Config:
    hook: Any


def make_config() -> pytest.Config:
    """Enough of a config to restore reports: pytest's own hook implementations."""
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(_pytest.hookspec)
    manager.register(_pytest.reports)
    return cast("pytest.Config", _Config(manager.hook))


@dataclass
class ScriptedPopen:
    """A process that is nowhere: it has left as soon as somebody waits for it."""

    pid: int = 2**22 + 1  # larger than any that Linux gives out
    returncode: int | None = None
    killed: bool = False
    #: what `wait` finds; None: it hangs until it is killed
    status: int | None = 0

    def poll(self) -> int | None:
        """Whether it has left."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for it."""
        if self.returncode is None:
            if self.killed:
                self.returncode = -9
            elif self.status is not None:
                self.returncode = self.status
            else:
                raise subprocess.TimeoutExpired("peer", timeout or 0)
        return self.returncode

    def kill(self) -> None:
        """End it."""
        self.killed = True


@dataclass
class FakeTransport:
    """Hands out one end of a socket pair."""

    channel_end: socket.socket
    closed: bool = False

    def channel(self, *, alive: object, timeout: float | None) -> Channel:
        """Our end."""
        del alive, timeout
        return Channel(self.channel_end)

    def close(self) -> None:
        """Close what was not handed out."""
        self.closed = True


def make_remote(ours: socket.socket, *, folder: Path, config: pytest.Config, popen: Any = None) -> Remote:
    """The controller's side of a worker whose other end is somebody's socket."""
    process = Process(cast("Any", popen or ScriptedPopen()), FakeTransport(ours), folder, folder / "log")
    return Remote(config, ((), ()), process, ArrayFiles(folder))


def make_request(*, number: int = 2, gated: bool = False, **settings: Any) -> Request:
    """A request to execute a test."""
    return Request(
        nodeid="test_it.py::test_it",
        spec=RunSpec(number, Condition(Place.PROCESS)),
        seed=0,
        runs=2,
        gated=gated,
        settings=Settings(**settings),
    )


def serialized_report(config: pytest.Config, *, when: str = "call", failing: bool = False) -> dict[str, object]:
    """A report as a worker sends it."""
    longrepr: Any = None
    if failing:
        try:
            assert [1] == [2]
        except AssertionError:
            longrepr = pytest.ExceptionInfo.from_current().getrepr()
    report = pytest.TestReport(
        nodeid="test_it.py::test_it",
        location=("test_it.py", 1, "test_it"),
        keywords={"test_it": 1},
        outcome="failed" if failing else "passed",
        longrepr=longrepr,
        when=when,  # type: ignore[arg-type]
        sections=[("Captured stdout call", "hello")],
    )
    data = config.hook.pytest_report_to_serializable(config=config, report=report)
    return cast("dict[str, object]", data)
