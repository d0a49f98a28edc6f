"""Which sessions a survey makes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_repro.conditions import FACTORS as KNOWN
from pytest_repro.errors import SettingsError, UnavailableError, WorkerError
from pytest_repro.survey import run_survey, sessions
from pytest_repro.survey.sessions import FACTORS, HELD, Session, levels_of, plan_sessions, record
from pytest_repro.survey.suite import libraries, library_of, suite_folder


def test_every_session_switches_one_factor_at_most() -> None:
    planned = plan_sessions({"threads": ("4",), "hash-seed": ("1", "2", "3", "4")}, runs=3)
    assert [session.label for session in planned] == [
        *("held-1", "held-2", "held-3"),
        *("threads-4-1", "threads-4-2", "threads-4-3"),
        *("hash-seed-1-1", "hash-seed-2-2", "hash-seed-3-3"),
    ]
    held = dict(planned[0].condition.levels)
    assert held["hash-seed"] == HELD["hash-seed"]
    for session in planned:
        switched = {factor for factor, level in session.condition.levels if level != held[factor]}
        assert switched == ({session.factor} if session.factor else set())


def test_levels_that_are_switched_to_are_not_the_held_one() -> None:
    assert set(FACTORS) == set(HELD)
    for factor, levels in FACTORS.items():
        assert HELD[factor] not in levels


@pytest.mark.parametrize("factors", [["weather"], ["threads", "clock"], []])
def test_unknown_factor_is_refused_by_name(factors: list[str]) -> None:
    with pytest.raises(SettingsError, match="there are: threads, cpu, hash-seed"):
        levels_of(factors)


def test_factor_that_is_not_here_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        def available(self) -> str:
            return "this CPU has no AVX2"

    monkeypatch.setattr(sessions, "KNOWN", {**KNOWN, "cpu": Lacking()})
    levels, lacking = levels_of(["cpu", "threads"])
    assert (set(levels), lacking) == ({"threads"}, {"cpu": "this CPU has no AVX2"})
    with pytest.raises(UnavailableError, match="this CPU has no AVX2"):
        levels_of(["cpu"])


@pytest.mark.parametrize("runs", [1, 0, -3])
def test_one_run_proves_nothing(runs: int) -> None:
    with pytest.raises(SettingsError, match="2 runs of each condition or more"):
        run_survey(factors=["threads"], runs=runs)


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not an empty folder"):
        run_survey(factors=["threads"], runs=2, keep=tmp_path)
    with pytest.raises(SettingsError, match="is not an empty folder"):
        run_survey(factors=["threads"], runs=2, keep=tmp_path / "mine")


def test_session_that_breaks_shows_the_end_of_its_output(tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (suite / "conftest.py").write_text("raise RuntimeError('broken on purpose')\n", encoding="utf-8")
    session = Session("held-1", "", "", plan_sessions({}, runs=2)[0].condition)
    with pytest.raises(WorkerError, match=r"held-1 ended with exit code 4(.|\n)*broken on purpose"):
        record(session, suite, into=tmp_path / "out", select="")


# --- the suite --------------------------------------------------------------------------------


def test_every_library_of_the_suite_is_installed_or_said_to_be_missing() -> None:
    installed, missing = libraries()
    files = {library_of(path.name) for path in suite_folder().glob("test_*.py")}
    assert {"numpy", "scikit-learn", "xgboost", "lightgbm", "torch"} <= files
    assert set(installed) | set(missing) == files
    assert "numpy" in installed
    assert all(remedy == f"pip install {name}" for name, remedy in missing.items())
