"""The temporary folder and the home folder without what runs left in them.

Code often asks for these while it is imported, so a worker that is to run without those files has other folders from
its start on. They are filled anew for each run: links to what was there before the session, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pytest_repro.conditions.factor import AS_IS, Factor, Launch
from pytest_repro.conditions.left_files import Looker, link, read_since
from pytest_repro.conditions.surroundings import home_variables

__all__ = ["LEFT_HOME", "LEFT_TEMP", "left_in_place", "settle_places"]

#: told to a worker by its environment: place and time; then the folder that another one stands for
_VARIABLE = "PYTEST_REPRO_LEFT"
_REAL = "PYTEST_REPRO_LEFT_REAL"
#: names by chance, under which no later run finds anything, and folders of pytest's and of ours
_PASSING = re.compile(r"tmp\w{8}|pytest-of-|pytest-repro-|pymp-|joblib_memmapping_folder_", re.ASCII)
#: in hidden folders of the home folder: programs keep their state there (``~/.local/share/NAME/file``)
_DEPTH_HIDDEN = 4


class _Place(NamedTuple):
    title: str
    #: where it is now
    now: Callable[[], str]
    #: what moves it to another path
    variables: Callable[[str], Mapping[str, str]]
    #: how it begins in reports
    shown: Callable[[str], str]
    #: how deep to look below it: unpacked archives and other people's caches lie there, too
    depth: int


_PLACES: Mapping[str, _Place] = MappingProxyType(
    {
        "left-temp": _Place(
            "temporary folder",
            tempfile.gettempdir,
            lambda path: dict.fromkeys(("TMPDIR", "TEMP", "TMP"), path),
            lambda path: path,
            depth=3,
        ),
        "left-home": _Place(
            "home folder", lambda: str(Path("~").expanduser()), home_variables, lambda _path: "~", depth=2
        ),
    }
)  # fmt: skip


def _looker(place: str, since: int, folder: str) -> Looker:
    here = Path.cwd()
    project = {str(here), *map(str, here.parents)}
    own = getattr(os, "getuid", lambda: None)()

    def kept(entry: os.DirEntry[str]) -> bool:
        """Whether to show it as it is: the project itself, other people's files, what nobody reads again."""
        if entry.path in project:
            return True
        if (place == "left-temp" and _PASSING.match(entry.name)) or _deep(entry, folder, place):
            return True
        return own is not None and entry.stat(follow_symlinks=False).st_uid != own

    return Looker(since, kept=kept)


def _deep(entry: os.DirEntry[str], folder: str, place: str) -> bool:
    parts = Path(entry.path).relative_to(folder).parts
    limit = _DEPTH_HIDDEN if place == "left-home" and parts[0].startswith(".") else _PLACES[place].depth
    return len(parts) >= limit and entry.is_dir(follow_symlinks=False)


def left_in_place(place: str, since: int) -> list[str]:
    """Files in the temporary or home folder that changed since then.

    Args:
        place: the name of a factor, ``left-temp`` or ``left-home``.
        since: in ns.

    Raises:
        OSError: it cannot be read, or holds too much to look at.
    """
    folder = _PLACES[place].now()
    looker = _looker(place, since, folder)
    looker.below(folder)
    shown = _PLACES[place].shown(folder)
    return [os.path.join(shown, os.path.relpath(path, folder)) for path in looker.changed]  # noqa: PTH118 - text


def settle_places(spool: Path) -> None:
    """Move into other folders than the session's, below `spool`, if this process was started for that."""
    place, _, since = os.environ.pop(_VARIABLE, "").partition("=")
    if not place:
        return
    real, mirror = _PLACES[place].now(), spool / place
    mirror.mkdir()
    os.environ.update(_PLACES[place].variables(str(mirror)))
    os.environ[_REAL] = real
    tempfile.tempdir = None  # is remembered once somebody asked
    _fill(place, int(since))


def _fill(place: str, since: int) -> None:
    real, mirror = Path(os.environ[_REAL]), Path(_PLACES[place].now())
    _clear(mirror)
    link(_looker(place, since, str(real)).below(str(real)), real, mirror)


def _clear(mirror: Path) -> None:
    for path in mirror.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _factor(place: str) -> Factor:
    @contextlib.contextmanager
    def without(level: str) -> Iterator[None]:
        _fill(place, read_since(place, level))
        try:
            yield
        finally:
            _clear(Path(_PLACES[place].now()))

    return Factor(
        name=place,
        description=f"what earlier runs left in the {_PLACES[place].title}",
        platforms="Everywhere; needs an interpreter of its own.",
        ladder=lambda k: AS_IS if k == 0 else f"without={k}",
        launch_part=lambda level: Launch({_VARIABLE: f"{place}={read_since(place, level)}"}),
        apply_part=without,
        own_process=True,
    )


LEFT_TEMP = _factor("left-temp")
LEFT_HOME = _factor("left-home")
