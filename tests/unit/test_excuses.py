"""Which verdicts are only reported: quarantine before known drift before level; and what a pattern excludes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from pytest_repro.excuses import Excuses, Watched, excuse_lines
from pytest_repro.known import KnownDrift
from pytest_repro.model import Location, TestResult, Verdict, Violation
from pytest_repro.settings import Settings, resolve

TODAY = dt.date(2026, 11, 23)


def result(verdict: Verdict = Verdict.DRIFTED, nodeid: str = "t.py::a") -> TestResult:
    return TestResult(nodeid, verdict, 3, 0, "1 of 1 values differs")


def excuse(verdict: Verdict, *, known: bool = False, **settings: Any) -> tuple[str, str]:
    excuses = Excuses({"t.py::a": KnownDrift("loss", "threads")} if known else {}, TODAY)
    applied = excuses.applied(result(verdict), Settings(**settings))
    return applied.excuse, applied.headline


@pytest.mark.parametrize("verdict", list(Verdict))
def test_quarantine_covers_every_verdict_until_the_end_of_its_day(verdict: Verdict) -> None:
    for day in ("2026-11-23", "2027-01-01"):
        text, _ = excuse(verdict, quarantine=day, reason="upstream")
        assert text == f"in quarantine until {day} (upstream)"
    text, headline = excuse(verdict, quarantine="2026-11-22", reason="upstream")
    assert text == ""
    ended = "its quarantine ended on 2026-11-22 (upstream), so it counts again"
    assert headline.endswith(ended) is not verdict.good


@pytest.mark.parametrize(
    ("verdict", "known", "warn"),
    [
        (Verdict.DRIFTED, True, True),
        (Verdict.BASELINE_DRIFTED, True, True),
        (Verdict.REPRODUCED, True, False),
        (Verdict.INCONCLUSIVE, False, False),
        (Verdict.LOST, False, False),
    ],
)
def test_known_drifts_and_the_level_cover_drifts_only(verdict: Verdict, known: bool, warn: bool) -> None:
    assert bool(excuse(verdict, known=True)[0]) is known
    assert bool(excuse(verdict, level="warn")[0]) is warn
    assert excuse(verdict)[0] == ""


def test_known_drift_says_what_was_known() -> None:
    assert excuse(Verdict.DRIFTED, known=True)[0] == "a known drift (loss, threads)"
    assert excuse(Verdict.DRIFTED, known=True, quarantine="2030-01-01")[0].startswith("in quarantine")
    assert excuse(Verdict.DRIFTED, known=True, quarantine="2020-01-01")[0] == "a known drift (loss, threads)"


def test_closing_lines_say_what_is_only_reported_and_what_can_go() -> None:
    results = [
        replace(result(nodeid="d"), excuse="--repro-level=warn"),
        replace(result(Verdict.REPRODUCED, "b"), excuse="in quarantine until 2030-01-01 (x)"),
        replace(result(Verdict.REPRODUCED, "c"), excuse="a known drift"),
        result(nodeid="a"),
    ]
    lines = excuse_lines(results, [], Settings(known="known.json"), verbose=False)
    assert lines == [
        "repro: b reproduces; in quarantine until 2030-01-01 (x), which it does not seem to need any more",
        "repro: c reproduces; it is listed in known.json as a known drift; --repro-update takes it out",
        "repro: only reported, --repro-level=warn: d: 1 of 1 values differs",
    ]


def test_text_of_the_known_file_begins_no_line_and_moves_no_cursor() -> None:
    known = {"a": KnownDrift("x\n::error::\x1b[2J", "hash-seed")}
    excused = Excuses(known).applied(result(nodeid="a"), Settings())
    lines = excuse_lines([excused], [Watched("b", True, unrepeatable="\x1b[31mno")], Settings(), verbose=False)
    assert not set("".join(lines)) & set("\n\x1b")
    assert "a known drift (x\\n::error::\\u001b[2J, hash-seed)" in lines[0]


def test_what_a_test_in_quarantine_draws_is_what_is_reported() -> None:
    draw = Violation("os.urandom()", Location("a.py", 3), 1, "repro.rng")
    strict = replace(result(Verdict.REPRODUCED, "a"), violations=(draw,), excuse="in quarantine until 2999-01-31")
    (line,) = excuse_lines([strict], [], Settings(), verbose=False)
    assert line.endswith(": a: uncontrolled entropy is drawn in 1 place; the values did not drift")


def test_long_lists_are_cut_unless_all_is_wanted() -> None:
    watched = [Watched(f"t{number:02}", True, unrepeatable="call: no") for number in range(12)]
    short = excuse_lines([], watched, Settings(), verbose=False)
    assert (len(short), short[-1]) == (13, "  ... and 2 more (-v shows all)")
    assert len(excuse_lines([], watched, Settings(), verbose=True)) == 14


@pytest.mark.parametrize("day", ["2027-1-31", "31.01.2027", "2027-02-30", "", 20270131, "tomorrow", "20270131", None])
def test_quarantine_must_be_a_day(day: object) -> None:
    with pytest.raises(Exception, match="expected a day as 2027-01-31"):
        resolve(command_line={}, ini={}, marker={"quarantine": day}, where="t.py::a: marker")


def test_day_may_be_a_date() -> None:
    settings = resolve(command_line={}, ini={}, marker={"quarantine": dt.date(2027, 1, 31)})
    assert settings.quarantine == "2027-01-31"


def test_reason_needs_a_quarantine() -> None:
    with pytest.raises(Exception, match="there is no quarantine="):
        resolve(command_line={}, ini={}, marker={"reason": "upstream"})


def test_tests_that_were_not_compared_for_one_reason_are_one_line() -> None:
    watched = [Watched("t1", True, uncompared="no baseline"), Watched("t2", True, uncompared="another module")]
    watched += [Watched(f"u{number}", True, uncompared="no baseline") for number in range(3)]
    _, *lines = excuse_lines([], watched, Settings(), verbose=False)
    assert lines == [
        "repro: 5 tests were not compared with what was asked for:",
        "  t1 and 3 more: no baseline",
        "  t2: another module",
    ]
    _, _, *verbose = excuse_lines([], watched, Settings(), verbose=True)
    assert verbose == ["  t1, u0, u1, u2: no baseline", "  t2: another module"]
