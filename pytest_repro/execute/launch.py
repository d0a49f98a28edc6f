"""Start a worker: a plain pytest in a fresh interpreter with this session's arguments and a condition's variables."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_repro import frozen
from pytest_repro.conditions import launch
from pytest_repro.errors import WorkerError
from pytest_repro.execute.endings import describe_status
from pytest_repro.execute.transport import make_transport

if TYPE_CHECKING:
    import pytest  # a task on a node loads this module, and has no use for pytest

    from pytest_repro.model import Condition

__all__ = [
    "LOG_LIMIT",
    "Blueprint",
    "Key",
    "Process",
    "interpreter_flags",
    "launch_key",
    "session_environment",
    "start",
]

#: characters of a worker's log that are shown
LOG_LIMIT = 8000

#: what an interpreter is started with: two conditions with one key can share a worker
Key: TypeAlias = "tuple[tuple[tuple[str, str | None], ...], tuple[str, ...]]"

#: The interpreter's own folder and the current one must not shadow `json`; from then on the search
#: path is the session's. ``python -m pytest`` would be wrong: it adds the current folder.
_BOOT = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
with open(sys.argv[1], encoding="utf-8") as file:
    boot = json.load(file)
if boot["path"] is not None:
    sys.path[:] = boot["path"]
sys.argv[:] = boot["argv"]
del file, json
from pytest_repro.execute.boot import main
main(boot)
"""

#: Variables by which other tools recognise their own processes. MLFLOW_RUN_ID is the run that ``mlflow run`` made:
#: the first ``mlflow.start_run()`` of a process writes into it, and each worker has a first one.
_FOREIGN_PREFIXES = ("PYTEST_XDIST_",)
_FOREIGN = frozenset({"PYTEST_CURRENT_TEST", "TEST_RUN_PIPE", "RUN_TEST_IDS_PIPE", "MLFLOW_RUN_ID"})


def session_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a session, but for those by which other tools know their own processes."""
    return {
        name: value
        for name, value in variables.items()
        if name not in _FOREIGN and not name.startswith(_FOREIGN_PREFIXES)
    }


def launch_key(condition: Condition) -> Key:
    """What an interpreter for this condition is started with."""
    wanted = launch(condition)
    return tuple(sorted(wanted.env.items())), tuple(wanted.argv_prefix)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What all workers of a session have in common."""

    arguments: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    preload: tuple[str, ...]
    spool: Path
    #: ``pair`` or ``tcp``
    transport: str
    #: why workers must not fork; empty where they may find out
    no_fork: str
    #: imports that go to another folder, as `redirect.install` takes them
    redirect: Mapping[str, object] | None = None
    #: another Python than this one, with modules of its own; empty for this one
    interpreter: str = ""
    #: modules to import before the first fork, where the tests have loaded their library
    ahead: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: pytest.Config, *, preload: Sequence[str], spool: Path) -> Blueprint:
        """Read it from the session."""
        environment = session_environment(frozen.environment_of(config))
        posix = hasattr(os, "fork") and hasattr(os, "killpg")
        asked = environment.get("PYTEST_REPRO_TRANSPORT", "")
        transport = asked if asked in ("pair", "tcp") else ("pair" if posix else "tcp")
        return cls(
            arguments=tuple(str(argument) for argument in config.invocation_params.args),
            directory=config.invocation_params.dir,
            environment=environment,
            preload=tuple(preload),
            spool=spool,
            transport=transport,
            no_fork=_no_fork(posix=posix, transport=transport, forced=environment.get("PYTEST_REPRO_SPAWN") == "1"),
        ).with_overrides(config)

    def with_overrides(self, config: pytest.Config) -> Blueprint:
        """Append what must differ from the session's own command line."""
        from dataclasses import replace

        plugins = config.pluginmanager
        extra = []
        if plugins.has_plugin("terminalreporter"):
            extra.append(f"--color={'yes' if config.get_terminal_writer().hasmarkup else 'no'}")
        if plugins.hasplugin("xdist"):
            extra.append("-n0")
        if getattr(config.option, "randomly_seed", None) is not None:
            extra.append(f"--randomly-seed={config.option.randomly_seed}")
        if getattr(config.option, "cov_source", None):
            extra += ["--cov-append", "--cov-report="]
        return replace(self, arguments=tuple(_with_options(self.arguments, *extra)))

    def variables(self, key: Key) -> dict[str, str]:
        """The environment of a worker with this key."""
        variables = dict(self.environment)
        for name, value in key[0]:
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        return variables


def _no_fork(*, posix: bool, transport: str, forced: bool) -> str:
    if forced:
        return "PYTEST_REPRO_SPAWN=1 forbids it"
    if not posix or transport == "tcp":
        return "this platform offers no safe fork"
    if not sys.platform.startswith("linux"):
        return f"forking after imports is not safe on {sys.platform}"
    return ""


