"""Other plugins act in worker processes as they do in the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import Inner

EIGHT = """
    import pytest

    @pytest.mark.repro
    @pytest.mark.parametrize("number", range(8))
    def test_it(repro, number):
        repro.metric("number", number)
"""


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadgroup"])
def test_each_xdist_worker_has_workers_of_its_own(inner: Inner, dist: str) -> None:
    pytest.importorskip("xdist")
    inner.file(EIGHT.replace("@pytest.mark.repro", '@pytest.mark.repro\n    @pytest.mark.xdist_group("one")'))
    result = inner("-n2", f"--dist={dist}", "--repro-runs=3", plugins=["xdist"], isolation="", subprocess=True)
    result.assert_outcomes(passed=8)


def test_coverage_counts_what_runs_in_workers(inner: Inner) -> None:
    pytest.importorskip("pytest_cov")
    inner.pytester.makepyfile(
        measured="""
        import os

        def compute(seed):
            if os.environ.get("PYTHONHASHSEED") == "1":
                return 1
            return 1
        """
    )
    inner.file("""
        import pytest
        from measured import compute

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", compute(0))
    """)
    result = inner(
        "--repro-runs=2", "--cov=measured", "--cov-report=term", plugins=["pytest_cov"], isolation="process",
        subprocess=True,
    )  # fmt: skip
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["measured.py*100%"])


def test_a_time_limit_holds_in_a_worker_and_counts_the_test_only(inner: Inner) -> None:
    pytest.importorskip("pytest_timeout")
    inner.file("""
        import time
        import pytest

        @pytest.mark.repro
        @pytest.mark.timeout(2)
        def test_within(repro):
            time.sleep(0.8)
            repro.metric("x", 1)

        @pytest.mark.repro
        @pytest.mark.timeout(0.5)
        def test_beyond(repro):
            time.sleep(60)
    """)
    result = inner("--repro-runs=3", plugins=["pytest_timeout"], isolation="process", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Timeout*0.5*"])


def test_rerunfailures_and_random_order_do_not_disturb(inner: Inner) -> None:
    pytest.importorskip("pytest_rerunfailures")
    pytest.importorskip("pytest_randomly")
    inner.file("""
        import random
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", range(3))
        def test_it(repro, number):
            repro.metric("draw", random.random())

        @pytest.mark.repro
        def test_fails(repro):
            assert 0
    """)
    plugins = ["pytest_rerunfailures", "pytest_randomly"]
    result = inner("--repro-runs=3", "--reruns=2", plugins=plugins, isolation="", subprocess=True)
    result.assert_outcomes(passed=3, failed=1)


def test_warnings_as_errors_hold_for_us_too(inner: Inner) -> None:
    inner.file(EIGHT)
    result = inner("--repro-runs=3", "-Werror", isolation="", subprocess=True)
    result.assert_outcomes(passed=8)
    result.stderr.no_fnmatch_line("*Warning*")


def test_files_of_the_session_are_written_by_the_session_alone(inner: Inner, tmp_path: Path) -> None:
    inner.file("""
        import logging
        import pytest

        def test_plain():
            logging.getLogger().warning("from the session")

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
    """)
    log = tmp_path / "log"
    inner("--repro-runs=3", f"--log-file={log}", isolation="process").assert_outcomes(passed=2)
    assert "from the session" in log.read_text()


def test_last_failed_and_first_failure_act_on_process_runs(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2, 3])
        def test_it(repro, number):
            repro.metric("x", 1)
            assert number < 2
    """)
    inner("--repro-runs=2", "-x", isolation="process").assert_outcomes(passed=1, failed=1)
    # the helper turns the cache off
    arguments = ("-p", "pytest_repro.plugin", "--repro-runs=2", "--repro-isolation=process")
    inner.pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1, failed=2)
    inner.pytester.runpytest_subprocess(*arguments, "--lf").assert_outcomes(failed=2)


def test_subtests_of_the_last_run_are_reported_once(inner: Inner) -> None:
    if int(pytest.__version__.partition(".")[0]) < 9:
        pytest.skip("sub-tests are built in from pytest 9 on")
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro, subtests):
            for number in range(3):
                with subtests.test(number=number):
                    repro.metric("x", number)
            with subtests.test("fails"):
                assert 0
    """)
    result = inner("--repro-runs=3", "-v", isolation="process")
    result.stdout.fnmatch_lines(["*SUBFAILED*", "*contains 1 failed subtest", "*2 failed, 3 subtests passed*"])


def test_hypothesis_draws_the_same_examples(inner: Inner) -> None:
    pytest.importorskip("hypothesis")
    inner.file("""
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies

        @pytest.mark.repro
        @settings(max_examples=5, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(strategies.integers())
        def test_it(repro, number):
            repro.metric("number", number)
    """)
    plugins = ["_hypothesis_pytestplugin"]
    inner("--repro-runs=3", plugins=plugins, isolation="", subprocess=True).assert_outcomes(passed=1)


def test_colours_of_differences_are_the_terminals(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            assert [1, 2] == [1, 3]
    """)
    coloured = inner("--repro-runs=2", "--color=yes", "-vv", isolation="process")
    assert any("\x1b[" in line and "E " in line for line in coloured.outlines)
