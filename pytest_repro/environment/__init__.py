"""Read what can change numbers, and what only describes the machine. Changes and imports nothing heavy.

Libraries are asked for their state only if the user's program has loaded them; versions come from
the metadata of the installed distributions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_repro.environment.libraries import Effective, read_libraries

if TYPE_CHECKING:
    from pytest_repro.model import EnvChange, EnvField

__all__ = ["Effective", "difference", "read_environment"]


def read_environment() -> tuple[EnvField, ...]:
    """Read the environment of this process, sorted by name."""
    from pytest_repro.environment.machine import read_machine

    return tuple(sorted((*read_machine(), *read_libraries()), key=lambda field: field.name))


#: fields that are read only where a library is loaded → how the fields of that library begin. A test that is run
#: alone has loaded less than the whole suite, on the same machine.
_LOADED = {"torch": "torch.", "gpu": "torch.", "numpy": "numpy."}


def difference(before: Iterable[EnvField], after: Iterable[EnvField]) -> tuple[EnvChange, ...]:
    """Tell two environments apart; what can change numbers comes first. Absent values are empty.

    What one side lacks because it had not loaded the library says nothing, and is left out.
    """
    from pytest_repro.model import EnvChange

    old, new = ({field.name: field for field in fields} for fields in (before, after))
    changes = []
    for name in old.keys() | new.keys():
        if (name not in old and _unloaded(name, old)) or (name not in new and _unloaded(name, new)):
            continue
        left, right = old.get(name), new.get(name)
        texts = (left.value if left else "", right.value if right else "")
        if texts[0] != texts[1]:
            numeric = any(field.numeric for field in (left, right) if field)
            changes.append(EnvChange(name, *texts, numeric))
    return tuple(sorted(changes, key=lambda change: (not change.numeric, change.name)))


def _unloaded(name: str, fields: Iterable[str]) -> bool:
    """Whether `fields`, which lack `name`, are of a process that had not loaded its library."""
    library = _LOADED.get(name.partition(".")[0], "")
    # a pool of threads may be any library's
    return name.startswith("pool.") or (bool(library) and not any(other.startswith(library) for other in fields))
