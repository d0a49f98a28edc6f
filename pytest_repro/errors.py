"""The tree of errors. Every message carries what was wrong, where, and what to do.

::

    ReproError
    ├── SettingsError        a bad option, ini value or marker argument
    ├── RecordingError       a bad call of the ``repro`` fixture
    │   └── ValueTypeError   a value that cannot be compared by meaning
    ├── StoredDataError      a baseline, recording or report that cannot be read
    ├── WorkerError          a process run that could not be carried out
    └── UnavailableError     a factor or feature that this platform does not offer
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "RecordingError",
    "ReproError",
    "SettingsError",
    "StoredDataError",
    "UnavailableError",
    "ValueTypeError",
    "WorkerError",
    "meant_by",
]


class ReproError(Exception):
    """Root of all errors that pytest-repro raises on purpose."""


class SettingsError(ReproError):
    """An option, ini value or marker argument is not usable; becomes ``pytest.UsageError``."""


class RecordingError(ReproError):
    """The ``repro`` fixture was called in a way that cannot be recorded."""


class ValueTypeError(RecordingError, TypeError):
    """A recorded value has a type that cannot be compared by meaning."""


class StoredDataError(ReproError):
    """A stored file is damaged, hostile, too large, or of a newer version."""


class WorkerError(ReproError):
    """A worker process did not start, died, or broke the protocol."""


class UnavailableError(ReproError):
    """A factor or feature does not exist on this platform."""


def meant_by(word: str, known: Iterable[str]) -> str:
    """What to add to the refusal of `word`: the closest of the words that there are, if one is close."""
    import difflib  # a refusal only: no session pays for it

    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
