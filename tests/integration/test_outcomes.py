"""A failure, error, skip or xfail in run k is reported once and natively; an outcome that differs is drift."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner

IN_RUN = """
    import pytest

    def nth(repro):
        return repro.run == {run}

    @pytest.fixture
    def up(repro):
        if {up!r} and nth(repro):
            raise ValueError("broken set-up")
        yield
        if {down!r} and nth(repro):
            raise ValueError("broken tear-down")

    {decorator}
    @pytest.mark.repro
    def test_it(repro, up):
        repro.metric("x", 1.0)
        print("in run", repro.run)
        if nth(repro):
            {call}

    def test_after():
        pass
"""


def in_run(
    inner: Inner,
    run: int,
    *,
    call: str = "pass",
    up: bool = False,
    down: bool = False,
    decorator: str = "",
    isolation: str = "inline",
) -> pytest.RunResult:
    inner.file(IN_RUN.format(run=run, call=call, up=up, down=down, decorator=decorator))
    return inner("--repro-runs=3", "-ra", isolation=isolation)


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("run", [1, 2, 3])
def test_failure_is_reported_once_with_its_traceback(inner: Inner, run: int, isolation: str) -> None:
    result = in_run(inner, run, call="assert 1 == 2", isolation=isolation)
    result.assert_outcomes(failed=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*assert 1 == 2*", f"*call failed in run {run} of 3*"])
    # the output of the failing run only
    assert [line for line in result.outlines if line.startswith("in run")] == [f"in run {run}"]


@pytest.mark.parametrize(("run", "shown"), [(1, "FAILED"), (2, "DRIFT"), (3, "DRIFT")])
def test_failure_after_a_run_that_passed_is_drift(inner: Inner, run: int, shown: str) -> None:
    result = in_run(inner, run, call="assert 1 == 2")
    result.stdout.fnmatch_lines([f"{shown} test_it.py::test_it - *"])
    assert any(line.startswith("test_it.py D") for line in result.outlines) is (shown == "DRIFT")


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("run", [1, 2, 3])
def test_error_of_set_up_is_reported_once(inner: Inner, run: int, isolation: str) -> None:
    result = in_run(inner, run, up=True, isolation=isolation)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*broken set-up*", f"*setup failed in run {run} of 3*"])


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("run", [1, 2, 3])
def test_error_of_tear_down_is_reported_once_beside_the_verdict(inner: Inner, run: int, isolation: str) -> None:
    result = in_run(inner, run, down=True, isolation=isolation)
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(["*broken tear-down*"])


def test_skip_in_the_first_run_is_a_skip(inner: Inner) -> None:
    result = in_run(inner, 1, call="pytest.skip('not here')")
    result.assert_outcomes(skipped=1, passed=1)
    result.stdout.fnmatch_lines(["SKIPPED * not here"])


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("run", [2, 3])
def test_skip_after_a_run_that_passed_is_drift(inner: Inner, run: int, isolation: str) -> None:
    result = in_run(inner, run, call="pytest.skip('not here')", isolation=isolation)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([f"DRIFT test_it.py::test_it - *passed and run {run} of 3 did not*"])


def test_marked_skip_runs_nothing(inner: Inner) -> None:
    result = in_run(inner, 1, decorator="@pytest.mark.skip(reason='never')")
    result.assert_outcomes(skipped=1, passed=1)


def test_expected_failure_in_every_run(inner: Inner) -> None:
    result = in_run(inner, 1, call="assert False", decorator="@pytest.mark.xfail(strict=True)")
    result.assert_outcomes(xfailed=1, passed=1)


def test_failure_expected_that_does_not_come(inner: Inner) -> None:
    result = in_run(inner, 9, decorator="@pytest.mark.xfail(strict=True)")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*"])


def test_drift_may_be_expected(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.xfail(strict=True, reason="known")
        @pytest.mark.repro
        def test_it(repro):
            repro.metric("run", repro.run)
    """)
    inner("--repro-runs=3").assert_outcomes(xfailed=1)


def test_nothing_recorded_is_inconclusive_and_fails(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it():
            pass
    """)
    result = inner("--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["INCONCLUSIVE: nothing was recorded*", "*repro.metric(name, value)*"])


@pytest.mark.parametrize("isolation", ["inline", "process", "auto"])
def test_missing_and_extra_values_are_drift(inner: Inner, isolation: str) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("always", 1)
            repro.metric("first" if repro.run == 1 else "later", 1)
    """)
    result = inner("--repro-runs=3", isolation=isolation)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DRIFT: 2 of 3 values differ*", "  first   later  in run 2    (not recorded) -> 1 *"])


def test_an_uncaught_exit_is_a_failure(inner: Inner) -> None:
    result = in_run(inner, 2, call="raise SystemExit(4)")
    result.assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("run", [1, 2])
def test_leaving_pytest_from_a_test_ends_the_session(inner: Inner, run: int, isolation: str) -> None:
    result = in_run(inner, run, call="pytest.exit('enough', 7)", isolation=isolation)
    assert result.ret == 7
    result.stdout.fnmatch_lines(["*Exit: enough*"])