@dataclass(slots=True)
class Process:
    """A worker's process with what was opened for it."""

    popen: subprocess.Popen[bytes]
    transport: Any
    folder: Path
    log: Path
    #: writing end of the pipe whose end ends the worker; None where a thread watches
    lifeline: int | None = None
    _closed: bool = field(default=False, init=False)

    @property
    def pid(self) -> int:
        """Of the worker; on POSIX also its process group."""
        return self.popen.pid

    def alive(self) -> bool:
        """Whether it is running."""
        return self.popen.poll() is None

    def ending(self, *, within: float) -> str:
        """How it ended, in words; empty where it does not end within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return describe_status(self.popen.wait(timeout=within))
        return ""

    def captured(self) -> list[tuple[str, str]]:
        """Sections of a report: what was captured there for a run that did not get as far as reporting it."""
        sections = []
        for name in ("out", "err"):
            with contextlib.suppress(OSError):
                text = (self.folder / name).read_text(encoding="utf-8", errors="replace")
                if text:
                    sections.append((f"Captured std{name} call", text))
        return sections

    def logged(self, *, start: int = 0) -> list[tuple[str, str]]:
        """The same of what was not captured: the end of its log, from a byte of it on."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(start)
            text = log.read().decode("utf-8", errors="replace")[-LOG_LIMIT:]
            return [("worker log", text)] if text.strip() else []
        return []

    def farewell(self) -> None:
        """Tell the guard that we end the worker ourselves."""
        if self.lifeline is not None:
            from pytest_repro.execute.lifeline import ORDERLY

            with contextlib.suppress(OSError):
                os.write(self.lifeline, ORDERLY)
            os.close(self.lifeline)
            self.lifeline = None


def start(blueprint: Blueprint, key: Key, *, number: int, no_fork: str) -> Process:
    """Start a worker and return at once; it says that it is ready by itself.

    Raises:
        WorkerError: the system refuses a process, a descriptor or room on the disk; nothing is left then.
    """
    with contextlib.ExitStack() as undo:
        try:
            process = _start(blueprint, key, undo, number=number, no_fork=no_fork)
        except OSError as error:
            msg = f"its worker could not be started: {error.strerror or error}"
            raise WorkerError(msg) from None
        undo.pop_all()
    return process


def _start(blueprint: Blueprint, key: Key, undo: contextlib.ExitStack, *, number: int, no_fork: str) -> Process:
    folder = blueprint.spool / f"worker-{os.getpid()}-{number:04}"
    folder.mkdir(parents=True)
    undo.callback(shutil.rmtree, folder, ignore_errors=True)
    transport = make_transport(blueprint.transport)
    undo.callback(transport.close)
    ends, ours = os.pipe() if blueprint.transport == "pair" else (None, None)
    with contextlib.ExitStack() as theirs:
        theirs.callback(transport.started)
        if ends is not None and ours is not None:
            theirs.callback(os.close, ends)
            undo.callback(os.close, ours)
        boot = _boot(blueprint, transport, folder, lifeline=ends, no_fork=no_fork)
        (folder / "boot.json").write_text(json.dumps(boot), encoding="utf-8")
        command = [
            *key[1],
            blueprint.interpreter or sys.executable,
            *interpreter_flags(),
            "-c",
            _BOOT,
            str(folder / "boot.json"),
        ]
        with (folder / "log").open("wb") as output:
            popen = subprocess.Popen(  # noqa: S603 - our own interpreter
                command,
                cwd=blueprint.directory,
                env=blueprint.variables(key),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **_apart((*transport.descriptors, *(() if ends is None else (ends,)))),
            )
    return Process(popen, transport, folder, folder / "log", ours)


def _boot(
    blueprint: Blueprint, transport: Any, folder: Path, *, lifeline: int | None, no_fork: str
) -> dict[str, object]:
    """What a worker is told in its file."""
    return {
        "path": None if blueprint.interpreter else list(frozen.SEARCH_PATH),
        "redirect": blueprint.redirect,
        "argv": list(frozen.ARGV),
        "arguments": _with_options(blueprint.arguments, f"--basetemp={folder / 'tmp'}"),
        "address": dict(transport.address()),
        "lifeline": lifeline,
        "folder": str(folder),
        "spool": str(blueprint.spool),
        "preload": list(blueprint.preload),
        "ahead": list(blueprint.ahead),
        "no_fork": no_fork or blueprint.no_fork,
    }


def _with_options(arguments: Sequence[str], *options: str) -> list[str]:
    """Add options where they cannot be taken for paths."""
    where = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:where], *options, *arguments[where:]]


def _apart(descriptors: tuple[int, ...]) -> dict[str, Any]:
    """A session of its own, so that Ctrl-C in the terminal reaches the controller alone."""
    if os.name == "posix":
        return {"start_new_session": True, "pass_fds": descriptors}
    return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


def interpreter_flags() -> list[str]:
    """``-O``, ``-W``, ``-X`` and the like of this interpreter; multiprocessing uses the same function."""
    flags = getattr(subprocess, "_args_from_interpreter_flags", None)
    return list(flags()) if flags is not None else []
