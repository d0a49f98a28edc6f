"""Bad input is a clear error that names the test, the value and the remedy; usage errors exit with 4."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner

CLEAN = """
    import pytest

    @pytest.mark.repro{marker}
    def test_it(repro):
        repro.metric("x", 1.0)
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--repro-runs=0",), "--repro-runs: expected a whole number of at least 1, got 0", id="zero"),
        pytest.param(("--repro-runs=-3",), "--repro-runs: *got -3", id="negative"),
        pytest.param(("--repro-runs=two",), "--repro-runs: *got 'two'", id="text"),
        pytest.param(("--repro-runs=1.5",), "--repro-runs: *got '1.5'", id="fraction"),
        pytest.param(("--repro-seed=-1",), "--repro-seed: expected a whole number of at least 0, got -1", id="seed"),
        pytest.param(("--repro-rtol=-1e-6",), "--repro-rtol: *not negative, got '-1e-6'", id="rtol"),
        pytest.param(("--repro-atol=nan",), "--repro-atol: *finite*got 'nan'", id="nan"),
        pytest.param(("--repro-atol=inf",), "--repro-atol: *finite*got 'inf'", id="inf"),
        pytest.param(("--repro-ulp=1.5",), "--repro-ulp: *got '1.5'", id="ulp"),
        pytest.param(("--repro-isolation=vm",), "--repro-isolation: expected one of auto*got 'vm'", id="isolation"),
        pytest.param(("--repro-vary=moon",), "--repro-vary: *moon*", id="factor"),
        pytest.param(("--repro-vary=threads", "--repro-runs=2"), "--repro-vary=threads needs *", id="contradiction"),
        pytest.param(("--repro-vary=hash-seed", "--repro-runs=2"), "--repro-vary=hash-seed needs *", id="hash seed"),
        pytest.param(
            ("--repro-vary=threads", "--repro-isolation=process", "--repro-workers=1", "--repro-runs=2"),
            "--repro-vary=threads needs workers that differ, and --repro-workers=1 *",
            id="one worker",
        ),
    ],
)
def test_command_line(inner: Inner, arguments: tuple[str, ...], message: str) -> None:
    inner.file(CLEAN.format(marker=""))
    result = inner(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        pytest.param("repro_runs = none", "ini option repro_runs: *'none'", id="runs"),
        pytest.param("repro_tolerance = loss", "ini option repro_tolerance: expected 'pattern: *got 'loss'", id="form"),
        pytest.param("repro_tolerance = l: xtol=1", "ini option repro_tolerance: 'xtol' is not one of *", id="key"),
        pytest.param("repro_tolerance = l: rtol=-1", "ini option repro_tolerance: *negative*'-1'", id="negative"),
    ],
)
def test_ini(inner: Inner, ini: str, message: str) -> None:
    inner.pytester.makeini(f"[pytest]\n{ini}\n")
    inner.file(CLEAN.format(marker=""))
    result = inner("--repro-runs=2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])


MARKERS = [
    pytest.param("(run=2)", "*unknown argument run (did you mean runs?); the marker takes runs, seed, *", id="unknown"),
    pytest.param("(runs=0)", "*runs=: expected a whole number of at least 1, got 0", id="runs"),
    pytest.param("(runs=True)", "*runs=: *got True", id="bool"),
    pytest.param("(rtol=-1)", "*rtol=: expected a finite number that is not negative, got -1", id="rtol"),
    pytest.param("(rtol='x')", "*rtol=: *got 'x'", id="text"),
    pytest.param("(ulp=0.5)", "*ulp=: *got 0.5", id="ulp"),
    pytest.param("(isolation='vm')", "*isolation=: *got 'vm'", id="isolation"),
    pytest.param("(3)", "*takes keyword arguments only, got (3,)*", id="positional"),
    pytest.param("(isolation='inline', vary='threads')", ": vary='threads' needs runs in fresh *", id="contradiction"),
    pytest.param("(json='x')", "*unknown argument json*", id="not for the marker"),
]


@pytest.mark.parametrize(("marker", "message"), MARKERS)
def test_marker(inner: Inner, marker: str, message: str) -> None:
    inner.file(CLEAN.format(marker=marker))
    result = inner()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: test_it.py::test_it: @pytest.mark.repro{message}"])


def test_marker_on_workers_of_xdist(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file(CLEAN.format(marker="(runs=0)"))
    result = inner("-n2", plugins=("xdist",), subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*ERROR: test_it.py::test_it: *runs=: *got 0*"])


def test_option_on_workers_of_xdist(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file(CLEAN.format(marker=""))
    result = inner("-n2", "--repro-runs=0", plugins=("xdist",), subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --repro-runs: *"])


CALLS = [
    pytest.param("repro.metric(3, 1.0)", "*a name must be a non-empty string, got 3; *", id="name"),
    pytest.param("repro.metric('', 1.0)", "*a name must be a non-empty string, got ''; *", id="empty name"),
    pytest.param(
        "repro.metric(['x'], 1.0)", "*a name must be a non-empty string, got [[]'x']; *", id="unhashable name"
    ),
    pytest.param("repro.metric('x', 1.0, step=1.0)", "*step of 'x' must be an integer, got 1.0 (float)*", id="float"),
    pytest.param("repro.metric('x', 1.0, step='1')", "*the step of 'x' must be an integer, got '1' (str)*", id="text"),
    pytest.param("repro.metric('x', 1.0, step=True)", "*step of 'x' must be an integer, got True (bool)*", id="bool"),
    pytest.param(
        "repro.metric('x', 1, step=1), repro.metric('x', 2, step=1)",
        "*step 1 of 'x' was recorded twice; give each value a step of its own*",
        id="step twice",
    ),
    pytest.param(
        "repro.metric('x', 1, step=1), repro.metric('x', 2)",
        "*'x' was recorded both with a step and without one; *",
        id="both ways",
    ),
    pytest.param("repro.metric('x', 1.0, rtol=-1)", "*rtol=-1 of 'x' must be *not negative*", id="rtol"),
    pytest.param("repro.metric('x', 1.0, atol=float('nan'))", "*atol=nan of 'x' must be *", id="atol"),
    pytest.param("repro.metric('x', 1.0, ulp=1.5)", "*ulp=1.5 of 'x' must be *", id="ulp"),
    pytest.param("repro.metric('x', 1.0, ulp=True)", "*ulp=True of 'x' must be *", id="ulp bool"),
    pytest.param("repro.metric('x', (i for i in 'ab'))", "*cannot record 'x'*generator*", id="generator"),
    pytest.param("repro.artifact('x', file)", "*cannot record 'x'*", id="open file"),
    pytest.param(
        "repro.artifact('x', __import__('pathlib').Path('gone.txt'))", "*cannot record 'x'*gone.txt*", id="missing"
    ),
    pytest.param("repro.artifact('x', __import__('threading').Lock())", "*cannot record 'x'*lock*", id="lock"),
]


@pytest.mark.parametrize("runs", ["1", "2"])
@pytest.mark.parametrize(("call", "message"), CALLS)
def test_call_of_the_fixture(inner: Inner, call: str, message: str, runs: str) -> None:
    inner.file(f"""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            with open(__file__) as file:
                {call}
    """)
    result = inner(f"--repro-runs={runs}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E  *Error: test_it.py::test_it: {message}"])
    # the traceback ends in the user's line, not in our code
    assert not [line for line in result.outlines if "recorder.py:" in line]


def test_integers_of_numpy_are_steps(inner: Inner) -> None:
    inner.file("""
        import numpy as np, pytest

        @pytest.mark.repro
        def test_it(repro):
            for step in np.arange(3):
                repro.metric("x", 1.0, step=step)
            with pytest.raises(Exception, match="recorded twice"):
                repro.metric("x", 1.0, step=2)
            with pytest.raises(Exception, match="must be an integer"):
                repro.metric("x", 1.0, step=np.float64(3))
    """)
    inner("--repro-runs=2").assert_outcomes(passed=1)
    inner("--repro-runs=2", isolation="process").assert_outcomes(passed=1)


def test_recording_after_the_test(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.fixture
        def late(repro):
            yield
            repro.metric("late", 1.0)

        @pytest.mark.repro
        def test_it(repro, late):
            repro.metric("x", 1.0)
    """)
    for runs in ("1", "2"):
        result = inner(f"--repro-runs={runs}")
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(["*'late' was recorded after the test had ended; record it inside the test*"])


def test_recording_from_another_thread(inner: Inner) -> None:
    inner.file("""
        import concurrent.futures, pytest

        @pytest.mark.repro
        def test_it(repro):
            with concurrent.futures.ThreadPoolExecutor() as pool:
                pool.submit(repro.metric, "x", 1.0).result()
    """)
    result = inner("--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'x' was recorded from another thread; hand the value to the test's own thread*"])


def test_recording_in_a_test_without_the_marker(inner: Inner) -> None:
    inner.file("""
        def test_it(repro):
            repro.metric("x", 1.0)
    """)
    result = inner("--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'x' was recorded in a test that is not marked*add @pytest.mark.repro*"])


def test_report_that_cannot_be_written(inner: Inner) -> None:
    inner.file(CLEAN.format(marker=""))
    (inner.pytester.path / "gone").write_text("a file, not a folder")
    result = inner("--repro-runs=2", "--repro-json=gone/report.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*repro: *gone*report.json*"])
