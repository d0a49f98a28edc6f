"""The file of a baseline: what a test gave, in one environment or in several.

``values`` are those of the environment that was there first; every further one holds only the values
that differ from these. History of the format:

- ``pytest-repro/baseline@1``: the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.environment import difference
from pytest_repro.errors import StoredDataError
from pytest_repro.model import EnvField
from pytest_repro.storage import canonical_json, check_schema, read_json

if TYPE_CHECKING:
    from pytest_repro.model import EnvChange

__all__ = ["REMEDY", "Baseline", "Known", "numeric_changes", "numeric_fields", "read_baseline"]

NAME = "pytest-repro/baseline"
VERSION = 1
REMEDY = "restore it from version control, or write it anew with --repro-update"

#: from version n to n + 1
_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Known:
    """What a test gave in one environment."""

    #: what can change numbers, sorted
    fields: tuple[tuple[str, str], ...]
    #: name → the entry as JSON
    values: Mapping[str, object]
    #: of the user's repository: ``git.commit``, ``git.dirty``
    code: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The environment's name in the file."""
        text = "\n".join(f"{name}={value}" for name, value in self.fields)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A test's baseline."""

    #: ``test_cnn.py::test_fit``
    test: str
    seed: int
    #: the first one's values are those that the file shows whole
    environments: tuple[Known, ...]
    path: Path = field(default=Path(), compare=False)

    def nearest(self, fields: Iterable[EnvField]) -> tuple[Known, tuple[EnvChange, ...]]:
        """Return the environment that is most like this one, and how they differ: empty where none does."""
        now = tuple(fields)
        found = [(numeric_changes(known.fields, now), known) for known in self.environments]
        changes, known = min(found, key=lambda pair: len(pair[0]))
        return known, changes

    def with_values(self, known: Known) -> Baseline:
        """Return the baseline with what one environment gave put in place of what it gave before."""
        now = [EnvField(name, value, numeric=True) for name, value in known.fields]
        kept = list(self.environments)
        for i, other in enumerate(kept):
            if not numeric_changes(other.fields, now):
                # fields of libraries that were not loaded this time stay
                fields = tuple(sorted({**dict(other.fields), **dict(known.fields)}.items()))
                kept[i] = replace(known, fields=fields)
                break
        else:
            kept.append(known)
        return replace(self, environments=tuple(kept))

    def text(self) -> str:
        """Return the file."""
        first = self.environments[0]
        environments: dict[str, object] = {first.key: _environment(first)}
        for known in self.environments[1:]:
            entry = _environment(known)
            entry["values"] = {
                name: value
                for name, value in known.values.items()
                if name not in first.values or not _same(first.values[name], value)
            }
            absent = sorted(set(first.values) - set(known.values))
            if absent:
                entry["absent"] = absent
            environments[known.key] = entry
        return canonical_json(
            {
                "schema": f"{NAME}@{VERSION}",
                "test": self.test,
                "seed": self.seed,
                "environment": first.key,
                "environments": environments,
                "values": dict(first.values),
            }
        )


def _same(a: object, b: object) -> bool:
    """Return whether two entries are written alike: ``1`` and ``1.0``, ``0.0`` and ``-0.0`` are not."""
    return canonical_json(a) == canonical_json(b)


def _environment(known: Known) -> dict[str, object]:
    entry: dict[str, object] = {"fields": dict(known.fields)}
    if known.code:
        entry["code"] = dict(known.code)
    return entry


def numeric_fields(fields: Iterable[EnvField]) -> tuple[tuple[str, str], ...]:
    """Return what a baseline keeps of an environment."""
    return tuple(sorted((one.name, one.value) for one in fields if one.numeric))


def numeric_changes(stored: Iterable[tuple[str, str]], now: Iterable[EnvField]) -> tuple[EnvChange, ...]:
    """Return what can change numbers and differs between a stored environment and the present one."""
    before = [EnvField(name, value, numeric=True) for name, value in stored]
    return difference(before, (one for one in now if one.numeric))


# --- reading ----------------------------------------------------------------------------------


def read_baseline(path: Path, *, test: str) -> Baseline | None:
    """Read a test's baseline; None where it has none.

    Raises:
        StoredDataError: the file is damaged, of a newer version, or another test's.
    """
    try:
        data = read_json(path, remedy=REMEDY)
    except FileNotFoundError:
        return None
    version = check_schema(data, path, name=NAME, version=VERSION, remedy=REMEDY)
    for step in range(version, VERSION):
        data = _MIGRATIONS[step](data)
    if data.get("test") != test:
        raise _damaged(path, f"it is the baseline of {str(data.get('test'))[:200]!r}, not of {test!r}")
    seed = data.get("seed")
    if type(seed) is not int:
        raise _damaged(path, "its 'seed' is no integer")
    return Baseline(test, seed, _environments(data, path), path)


def _environments(data: dict[str, Any], path: Path) -> tuple[Known, ...]:
    values = _object(data, "values", path)
    environments = _object(data, "environments", path)
    first = data.get("environment")
    if not isinstance(first, str) or first not in environments:
        raise _damaged(path, "its 'environment' is none of its 'environments'")
    known = [_known(_object(environments, first, path), values, path)]
    for key in sorted(environments):
        if key != first:
            entry = _object(environments, key, path)
            absent = entry.get("absent", [])
            if not isinstance(absent, list):
                raise _damaged(path, f"'absent' of environment {key[:40]!r} is no list")
            own = {name: value for name, value in values.items() if name not in absent}
            known.append(_known(entry, {**own, **_object(entry, "values", path)}, path))
    return tuple(known)


def _known(entry: dict[str, Any], values: Mapping[str, object], path: Path) -> Known:
    return Known(_pairs(entry, "fields", path), values, _pairs(entry, "code", path) if "code" in entry else ())


def _pairs(entry: dict[str, Any], key: str, path: Path) -> tuple[tuple[str, str], ...]:
    found = _object(entry, key, path)
    if not all(isinstance(value, str) for value in found.values()):
        raise _damaged(path, f"a value of {key!r} is no text")
    return tuple(sorted(found.items()))


def _object(data: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    found = data.get(key)
    if not isinstance(found, dict):
        raise _damaged(path, f"{key[:40]!r} is missing or no object")
    return found


def _damaged(path: Path, reason: str) -> StoredDataError:
    return StoredDataError(f"{path}: {reason}; {REMEDY}")
