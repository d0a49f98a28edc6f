"""Which sessions a survey needs, and how one is carried out: a fresh pytest under one condition, recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_repro.conditions import FACTORS as KNOWN
from pytest_repro.conditions import launch
from pytest_repro.errors import SettingsError, UnavailableError, WorkerError
from pytest_repro.model import Condition, Place
from pytest_repro.survey.suite import from_checkout

__all__ = ["FACTORS", "HELD", "Session", "levels_of", "plan_sessions", "record"]

#: what is surveyed, in this order, and the levels to switch to
FACTORS: Mapping[str, tuple[str, ...]] = {
    # two threads hide races: a + b is b + a
    "threads": ("4",),
    "cpu": ("avx2", "baseline"),
    # fewer than three leave an order of few words unchanged too often
    "hash-seed": ("1", "2", "3", "4"),
}
#: the level of each while another one is switched
HELD: Mapping[str, str] = {"threads": "1", "cpu": "as-is", "hash-seed": "0"}
_TAIL = 15


@dataclass(frozen=True, slots=True)
class Session:
    """One recording of the whole suite."""

    #: the folder's name: ``held-1``, ``threads-4-2``
    label: str
    #: the factor that is switched; empty while all are held
    factor: str
    level: str
    condition: Condition


def levels_of(factors: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The levels of each factor that this platform has; the reasons why it has no others.

    Raises:
        SettingsError: a factor is not one that is surveyed.
        UnavailableError: this platform has none of them.
    """
    unknown = [factor for factor in factors if factor not in FACTORS]
    if unknown or not factors:
        msg = f"{', '.join(unknown) or 'nothing'} cannot be surveyed; there are: {', '.join(FACTORS)}"
        raise SettingsError(msg)
    lacking = {factor: reason for factor in factors if (reason := KNOWN[factor].available()) is not None}
    if len(lacking) == len(set(factors)):
        reasons = "; ".join(f"{factor}: {reason}" for factor, reason in lacking.items())
        msg = f"nothing can be surveyed here ({reasons})"
        raise UnavailableError(msg)
    return {factor: FACTORS[factor] for factor in FACTORS if factor in factors and factor not in lacking}, lacking


def plan_sessions(levels: Mapping[str, Sequence[str]], *, runs: int) -> tuple[Session, ...]:
    """All sessions, those with everything held first: `runs` of each arm, its levels in turn."""
    held = _condition({})
    sessions = [Session(f"held-{number}", "", "", held) for number in range(1, runs + 1)]
    for factor, steps in levels.items():
        for number in range(runs):
            level = steps[number % len(steps)]
            sessions.append(Session(f"{factor}-{level}-{number + 1}", factor, level, _condition({factor: level})))
    return tuple(sessions)


def _condition(switched: Mapping[str, str]) -> Condition:
    lacking = {name for name in HELD if HELD[name] != "as-is" and KNOWN[name].available() is not None}
    levels = {name: level for name, level in {**HELD, **switched}.items() if name not in lacking}
    return Condition(Place.PROCESS, tuple(sorted(levels.items())))


def record(session: Session, suite: Path, *, into: Path, select: str) -> None:
    """Run the suite once under the session's condition, in a fresh interpreter, and keep what it recorded.

    Raises:
        SettingsError: no test is selected.
        WorkerError: pytest did not get through the suite.
    """
    start = launch(session.condition)
    command = [
        *start.argv_prefix,
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytest_repro.plugin",
        "-p",
        "no:cacheprovider",
    ]
    # the suite's own ini file, so that none from folders around it counts
    command += ["-q", "--tb=line", "-c", str(suite / "pytest.ini"), f"--repro-record={into}", str(suite)]
    if select:
        command += ["-k", select]
    done = subprocess.run(  # noqa: S603 - our own suite, with this interpreter
        command,
        cwd=suite,
        env=_environment(start.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode == 5 or (done.returncode == 0 and not into.exists()):
        msg = f"no model is selected by -k {select!r}; it takes what pytest's -k takes, parts of names: KMeans or torch"
        raise SettingsError(msg)
    if done.returncode not in (0, 1) or not into.exists():
        tail = "\n".join(done.stdout.rstrip().splitlines()[-_TAIL:])
        msg = f"the session {session.label} ended with exit code {done.returncode}, without a result:\n{tail}"
        raise WorkerError(msg)


def _environment(levels: Mapping[str, str | None]) -> dict[str, str]:
    """The user's, without what would reach into the session, at the levels of its condition."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # more threads than cores would spin for each other; how they wait changes no number
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if from_checkout():
        root = str(Path(__file__).parents[2])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    for name, value in levels.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment
