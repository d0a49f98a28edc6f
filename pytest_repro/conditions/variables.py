"""Factors that a project adds by the hook `pytest_repro_factors`: variables of the environment. Pure.

A level holds all that an interpreter must be started with, so that a worker, or a node far away, needs no table.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from pytest_repro.conditions.factor import Factor, Launch, bad_level
from pytest_repro.errors import SettingsError

__all__ = ["added_factors", "is_added", "variables_factor"]

HOOK = "pytest_repro_factors"
_VARIABLE = r"[A-Za-z_]\w*"


def is_added(name: str) -> bool:
    """Whether a factor is a project's own: its name has a dot, which none of ours has."""
    return "." in name


def added_factors(answers: Iterable[object]) -> dict[str, tuple[str, ...]]:
    """The levels of each factor that implementations of the hook gave, in the order of names.

    Args:
        answers: what each implementation returned: name → variable → values.

    Raises:
        SettingsError: an answer is not of this form, or two give one name.
    """
    from pytest_repro.environment.added import named  # for projects that have the hook only

    found: dict[str, tuple[str, ...]] = {}
    for name, variables in named(answers, hook=HOOK, what="names and variables"):
        if name in found:
            msg = f"{HOOK}: {name!r} is given twice; each needs a name of its own"
            raise SettingsError(msg)
        found[name] = _levels(name, _checked(name, variables))
    return dict(sorted(found.items()))


def variables_factor(name: str) -> Factor:
    """The factor behind such a name, whatever its levels are."""
    return Factor(
        name=name,
        description=f"what the project calls {name}",
        platforms="Everywhere; needs an interpreter of its own.",
        ladder=lambda _k: "",
        launch_part=lambda level: Launch(_read(name, level)),
    )


def _checked(name: str, variables: object) -> Mapping[str, Sequence[str | None]]:
    if not isinstance(variables, Mapping) or not variables:
        msg = f"{HOOK}: {name!r} must be a dict of variables and lists of values, as {{'MYLIB_BACKEND': ['a', 'b']}}"
        raise SettingsError(msg)
    for variable, values in variables.items():
        if not isinstance(variable, str) or not re.fullmatch(_VARIABLE, variable, re.ASCII):
            msg = f"{HOOK}: {name!r}: {variable!r} is no name of a variable of the environment"
            raise SettingsError(msg)
        fitting = isinstance(values, list | tuple) and len(values) > 1
        if not fitting or not all(value is None or (type(value) is str and "\0" not in value) for value in values):
            msg = f"{HOOK}: {name!r}: {variable} needs a list of two values or more, each text, or None to unset it"
            raise SettingsError(msg)
    return variables


def _levels(name: str, variables: Mapping[str, Sequence[str | None]]) -> tuple[str, ...]:
    """Level k has the k-th value of each variable; a shorter list starts over."""
    count = max(map(len, variables.values()))
    levels = tuple(
        shlex.join(
            f"-{variable}" if (value := values[k % len(values)]) is None else f"{variable}={value}"
            for variable, values in sorted(variables.items())
        )
        for k in range(count)
    )
    if len(set(levels)) < count:
        msg = f"{HOOK}: {name!r} has the same values twice: {next(one for one in levels if levels.count(one) > 1)}"
        raise SettingsError(msg)
    return levels


def _read(name: str, level: str) -> dict[str, str | None]:
    variables: dict[str, str | None] = {}
    for word in shlex.split(level):
        variable, equals, value = word.partition("=")
        if not equals and not variable.startswith("-"):
            raise bad_level(name, level, "'VARIABLE=value' or '-VARIABLE', with spaces between them")
        variables[variable.removeprefix("-")] = value if equals else None
    return variables
