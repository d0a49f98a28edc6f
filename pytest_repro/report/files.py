"""Writing a report's file: all of it or nothing."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from pytest_repro.errors import SettingsError

__all__ = ["write_atomically"]


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8, line ends as given) to `path`; readers see the old file or the new one.

    Missing folders are created; a symbolic link stays one. What is not a regular file, such as
    ``/dev/stdout``, is written to in place: renaming onto it would replace the device.

    Raises:
        SettingsError: `path` cannot be written; it names the path, the reason and what to do.
    """
    # A lone surrogate (a file name that is not UTF-8) must not cost the user the report.
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise _unwritable(path, "it is a folder")
        if path.exists() and not target.is_file():
            path.write_bytes(raw)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, raw)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _unwritable(path, _reason(error)) from error


def _replace(target: Path, raw: bytes) -> None:
    temporary, handle = _create_beside(target)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _create_beside(target: Path) -> tuple[Path, int]:
    # Not tempfile: its files are private (0600), and it draws on the entropy that we watch.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for number in itertools.count():
        temporary = target.parent / f".repro-{os.getpid()}-{number}.tmp"
        try:
            return temporary, os.open(temporary, flags, 0o666)
        except FileExistsError:
            continue
    raise AssertionError  # pragma: no cover  # the count has no end


def _reason(error: OSError | ValueError) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return f"{reason[:1].lower()}{reason[1:]}"


def _unwritable(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"cannot write {path}: {reason}; name a file in a folder that can be written to")
