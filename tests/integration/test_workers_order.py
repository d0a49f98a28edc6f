"""The factor ``order``: other marked tests are executed first, in the run's own process."""

from __future__ import annotations

from tests.integration.conftest import Inner

GUILTY = """
    import pytest

    seen = []

    @pytest.fixture(scope="module")
    def shared():
        return {"calls": 0}

    @pytest.mark.repro
    @pytest.mark.parametrize("number", range(3))
    def test_counts(repro, number):
        seen.append(number)
        repro.metric("count", len(seen))

    @pytest.mark.repro
    def test_innocent(repro, shared):
        shared["calls"] = 1
        repro.metric("count", 1)
"""


def test_a_test_that_hangs_on_other_tests_drifts_when_order_is_varied_only(inner: Inner) -> None:
    inner.file(GUILTY)
    inner("--repro-runs=3", isolation="process").assert_outcomes(passed=4)
    result = inner("--repro-runs=3", "--repro-vary=order", isolation="process")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["*first   count*1 -> 3*"])


SHARED = """
    import pytest

    DEFAULTS = {"depth": 3}

    @pytest.mark.repro
    def test_default(repro):
        repro.metric("depth", DEFAULTS["depth"])

    @pytest.mark.repro
    def test_deep(repro):
        DEFAULTS["depth"] = 8
        repro.metric("depth", DEFAULTS["depth"])
"""


def test_the_order_of_tests_is_shown_to_be_the_cause(inner: Inner) -> None:
    inner.file(SHARED)
    result = inner("--repro-runs=3", "--repro-vary=order", "--repro-explain=auto", isolation="process")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*cause   the order of tests decides it: all pinned, 5 of 5 agree*"])


def test_a_test_without_others_is_repeated_as_it_is(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_alone(repro):
            repro.metric("x", 1.0)
    """)
    inner("--repro-runs=3", "--repro-vary=order", isolation="process").assert_outcomes(passed=1)


UNMARKED = """
    import pytest

    seen = []

    def test_first():
        seen.append("first")
        assert len(seen) < 9

    {mark}
    def test_left_alone():
        seen.append("left alone")

    def test_last():
        assert "left alone" not in seen
        assert len(seen) < 9
"""


def test_tests_without_a_marker_are_others_too_where_all_are_repeated(inner: Inner) -> None:
    inner.file(UNMARKED.format(mark="@pytest.mark.repro(skip=True)"))
    arguments = ("--repro-runs=3", "--repro-all", "-k", "last")
    inner(*arguments, isolation="process").assert_outcomes(passed=1)
    result = inner(*arguments, "--repro-vary=order", isolation="process")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*first   assert#1 test_it.py:14 right  in run 2", "*0 items -> 1 items"])


def test_a_test_that_a_pattern_excludes_is_no_other(inner: Inner) -> None:
    inner.file(UNMARKED.format(mark=""))
    inner.pytester.makeini("[pytest]\nrepro_exclude = *left_alone")
    result = inner("--repro-runs=3", "--repro-all", "-k", "last", "--repro-vary=order", isolation="process")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*first   assert#1 test_it.py:14 right  in run 2", "*0 items -> 1 items"])
