"""The ratchet: a file that lists the tests whose drifts are known, so that only new ones fail.

It is text to be reviewed: node ids in order, each with its first divergence and its cause. Only the
node id decides; the rest says what was seen when the file was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Verdict
from pytest_repro.storage import canonical_json, check_schema, read_json, write_atomically

if TYPE_CHECKING:
    from pytest_repro.model import TestResult

__all__ = ["KnownDrift", "changed", "read_known", "write_known"]

SCHEMA = "pytest-repro/known"
VERSION = 1
_LIMIT = 16 << 20
_REMEDY = "restore it from version control, or write it anew with --repro-update"
_DRIFTS = (Verdict.DRIFTED, Verdict.BASELINE_DRIFTED)


@dataclass(frozen=True, slots=True)
class KnownDrift:
    """One line of the file."""

    #: label of the first divergence when it was written
    first: str = ""
    #: factor that was shown to be the cause, empty where none was
    cause: str = ""


def read_known(path: Path) -> dict[str, KnownDrift]:
    """Read the file.

    Raises:
        FileNotFoundError: there is none.
        StoredDataError: it cannot be read or is no such file.
    """
    data = read_json(path, remedy=_REMEDY, limit=_LIMIT)
    check_schema(data, path, name=SCHEMA, version=VERSION, remedy=_REMEDY)
    tests = data.get("tests")
    if not isinstance(tests, dict):
        msg = f"{path}: 'tests' should be an object, got {type(tests).__name__}; {_REMEDY}"
        raise StoredDataError(msg)
    return {nodeid: _entry(path, nodeid, entry) for nodeid, entry in tests.items()}


def _entry(path: Path, nodeid: str, entry: object) -> KnownDrift:
    if not isinstance(entry, dict):
        msg = f"{path}: the entry of {nodeid[:200]!r} should be an object, got {type(entry).__name__}; {_REMEDY}"
        raise StoredDataError(msg)
    texts = {key: entry.get(key, "") for key in ("first", "cause")}
    for key, text in texts.items():
        if not isinstance(text, str):
            msg = f"{path}: {key!r} of {nodeid[:200]!r} should be text, got {type(text).__name__}; {_REMEDY}"
            raise StoredDataError(msg)
    return KnownDrift(**texts)


def changed(known: Mapping[str, KnownDrift], results: Sequence[TestResult]) -> dict[str, KnownDrift]:
    """What the file should say after a session: drifts that were seen, and what was not run as it was."""
    after = dict(known)
    for result in results:
        if result.verdict in _DRIFTS:
            first = result.comparison.first
            cause = result.cause.factor if result.cause is not None else ""
            after[result.nodeid] = KnownDrift(first.label if first is not None else "", cause)
        elif result.verdict.good:
            after.pop(result.nodeid, None)
    return after


def write_known(path: Path, known: Mapping[str, KnownDrift]) -> None:
    """Write the file, whole or not at all.

    Raises:
        SettingsError: it cannot be written.
    """
    tests = {
        nodeid: {key: text for key, text in (("first", entry.first), ("cause", entry.cause)) if text}
        for nodeid, entry in known.items()
    }
    write_atomically(path, canonical_json({"schema": f"{SCHEMA}@{VERSION}", "tests": tests}))
