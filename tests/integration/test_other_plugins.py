"""Other plugins, the real ones, act on a repeated test as on any other."""

from __future__ import annotations

import json
import time

import pytest

from tests.integration.conftest import Inner

CLEAN_AND_DRIFT = """
    import pytest

    @pytest.mark.repro
    def test_clean(repro):
        repro.metric("x", 1.0)

    @pytest.mark.repro
    def test_drift(repro):
        repro.metric("x", float(repro.run))

    def test_plain():
        pass
"""


# --- pytest-timeout -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_timeout_counts_each_run_by_itself(inner: Inner, method: str) -> None:
    pytest.importorskip("pytest_timeout")
    inner.file("""
        import time, pytest

        @pytest.mark.timeout(2)
        @pytest.mark.repro
        def test_it(repro):
            time.sleep(0.8)
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=3", f"--timeout-method={method}", plugins=("pytest_timeout",), subprocess=True)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_timeout_ends_a_late_run_that_hangs(inner: Inner, isolation: str) -> None:
    pytest.importorskip("pytest_timeout")
    inner.file("""
        import time, pytest

        @pytest.mark.timeout(0.7)
        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
            if repro.run == 2:
                time.sleep(20)
    """)
    started = time.monotonic()
    arguments = ("--repro-runs=3", "--timeout-method=signal")
    result = inner(*arguments, plugins=("pytest_timeout",), isolation=isolation, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout*>0.7s*"])
    assert time.monotonic() - started < 18


# --- pytest-cov -----------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_coverage_is_measured(inner: Inner, isolation: str) -> None:
    pytest.importorskip("pytest_cov")
    inner.pytester.makepyfile(
        lib="""
        def f(n):
            if n:
                return 1
            return 2
        """
    )
    inner.file("""
        import pytest, lib

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", lib.f(1))
            repro.metric("y", lib.f(0))
    """)
    inner.pytester.syspathinsert()
    arguments = ("--repro-runs=2", "--cov=lib", "--cov-report=term-missing")
    result = inner(*arguments, plugins=("pytest_cov",), isolation=isolation, subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["lib.py * 4 * 0 * 100%*"])


# --- pytest-randomly ------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", ["1", "2"])
@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_our_seed_wins_over_randomly(inner: Inner, runs: str, isolation: str) -> None:
    pytest.importorskip("pytest_randomly")
    inner.file("""
        import random, unittest, pytest
        import numpy as np

        @pytest.mark.repro(seed=5)
        def test_function(repro):
            repro.metric("x", random.random())
            repro.metric("y", np.random.random())
            random.seed(5)
            assert repro._recorder.observations()[0].value == random.random()

        @pytest.mark.repro(seed=5)
        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _use(self, repro):
                self.repro = repro

            def test_method(self):
                value = random.random()
                random.seed(5)
                assert value == random.random()
                self.repro.metric("x", value)
    """)
    for seed in ("1", "2"):
        arguments = (f"--repro-runs={runs}", f"--randomly-seed={seed}")
        inner(*arguments, plugins=("pytest_randomly",), isolation=isolation).assert_outcomes(passed=2)


def test_randomly_still_seeds_other_tests(inner: Inner) -> None:
    pytest.importorskip("pytest_randomly")
    inner.file("""
        import random, pytest

        @pytest.mark.repro
        def test_a(repro):
            repro.metric("x", random.random())

        def test_b():
            print("DRAWN", random.random())
    """)
    drawn = set()
    for arguments in (["--repro-runs=2"], ["--repro-runs=1"], ["-k", "test_b"]):
        result = inner(*arguments, "-s", "--randomly-seed=33", plugins=("pytest_randomly",))
        drawn |= {line.partition("DRAWN")[2] for line in result.outlines if "DRAWN" in line}
    assert len(drawn) == 1


def test_seeders_of_randomly_are_called(inner: Inner) -> None:
    """Its entry-point group works without it."""
    package = inner.pytester.mkdir("site")
    (package / "seeded.py").write_text("STATE = [None]\n\ndef seed(value):\n    STATE[0] = value\n")
    info = package / "seeded-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: seeded\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest_randomly.random_seeder]\nseeded = seeded:seed\n")
    inner.pytester.syspathinsert(package)
    inner.file("""
        import pytest, seeded

        @pytest.mark.repro(seed=2**40)
        def test_it(repro):
            assert seeded.STATE == [2**40]
            repro.metric("x", 1)
    """)
    for runs in ("1", "2"):
        inner(f"--repro-runs={runs}").assert_outcomes(passed=1)


def test_hook_seeds_what_we_do_not_know(inner: Inner) -> None:
    inner.pytester.makeconftest("""
        STATE = [0]

        def pytest_repro_seed(seed):
            STATE[0] = seed
    """)
    inner.file("""
        import pytest
        from conftest import STATE

        @pytest.mark.repro(seed=9)
        def test_it(repro):
            repro.metric("x", STATE[0])
            STATE[0] += 1
    """)
    inner("--repro-runs=2").assert_outcomes(passed=1)


# --- pytest-rerunfailures, flaky ------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_rerunfailures_never_masks_a_drift(inner: Inner, isolation: str) -> None:
    pytest.importorskip("pytest_rerunfailures")
    inner.file("""
        import pytest
        COUNT = []

        @pytest.mark.repro
        def test_drift(repro):
            repro.metric("x", repro.run)

        def test_plain():
            COUNT.append(1)
            assert len(COUNT) == 2
    """)
    result = inner("--repro-runs=2", "--reruns=3", plugins=("pytest_rerunfailures",), isolation=isolation)
    assert result.parseoutcomes() == {"failed": 1, "passed": 1, "rerun": 1}


def test_flaky_never_masks_a_drift(inner: Inner) -> None:
    pytest.importorskip("flaky")
    inner.file("""
        import flaky, pytest
        COUNT = []

        @flaky.flaky(max_runs=5)
        @pytest.mark.repro
        def test_drift(repro):
            COUNT.append(1)
            repro.metric("x", min(len(COUNT), 2))

        @flaky.flaky
        def test_plain():
            COUNT.append(1)
            assert len(COUNT) == 4
    """)
    # flaky patches pytest for the whole process
    result = inner("--repro-runs=2", plugins=("flaky.flaky_pytest_plugin",), subprocess=True)
    result.assert_outcomes(failed=1, passed=1)


# --- pytest-repeat --------------------------------------------------------------------------------


def test_repeat_multiplies_items_that_each_run_n_times(inner: Inner) -> None:
    pytest.importorskip("pytest_repeat")
    inner.file(CLEAN_AND_DRIFT)
    result = inner("--repro-runs=2", "--count=3", plugins=("pytest_repeat",))
    result.assert_outcomes(passed=6, failed=3)


# --- pytest-xdist ---------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["inline", "auto"])
def test_xdist_shows_a_drift_once_and_writes_one_report(inner: Inner, isolation: str) -> None:
    pytest.importorskip("xdist")
    inner.file(CLEAN_AND_DRIFT)
    arguments = ("--repro-runs=3", "-n2", "--repro-json=report.json")
    result = inner(*arguments, plugins=("xdist",), isolation=isolation, subprocess=True)
    result.assert_outcomes(passed=2, failed=1)
    text = result.stdout.str()
    assert text.count("DRIFT: 1 of 1 value differs") == 1
    assert text.count("DRIFT test_it.py::test_drift - x differs in run 2 of 3") == 1
    assert text.count("repro: 1 test reproduced over 3 runs") == 1
    tests = json.loads((inner.pytester.path / "report.json").read_text())["tests"]
    assert [(test["nodeid"], test["verdict"]) for test in tests] == [
        ("test_it.py::test_clean", "reproduced"),
        ("test_it.py::test_drift", "drifted"),
    ]


def test_xdist_tells_the_verdict_of_a_test_whose_marker_alone_asks_for_runs(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file("""
        import pytest

        SEEN = []

        @pytest.mark.repro(runs=2, isolation="inline", explain="off")
        def test_it(repro):
            SEEN.append(1)
            repro.metric("x", len(SEEN))
    """)
    # no option of ours: the controller, which collects nothing, hears of the test by its report only
    result = inner.pytester.runpytest_subprocess("-p", "pytest_repro.plugin", "-p", "xdist", "-n2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["repro: not reproduced: 1 drifted."])


def test_xdist_groups_keep_node_ids(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file("""
        import pytest

        @pytest.mark.xdist_group("a")
        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
    """)
    arguments = ("--repro-runs=2", "-n2", "--dist=loadgroup")
    result = inner(*arguments, plugins=("xdist",), isolation="process", subprocess=True)
    result.assert_outcomes(passed=1)


# --- all that are installed, as a user has them ---------------------------------------------------


def test_everything_that_is_installed_at_once(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    inner.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    inner.file(CLEAN_AND_DRIFT)
    result = inner("--repro-runs=3", isolation="auto", subprocess=True)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["DRIFT test_it.py::test_drift - x differs in run 2 of 3"])
