from __future__ import annotations

import pytest

from pytest_repro.model import Cause, CauseStatus, SessionReport, Verdict
from pytest_repro.report import wording
from tests.builders import make_cause, make_divergence, make_report, make_result


@pytest.mark.parametrize(
    ("ulp", "text"),
    [
        (None, "-"),
        (0, "0"),
        (1, "1"),
        (999_999, "999999"),
        (1_000_000, "1.0e6"),
        (2_100_000_000_000, "2.1e12"),
        (9_949_999_999, "9.9e9"),
        (9_950_000_000, "1.0e10"),
        (10**9, "1.0e9"),
        (10**9 - 1, "1.0e9"),
        (2**64, "1.8e19"),
        (10**400, "1.0e400"),
        (3 * 10**400, "3.0e400"),
    ],
)
def test_ulp_is_short_and_right_at_any_size(ulp: int | None, text: str) -> None:
    assert wording.format_ulp(ulp) == text


def test_every_power_of_ten_has_its_own_exponent() -> None:
    assert [wording.format_ulp(10**e) for e in range(6, 400)] == [f"1.0e{e}" for e in range(6, 400)]


@pytest.mark.parametrize(("number", "text"), [(0.0, "0"), (5.2e-4, "5.2e-04"), (float("inf"), "inf")])
def test_floats_show_their_size(number: float, text: str) -> None:
    assert wording.format_float(number) == text


def test_invisible_characters_are_shown() -> None:
    assert wording.visible("a\nb\x1b[31m\u202ec\udc80é") == "a\\nb\\u001b[31m\\u202ec\\udc80é"


def of(*verdicts: Verdict) -> SessionReport:
    return make_report(*(make_result(f"t{i}", verdict=verdict) for i, verdict in enumerate(verdicts)))


D, B, W, R, I, L = (  # noqa: E741  # one letter per verdict keeps the table readable
    Verdict.DRIFTED,
    Verdict.BASELINE_DRIFTED,
    Verdict.WITHIN,
    Verdict.REPRODUCED,
    Verdict.INCONCLUSIVE,
    Verdict.LOST,
)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([R], "Reproduced: 1 test"),
        ([R, R, W], "Reproduced: 3 tests, 1 of them only within tolerance"),
        ([R, D], "Not reproducible: 1 of 2 tests drifts"),
        ([R, B, D, D], "Not reproducible: 2 of 4 tests drift, 1 is off its baseline"),
        ([R, I], "Not shown: 1 of 2 tests is inconclusive"),
        ([L, L, I], "Not shown: 2 of 3 tests lost runs, 1 is inconclusive"),
    ],
)
def test_headline_counts_the_worst_first(verdicts: list[Verdict], sentence: str) -> None:
    assert wording.headline(of(*verdicts)) == sentence


def test_headline_of_no_test_claims_nothing() -> None:
    assert "Nothing was checked" in wording.headline(make_report(tests=()))


def test_worst_first_keeps_the_order_among_equals() -> None:
    report = of(R, D, L, D, B)
    assert [test.nodeid for test in wording.worst_first(report.tests)] == ["t1", "t3", "t4", "t2", "t0"]


def test_scope_says_what_was_not_varied() -> None:
    expected = "3 runs each; seed 0; varied: process, hash-seed; not varied: threads, timezone, files"
    assert wording.scope(make_report()) == expected


def test_divergence_names_step_and_run_or_baseline() -> None:
    assert wording.divergence_sentence(make_divergence()) == "loss first differs at step 3 in run 3"
    baseline = make_divergence("auc", step=None, run=0)
    assert wording.divergence_sentence(baseline) == "auc first differs from the baseline"


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (None, "not examined"),
        (make_cause(), "hash-seed (cause)"),
        (make_cause(status=CauseStatus.SUSPECT, factor="threads"), "threads (suspect)"),
        (Cause(CauseStatus.UNKNOWN, "", ""), "unknown"),
    ],
)
def test_cause_says_how_sure_it_is(cause: Cause | None, text: str) -> None:
    assert wording.cause_line(cause) == text


def test_only_what_differs_between_runs_is_in_the_environment_difference() -> None:
    environments = ((("a", "1"), ("b", "x")), (("a", "2"), ("b", "x")), (("b", "x"),))
    assert wording.differing_environment(make_result(environments=environments)) == [("a", ("1", "2", "-"))]


def test_groups_show_who_agrees_with_whom() -> None:
    assert wording.group_text(((1, 2), (3,))) == "1 = 2 ≠ 3"
