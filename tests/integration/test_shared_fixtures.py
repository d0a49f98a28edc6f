"""What runs in one process share, and what they set again: neither may be taken for a drift, or break a test."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner

pytest.importorskip("sklearn.linear_model")  # here, not in a session whose modules are forgotten

ALL = ("--repro-runs=3", "--repro-all", "--repro-explain=off")

GUARDS = """
    import numpy as np
    import pytest

    @pytest.fixture(autouse=True)
    def untouched():
        before = np.random.get_state()
        yield
        after = np.random.get_state()
        assert before[2] == after[2] and (before[1] == after[1]).all(), "global state was changed"
"""


def test_guard_of_the_global_generator_sees_what_the_test_does_and_not_our_seeds(inner: Inner) -> None:
    """As in the suite of statsmodels."""
    inner.file(
        GUARDS
        + """
    @pytest.fixture
    def second():
        yield 1

    @pytest.fixture(autouse=True)
    def draws_first():
        return np.random.rand()

    def test_good(second):
        assert np.random.default_rng(0).random() < 1

    def test_bad(second):
        assert np.random.rand() < 1

    class TestOld:
        def setup_method(self):
            self.before = np.random.get_state()[1].copy()

        def test_good(self):
            assert 1 == 1

        def teardown_method(self):
            assert (self.before == np.random.get_state()[1]).all()
    """
    )
    for isolation in ("inline", "process"):
        result = inner(*ALL, isolation=isolation)
        assert result.parseoutcomes() == {"passed": 3, "errors": 1}
        result.stdout.fnmatch_lines(["*ERROR*::test_bad - AssertionError: global state was changed*"])


def test_fixtures_draw_as_before_after_a_guard(inner: Inner) -> None:
    inner.file(
        """
    import numpy as np
    import pytest

    SEEN = []

    @pytest.fixture
    def drawing():
        np.random.rand()
        yield np.random.rand()
        SEEN.append(np.random.rand())

    @pytest.mark.repro
    def test_it(drawing, repro):
        repro.metric("fixture", drawing)
        repro.metric("test", np.random.rand())
        repro.metric("ends", float(len(set(SEEN)) <= 1))
    """
    )
    inner("--repro-runs=3").assert_outcomes(passed=1)


FITS = """
    import functools
    import numpy as np
    import pytest
    from sklearn.linear_model import LinearRegression

    X = np.arange(10.0).reshape(5, 2) ** 2
    y = np.arange(5.0)
"""


def test_fits_of_shared_fixtures_are_no_part_of_the_run_that_sets_them_up(inner: Inner) -> None:
    inner.file(
        FITS
        + """
    class TestOld:
        @classmethod
        def setup_class(cls):
            cls.model = LinearRegression().fit(X, y)
            assert cls.model.coef_.shape == (2,)

        def test_first(self):
            assert self.model.coef_[0] < 5

        def test_second(self):
            assert self.model.intercept_ < 5

    @pytest.fixture(scope="module")
    def model():
        return LinearRegression().fit(X, y)

    def test_module(model):
        assert model.predict(X)[0] < 5
    """
    )
    for isolation in ("inline", "auto", "process"):
        inner(*ALL, isolation=isolation).assert_outcomes(passed=3)


CACHED = (
    FITS
    + """
    @functools.lru_cache
    def fitted():
        return LinearRegression().fit(X, y)
"""
)


def test_fit_that_a_cache_kept_is_no_drift(inner: Inner) -> None:
    inner.file(
        CACHED
        + """
    def test_first():
        assert fitted().coef_[0] < 5

    def test_second():
        assert LinearRegression().fit(X, y).coef_[0] == fitted().coef_[0]
    """
    )
    for isolation in ("inline", "auto", "process"):
        inner(*ALL, isolation=isolation).assert_outcomes(passed=2)


def test_fit_that_an_earlier_test_made_leaves_nothing_to_compare_where_it_is_alone(inner: Inner) -> None:
    inner.file(
        CACHED
        + "\n    def test_first():\n        assert fitted() is not None\n\n    def test_it():\n        fitted()\n"
    )
    result = inner(*ALL, "-rA", isolation="auto")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*1 of 2 tests had something to compare*"])


def test_marked_test_of_nothing_but_a_kept_fit_is_inconclusive_and_says_what_to_do(inner: Inner) -> None:
    inner.file(
        CACHED
        + "\n    def test_first():\n        assert fitted() is not None\n"
        + "\n    @pytest.mark.repro\n    def test_it():\n        fitted()\n"
    )
    result = inner(*ALL, isolation="auto")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["INCONCLUSIVE: *", "*empty that cache in a fixture*", "*called in run 3 only*"])


def test_fit_that_only_the_first_run_made_leaves_nothing_to_compare_where_all_runs_share_the_process(
    inner: Inner,
) -> None:
    inner.file(CACHED + "\n    def test_it():\n        fitted()\n")
    result = inner(*ALL, isolation="inline")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*0 of 1 tests had something to compare*"])
    inner.file(CACHED + "\n    @pytest.mark.repro\n    def test_it():\n        fitted()\n")
    result = inner(*ALL, isolation="inline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["INCONCLUSIVE: *", "*empty that cache in a fixture*", "*called in run 1 only*"])


def test_fit_that_a_fresh_process_leaves_out_is_a_drift(inner: Inner) -> None:
    inner.file(
        FITS
        + """
    import sys

    def test_it():
        if not any("pytest_repro.execute.child" in name for name in sys.modules):
            LinearRegression().fit(X, y)
        assert 1 == 1
    """
    )
    inner(*ALL, isolation="auto").assert_outcomes(failed=1)
