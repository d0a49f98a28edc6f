"""Command line > marker > ini > default → one frozen `Settings` that remembers each value's source.

The table `OPTIONS` is the only place where an option is declared: the command line, the ini file,
the marker, ``--help`` and the documentation are all made from it.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_repro.errors import ReproError, SettingsError, meant_by
from pytest_repro.model import Tolerance
from pytest_repro.model.classes import dataclass
from pytest_repro.options import MARKER_KEYS, OPTIONS, OPTIONS_BY_NAME, Option
from pytest_repro.parsers import AUTOLOG, NOISE, parse_tolerance

__all__ = [
    "AUTOLOG",
    "MARKER_KEYS",
    "NOISE",
    "OPTIONS",
    "Option",
    "Settings",
    "Source",
    "excluded",
    "parse_tolerance",
    "resolve",
]


class Source(enum.IntEnum):
    """Where a value came from; the larger wins."""

    DEFAULT = 0
    INI = 1
    MARKER = 2
    COMMAND_LINE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that was asked for, for the session or (with its marker) for one test."""

    runs: int = 1
    seed: int = 0
    rtol: float = 0.0
    atol: float = 0.0
    ulp: int = 0
    #: (name pattern, tolerance), from the ini file
    tolerance: tuple[tuple[str, Tolerance], ...] = ()
    isolation: str = "auto"
    workers: int = 4
    jobs: int = 0
    timeout: float = 0.0
    vary: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    explain: str = "auto"
    budget: float = 60.0
    session_budget: float = 300.0
    strict: bool = False
    allow: tuple[str, ...] = ()
    control: bool = False
    seed_free: bool = False
    json: str = ""
    md: str = ""
    html: str = ""
    baseline: bool = False
    update: str = ""
    machine_rtol: float = 0.0
    machine_atol: float = 0.0
    machine_ulp: int = 0
    record: str = ""
    against: str = ""
    against_env: str = ""
    all: bool = False
    skip: bool = False
    exclude: tuple[str, ...] = ()
    autolog: tuple[str, ...] = ()
    noise: tuple[str, ...] = NOISE
    level: str = "fail"
    quarantine: str = ""
    reason: str = ""
    known: str = ""
    mlflow: str = ""
    executor: str = ""
    spread: bool = False
    allow_skew: bool = False
    #: (field, source) of every field that was given
    sources: tuple[tuple[str, Source], ...] = ()

    def source(self, name: str) -> Source:
        """Where the value of field `name` came from."""
        return dict(self.sources).get(name, Source.DEFAULT)

    def check(self) -> None:
        """Refuse combinations that cannot work.

        Raises:
            SettingsError: naming both options.
        """
        vary = ",".join(self.vary)
        if vary and self.isolation == "inline":
            msg = f"--repro-vary={vary} needs runs in fresh interpreters; drop --repro-isolation=inline or the factors"
            raise SettingsError(msg)
        if vary and self.isolation == "process" and self.workers < 2:
            msg = (
                f"--repro-vary={vary} needs workers that differ, and --repro-workers=1 has one for all; "
                "allow two or more, or drop --repro-isolation=process"
            )
            raise SettingsError(msg)
        over_time = self.keeps_baseline or self.record or self.against or self.against_env
        if self.all and self.source("all") is Source.COMMAND_LINE and self.runs < 2 and not over_time:
            msg = "--repro-all compares runs with each other; ask for them with --repro-runs=2 or more"
            raise SettingsError(msg)

    @property
    def keeps_baseline(self) -> bool:
        """Whether run 1 is compared with a baseline.

        An update means all tests for which nobody said otherwise, unless it is that of the known drifts.
        """
        implied = bool(self.update) and not self.known and self.source("baseline") is Source.DEFAULT
        return self.baseline or implied

    def tolerance_for(self, name: str) -> Tolerance:
        """The tolerance of a recorded value that did not bring its own.

        Command line > marker > ini; within the ini file a line for the value's name comes before the general one.
        """
        for pattern, tolerance in self.patterns:
            if fnmatch.fnmatchcase(name, pattern):
                return tolerance
        return Tolerance(rtol=self.rtol, atol=self.atol, ulp=self.ulp)

    @property
    def patterns(self) -> tuple[tuple[str, Tolerance], ...]:
        """The tolerances by name that count: none where the command line or the marker gives one for all names."""
        if self.tolerance and max(self.source(key) for key in ("rtol", "atol", "ulp")) > Source.INI:
            return ()
        return self.tolerance


def _read(option: Option, value: object, where: str) -> Any:
    try:
        return option.parse(value)
    except (ValueError, ReproError) as error:
        msg = f"{where}: {error}"
        if where == option.flag and option.bare is not None:
            msg += f"; where another argument follows, write {option.flag}={option.bare}"
        raise SettingsError(msg) from None


def _check_marker(marker: Mapping[str, object], where: str) -> None:
    unknown = sorted(set(marker) - set(MARKER_KEYS))
    if unknown:
        meant = meant_by(unknown[0], MARKER_KEYS)
        msg = f"{where}: unknown argument {', '.join(unknown)}{meant}; the marker takes {', '.join(MARKER_KEYS)}"
        raise SettingsError(msg)
    if marker.get("vary") and marker.get("isolation") == "inline":
        msg = f"{where}: vary={marker['vary']!r} needs runs in fresh interpreters; drop isolation='inline' or vary="
        raise SettingsError(msg)


def excluded(nodeid: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern fits the node id, or a file, class or parametrised function that it belongs to.

    Only ``*`` and ``?`` are special: node ids have brackets of their own.
    """
    for pattern in patterns:
        plain = pattern.replace("[", "[[]")
        if any(fnmatch.fnmatchcase(nodeid, plain + end) for end in ("", "::*", "[[]*", "/*")):
            return True
    return False


def resolve(
    *,
    command_line: Mapping[str, object],
    ini: Mapping[str, object],
    marker: Mapping[str, object] | None = None,
    where: str = "@pytest.mark.repro",
) -> Settings:
    """Combine the sources; command line > marker > ini > default.

    Args:
        command_line: option name → value, only what was given.
        ini: the same of the ini file.
        marker: the keyword arguments of the test's marker.
        where: how to name the marker in an error, with the test's node id.

    Raises:
        SettingsError: a value cannot be read, or the marker has an unknown argument.
    """
    _check_marker(marker or {}, where)
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    layers = (
        (Source.INI, ini, "ini option {option.key}"),
        (Source.MARKER, marker or {}, where + ", {option.name}="),
        (Source.COMMAND_LINE, command_line, "{option.flag}"),
    )
    for source, layer, name in layers:
        for key, value in layer.items():
            option = OPTIONS_BY_NAME[key]
            values[key] = _read(option, value, name.format(option=option))
            sources[key] = source
    if values.get("reason") and not values.get("quarantine"):
        msg = f"{where}, reason=: there is no quarantine= that it could be the reason of"
        raise SettingsError(msg)
    if values.get("all") and "autolog" not in values:
        values["autolog"] = AUTOLOG
    return Settings(**values, sources=tuple(sorted(sources.items())))
