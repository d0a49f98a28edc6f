"""Apply a condition and undo it, on every path.

A condition names a level for some factors. `launch` says what an interpreter must be started with,
`applied` holds the process at the levels around one run. Nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_repro.conditions.factor import AS_IS, Factor, Launch
from pytest_repro.conditions.variables import is_added, variables_factor
from pytest_repro.errors import SettingsError, UnavailableError, meant_by

if TYPE_CHECKING:
    from pytest_repro.model import Condition

__all__ = [
    "AS_IS",
    "FACTORS",
    "Factor",
    "Launch",
    "applied",
    "check",
    "launch",
    "level_of",
    "load",
    "names",
    "settled",
    "unavailable",
]


class _Table(Mapping[str, Factor]):
    """Factors by name; a module of theirs is loaded with the first that is asked for, since most sessions vary few."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> Factor:
        module = import_module(f"{__name__}.{self._homes[name]}")
        factor: Factor = getattr(module, name.upper().replace("-", "_"))
        return factor

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


#: what ``--repro-vary`` offers, in the order in which it is shown
FACTORS: Mapping[str, Factor] = _Table(
    {
        "process": "surroundings",
        "hash-seed": "surroundings",
        "threads": "hardware",
        "cpu": "hardware",
        "gpu": "gpu",
        "timezone": "surroundings",
        "locale": "surroundings",
        "cwd": "surroundings",
        "home": "surroundings",
        "environ": "surroundings",
        "files": "listing",
        "memory": "memory",
        "clock": "clock",
        "order": "surroundings",
    }
)

#: The order in which in-process parts are entered. Folders first, while names resolve as the
#: session knows them; ``files`` needs the real clock to tell old files from new ones; then the clock; memory last,
#: because putting the others in uses up the gaps that it leaves.
_ENTERED = ("cwd", "home", "timezone", "threads", "joblib", "files", "pid", "entropy", "clock", "memory")
_TUNABLES = "GLIBC_TUNABLES"


def load() -> None:
    """Load every factor, once: before tests could change what their modules read, and before a process forks."""
    dict(FACTORS)


def names(factors: Mapping[str, Factor] = FACTORS) -> tuple[str, ...]:
    """List the factors that can be varied, available or not."""
    return tuple(factors)


def unavailable(factors: Mapping[str, Factor] = FACTORS) -> dict[str, str]:
    """Find the factors that this platform does not offer, with the reason."""
    return {name: reason for name, factor in factors.items() if (reason := factor.available()) is not None}


def level_of(factor: str, k: int) -> str:
    """Return the level of index `k` of a factor: the same on every call, 0 is the reference."""
    return _factor(factor, FACTORS).levels(k)


def check(wanted: Iterable[str], factors: Mapping[str, Factor] = FACTORS) -> tuple[str, ...]:
    """Return the factors of a ``--repro-vary``; ``all`` stands for every one of ours that is available.

    A name with a dot is a factor of the project's own: whether there is one is known once its hooks are.

    Raises:
        SettingsError: there is no such factor; the message lists what there is.
        UnavailableError: this platform does not offer it; the message says why.
    """
    chosen: dict[str, None] = {}
    for name in wanted:
        if name == "all":
            lacking = unavailable(factors)
            chosen.update(dict.fromkeys(known for known in factors if known not in lacking))
            continue
        if is_added(name):
            chosen[name] = None
            continue
        reason = _factor(name, factors).available()
        if reason is not None:
            msg = f"the factor {name!r} cannot be varied here: {reason}. {factors[name].platforms}"
            raise UnavailableError(msg)
        chosen[name] = None
    return tuple(chosen)


def launch(condition: Condition, factors: Mapping[str, Factor] = FACTORS) -> Launch:
    """Say what an interpreter must be started with for this condition."""
    env: dict[str, str | None] = {}
    prefix: list[str] = []
    for name, level in condition.levels:
        part = _factor(name, factors, pins=True).launch(level)
        tunables = [text for text in (env.get(_TUNABLES), part.env.get(_TUNABLES)) if text]
        env.update(part.env)
        if tunables:  # one variable carries the settings of several factors
            env[_TUNABLES] = ":".join(tunables)
        prefix.extend(part.argv_prefix)
    if env.get(_TUNABLES) and os.environ.get(_TUNABLES):
        env[_TUNABLES] = f"{os.environ[_TUNABLES]}:{env[_TUNABLES]}"
    return Launch(MappingProxyType(env), tuple(prefix))


def applied(
    condition: Condition, own_process: bool, factors: Mapping[str, Factor] = FACTORS
) -> AbstractContextManager[None]:
    """Hold this process at the condition's levels; undone in reverse order on exit, even if one undoing fails.

    Args:
        condition: the levels; parts that need a start of the interpreter are taken as done.
        own_process: whether this process was made for the run. Some factors are refused elsewhere.
        factors: what there is, beside the explainer's own.

    Raises:
        SettingsError: a factor or a level is unknown.
        UnavailableError: a factor must not be applied in the user's own process.
    """
    parts = []
    for name, level in condition.levels:
        factor = _factor(name, factors, pins=True)
        if factor.own_process and not own_process and level != AS_IS:
            msg = f"the factor {name!r} is applied in processes of their own only: run with --repro-isolation=process"
            raise UnavailableError(msg)
        parts.append((factor, level))
    parts.sort(key=lambda part: (_place(part[0].name), part[0].name))
    return _entered(parts)


@contextlib.contextmanager
def _entered(parts: list[tuple[Factor, str]]) -> Iterator[None]:
    with ExitStack() as stack:
        for factor, level in parts:
            stack.enter_context(factor.apply(level))
        yield


def settled(condition: Condition) -> list[object]:
    """Lay the heap out anew, as the condition says, right before the code that is judged.

    What was made since it was applied and is gone by now left gaps that differ from process to process.

    Returns:
        Blocks to keep for as long as that code runs.
    """
    level = condition.level("memory")
    if level in (None, AS_IS):
        return []
    from pytest_repro.conditions.memory import layout

    return layout(level)


def _place(name: str) -> int:
    return _ENTERED.index(name) if name in _ENTERED else -1


def _factor(name: str, factors: Mapping[str, Factor], *, pins: bool = False) -> Factor:
    found = factors.get(name)
    if found is None and pins:
        from pytest_repro.conditions.pins import PIN_FACTORS

        found = variables_factor(name) if is_added(name) else PIN_FACTORS.get(name)
    if found is None:
        msg = f"there is no factor {name!r}{meant_by(name, factors)}; there are: {', '.join(factors)}, all"
        raise SettingsError(msg)
    return found
