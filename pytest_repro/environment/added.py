"""What a project adds to the environment by the hook `pytest_repro_environment`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pytest_repro.errors import SettingsError
from pytest_repro.model import EnvField

__all__ = ["RESERVED", "added_fields", "named"]

HOOK = "pytest_repro_environment"
#: how the names of our own fields begin
RESERVED = frozenset(
    {
        *("python", "platform", "cpu", "container", "package", "packages", "variable", "git"),
        *("numpy", "pool", "torch", "gpu"),
    }
)
_NAME = re.compile(r"\w+(\.[\w-]+)+", re.ASCII)


def added_fields(answers: Iterable[object]) -> tuple[EnvField, ...]:
    """The fields that implementations of the hook gave, sorted by name; each of them can change numbers.

    Args:
        answers: what each implementation returned.

    Raises:
        SettingsError: an answer is no mapping, a name or value is not usable, or two disagree.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(answers):
        if found.setdefault(name, value) != value:
            msg = f"{HOOK}: {name!r} is given twice, as {found[name]!r} and as {value!r}; each needs a name of its own"
            raise SettingsError(msg)
    return tuple(EnvField(name, found[name], numeric=True) for name in sorted(found))


def _pairs(answers: Iterable[object]) -> Iterator[tuple[str, str]]:
    for name, value in named(answers, hook=HOOK, what="names and values"):
        head = name.partition(".")[0]
        if head in RESERVED:
            own = f"names that begin with '{head}.' are pytest-repro's own"
            msg = f"{HOOK}: {own}; begin {name!r} with your project's name"
            raise SettingsError(msg)
        # a subclass may print what it likes: an enum of strings, a numpy scalar
        if type(value) not in (str, int, float, bool):
            msg = f"{HOOK}: the value of {name!r} is of type {type(value).__name__}; give text or a number"
            raise SettingsError(msg)
        yield name, str(value)


def named(answers: Iterable[object], *, hook: str, what: str) -> Iterator[tuple[str, object]]:
    """What implementations of a hook gave by name, the names checked.

    Args:
        answers: what each implementation returned.
        hook: its name, for errors.
        what: it must return a dict of.

    Raises:
        SettingsError: an answer is no mapping, or a name has no dot.
    """
    for answer in answers:
        if not isinstance(answer, Mapping):
            msg = f"{hook} must return a dict of {what}, not {type(answer).__name__}"
            raise SettingsError(msg)
        for name, value in answer.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                msg = f"{hook}: {name!r} is no usable name; write it as 'mylib.backend': words joined by dots"
                raise SettingsError(msg)
            yield name, value
