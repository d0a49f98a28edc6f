"""Recordings kept whole, with their environment, to be judged anywhere: the folder of ``--repro-record``.

::

    records/<test>/run-1.json          one run: pytest-repro/recording@1
    environments/<key>.json            where it happened: pytest-repro/environment@1
    objects/ab/cdef….npy               arrays

Made by the process that ran the test; a test's runs are in one process, so nothing here is shared
but files whose names say what is in them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_repro.baseline.names import slug
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.errors import SettingsError, StoredDataError
from pytest_repro.model import (
    Condition,
    EnvField,
    Kind,
    Location,
    Observation,
    Place,
    Recording,
    RunSpec,
    Tolerance,
)
from pytest_repro.storage import MAX_JSON_BYTES, canonical_json, check_schema, read_json, write_atomically
from pytest_repro.values import decode, encode

__all__ = ["Kept", "RecordFolder", "read_environment_file"]

_RECORDING = "pytest-repro/recording"
_ENVIRONMENT = "pytest-repro/environment"
_VERSION = 1
_REMEDY = "record it again with --repro-record"
_KEY = re.compile(r"[0-9a-f]{16}")
_LARGEST = 32 * MAX_JSON_BYTES


@dataclass(frozen=True, slots=True)
class Kept:
    """One run of one test, with what is needed to judge it elsewhere."""

    nodeid: str
    seed: int
    recording: Recording
    #: of the folder's environments
    environment: str
    #: what is allowed where the environments differ
    machine: Tolerance


@dataclass(frozen=True, slots=True)
class RecordFolder:
    """A folder of recordings."""

    folder: Path

    @property
    def objects(self) -> ObjectStore:
        """Where the arrays are."""
        return ObjectStore(self.folder / "objects")

    # --- writing ------------------------------------------------------------------------------

    def keep(self, runs: Sequence[Kept]) -> None:
        """Write the runs of one test in place of what the folder has of it.

        Raises:
            SettingsError: the folder cannot be written.
        """
        home = self._home(runs[0].nodeid)
        for kept in runs:
            text = json.dumps(self._body(kept), sort_keys=True, allow_nan=False, separators=(",", ":"))
            write_atomically(home / f"run-{kept.recording.spec.number}.json", text + "\n")
        _remove(home, but={f"run-{kept.recording.spec.number}.json" for kept in runs})

    def forget(self, nodeid: str) -> None:
        """Remove what the folder has of a test that gave nothing this time: it would be taken for what it gives now."""
        _remove(self._home(nodeid))

    def _home(self, nodeid: str) -> Path:
        return self.folder / "records" / slug(nodeid)

    def keep_environment(self, fields: Iterable[EnvField], distributions: Iterable[tuple[str, str]]) -> str:
        """Write an environment once; return its key."""
        body = {
            "schema": f"{_ENVIRONMENT}@{_VERSION}",
            "fields": {one.name: {"value": one.value, "numeric": one.numeric} for one in fields},
            "distributions": dict(distributions),
        }
        text = canonical_json(body)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = self.folder / "environments" / f"{key}.json"
        if not path.exists():
            write_atomically(path, text)
        return key

    def _body(self, kept: Kept) -> dict[str, object]:
        recording = kept.recording
        return {
            "schema": f"{_RECORDING}@{_VERSION}",
            "nodeid": kept.nodeid,
            "seed": kept.seed,
            "run": recording.spec.number,
            "place": recording.spec.condition.place.value,
            "levels": [list(level) for level in recording.spec.condition.levels],
            "outcome": recording.outcome,
            "nonce": recording.nonce,
            "effective": [list(entry) for entry in recording.environment],
            "environment": kept.environment,
            "machine": kept.machine.row(),
            "rows": [self._row(seen) for seen in recording.observations],
        }

    def _row(self, seen: Observation) -> list[object]:
        row: list[object] = [
            seen.name,
            seen.step,
            seen.kind.value,
            encode(seen.value, put=self.objects.put_array),
            seen.location.file,
            seen.location.line,
        ]
        return row if seen.tolerance == Tolerance() else [*row, seen.tolerance.row()]

    # --- reading ------------------------------------------------------------------------------

    def read(self) -> Iterator[Kept]:
        """Yield every run, by test.

        Raises:
            StoredDataError: the folder holds no recordings, or one of them is damaged.
        """
        paths = sorted(self.folder.glob("records/*/run-*.json"))
        if not paths:
            msg = f"{self.folder}: there are no recordings in it; make some with pytest --repro-record={self.folder}"
            raise StoredDataError(msg)
        for path in paths:
            yield self._read_run(path)

    def _read_run(self, path: Path) -> Kept:
        data = read_json(path, remedy=_REMEDY, limit=_LARGEST)
        check_schema(data, path, name=_RECORDING, version=_VERSION, remedy=_REMEDY)
        try:
            return _kept(data, self.objects)
        except FileNotFoundError as error:
            msg = f"{path}: an array is missing ({error.filename}); {_REMEDY}"
            raise StoredDataError(msg) from None
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            msg = f"{path}: it is damaged ({type(error).__name__}: {str(error)[:100]}); {_REMEDY}"
            raise StoredDataError(msg) from None
        except StoredDataError as error:
            msg = f"{path}: {error}"
            raise StoredDataError(msg) from None

    def environment(self, key: str) -> tuple[EnvField, ...]:
        """Read one of the folder's environments.

        Raises:
            StoredDataError: there is none, or it is damaged.
        """
        if not _KEY.fullmatch(key):
            msg = f"{self.folder}: a recording names {key[:60]!r} as its environment, which is no key; {_REMEDY}"
            raise StoredDataError(msg)
        return read_environment_file(self.folder / "environments" / f"{key}.json")


def read_environment_file(path: Path) -> tuple[EnvField, ...]:
    """Read a file that `RecordFolder.keep_environment` wrote.

    Raises:
        StoredDataError: there is none, or it is damaged.
    """
    try:
        data = read_json(path, remedy=_REMEDY)
    except FileNotFoundError:
        msg = f"{path}: there is no such file; {_REMEDY}"
        raise StoredDataError(msg) from None
    check_schema(data, path, name=_ENVIRONMENT, version=_VERSION, remedy=_REMEDY)
    fields = data.get("fields")
    if not isinstance(fields, dict) or not all(isinstance(body, dict) for body in fields.values()):
        msg = f"{path}: 'fields' is missing or damaged; {_REMEDY}"
        raise StoredDataError(msg)
    found = [EnvField(name, str(body.get("value", "")), body.get("numeric") is True) for name, body in fields.items()]
    return tuple(sorted(found, key=lambda one: one.name))


def _remove(home: Path, *, but: Collection[str] = ()) -> None:
    """Remove the runs in the folder of one test.

    Raises:
        SettingsError: one cannot be removed.
    """
    for path in home.glob("run-*.json"):
        if path.name not in but:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                msg = f"cannot remove {path}: {error.strerror or error}; remove it, or record into another folder"
                raise SettingsError(msg) from None


# --- one run ----------------------------------------------------------------------------------


def _kept(data: Mapping[str, Any], objects: ObjectStore) -> Kept:
    levels = tuple((_text(factor), _text(level)) for factor, level in _list(data["levels"]))
    spec = RunSpec(_integer(data["run"]), Condition(Place(data["place"]), levels))
    observations = tuple(_observation(seq, row, objects) for seq, row in enumerate(_list(data["rows"])))
    recording = Recording(
        spec=spec,
        observations=observations,
        outcome=_text(data["outcome"]),
        nonce=_text(data["nonce"]),
        environment=tuple((_text(name), _text(value)) for name, value in _list(data["effective"])),
    )
    return Kept(
        nodeid=_text(data["nodeid"]),
        seed=_integer(data["seed"]),
        recording=recording,
        environment=_text(data["environment"]),
        machine=Tolerance.from_row(data["machine"]),
    )


def _observation(seq: int, row: object, objects: ObjectStore) -> Observation:
    name, step, kind, value, file, line, *tolerance = _list(row)
    return Observation(
        seq=seq,
        name=_text(name),
        step=None if step is None else _integer(step),
        kind=Kind(kind),
        value=decode(value, get=objects.get_array),
        location=Location(_text(file), _integer(line)),
        tolerance=Tolerance.from_row(tolerance[0]) if tolerance else Tolerance(),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"expected text, found {type(value).__name__}"
        raise TypeError(msg)
    return value


def _integer(value: object) -> int:
    if type(value) is not int:
        msg = f"expected an integer, found {type(value).__name__}"
        raise TypeError(msg)
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        msg = f"expected a list, found {type(value).__name__}"
        raise TypeError(msg)
    return value
