"""Functions, methods, parametrised, unittest, asynchronous, hypothesis tests: N runs, one node id, one report."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner


def assert_repeated(inner: Inner, source: str, *, passed: int, plugins: tuple[str, ...] = ()) -> None:
    """The clean tests of `source` pass, those named test_drift drift, and each is reported once."""
    inner.file(source)
    result = inner("--repro-runs=3", "-v", plugins=plugins)
    drifted = source.count("def test_drift")
    result.assert_outcomes(passed=passed, failed=drifted)
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if drifted else pytest.ExitCode.OK)
    reported = [line for line in result.outlines if "::" in line and ("PASSED" in line or " DRIFT" in line)]
    assert len({line.split(" ")[0] for line in reported}) == len(reported) == passed + drifted
    assert sum(line.startswith("DRIFT test_it.py") for line in result.outlines) == drifted


def test_functions_and_parametrised_functions(inner: Inner) -> None:
    source = """
        import pytest
        CALLS = {}

        @pytest.mark.repro
        @pytest.mark.parametrize("n", [1, 2, "a b"])
        def test_clean(repro, n):
            CALLS[n] = CALLS.get(n, 0) + 1
            repro.metric("n", n)

        @pytest.mark.repro
        def test_drift(repro):
            CALLS["drift"] = CALLS.get("drift", 0) + 1
            repro.metric("n", CALLS["drift"])

        def test_counts():
            assert CALLS == {1: 3, 2: 3, "a b": 3, "drift": 3}
    """
    assert_repeated(inner, source, passed=4)


def test_methods_have_a_new_self(inner: Inner) -> None:
    source = """
        import pytest

        @pytest.mark.repro
        class TestIt:
            shared = []

            def test_clean(self, repro):
                self.n = getattr(self, "n", 0) + 1
                repro.metric("n", self.n)

            @staticmethod
            def test_static(repro):
                repro.metric("n", 1)

            @classmethod
            def test_class(cls, repro):
                repro.metric("n", 1)

            def test_drift(self, repro):
                self.shared.append(1)
                repro.metric("n", len(self.shared))
    """
    assert_repeated(inner, source, passed=3)


def test_unittest(inner: Inner) -> None:
    source = """
        import unittest, pytest
        LOG = []

        @pytest.mark.repro
        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _use(self, repro):
                self.repro = repro

            def setUp(self):
                LOG.append("up")
                self.n = 0

            def tearDown(self):
                LOG.append("down")

            def test_clean(self):
                self.n += 1
                self.repro.metric("n", self.n)

            def test_drift(self):
                self.repro.metric("n", len(LOG))

        def test_log():
            assert LOG == ["up", "down"] * 6
    """
    assert_repeated(inner, source, passed=2)


def test_unittest_failing_in_a_later_run_is_one_failure(inner: Inner) -> None:
    inner.file("""
        import unittest, pytest
        LOG = []

        @pytest.mark.repro
        class TestIt(unittest.TestCase):
            def test_it(self):
                LOG.append(1)
                self.assertLess(len(LOG), 2)
    """)
    result = inner("--repro-runs=3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assertLess*", "*call failed in run 2 of 3*"])


def test_unittest_asynchronous(inner: Inner) -> None:
    source = """
        import asyncio, unittest, pytest
        LOG = []

        @pytest.mark.repro
        class TestIt(unittest.IsolatedAsyncioTestCase):
            @pytest.fixture(autouse=True)
            def _use(self, repro):
                self.repro = repro

            async def asyncSetUp(self):
                await asyncio.sleep(0)
                self.n = 0

            async def test_clean(self):
                await asyncio.sleep(0)
                self.n += 1
                self.repro.metric("n", self.n)

            async def test_drift(self):
                LOG.append(1)
                self.repro.metric("n", len(LOG))
    """
    assert_repeated(inner, source, passed=1)


def test_pytest_asyncio(inner: Inner) -> None:
    pytest.importorskip("pytest_asyncio")
    inner.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    source = """
        import asyncio, pytest, pytest_asyncio
        LOG = []

        @pytest_asyncio.fixture
        async def start():
            await asyncio.sleep(0)
            return [0]

        @pytest.mark.asyncio
        @pytest.mark.repro
        async def test_clean(repro, start):
            await asyncio.sleep(0)
            start.append(1)
            repro.metric("n", len(start))

        @pytest.mark.asyncio
        @pytest.mark.repro
        class TestIt:
            async def test_drift(self, repro):
                LOG.append(1)
                repro.metric("n", len(LOG))
    """
    assert_repeated(inner, source, passed=1, plugins=("pytest_asyncio.plugin",))


def test_anyio_on_asyncio_and_trio(inner: Inner) -> None:
    pytest.importorskip("anyio")
    pytest.importorskip("trio")
    source = """
        import anyio, pytest
        LOG = []

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request):
            return request.param

        @pytest.fixture
        async def start(anyio_backend):
            await anyio.sleep(0)
            return [0]

        @pytest.mark.anyio
        @pytest.mark.repro
        async def test_clean(repro, start):
            await anyio.sleep(0)
            start.append(1)
            repro.metric("n", len(start))
    """
    assert_repeated(inner, source, passed=2, plugins=("anyio.pytest_plugin",))


def test_hypothesis_in_functions_and_classes(inner: Inner) -> None:
    pytest.importorskip("hypothesis")
    source = """
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies as st

        quiet = settings(suppress_health_check=list(HealthCheck), max_examples=5, database=None)

        @pytest.mark.repro
        @given(n=st.integers())
        @quiet
        def test_clean(repro, n):
            repro.metric("n", n)

        @pytest.mark.repro
        class TestIt:
            @given(n=st.floats(allow_nan=False))
            @quiet
            def test_method(self, repro, n):
                repro.metric("n", n)
    """
    assert_repeated(inner, source, passed=2)


def test_hypothesis_sees_as_many_examples_as_always(inner: Inner) -> None:
    pytest.importorskip("hypothesis")
    inner.file("""
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies as st
        SEEN = []

        @pytest.mark.repro
        @given(n=st.integers())
        @settings(suppress_health_check=list(HealthCheck), max_examples=7, database=None)
        def test_it(repro, n):
            SEEN.append(n)
            repro.metric("n", n)

        def test_counts():
            assert len(SEEN) == 14
            assert SEEN[:7] == SEEN[7:]
    """)
    inner("--repro-runs=2").assert_outcomes(passed=2)


def test_subtests_stop_at_the_first_failing_one(inner: Inner) -> None:
    if not hasattr(pytest, "Subtests"):
        pytest.importorskip("pytest_subtests")
    inner.file("""
        import pytest
        RUNS = []

        @pytest.mark.repro
        def test_clean(repro, subtests):
            for i in range(2):
                with subtests.test(i=i):
                    repro.metric("i", i)

        @pytest.mark.repro
        def test_fails(repro, subtests):
            RUNS.append(1)
            with subtests.test("late"):
                repro.metric("i", 0)
                assert len(RUNS) < 2

        def test_counts():
            assert len(RUNS) == 2
    """)
    plugins = () if hasattr(pytest, "Subtests") else ("pytest_subtests",)
    result = inner("--repro-runs=3", plugins=plugins)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*SUBFAILED*late*"])
    result.stdout.no_fnmatch_line("*test_clean*DRIFT*")


def test_other_items_are_left_alone(inner: Inner) -> None:
    inner.file('''
        """
        >>> 1 + 1
        2
        """
        import pytest
        pytestmark = pytest.mark.repro
    ''')
    inner("--repro-runs=2", "--doctest-modules").assert_outcomes(passed=1)
