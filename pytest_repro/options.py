"""The table of options: the only place where one is declared.

The command line, the ini file, the marker, ``--help`` and the documentation are all made from it. Every
session loads this module, also one that has no use for the plugin: it imports nothing heavy, and `Option`
is a named tuple because a dataclass takes longer to make than the whole table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytest_repro.parsers import (
    AUTOLOG,
    NOISE,
    read_choice,
    read_date,
    read_factors,
    read_flag,
    read_integer,
    read_lines,
    read_named,
    read_names,
    read_number,
    read_text,
    read_tolerances,
    read_words,
)

__all__ = ["MARKER_KEYS", "OPTIONS", "OPTIONS_BY_NAME", "Option"]


class Option(NamedTuple):
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


OPTIONS: tuple[Option, ...] = (
    Option(
        "runs",
        read_integer(1, 1_000_000),  # each is planned ahead
        "Execute every test marked 'repro' N times under the same seed and fail when a recorded value differs "
        "between the runs (default: 1, which compares nothing).",
        metavar="N",
        marker=True,
    ),
    Option("seed", read_integer(0), "The seed of every run of every test (default: 0).", metavar="SEED", marker=True),
    Option(
        "rtol",
        read_number,
        "Relative tolerance for all recorded numbers (default: 0, bits must be equal).",
        metavar="R",
        marker=True,
    ),
    Option("atol", read_number, "Absolute tolerance for all recorded numbers (default: 0).", metavar="A", marker=True),
    Option(
        "ulp",
        read_integer(0),
        "Tolerance for all recorded numbers in representable numbers (units in the last place; default: 0).",
        metavar="U",
        marker=True,
    ),
    Option(
        "tolerance",
        read_tolerances,
        "Tolerances by name, one 'pattern: rtol=..., atol=..., ulp=...' a line; the first that fits counts.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "isolation",
        read_choice("auto", "inline", "process"),
        "Where runs happen. auto: run 1 and 2 in this process, the others in fresh interpreters with other hash "
        "seeds; inline: all here; process: all in fresh interpreters (default: auto).",
        metavar="{auto,inline,process}",
        marker=True,
    ),
    Option(
        "workers",
        read_integer(1),
        "How many warm worker processes may serve the runs in fresh interpreters (default: 4).",
        metavar="N",
    ),
    Option(
        "jobs",
        read_integer(0),
        "How many runs may execute at once; 0: one after the other, which no test can tell from a plain run "
        "(default: 0).",
        metavar="N",
    ),
    Option(
        "timeout",
        read_number,
        "Seconds after which a run in a fresh interpreter is ended and counts as lost; 0: never (default: 0).",
        metavar="SECONDS",
        marker=True,
    ),
    Option(
        "vary",
        read_factors,
        "Factors that must not matter, varied from run to run, separated by commas; 'all' takes every one that this "
        "platform offers. Each has a fixed ladder of levels, by the run's number.",
        metavar="FACTOR,...",
        marker=True,
    ),
    Option(
        "preload",
        read_names,
        "Modules that workers import before they fork, one a line.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "explain",
        read_choice("auto", "off"),
        "What to do about a drift. auto: re-run the test with everything pinned and one factor switched until the "
        "cause is shown or the budget is spent; off: only report it (default: auto).",
        metavar="{auto,off}",
        marker=True,
    ),
    Option(
        "budget",
        read_number,
        "Seconds that explaining the drift of one test may take (default: 60).",
        metavar="SECONDS",
        marker=True,
    ),
    Option(
        "session_budget",
        read_number,
        "Seconds that explaining all drifts of the session may take (default: 300).",
        metavar="SECONDS",
    ),
    Option(
        "strict",
        read_flag,
        "Fail a test that draws uncontrolled entropy (unseeded generators, os.urandom, uuid4) even when nothing "
        "drifted, naming each line.",
        marker=True,
        bare="true",
    ),
    Option(
        "allow",
        read_names,
        "Sources of entropy that the strict mode lets pass: 'entropy', 'uuid'.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "control",
        read_flag,
        "One more run with another seed, which must change something that is recorded: a test that no seed can move "
        "proves nothing.",
        marker=True,
        bare="true",
    ),
    Option(
        "seed_free",
        read_flag,
        "This test is meant to give the same values for every seed.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option("json", read_named, "Write the session's report as JSON to FILE.", metavar="FILE", ini=False),
    Option("md", read_named, "Write the session's report as Markdown to FILE.", metavar="FILE", ini=False),
    Option(
        "html",
        read_named,
        "Write the session's report as one self-contained HTML page to FILE (needs the extra 'html').",
        metavar="FILE",
        ini=False,
    ),
    Option(
        "baseline",
        read_flag,
        "Compare run 1 with the values kept in __repro__/<module>/<test>.json beside the test module.",
        marker=True,
        bare="true",
    ),
    Option(
        "update",
        read_choice("all", "new"),
        "Write the baselines that are missing or have changed, never those of tests that drift or fail, and remove "
        "those without a test when the whole suite ran; 'new' writes the missing ones only.",
        metavar="{all,new}",
        ini=False,
        bare="all",
    ),
    Option(
        "machine_rtol",
        read_number,
        "Relative tolerance against a baseline that was made in another environment (default: 0).",
        metavar="R",
        command_line=False,
        marker=True,
    ),
    Option(
        "machine_atol",
        read_number,
        "Absolute tolerance against a baseline that was made in another environment (default: 0).",
        metavar="A",
        command_line=False,
        marker=True,
    ),
    Option(
        "machine_ulp",
        read_integer(0),
        "Tolerance in representable numbers against a baseline that was made in another environment (default: 0).",
        metavar="U",
        command_line=False,
        marker=True,
    ),
    Option(
        "record",
        read_named,
        "Keep every recording with its environment in the folder DIR, for 'pytest-repro compare DIR OTHER'.",
        metavar="DIR",
        ini=False,
    ),
    Option(
        "against",
        read_named,
        "Compare with the package as of this commit, branch or tag, on this machine, with zero tolerance.",
        metavar="REF",
        ini=False,
    ),
    Option(
        "against_env",
        read_named,
        "Compare with the package as this Python interpreter has it installed, beside pytest and pytest-repro, with "
        "zero tolerance.",
        metavar="PYTHON",
        ini=False,
    ),
    Option(
        "all",
        read_flag,
        "Treat every test function as marked 'repro', and record by itself what it fits, predicts and asserts on "
        "(--repro-autolog=auto).",
        bare="true",
    ),
    Option(
        "skip",
        read_flag,
        "Leave this test to pytest: it runs once, and nothing is compared.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "exclude",
        read_lines,
        "Tests that --repro-all leaves to pytest, one pattern of node ids a line.",
        command_line=False,
        ini_type="linelist",
    ),
    Option(
        "autolog",
        read_words(AUTOLOG, "auto"),
        f"Record without a call in the test: {', '.join(AUTOLOG)}; 'auto' is all of them (default: none, auto with "
        "--repro-all).",
        metavar="{auto,none,NAME,...}",
        marker=True,
    ),
    Option(
        "noise",
        read_words(NOISE, "all"),
        f"What is left out of automatic observations because it is no result: {', '.join(NOISE)}; or none "
        "(default: all of them).",
        command_line=False,
    ),
    Option(
        "level",
        read_choice("fail", "warn"),
        "What a drift does. fail: the test fails; warn: it is listed among the warnings (default: fail).",
        metavar="{fail,warn}",
        marker=True,
    ),
    Option(
        "quarantine",
        read_date,
        "Only report what this test does not reproduce, until the end of that day.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "reason",
        read_text,
        "Why this test is in quarantine.",
        command_line=False,
        ini=False,
        marker=True,
    ),
    Option(
        "known",
        read_text,
        "Only report drifts of the tests that FILE lists, so that new ones alone fail; --repro-update writes it.",
        metavar="FILE",
    ),
    Option(
        "mlflow",
        read_named,
        "Log tests, runs, series, verdicts and causes to MLflow at the end, where MLflow itself would (needs the extra "
        "'mlflow'); the experiment is EXPERIMENT (default: pytest-repro), under 'mlflow run' that of its run.",
        metavar="EXPERIMENT",
        ini=False,
        bare="pytest-repro",
    ),
    Option(
        "executor",
        read_text,
        "Execute the runs that are not in this process on a cluster: dask://HOST:PORT, or MODULE:FUNCTION that returns "
        "a concurrent.futures.Executor; settings follow a question mark (?resources=GPU=1&wait=60).",
        metavar="ENGINE",
    ),
    Option("spread", read_flag, "Place the runs of a test on different machines of the cluster.", bare="true"),
    Option("allow_skew", read_flag, "Accept machines of the cluster with other versions or commits.", bare="true"),
)

MARKER_KEYS: tuple[str, ...] = tuple(option.name for option in OPTIONS if option.marker)

OPTIONS_BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}
