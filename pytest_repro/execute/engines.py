"""Which engine ``--repro-executor`` means, and what all engines look like from here.

An engine takes a function of the standard library with its arguments and gives a `concurrent.futures.Future`.
Dask is known by name; for anything else the user's own function makes a `concurrent.futures.Executor`.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from pytest_repro.errors import SettingsError, UnavailableError

__all__ = ["Engine", "ExecutorEngine", "Spec", "open_engine", "parse_spec"]

#: seconds that reaching a scheduler may take, however patient one is with its queue
_CONNECT = 15.0
#: seconds; clocks of operating systems take a few hundred years at most, and nobody waits for one
_LONGEST = 1e8
_FORMS = "dask://HOST:PORT, or MODULE:FUNCTION where FUNCTION() returns a concurrent.futures.Executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A ``--repro-executor``, taken apart."""

    #: as it was given
    text: str
    #: without its query
    name: str
    #: the project's interpreter on the nodes; empty: the path of this one
    python: str = ""
    #: the project's folder on the nodes; empty: the path of this one
    dir: str = ""
    #: seconds that a task may wait for a worker
    wait: float = 60.0
    #: bytes that one run may send back
    limit: int = 256_000_000
    #: what a worker must offer, with how much of it
    resources: Mapping[str, float] = field(default_factory=dict)


class Engine(Protocol):
    """What runs tasks."""

    def submit(self, function: Callable[..., Any], *args: object, key: str, host: str, **kwargs: object) -> Future[Any]:
        """Have the function called somewhere; with `host`, on that one of `hosts`."""

    def hosts(self) -> tuple[str, ...]:
        """Where it can be told to run something; empty where it cannot be told."""

    def executions(self, key: str) -> int:
        """How often it has started a finished task, as far as it says; 0 where it does not. Asked once per task."""

    def close(self) -> None:
        """Let go of it; tasks that have not begun are cancelled."""


def parse_spec(text: str) -> Spec:
    """Take a ``--repro-executor`` apart.

    Raises:
        SettingsError: its query has an unknown name or an unusable value.
    """
    name, _, query = text.partition("?")
    if not name:
        msg = f"--repro-executor: expected {_FORMS}; got {text!r}"
        raise SettingsError(msg)
    values: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        reader = _QUERY.get(key)
        if reader is None:
            msg = f"--repro-executor={text}: unknown {key!r} after the question mark; there are {', '.join(_QUERY)}"
            raise SettingsError(msg)
        try:
            values[key] = reader(value)
        except ValueError:
            msg = f"--repro-executor={text}: {key}={value!r} is not usable; {_EXPECTED[key]}"
            raise SettingsError(msg) from None
    return Spec(text=text, name=name, **values)


def _text(value: str) -> str:
    if not value:
        raise ValueError(value)
    return value


def _positive(value: str) -> float:
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(value)
    return number


def _seconds(value: str) -> float:
    number = _positive(value)
    if number > _LONGEST:
        raise ValueError(value)
    return number


def _bytes(value: str) -> int:
    return int(_positive(value) * 1e6)


def _resources(value: str) -> dict[str, float]:
    pairs = [part.partition("=") for part in value.split(",")]
    return {_text(name): _positive(amount) for name, _, amount in pairs}


_QUERY: Mapping[str, Callable[[str], Any]] = {
    "python": _text,
    "dir": _text,
    "wait": _seconds,
    "limit": _bytes,
    "resources": _resources,
}
_EXPECTED: Mapping[str, str] = {
    "python": "expected the path of the project's interpreter on the nodes",
    "dir": "expected the path of the project's folder on the nodes",
    "wait": "expected seconds",
    "limit": "expected megabytes",
    "resources": "expected NAME=AMOUNT,NAME=AMOUNT",
}


# --- executors that the user makes ------------------------------------------------------------


