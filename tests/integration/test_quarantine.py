"""A test in quarantine, and --repro-level=warn: what drifts is reported and fails nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

DRIFTS = """
    import pytest

    @pytest.mark.repro({arguments})
    def test_it(repro):
        repro.metric("x", repro.run)
"""


def drifting(inner: Inner, arguments: str = "", *options: str) -> pytest.RunResult:
    inner.file(DRIFTS.format(arguments=arguments))
    return inner("--repro-runs=3", *options)


def test_drift_in_quarantine_is_only_reported(inner: Inner) -> None:
    result = drifting(inner, "quarantine='2999-01-31', reason='upstream #7'", "--repro-json=out.json")
    result.assert_outcomes(passed=1, warnings=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "test_it.py d *",
            "*ReproWarning: 1 of 1 value* differ*(in quarantine until 2999-01-31 (upstream #7))",
            "repro: only reported, in quarantine until 2999-01-31 (upstream #7): test_it.py::test_it: *",
        ]
    )
    [test] = json.loads((Path(inner.pytester.path) / "out.json").read_text(encoding="utf-8"))["tests"]
    assert test["verdict"] == "drifted"


def test_quarantine_that_has_ended_fails_and_says_so(inner: Inner) -> None:
    result = drifting(inner, "quarantine='2020-01-31', reason='upstream #7'")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*its quarantine ended on 2020-01-31*"])


def test_test_in_quarantine_that_reproduces_says_so(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro(quarantine="2999-01-31")
        def test_it(repro):
            repro.metric("x", 1.0)
    """)
    result = inner("--repro-runs=3")
    result.assert_outcomes(passed=1, warnings=0)
    result.stdout.fnmatch_lines(["repro: test_it.py::test_it reproduces; in quarantine until 2999-01-31, *"])


@pytest.mark.parametrize("isolation", ["inline", "process", ""])
def test_outcome_that_differs_between_runs_is_only_reported_too(inner: Inner, isolation: str) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro(quarantine="2999-01-31")
        def test_it(repro):
            repro.metric("x", 1.0)
            assert repro.run == 1

        def test_after():
            pass
    """)
    result = inner("--repro-runs=3", isolation=isolation)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["repro: only reported, in quarantine*: run 1 passed and run ? of 3 did not"])
    assert "FAILURES" not in result.stdout.str()


def test_failure_of_the_first_run_is_a_failure_as_ever(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro(quarantine="2999-01-31")
        def test_it(repro):
            assert 1 == 2
    """)
    inner("--repro-runs=3").assert_outcomes(failed=1)


def test_test_that_records_nothing_is_only_reported_in_quarantine(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro(quarantine="2999-01-31")
        def test_it(repro):
            pass
    """)
    inner("--repro-runs=3").assert_outcomes(passed=1, warnings=1)


def test_run_that_is_lost_is_only_reported_in_quarantine(inner: Inner) -> None:
    inner.file("""
        import os
        import pytest

        @pytest.mark.repro(quarantine="2999-01-31")
        def test_it(repro):
            repro.metric("x", 1.0)
            if repro.run == 3:
                os._exit(9)

        def test_after():
            pass
    """)
    result = inner("--repro-runs=3", isolation="")
    result.assert_outcomes(passed=2, warnings=1)


@pytest.mark.parametrize("arguments", ["quarantine='soon'", "quarantine='2027-02-30'", "reason='no day'"])
def test_unusable_quarantine_is_refused_before_anything_runs(inner: Inner, arguments: str) -> None:
    result = drifting(inner, arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it.py::test_it: @pytest.mark.repro*quarantine=*"])


@pytest.mark.parametrize("where", ["option", "ini", "marker"])
def test_level_warn_lists_drifts_and_fails_nothing(inner: Inner, where: str) -> None:
    if where == "ini":
        inner.pytester.makeini("[pytest]\nrepro_level = warn\n")
    options = ["--repro-level=warn"] if where == "option" else []
    result = drifting(inner, "level='warn'" if where == "marker" else "", *options)
    result.assert_outcomes(passed=1, warnings=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*ReproWarning: *(--repro-level=warn)", "repro: only reported, --repro-level=warn: *"])


def test_level_warn_does_not_become_an_error_by_w_error(inner: Inner) -> None:
    drifting(inner, "", "--repro-level=warn", "-W", "error").assert_outcomes(passed=1, warnings=1)


def test_level_warn_leaves_other_verdicts_alone(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_nothing():
            pass

        @pytest.mark.repro
        def test_fails(repro):
            repro.metric("x", 1)
            assert 1 == 2
    """)
    inner("--repro-runs=3", "--repro-level=warn").assert_outcomes(failed=2)


def test_command_line_outranks_the_marker(inner: Inner) -> None:
    drifting(inner, "level='warn'", "--repro-level=fail").assert_outcomes(failed=1)


def test_xdist_reports_what_its_workers_excuse(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file(DRIFTS.format(arguments="quarantine='2999-01-31'"))
    result = inner("--repro-runs=2", "-n1", plugins=["xdist"], subprocess=True)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["repro: only reported, in quarantine until 2999-01-31: *"])
