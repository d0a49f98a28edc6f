"""What pytest would have reported in a child, made anew for the session's own reporters."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_repro.errors import WorkerError

__all__ = ["Warned", "read_reports"]


def read_reports(config: pytest.Config, rows: Sequence[object]) -> tuple[Any, ...]:
    """Reports as pytest's own hook restores them, with the tuples that JSON does not have.

    Raises:
        WorkerError: a row is no report.
    """
    return tuple(_report(config, row) for row in rows)


def _report(config: pytest.Config, row: object) -> Any:
    if not isinstance(row, dict):
        msg = f"a report from a worker is a {type(row).__name__}, expected an object"
        raise WorkerError(msg)
    data = dict(row)
    try:
        for key in ("sections", "user_properties"):
            data[key] = [tuple(entry) for entry in data.get(key, ())]
        for key in ("location", "longrepr"):
            if isinstance(data.get(key), list):
                data[key] = tuple(data[key])
        report = config.hook.pytest_report_from_serializable(config=config, data=data)
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
        msg = f"a report from a worker is damaged: {type(error).__name__}: {error}"
        raise WorkerError(msg) from None
    if report is None:
        msg = f"a report from a worker has the unknown type {data.get('$report_type')!r}"
        raise WorkerError(msg)
    return report


class Warned:
    """Passes warnings of process runs on to the session's summary, each once."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seen: set[tuple[str, ...]] = set()

    def replay(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Record what is new."""
        for entry in entries:
            key = tuple(str(entry.get(name)) for name in ("nodeid", "category", "text", "file", "line"))
            if key not in self._seen:
                self._seen.add(key)
                self._record(entry)

    def _record(self, entry: Mapping[str, Any]) -> None:
        line = entry.get("line")
        message = warnings.WarningMessage(
            message=str(entry.get("text", "")),
            category=_category(str(entry.get("module", "")), str(entry.get("category", "Warning"))),
            filename=str(entry.get("file", "")),
            lineno=line if isinstance(line, int) else 0,
        )
        location = entry.get("location")
        self._config.hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": message,
                "when": str(entry.get("when", "runtest")),
                "nodeid": str(entry.get("nodeid", "")),
                "location": tuple(location) if isinstance(location, list) else None,
            }
        )


def _category(module: str, name: str) -> type[Warning]:
    """The class where it is loaded here, too; else one of that name. Nothing is imported for it."""
    found = getattr(sys.modules.get(module), name, None)
    if isinstance(found, type) and issubclass(found, Warning):
        return found
    return type(name.rpartition(".")[2] or "Warning", (Warning,), {})
