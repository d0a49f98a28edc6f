"""What a factor is: one thing that can be held or varied, and how a level of it is applied."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import NamedTuple

from pytest_repro.errors import SettingsError
from pytest_repro.model.classes import dataclass

__all__ = ["AS_IS", "Factor", "Launch", "bad_level", "check_level", "cycle"]

#: the level that leaves the factor as the session has it
AS_IS = "as-is"


class Launch(NamedTuple):
    """What must be set when an interpreter starts."""

    #: variables to set; None unsets
    env: Mapping[str, str | None] = MappingProxyType({})
    #: words in front of the interpreter's command line
    argv_prefix: tuple[str, ...] = ()


def _nothing(_level: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that can be held or varied.

    A level has up to two parts: what an interpreter is started with (`launch`), and what is done
    inside the process around one run and undone on every path (`apply`). The level ``as-is`` does
    nothing, for every factor.
    """

    name: str
    #: one line for ``--help`` and reports
    description: str
    #: one sentence: where it exists
    platforms: str
    #: index → level; a fixed function, 0 is the reference
    ladder: Callable[[int], str]
    #: None where the factor is available, else the reason why it is not
    reason: Callable[[], str | None] = lambda: None
    launch_part: Callable[[str], Launch] = lambda _level: Launch()
    apply_part: Callable[[str], AbstractContextManager[None]] = _nothing
    #: whether its in-process part must never be applied in the user's own process
    own_process: bool = False
    #: what this platform's implementation does not reach; empty when there is nothing to say
    limits: Callable[[], str] = lambda: ""

    def available(self) -> str | None:
        """None where this platform offers the factor, else the reason why not."""
        return self.reason()

    def levels(self, k: int) -> str:
        """Return the level of index `k`: the same on every call, 0 is the reference."""
        return self.ladder(k)

    def launch(self, level: str) -> Launch:
        """Say what an interpreter must be started with to be at `level`."""
        return Launch() if level == AS_IS else self.launch_part(level)

    def apply(self, level: str) -> AbstractContextManager[None]:
        """Hold this process at `level`, and undo it on exit."""
        return contextlib.nullcontext() if level == AS_IS else self.apply_part(level)

    @property
    def caveat(self) -> str:
        """What the factor does not reach on this platform; empty when there is nothing to say."""
        return self.limits()


def cycle(*levels: str) -> Callable[[int], str]:
    """Make a ladder that starts over after its last level."""
    return lambda k: levels[k % len(levels)]


def check_level(factor: str, level: str, known: Iterable[str]) -> None:
    """Refuse a level that is none of the words that `factor` knows.

    Raises:
        SettingsError: naming the level and the words.
    """
    words = list(known)
    if level not in words:
        raise bad_level(factor, level, " or ".join(map(repr, (AS_IS, *words))))


def bad_level(factor: str, level: str, expected: str) -> SettingsError:
    """Make the error for a level that `factor` does not know."""
    return SettingsError(f"{level!r} is not a level of the factor {factor!r}: expected {expected}")
