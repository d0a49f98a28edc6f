"""What the terminal shows, letter by letter: ``tests/gold/terminal``, written anew with ``REPRO_WRITE_GOLD=1``."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_repro.model import (
    Cause,
    CauseStatus,
    LeafDifference,
    Location,
    SessionReport,
    TestResult,
    Tolerance,
    ValueDrift,
    Verdict,
    WithinTolerance,
)
from pytest_repro.report.closing import closing_lines
from pytest_repro.report.terminal import failure_text, summary_line
from tests.builders import (
    make_cause,
    make_comparison,
    make_divergence,
    make_drift,
    make_report,
    make_result,
    make_stats,
)

GOLD = Path(__file__).parents[2] / "gold" / "terminal"


def text_drift() -> ValueDrift:
    return make_drift(
        "vocabulary",
        kind="dict, 3 keys",
        first=make_divergence("vocabulary", step=None, path="['b']", reference="'text'", other="'tent'", ulp=None),
        groups=((1,), (2,), (3,)),
        n_different=2,
        n_total=6,
        stats=None,
        leaves=(LeafDifference("['b']", "value", "'text'", "'tent'"), LeafDifference("['c']", "missing", "1", "-")),
        n_leaves=2,
        structure=("['b'] changed: 'text' -> 'tent'", "['c'] removed: 1"),
    )


def many(count: int) -> TestResult:
    drifts = [
        make_drift(
            f"layer_{number}.weights_of_a_rather_long_name",
            kind=f"float32 ({number + 1}, 3, 224, 224)",
            groups=tuple((run,) for run in range(1, 11)),
            leaves=tuple(LeafDifference(f"[{n}]", "value", "1.0", "1.5", make_stats()) for n in range(6)),
            n_leaves=6,
        )
        for number in range(count)
    ]
    equal = tuple(f"value_{number}" for number in range(200))
    notes = tuple(f"model_{number}: refit_time_ (timing)" for number in range(30))
    return make_result(runs=10, comparison=make_comparison(*drifts, equal=equal, notes=notes))


def long_values() -> TestResult:
    first = make_divergence("prompt", step=None, reference=repr("a" * 150), other=repr("b" * 150), ulp=None)
    return make_result(comparison=make_comparison(make_drift("prompt", kind="str", first=first, stats=None)))


UNKNOWN = Cause(
    status=CauseStatus.UNKNOWN,
    factor="",
    summary="not explained: with everything pinned, 2 runs still give 2 results, so it is none of what can be pinned",
    ruled_out=("threads",),
    details=("suspect line: train.py:9  time.time()",),
)
SUSPECT = make_cause(
    status=CauseStatus.SUSPECT,
    factor="threads",
    summary="the number of threads may enable a race: all pinned, 5 of 5 agree; 2 of 4 differ",
    location=Location("train.py", 12),
    also=("the clock decides it: all pinned, 3 of 3 agree",),
    details=tuple(f"line {n} of the details" for n in range(6)),
)

CASES = {
    "drift": make_result(),
    "drift_without_cause": make_result(cause=None),
    "drift_of_text": make_result(comparison=make_comparison(text_drift()), cause=None),
    "drift_of_a_sign": make_result(
        cause=None,
        comparison=make_comparison(make_drift("zero", stats=make_stats(sign_of_zero_only=True), n_different=1)),
    ),
    "drift_suspect": make_result(cause=SUSPECT),
    "drift_unknown": make_result(cause=UNKNOWN),
    "drift_of_many_values": many(30),
    "drift_of_long_values": long_values(),
    "inconclusive": make_result(verdict=Verdict.INCONCLUSIVE, comparison=make_comparison(equal=())),
    "lost": make_result(verdict=Verdict.LOST),
    "within": make_result(
        comparison=make_comparison(
            make_drift(),
            within=(WithinTolerance("score", Tolerance(rtol=1e-6), make_stats(max_abs=3e-9, max_rel=4e-9)),),
        )
    ),
}


def check_gold(name: str, text: str) -> None:
    path = GOLD / f"{name}.txt"
    if os.environ.get("REPRO_WRITE_GOLD"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_failure_reads_as_in_the_gold_file(name: str) -> None:
    check_gold(name, failure_text(CASES[name]))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", CASES)
def test_failure_fits_on_a_screen(name: str, width: int) -> None:
    lines = failure_text(CASES[name], width=width).splitlines()
    assert len(lines) <= 40
    # paths and commands are never cut; a table needs 70 columns at least
    allowed = max(width, 72)
    assert not [line for line in lines if len(line) > allowed and not re.search(r"  again |\.py:\d+$", line)]
    assert not [line for line in lines if line != line.rstrip()]
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", "\n".join(lines))


def test_assertions_are_told_apart_on_a_narrow_screen() -> None:
    names = [
        f"assert_allclose#{number} test_logistic.py:907 {side}" for number in (4, 12) for side in ("left", "right")
    ]
    drifts = [make_drift(name, kind="float64 (3, 20)", groups=((1, 2), (3,))) for name in names]
    lines = failure_text(make_result(comparison=make_comparison(drifts=tuple(drifts))), width=80).splitlines()
    cells = [re.split("  +", line.strip())[0] for line in lines if line.startswith("  ass")]
    assert len(set(cells)) == 4
    for cell, name in zip(cells, names, strict=True):
        number, side = re.findall(r"#\d+|\w+$", name)
        assert number in cell
        assert cell.endswith(f":907 {side}")


def test_verbose_shows_every_value_place_and_name() -> None:
    text = failure_text(CASES["drift_of_many_values"], verbose=True)
    assert "-v shows all" not in text
    for number in range(30):
        name = f"layer_{number}.weights_of_a_rather_long_name"
        assert re.search(rf"{name} +float32 \({number + 1}, 3, 224, 224\)", text)
        assert f"layer_{number}.weights_of_a_rather_long_name[5]  1.0 -> 1.5" in text
    assert "value_199" in text
    assert "model_29: refit_time_" in " ".join(text.split())
    assert "line 5 of the details" in failure_text(CASES["drift_suspect"], verbose=True)
    assert repr("b" * 150) in failure_text(CASES["drift_of_long_values"], verbose=True)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("drift", "loss[3] differs in run 3 of 3: hash-seed"),
        ("drift_without_cause", "loss[3] differs in run 3 of 3"),
        ("drift_suspect", "loss[3] differs in run 3 of 3"),
        ("drift_of_text", "vocabulary['b'] differs in run 3 of 3"),
        ("lost", "run 3 was lost: its worker died"),
    ],
)
def test_summary_is_one_line(name: str, line: str) -> None:
    assert summary_line(CASES[name]) == line


REPORTS: dict[str, SessionReport] = {
    "closing_pass": make_report(
        make_result("a", verdict=Verdict.REPRODUCED), make_result("b", verdict=Verdict.REPRODUCED)
    ),
    "closing_one_value_within": make_report(
        make_result("a", verdict=Verdict.REPRODUCED),
        replace(
            make_result("test_b.py::test_it", verdict=Verdict.WITHIN),
            comparison=make_comparison(
                within=(WithinTolerance("score", Tolerance(rtol=1e-6, ulp=4), make_stats(max_abs=3e-9, max_rel=4e-9)),)
            ),
        ),
    ),
    "closing_mixed": make_report(),
    "closing_inline_only": make_report(make_result("a", verdict=Verdict.REPRODUCED, runs=2), varied=()),
    "closing_all_bad": make_report(make_result("a"), make_result("b"), make_result("c", verdict=Verdict.LOST)),
    "closing_unequal_numbers_of_runs": make_report(
        make_result("a", verdict=Verdict.REPRODUCED, runs=2), make_result("b", verdict=Verdict.REPRODUCED, runs=10)
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_closing_lines_read_as_in_the_gold_file(name: str) -> None:
    lines = closing_lines(REPORTS[name], escape=lambda _: 0.81)
    check_gold(name, "\n".join(lines))
    assert all(len(line) <= 80 for line in lines if "::" not in line)


def test_closing_counts_what_a_pass_is_worth() -> None:
    text = " ".join(closing_lines(REPORTS["closing_pass"], escape=lambda _: 0.729))
    assert "2 tests reproduced over 3 runs" in text
    assert "escapes 3 runs 73 % of the time" in " ".join(text.split())


def test_what_a_pass_is_worth_does_not_hang_on_tests_that_did_not_pass_or_ran_once() -> None:
    once = make_result("b", verdict=Verdict.REPRODUCED, runs=1, against="baseline")
    report = make_report(make_result("a", verdict=Verdict.REPRODUCED, runs=6), once, make_result("c", runs=2))
    text = " ".join(closing_lines(report, escape=lambda runs: 0.9**runs))
    assert "escapes 6 runs 53 % of the time. 1 test agrees with its baseline (bitwise)." in " ".join(text.split())


def test_session_that_compared_nothing_says_nothing_about_it() -> None:
    """A baseline that was written only now has been compared with nothing: not even an empty line."""
    written = make_result(verdict=Verdict.REPRODUCED, runs=1)
    assert closing_lines(make_report(written), escape=lambda _: 0.729) == []
