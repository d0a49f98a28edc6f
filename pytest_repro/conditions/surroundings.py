"""Where a program finds itself: hash seed, time zone, locale, folders, environment block."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_repro.conditions.factor import AS_IS, Factor, Launch, bad_level, check_level, cycle
from pytest_repro.conditions.patching import environ

__all__ = ["CWD", "ENVIRON", "HASH_SEED", "HOME", "LOCALE", "ORDER", "PROCESS", "TIMEZONE", "home_variables"]

_ELSEWHERE = "elsewhere"
#: locales whose conventions differ most from C: other default encoding, decimal comma, dotless i
_OTHER_LOCALES = ("de_DE.ISO-8859-1", "fr_FR.ISO-8859-1", "tr_TR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "en_US.UTF-8")
_ZONES = ("UTC", "Asia/Tokyo", "America/New_York")
_PADDING = "PYTEST_REPRO_PADDING"


def _hash_seed_launch(level: str) -> Launch:
    if not level.isdecimal() or int(level) >= 2**32:
        raise bad_level("hash-seed", level, "a number from 0 to 4294967295")
    return Launch({"PYTHONHASHSEED": level})


# --- time zone --------------------------------------------------------------------------------


def _no_timezone() -> str | None:
    if not hasattr(time, "tzset"):
        return "this platform has no time.tzset"
    import zoneinfo

    folders = (*zoneinfo.TZPATH, "/usr/share/zoneinfo")
    missing = [zone for zone in _ZONES[1:] if not any(Path(folder, zone).is_file() for folder in folders)]
    return f"the system's time zone database lacks {', '.join(missing)}" if missing else None


@contextlib.contextmanager
def _timezone(level: str) -> Iterator[None]:
    try:
        with environ({"TZ": level}):
            time.tzset()
            yield
    finally:
        time.tzset()  # TZ is back by now


# --- locale -----------------------------------------------------------------------------------


def _installed(name: str) -> bool:
    """Whether the C library has the locale; asks without changing the process."""
    try:
        libc = ctypes.CDLL(None)
        libc.newlocale.restype = ctypes.c_void_p
        libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
        libc.freelocale.argtypes = [ctypes.c_void_p]
        found = libc.newlocale(1 << 0, name.encode(), None)  # the mask of LC_CTYPE alone
    except (OSError, AttributeError, TypeError):
        return False
    if found:
        libc.freelocale(found)
    return bool(found)


def _locale_level(k: int) -> str:
    others = [name for name in _OTHER_LOCALES if _installed(name)][:1]
    return cycle(AS_IS, "C", "C.UTF-8", *others)(k)


def _locale_launch(level: str) -> Launch:
    """Start in a locale, without Python's own rescue from it.

    In the C and POSIX locales Python turns UTF-8 mode on (PEP 540) or coerces the locale (PEP 538);
    both are switched off, or else ``open()`` would use UTF-8 under every level. Standard output
    keeps UTF-8: it carries the run's captured text.
    """
    return Launch(
        {
            "LC_ALL": level,
            "LANG": level,
            "LANGUAGE": None,
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
        }
    )


# --- folders ----------------------------------------------------------------------------------


@contextlib.contextmanager
def folder() -> Iterator[str]:
    """An empty folder, removed afterwards."""
    path = tempfile.mkdtemp(prefix="pytest-repro-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _cwd(level: str) -> Iterator[None]:
    check_level("cwd", level, [_ELSEWHERE])
    with folder() as path, working_in(path):
        yield


@contextlib.contextmanager
def working_in(path: str) -> Iterator[None]:
    """Work in another folder, and come back."""
    before = Path.cwd()
    # An open folder can be returned to even if it was renamed meanwhile.
    handle = os.open(".", os.O_RDONLY) if os.chdir in os.supports_fd else None
    try:
        os.chdir(path)
        try:
            yield
        finally:
            os.chdir(before if handle is None else handle)
    finally:
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def _home(level: str) -> Iterator[None]:
    check_level("home", level, [_ELSEWHERE])
    with folder() as path, environ(home_variables(path)):
        yield


def home_variables(path: str) -> dict[str, str]:
    """What moves the home folder there."""
    return {
        "HOME": path,
        "USERPROFILE": path,
        "XDG_CONFIG_HOME": str(Path(path, ".config")),
        "XDG_CACHE_HOME": str(Path(path, ".cache")),
        "XDG_DATA_HOME": str(Path(path, ".local", "share")),
        "XDG_STATE_HOME": str(Path(path, ".local", "state")),
    }


def _padding(level: str) -> Launch:
    word, _, size = level.partition("=")
    if word != "padding" or not size.isdecimal() or int(size) > 100_000:
        raise bad_level("environ", level, "'padding=N' with N up to 100000 bytes")
    return Launch({_PADDING: "x" * int(size)})


HASH_SEED = Factor(
    name="hash-seed",
    description="PYTHONHASHSEED: the order of sets of strings, and hash() of a string",
    platforms="Everywhere; needs an interpreter of its own.",
    ladder=str,
    launch_part=_hash_seed_launch,
)
PROCESS = Factor(
    name="process",
    description="in this process, or in an interpreter of its own",
    platforms="Everywhere. The plan places the runs; this factor itself does nothing.",
    ladder=cycle("inline", "fresh"),
)
ORDER = Factor(
    name="order",
    description="other marked tests, with `--repro-all` any others, run before this one, or not",
    platforms="Everywhere. The executor orders the tests; this factor itself does nothing.",
    ladder=cycle("alone", "after others"),
)
TIMEZONE = Factor(
    name="timezone",
    description="TZ: local time, date boundaries",
    platforms="Systems with time.tzset and a time zone database: Linux, macOS; not Windows.",
    ladder=cycle(*_ZONES),
    reason=_no_timezone,
    launch_part=lambda level: Launch({"TZ": level}),
    apply_part=_timezone,
)
LOCALE = Factor(
    name="locale",
    description="LC_ALL, and with it the encoding that open() uses when none is given",
    platforms="POSIX; needs an interpreter of its own. On Windows the locale is not read from variables.",
    ladder=_locale_level,
    reason=lambda: "Windows does not read its locale from variables" if sys.platform == "win32" else None,
    launch_part=_locale_launch,
)
CWD = Factor(
    name="cwd",
    description="the working directory: an empty folder, where relative paths do not find the project",
    platforms="Everywhere.",
    ladder=cycle(AS_IS, _ELSEWHERE),
    apply_part=_cwd,
)
HOME = Factor(
    name="home",
    description="the home folder: an empty one, without caches, data sets and configuration",
    platforms="Everywhere.",
    ladder=cycle(AS_IS, _ELSEWHERE),
    apply_part=_home,
    limits=lambda: "a library that remembered the home folder when it was imported goes on using that one",
)
ENVIRON = Factor(
    name="environ",
    description="the size of the environment block, and with it the addresses on the stack",
    platforms="Everywhere; needs an interpreter of its own.",
    ladder=cycle(AS_IS, "padding=4111", "padding=257", "padding=30011"),
    launch_part=_padding,
)
