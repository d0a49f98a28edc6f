"""Read what can change numbers, and what only describes the machine. Changes and imports nothing heavy.

Libraries are asked for their state only if the user's program has loaded them; versions come from
the metadata of the installed distributions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_repro.environment.libraries import Effective, read_libraries
from pytest_repro.environment.machine import installed_distributions, read_machine

if TYPE_CHECKING:
    from pytest_repro.model import EnvChange, EnvField

__all__ = ["Effective", "difference", "installed_distributions", "read_environment"]


def read_environment() -> tuple[EnvField, ...]:
    """Read the environment of this process, sorted by name."""
    return tuple(sorted((*read_machine(), *read_libraries()), key=lambda field: field.name))


def difference(before: Iterable[EnvField], after: Iterable[EnvField]) -> tuple[EnvChange, ...]:
    """Tell two environments apart; what can change numbers comes first. Absent values are empty."""
    from pytest_repro.model import EnvChange

    old, new = ({field.name: field for field in fields} for fields in (before, after))
    changes = []
    for name in old.keys() | new.keys():
        left, right = old.get(name), new.get(name)
        texts = (left.value if left else "", right.value if right else "")
        if texts[0] != texts[1]:
            numeric = any(field.numeric for field in (left, right) if field)
            changes.append(EnvChange(name, *texts, numeric))
    return tuple(sorted(changes, key=lambda change: (not change.numeric, change.name)))
