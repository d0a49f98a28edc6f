"""Command line > marker > ini > default → one frozen `Settings` that remembers each value's source.

The table `OPTIONS` is the only place where an option is declared: the command line, the ini file,
the marker, ``--help`` and the documentation are all made from it.
"""

from __future__ import annotations

import datetime
import enum
import fnmatch
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_repro.errors import ReproError, SettingsError
from pytest_repro.model import Tolerance

__all__ = ["AUTOLOG", "MARKER_KEYS", "NOISE", "OPTIONS", "Option", "Settings", "Source", "parse_tolerance", "resolve"]


class Source(enum.IntEnum):
    """Where a value came from; the larger wins."""

    DEFAULT = 0
    INI = 1
    MARKER = 2
    COMMAND_LINE = 3


def _integer(low: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                msg = f"expected a whole number of at least {low}, got {value!r}"
                raise ValueError(msg) from None
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            msg = f"expected a whole number of at least {low}, got {value!r}"
            raise ValueError(msg)
        return value

    return parse


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not (number >= 0 and math.isfinite(number)):
        msg = f"expected a finite number that is not negative, got {value!r}"
        raise ValueError(msg)
    return number


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    msg = f"expected true or false, got {value!r}"
    raise ValueError(msg)


def _choice(*choices: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value in choices:
            return str(value)
        msg = f"expected one of {', '.join(choices)}; got {value!r}"
        raise ValueError(msg)

    return parse


def _names(value: object) -> tuple[str, ...]:
    """Comma- or line-separated names, or a sequence of them."""
    parts = value.replace("\n", ",").split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple | set | frozenset) or not all(isinstance(part, str) for part in parts):
        msg = f"expected names separated by commas, got {value!r}"
        raise ValueError(msg)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


#: what automatic observations can be made of, in the words of ``--repro-autolog``
AUTOLOG = ("scikit-learn", "torch", "xgboost", "lightgbm", "catboost", "keras", "assertions")
#: rules by which automatic observations leave out what is no result, in the words of ``repro_noise``
NOISE = ("addresses", "times", "paths", "uuids")


def _words(known: tuple[str, ...], every: str) -> Callable[[object], tuple[str, ...]]:
    """Names out of `known`; ``none``, or `every` for all of them."""

    def parse(value: object) -> tuple[str, ...]:
        names = _names(value)
        if names in ((every,), ("none",)):
            return known if names == (every,) else ()
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            msg = f"expected {every}, none, or names out of {', '.join(known)}; got {value!r}"
            raise ValueError(msg)
        return tuple(name for name in known if name in names)

    return parse


def _date(value: object) -> str:
    """A day as ``2027-01-31``, as text: settings are compared and sent as they are."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    msg = f"expected a day as 2027-01-31, got {value!r}"
    raise ValueError(msg)


def _factors(value: object) -> tuple[str, ...]:
    names = _names(value)
    if not names:
        return ()
    from pytest_repro.conditions import check

    return check(names)


def _lines(value: object) -> tuple[str, ...]:
    """One pattern a line; a node id may hold commas."""
    lines = value.splitlines() if isinstance(value, str) else value
    if not isinstance(lines, list | tuple):
        msg = f"expected one pattern a line, got {value!r}"
        raise ValueError(msg)
    return tuple(line.strip() for line in map(str, lines) if line.strip())


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"expected text, got {value!r}"
        raise ValueError(msg)
    return value


def _named(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        msg = f"expected a name, got {value!r}"
        raise ValueError(msg)
    return value.strip()


def parse_tolerance(text: str) -> tuple[str, Tolerance]:
    """Read one line of the ini option ``repro_tolerance``: ``loss*: rtol=1e-6, ulp=4``.

    Raises:
        ValueError: the line has no pattern, or a part that is not ``rtol=``, ``atol=`` or ``ulp=``.
    """
    pattern, colon, parts = text.partition(":")
    if not colon or not pattern.strip() or not parts.strip():
        msg = f"expected 'pattern: rtol=..., atol=..., ulp=...', got {text!r}"
        raise ValueError(msg)
    values: dict[str, Any] = {}
    for part in parts.split(","):
        key, _, number = part.partition("=")
        parsers: dict[str, Callable[[object], float]] = {"rtol": _number, "atol": _number, "ulp": _integer(0)}
        if key.strip() not in parsers:
            msg = f"{key.strip()!r} is not one of rtol, atol, ulp in {text!r}"
            raise ValueError(msg)
        values[key.strip()] = parsers[key.strip()](number.strip())
    return pattern.strip(), Tolerance(**values)


def _tolerances(value: object) -> tuple[tuple[str, Tolerance], ...]:
    lines = value.splitlines() if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    return tuple(parse_tolerance(line) for line in lines if line.strip())


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: where it may be given, how it is read, what it means."""

    #: field of `Settings`; the command line has ``--repro-name``, the ini file ``repro_name``
    name: str
    parse: Callable[[object], Any]
    help: str
    metavar: str | None = None
    command_line: bool = True
    ini: bool = True
    marker: bool = False
    #: for pytest's own ini types; everything that is not a list is read as a string
    ini_type: str = "string"
    #: value when the option is given bare (``--repro-strict``); None: an argument is required
    bare: str | None = None

    @property
    def flag(self) -> str:
        """``--repro-runs``."""
        return "--repro-" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """``repro_runs``."""
        return f"repro_{self.name}"


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
    #: (field, source) of every field that was given
    sources: tuple[tuple[str, Source], ...] = field(default=())

    def source(self, name: str) -> Source:
        """Where the value of field `name` came from."""
        return dict(self.sources).get(name, Source.DEFAULT)

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
        own = Tolerance(rtol=self.rtol, atol=self.atol, ulp=self.ulp)
        if max(self.source(key) for key in ("rtol", "atol", "ulp")) > Source.INI:
            return own
        for pattern, tolerance in self.tolerance:
            if fnmatch.fnmatchcase(name, pattern):
                return tolerance
        return own


OPTIONS: tuple[Option, ...] = (
    Option(
        "runs",
        _integer(1),
        "Execute every test marked 'repro' N times under the same seed and fail when a recorded value differs "
        "between the runs (default: 1, which compares nothing).",
        metavar="N",
        marker=True,
    ),
    Option("seed", _integer(0), "The seed of every run of every test (default: 0).", metavar="SEED", marker=True),
    Option(
        "rtol",
        _number,
        "Relative tolerance for all recorded numbers (default: 0, bits must be equal).",
        metavar="R",
        marker=True,
    ),
    Option("atol", _number, "Absolute tolerance for all recorded numbers (default: 0).", metavar="A", marker=True),
    Option(
        "ulp",
        _integer(0),
        "Tolerance for all recorded numbers in representable numbers (units in the last place; default: 0).",
        metavar="U",
        marker=True,
    ),
    Option(
        "tolerance",
        _tolerances,
        "Tolerances by name, one 'pattern: rtol=..., atol=..., ulp=...' a line; the first that fits counts.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "isolation",
        _choice("auto", "inline", "process"),
        "Where runs happen. auto: run 1 and 2 in this process, the others in fresh interpreters with other hash "
        "seeds; inline: all here; process: all in fresh interpreters (default: auto).",
        metavar="{auto,inline,process}",
        marker=True,
    ),
    Option(
        "workers",
        _integer(1),
        "How many warm worker processes may serve the runs in fresh interpreters (default: 4).",
        metavar="N",
    ),
    Option(
        "jobs",
        _integer(0),
        "How many runs may execute at once; 0: one after the other, which no test can tell from a plain run "
        "(default: 0).",
        metavar="N",
    ),
    Option(
        "timeout",
        _number,
        "Seconds after which a run in a fresh interpreter is ended and counts as lost; 0: never (default: 0).",
        metavar="SECONDS",
        marker=True,
    ),
    Option(
        "vary",
        _factors,
        "Factors that must not matter, varied from run to run, separated by commas; 'all' takes every one that this "
        "platform offers. Each has a fixed ladder of levels, by the run's number.",
        metavar="FACTOR,...",
        marker=True,
    ),
    Option(
        "preload",
        _names,
        "Modules that workers import before they fork, one a line.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "explain",
        _choice("auto", "off"),
        "What to do about a drift. auto: re-run the test with everything pinned and one factor switched until the "
        "cause is shown or the budget is spent; off: only report it (default: auto).",
        metavar="{auto,off}",
        marker=True,
    ),
    Option(
        "budget",
        _number,
        "Seconds that explaining the drift of one test may take (default: 60).",
        metavar="SECONDS",
        marker=True,
    ),
    Option(
        "session_budget",
        _number,
        "Seconds that explaining all drifts of the session may take (default: 300).",
        metavar="SECONDS",
    ),
    Option(
        "strict",
        _flag,
        "Fail a test that draws uncontrolled entropy (unseeded generators, os.urandom, uuid4) even when nothing "
        "drifted, naming each line.",
        marker=True,
        bare="true",
    ),
    Option(
        "allow",
        _names,
        "Sources of entropy that the strict mode lets pass: 'entropy', 'uuid'.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "control",
        _flag,
        "One more run with another seed, which must change something that is recorded: a test that no seed can move "
        "proves nothing.",
        marker=True,
        bare="true",
    ),
    Option(
        "seed_free",
        _flag,
        "This test is meant to give the same values for every seed.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option("json", _text, "Write the session's report as JSON to FILE.", metavar="FILE", ini=False),
    Option("md", _text, "Write the session's report as Markdown to FILE.", metavar="FILE", ini=False),
    Option(
        "html",
        _text,
        "Write the session's report as one self-contained HTML page to FILE (needs the extra 'html').",
        metavar="FILE",
        ini=False,
    ),
    Option(
        "baseline",
        _flag,
        "Compare run 1 with the values kept in __repro__/<module>/<test>.json beside the test module.",
        marker=True,
        bare="true",
    ),
    Option(
        "update",
        _choice("all", "new"),
        "Write the baselines that are missing or have changed, never those of tests that drift or fail, and remove "
        "those without a test when the whole suite ran; 'new' writes the missing ones only.",
        metavar="{all,new}",
        ini=False,
        bare="all",
    ),
    Option(
        "machine_rtol",
        _number,
        "Relative tolerance against a baseline that was made in another environment (default: 0).",
        metavar="R",
        command_line=False,
        marker=True,
    ),
    Option(
        "machine_atol",
        _number,
        "Absolute tolerance against a baseline that was made in another environment (default: 0).",
        metavar="A",
        command_line=False,
        marker=True,
    ),
    Option(
        "machine_ulp",
        _integer(0),
        "Tolerance in representable numbers against a baseline that was made in another environment (default: 0).",
        metavar="U",
        command_line=False,
        marker=True,
    ),
    Option(
        "record",
        _text,
        "Keep every recording with its environment in the folder DIR, for 'pytest-repro compare DIR OTHER'.",
        metavar="DIR",
        ini=False,
    ),
    Option(
        "all",
        _flag,
        "Treat every test function as marked 'repro', and record by itself what it fits, predicts and asserts on "
        "(--repro-autolog=auto).",
        bare="true",
    ),
    Option(
        "skip",
        _flag,
        "Leave this test to pytest: it runs once, and nothing is compared.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "exclude",
        _lines,
        "Tests that --repro-all leaves to pytest, one pattern of node ids a line.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "autolog",
        _words(AUTOLOG, "auto"),
        f"Record without a call in the test: {', '.join(AUTOLOG)}; 'auto' is all of them (default: none, auto with "
        "--repro-all).",
        metavar="{auto,none,NAME,...}",
        marker=True,
    ),
    Option(
        "noise",
        _words(NOISE, "all"),
        f"What is left out of automatic observations because it is no result: {', '.join(NOISE)}; or none "
        "(default: all of them).",
        command_line=False,
    ),
    Option(
        "level",
        _choice("fail", "warn"),
        "What a drift does. fail: the test fails; warn: it is listed among the warnings (default: fail).",
        metavar="{fail,warn}",
        marker=True,
    ),
    Option(
        "quarantine",
        _date,
        "Only report what this test does not reproduce, until the end of that day.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "reason",
        _text,
        "Why this test is in quarantine.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "known",
        _text,
        "Only report drifts of the tests that FILE lists, so that new ones alone fail; --repro-update writes it.",
        metavar="FILE",
    ),
    Option(
        "mlflow",
        _named,
        "Log tests, runs, series, verdicts and causes to MLflow at the end, where MLflow itself would (needs the extra "
        "'mlflow'); the experiment is EXPERIMENT (default: pytest-repro), under 'mlflow run' that of its run.",
        metavar="EXPERIMENT",
        ini=False,
        bare="pytest-repro",
    ),
)

MARKER_KEYS: tuple[str, ...] = tuple(option.name for option in OPTIONS if option.marker)

_BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


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
        msg = f"{where}: unknown argument {', '.join(unknown)}; the marker takes {', '.join(MARKER_KEYS)}"
        raise SettingsError(msg)


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
            option = _BY_NAME[key]
            values[key] = _read(option, value, name.format(option=option))
            sources[key] = source
    if values.get("reason") and not values.get("quarantine"):
        msg = f"{where}, reason=: there is no quarantine= that it could be the reason of"
        raise SettingsError(msg)
    if values.get("all") and "autolog" not in values:
        values["autolog"] = AUTOLOG
    return replace(Settings(**values), sources=tuple(sorted(sources.items())))
