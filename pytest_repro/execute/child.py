"""Worker side: a plain pytest that collects, then executes what is asked for, and reports to nobody else.

Runs in a process of its own. It leaves by ``os._exit`` from the run loop, so that no reporter of
this process ever writes a file.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.conditions import applied, load
from pytest_repro.conditions.left_places import settle_places
from pytest_repro.conditions.pins import IMPORT_VARIABLE, START_VARIABLE, import_condition
from pytest_repro.errors import WorkerError
from pytest_repro.execute import forking
from pytest_repro.execute.ahead import import_ahead
from pytest_repro.execute.isolated import Isolated
from pytest_repro.execute.lifeline import Inbox, end_self
from pytest_repro.execute.protocol import Closed, FrameKind
from pytest_repro.execute.transport import connect
from pytest_repro.execute.types import WORKER
from pytest_repro.execute.wire import request_from
from pytest_repro.ids import own_id
from pytest_repro.settings import excluded

if TYPE_CHECKING:
    from pytest_repro.execute.protocol import Channel
    from pytest_repro.execute.wire import Request
    from pytest_repro.settings import Settings

__all__ = ["serve"]

#: plugins that would rerun tests or report them elsewhere; their options stay known
_SILENCED = ("rerunfailures", "flaky", "reportlog", "vscode_pytest")

#: level of the factor ``order``
_AFTER_OTHERS = "after others"
#: how many tests before and after a test are run first there
_NEIGHBOURS = 5

#: options that act on files of the session or on the choice of tests; those that exist are reset
_RESET: Mapping[str, object] = {
    "xmlpath": None,
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "cacheclear": False,
    "usepdb": False,
    "trace": False,
    "maxfail": 0,
    "pastebin": None,
    "log_file": os.devnull,
    "report_log": None,
    "htmlpath": None,
    "json_report": False,
    "randomly_reset_seed": False,
    "randomly_reorganize": False,
}


def serve(boot: Mapping[str, Any]) -> None:
    """Connect, run pytest, and say why if that did not get as far as serving."""
    try:
        channel = connect(boot["address"])
    except WorkerError:
        os._exit(3)
    load()
    settle_places(Path(boot["folder"]))
    worker = Worker(boot, channel)
    try:
        status = pytest.main(list(boot["arguments"]), plugins=[worker])
        message = f"pytest ended with status {int(status)} before any test could be asked for"
    except BaseException:  # noqa: BLE001 - this process ends here, whatever it was
        message = traceback.format_exc()
    _flush()
    with contextlib.suppress(Closed):
        channel.send(FrameKind.FAILED, {"message": worker.trouble or message})
    os._exit(3)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


class _Mark:
    """Says by its name alone that this process is a worker: our own plugin then starts no runs."""


class Worker:
    """The plugin that makes a pytest session a worker."""

    def __init__(self, boot: Mapping[str, Any], channel: Channel) -> None:
        self._boot = boot
        self._channel = channel
        self._items: dict[str, pytest.Item] = {}
        self._errors: list[list[str]] = []
        #: the text of an internal error
        self.trouble = ""
        self._importing = contextlib.ExitStack()

    # --- until the tests are collected --------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        """Silence what must not act here, and make sure that our own plugin is there."""
        os.environ.pop(START_VARIABLE, None)
        key = os.environ.pop(IMPORT_VARIABLE, None)
        if key is not None:
            self._importing.enter_context(applied(import_condition(key), own_process=True))
        plugins = early_config.pluginmanager
        plugins.register(_Mark(), WORKER)
        for name in _SILENCED:
            plugin = plugins.get_plugin(name)
            if plugin is not None:
                plugins.unregister(plugin, name)
        if not any(getattr(plugin, "__name__", "") == "pytest_repro.plugin" for plugin in plugins.get_plugins()):
            plugins.import_plugin("pytest_repro.plugin")

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Reset options before any plugin is configured by them."""
        for name, value in _RESET.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, object, object]:
        """Know every test before anything is deselected."""
        self._know(items)
        result = yield
        self._know(items)
        return result

    def _know(self, items: list[pytest.Item]) -> None:
        for item in items:
            self._items.setdefault(own_id(item), item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self._errors.append([report.nodeid, report.longreprtext[-4000:]])

    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep the text for the controller."""
        self.trouble = str(excrepr)

    # --- serving ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve until the controller is gone; never returns."""
        for module in self._boot["preload"]:
            importlib.import_module(module)
        self._importing.close()
        isolated = Isolated(session.config, spool=Path(self._boot["spool"]))
        session.config.pluginmanager.register(isolated, "repro-isolated")
        if not self._boot["no_fork"]:
            import_ahead(self._boot["ahead"])
        isolated.warm_up()
        _keep_output(session.config, Path(self._boot["folder"]))
        reason = self._boot["no_fork"] or forking.problem()
        self._channel.send(
            FrameKind.READY,
            {"pid": os.getpid(), "items": len(self._items), "no_fork": reason, "errors": self._errors},
        )
        if reason:
            self._serve_once(isolated)
        else:
            self._serve_forks(isolated, session.config)
        os._exit(0)

    def _request(self, payload: Mapping[str, Any]) -> tuple[Request, pytest.Item | None]:
        request = request_from(payload)
        return request, self._items.get(request.nodeid)

    def _serve_once(self, isolated: Isolated) -> None:
        """Execute one test in this very process."""
        inbox = Inbox(self._channel, watched=self._boot["lifeline"] is None)
        request, item = self._request(inbox.receive().body())
        if item is None:
            self._missing(request)
            return
        isolated.execute(
            item, request, channel=self._channel, receive=inbox.receive, others=self._others(item, request)
        )
        _flush()

    def _serve_forks(self, isolated: Isolated, config: pytest.Config) -> None:
        """Execute each test in a fork of this process."""
        forks = forking.Forks(self._channel, config)
        known = set(sys.modules)
        while True:
            try:
                frame = self._channel.receive()
            except Closed:
                forks.end()
                return
            request, item = self._request(frame.body())
            if item is None:
                self._missing(request)
            else:
                if not known.issuperset(request.ahead):
                    known.update(request.ahead)  # what does not import is not tried again
                    import_ahead(request.ahead)
                    isolated.warm_up()
                forks.run(self._action(isolated, item, request))

    def _action(self, isolated: Isolated, item: pytest.Item, request: Request) -> Callable[[Channel], None]:
        def action(channel: Channel) -> None:
            isolated.execute(
                item,
                request,
                channel=channel,
                receive=lambda: _or_end(channel),
                others=self._others(item, request),
            )

        return action

    def _others(self, item: pytest.Item, request: Request) -> list[pytest.Item]:
        """What is executed first: a few tests around this one that are repeated as well, in the order of collection."""
        if request.spec.condition.level("order") != _AFTER_OTHERS:
            return []  # to look at every test would cost each run of a large suite more than the run itself
        repeated = [each for each in self._items.values() if each is item or _selected(each, request.settings)]
        where = repeated.index(item)
        return repeated[max(where - _NEIGHBOURS, 0) : where] + repeated[where + 1 : where + 1 + _NEIGHBOURS]

    def _missing(self, request: Request) -> None:
        text = "the worker did not collect this test"
        path = request.nodeid.partition("::")[0]
        for nodeid, error in self._errors:
            if nodeid and (path == nodeid or path.startswith(nodeid.rstrip("/") + "/")):
                last = error.strip().splitlines()[-1].removeprefix("E ").strip() if error.strip() else ""
                text += f": collecting {nodeid} failed there: {last}; a run of its own imports the module anew"
                break
        self._channel.send(FrameKind.LOST, {"reason": text, "status": None, "sections": []})


def _selected(item: pytest.Item, settings: Settings) -> bool:
    """Whether a session with these settings repeats the test."""
    if not isinstance(item, pytest.Function):
        return False
    marks = list(item.iter_markers("repro"))
    if marks:
        return not next((mark.kwargs["skip"] for mark in marks if "skip" in mark.kwargs), False)
    return settings.all and not excluded(item.nodeid, settings.exclude)


def _or_end(channel: Channel) -> Any:
    try:
        return channel.receive()
    except Closed:
        end_self()
        raise


def _keep_output(config: pytest.Config, folder: Path) -> None:
    """Let what tests write be captured in files with names, so that the output of a run that dies is not lost.

    pytest captures into files without names; ours take their place under the same descriptors.
    Where pytest's private attributes are others, or its capturing is off, nothing is done.
    """
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    capturing = getattr(manager, "_global_capturing", None)
    for name in ("out", "err"):
        capture = getattr(capturing, name, None)
        file = getattr(capture, "tmpfile", None)
        if file is None or not hasattr(capture, "targetfd"):
            continue
        with contextlib.suppress(OSError, ValueError):
            file.flush()
            named = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(named, file.fileno(), inheritable=False)
            os.close(named)
