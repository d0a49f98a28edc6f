from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_repro.model import Cause, CauseStatus, Location, SessionReport, TestResult, Verdict, Violation
from pytest_repro.report import wording
from tests.builders import make_cause, make_divergence, make_drift, make_report, make_result


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
    assert wording.visible("x\u200by\xadz\u061c\u2060") == "x\\u200by\\u00adz\\u061c\\u2060"
    assert wording.visible("क\u094d\u200dष 👩\u200d🔬") == "क\u094d\u200dष 👩\u200d🔬", (
        "a joiner is part of what is seen"
    )


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


def strict(**changes: object) -> TestResult:
    """A test that reproduces and draws what the strict mode forbids."""
    draw = Violation("os.urandom()", Location("test_a.py", 4), 3, "repro.rng.bytes(n)")
    return replace(make_result("s", verdict=R), violations=(draw,), **changes)  # type: ignore[arg-type]


def test_a_test_that_fails_for_what_it_draws_is_not_said_to_pass() -> None:
    report = make_report(make_result("t", verdict=R), strict())
    assert wording.headline(report) == "Not shown: 1 of 2 tests draws uncontrolled entropy"
    assert [test.nodeid for test in wording.worst_first(report.tests)] == ["s", "t"]
    assert wording.badge_of(strict()).key == "strict"
    assert wording.finding(strict()) == "uncontrolled entropy is drawn in 1 place; the values did not drift"
    assert wording.badge_of(replace(strict(), verdict=D)).key == "drifted", "a drift is worse"


def test_what_is_only_reported_says_so() -> None:
    excused = replace(make_result(verdict=D), excuse="in quarantine until 2027-01-31")
    assert wording.only_reported(excused) == "only reported: in quarantine until 2027-01-31"
    assert wording.headline(make_report(excused, strict())) == (
        "Not reproducible: 1 of 2 tests drifts, 1 draws uncontrolled entropy; 1 of these only reported"
    )
    assert wording.only_reported(replace(make_result(verdict=R), excuse="in quarantine until 2027-01-31")) == ""


BASELINE = make_result(verdict=B, against="baseline")
COMMIT = make_result(verdict=B, against="v1.2", labels=((0, "v1.2"), (1, "now")))
MACHINES = make_result(labels=((3, "run 3 on node-b"),))


@pytest.mark.parametrize(
    ("test", "sentence", "groups", "headline"),
    [
        pytest.param(make_result(), "in run 3", "1 = 2 ≠ 3", "1 of 1 test drifts", id="runs"),
        pytest.param(MACHINES, "in run 3 on node-b", "1 = 2 ≠ run 3 on node-b", "1 of 1 test drifts", id="machines"),
        pytest.param(BASELINE, "from the baseline", "baseline ≠ 1", "1 of 1 test is off its baseline", id="baseline"),
        pytest.param(COMMIT, "from v1.2", "v1.2 ≠ now", "1 of 1 test differs from v1.2", id="commit"),
    ],
)
def test_what_is_compared_with_what_is_called_by_its_name(
    test: TestResult, sentence: str, groups: str, headline: str
) -> None:
    over_time = test.verdict is B
    first = make_divergence(run=1 if over_time else 3)
    drift = make_drift(first=first, groups=((0,), (1,)) if over_time else ((1, 2), (3,)))
    assert wording.divergence_sentence(test, first) == f"loss first differs at step 3 {sentence}"
    assert wording.group_text(drift, test) == groups
    assert wording.headline(make_report(test)) == f"Not reproducible: {headline}"


def test_headline_names_all_that_tests_are_off() -> None:
    assert wording.headline(make_report(BASELINE, COMMIT)) == (
        "Not reproducible: 2 of 2 tests differ from baseline or v1.2"
    )


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
