"""Files that we keep: written whole or not at all, under a lock, and read with every doubt.

Nothing that is read here is executed or unpickled; whatever is wrong with a file is a
`StoredDataError` that names it, says what is wrong, and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import math
import os
import re
import stat
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_repro.errors import SettingsError, StoredDataError

__all__ = [
    "MAX_JSON_BYTES",
    "NewerFormatError",
    "canonical_json",
    "check_schema",
    "locked",
    "read_json",
    "write_atomically",
]

#: no file that we write comes near it
MAX_JSON_BYTES = 32 << 20
#: levels of a JSON file; values themselves may have 250, each written as two
MAX_DEPTH = 600
#: seconds after which another session that holds a lock is taken to hang
LOCK_SECONDS = 60.0

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONFLICT = re.compile(rb"^(<{7}|={7}|>{7}|\|{7})( |\r?$)", re.MULTILINE)
#: a number that may be beyond all floats, which the parser reads as infinite
_HUGE = re.compile(rb"[eE]\+?0*[1-9]\d\d|(?<!\d)\d{300}")
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class NewerFormatError(StoredDataError):
    """A file that a newer version wrote: not damaged, and never to be overwritten."""


# --- JSON -------------------------------------------------------------------------------------


def canonical_json(value: object) -> str:
    """Text that is equal for equal data: sorted keys, indent 1, LF, final newline, floats by shortest round trip.

    Numbers that JSON lacks are refused; the caller has words for them.
    """
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # UTF-8 has no lone surrogates (they stand for bytes of a file name); JSON's own escape does.
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def read_json(path: Path, *, remedy: str, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        remedy: what to do about a damaged file; the end of the error's message.
        limit: bytes that it may have at most.

    Raises:
        FileNotFoundError: there is no such file.
        StoredDataError: it cannot be read, or is no JSON object as we write them.
    """
    raw = read_bytes(path, remedy=remedy, limit=limit)
    if _CONFLICT.search(raw):
        raise _damaged(path, "it holds the markers of a merge conflict", f"resolve it, or {remedy}")
    try:
        number = _finite if _HUGE.search(raw) else None  # each number costs a call then
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, parse_float=number, object_pairs_hook=_unique)
        _check_depth(value)
    except json.JSONDecodeError as error:
        reason = f"it is no complete JSON (line {error.lineno}: {error.msg}); it was cut off or edited by hand"
        raise _damaged(path, reason, remedy) from None
    except UnicodeDecodeError:
        raise _damaged(path, "it is not UTF-8 text", remedy) from None
    except RecursionError:
        raise _damaged(path, "it is nested deeper than anything that is written", remedy) from None
    except ValueError as error:  # an integer of over 4300 digits, a repeated key, NaN
        raise _damaged(path, str(error).partition(";")[0], remedy) from None
    if not isinstance(value, dict):
        raise _damaged(path, "it holds no JSON object", remedy)
    return value


def read_bytes(path: Path, *, remedy: str, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes; errors are those of `read_json`."""
    try:
        # without this flag, opening a named pipe would wait for its other end
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _damaged(path, "it is not a regular file", remedy)
            if status.st_size > limit:
                raise _damaged(path, f"it has {status.st_size:,} bytes, and {limit:,} are the most", remedy)
            # not `limit`: as much memory as is asked for is taken, however small the file
            raw = file.read(min(limit, status.st_size) + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _damaged(path, _reason(error), "see to it that it can be read") from None
    if len(raw) > status.st_size:
        raise _damaged(path, "it is being written to", "try again")
    return raw


def check_schema(data: dict[str, Any], path: Path, *, name: str, version: int, remedy: str) -> int:
    """Return the version of the format that `data` is written in, at most `version`.

    Raises:
        StoredDataError: it is another format, or a newer version of it.
    """
    match = re.fullmatch(rf"{re.escape(name)}@([1-9]\d{{0,5}})", str(data.get("schema"))[:200])
    if match is None:
        raise _damaged(path, f"its schema is {str(data.get('schema'))[:60]!r}, expected '{name}@{version}'", remedy)
    found = int(match[1])
    if found > version:
        msg = (
            f"{path}: its format {name}@{found} is newer than {name}@{version}, the newest that this version of "
            "pytest-repro reads; upgrade pytest-repro"
        )
        raise NewerFormatError(msg)
    return found


def _no_constant(name: str) -> object:
    msg = f"it holds the bare word {name}, which is no JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        msg = f"the number {text[:40]} in it is beyond what a float can be"
        raise ValueError(msg)
    return number


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(repeated, _)] = Counter(key for key, _ in pairs).most_common(1)
        msg = f"the key {repeated[:60]!r} stands in it twice"
        raise ValueError(msg)
    return found


def _check_depth(root: object) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]


def _damaged(path: Path, reason: str, remedy: str) -> StoredDataError:
    return StoredDataError(f"{path}: {reason}; {remedy}")


# --- one writer at a time ---------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock file `path` against other sessions; it is gone afterwards.

    The system's own lock on an open file, because the system ends it with the process, however that
    ends: no lock is ever stale, and none needs to be broken. Where the file system has no locks, none is held.

    Raises:
        StoredDataError: another session holds it for longer than `seconds`, or it cannot be made.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except OSError as error:
            raise _damaged(
                path, f"it cannot be made: {_reason(error)}", "see to it that the folder can be written to"
            ) from None
        if _acquire(descriptor) and _still_there(descriptor, path):
            break
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise _damaged(path, f"another session has held this lock for {seconds:.0f} s", "end it, then try again")
        time.sleep(0.01)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while we hold it: who waits for it sees that it is gone and makes a new one
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    """Try to lock; False while another has the lock."""
    try:
        import fcntl
    except ImportError:
        return _acquire_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


def _acquire_on_windows(descriptor: int) -> bool:
    import msvcrt

    module: Any = msvcrt
    try:
        module.locking(descriptor, module.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _still_there(descriptor: int, path: Path) -> bool:
    """Whether the file that we locked is still the one of that name: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


# --- writing ----------------------------------------------------------------------------------


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