class ExecutorEngine:
    """Any `concurrent.futures.Executor`.

    One that can place a task says so by two more methods: ``repro_hosts()`` names its hosts, and
    ``repro_submit(host, function, *args, **kwargs)`` submits to one of them.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._executor = make()

    def submit(self, function: Callable[..., Any], *args: object, key: str, host: str, **kwargs: object) -> Future[Any]:
        """Submit; a pool that a dead process has broken is replaced once."""
        try:
            return self._submit(host, function, *args, **kwargs)
        except BrokenExecutor:
            self.close()
            self._executor = self._make()
            return self._submit(host, function, *args, **kwargs)

    def _submit(self, host: str, function: Callable[..., Any], *args: object, **kwargs: object) -> Future[Any]:
        if host:
            placed: Future[Any] = self._executor.repro_submit(host, function, *args, **kwargs)
            return placed
        future: Future[Any] = self._executor.submit(function, *args, **kwargs)
        return future

    def hosts(self) -> tuple[str, ...]:
        """What the executor says."""
        ask = getattr(self._executor, "repro_hosts", None)
        return tuple(str(host) for host in ask()) if ask is not None else ()

    def executions(self, key: str) -> int:
        """The protocol does not say."""
        return 0

    def close(self) -> None:
        """Shut it down without waiting."""
        shutdown = getattr(self._executor, "shutdown", None)
        if shutdown is None:
            return
        with contextlib.suppress(Exception):  # it may be broken already, and there is nothing left to do for us
            try:
                shutdown(wait=False, cancel_futures=True)
            except TypeError:
                shutdown(wait=False)


def open_engine(spec: Spec, *, hook: Callable[[str], object]) -> Engine:
    """Make the engine.

    Args:
        spec: what was asked for.
        hook: asks ``pytest_repro_make_executor``; None means that nobody knows the name.

    Raises:
        SettingsError: there is no such engine, or it cannot be made.
        UnavailableError: a library is missing.
    """

    def own() -> Any:
        return _checked(spec, _called(spec, lambda: hook(spec.name)))

    found = own()
    if found is not None:
        return _first(found, own)
    if spec.name.startswith("dask://"):
        return _dask(spec)
    if spec.name.count(":") == 1 and all(part.replace(".", "").isidentifier() for part in spec.name.split(":")):
        factory = _factory(spec)
        return ExecutorEngine(lambda: _checked(spec, _called(spec, factory), needed=True))
    msg = f"--repro-executor={spec.text}: expected {_FORMS}, or a name that a pytest_repro_make_executor hook knows"
    raise SettingsError(msg)


def _first(found: Any, again: Callable[[], Any]) -> ExecutorEngine:
    ready = [found]
    return ExecutorEngine(lambda: ready.pop() if ready else again())


def _called(spec: Spec, make: Callable[[], object]) -> object:
    try:
        return make()
    except Exception as error:
        msg = f"--repro-executor={spec.text}: making the executor failed: {type(error).__name__}: {error}"
        raise SettingsError(msg) from error


def _checked(spec: Spec, made: object, *, needed: bool = False) -> object:
    if made is None and not needed:
        return None
    if isinstance(made, Executor) or callable(getattr(made, "submit", None)):
        return made
    msg = f"--repro-executor={spec.text}: expected a concurrent.futures.Executor, got {type(made).__name__}"
    raise SettingsError(msg)


def _factory(spec: Spec) -> Callable[[], object]:
    module_name, _, name = spec.name.partition(":")
    try:
        found = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        msg = (
            f"--repro-executor={spec.text}: {error}; the module must be importable by pytest: "
            "put its folder into the ini option 'pythonpath'"
        )
        raise SettingsError(msg) from None
    if not callable(found):
        msg = f"--repro-executor={spec.text}: {name} is a {type(found).__name__}, expected a function"
        raise SettingsError(msg)
    factory: Callable[[], object] = found
    return factory


# --- Dask -------------------------------------------------------------------------------------


def _dask(spec: Spec) -> Engine:
    try:
        from pytest_repro.execute.dask_engine import DaskEngine
    except ImportError:
        msg = (
            f"--repro-executor={spec.text} needs the package distributed: pip install 'pytest-repro[dask]', in the "
            "version that the scheduler has"
        )
        raise UnavailableError(msg) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of, versions, is what we check ourselves
        return DaskEngine(
            spec.name.replace("dask://", "tcp://", 1),
            text=spec.text,
            resources=spec.resources,
            timeout=min(spec.wait, _CONNECT),
        )
