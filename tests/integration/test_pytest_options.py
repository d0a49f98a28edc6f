"""The options of pytest itself see one ordinary test."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest

from tests.integration.conftest import Inner

MIXED = """
    import pytest
    COUNT = []

    @pytest.mark.repro
    def test_clean(repro):
        repro.metric("x", 1.0)

    @pytest.mark.repro
    def test_drift(repro):
        COUNT.append(1)
        print("printed in run", repro.run)
        repro.metric("x", float(len(COUNT)))

    @pytest.mark.repro
    def test_later(repro):
        repro.metric("x", 1.0)
"""


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_stops_at_the_first_failure(inner: Inner, option: str, isolation: str) -> None:
    inner.file(MIXED.replace("float(len(COUNT))", "float(repro.run)"))
    result = inner("--repro-runs=3", option, isolation=isolation)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_stop_still_tears_down_wider_fixtures(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.fixture(scope="module")
        def wide():
            yield
            print("torn down")

        @pytest.mark.repro
        def test_drift(repro, wide):
            repro.metric("run", repro.run)

        def test_other(wide): pass
    """)
    result = inner("--repro-runs=2", "-x", "-s")
    assert sum("torn down" in line for line in result.outlines) == 1


def test_session_that_a_test_stops_leaves_no_pass_that_nothing_was_compared_for(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro, request):
            request.session.shouldstop = "enough"
            repro.metric("x", 1.0)
    """)
    result = inner("--repro-runs=3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["INCONCLUSIVE: the session was stopped after 1 of 3 runs, so nothing was*"])


def test_last_failed_runs_what_drifted(inner: Inner) -> None:
    inner.file(MIXED)
    arguments = ("-p", "cacheprovider", "--repro-runs=2")
    inner(*arguments).assert_outcomes(passed=2, failed=1)
    again = inner(*arguments, "--lf")
    again.assert_outcomes(failed=1)


def test_selection_by_keyword(inner: Inner) -> None:
    inner.file(MIXED)
    inner("--repro-runs=2", "-k", "clean or later").assert_outcomes(passed=2, deselected=1)


@pytest.mark.parametrize("isolation", ["inline", "auto"])
def test_post_mortem_sees_the_drift_with_living_fixtures(inner: Inner, isolation: str) -> None:
    inner.file("""
        import pytest

        @pytest.fixture
        def alive(repro):
            state = ["alive"]
            yield state
            state.clear()
            print("torn down in run", repro.run)

        @pytest.mark.repro
        def test_drift(repro, alive):
            repro.metric("run", repro.run)
    """)
    inner.pytester.makepyfile(
        quitting="""
        class Quit:
            def __init__(self, *args, **kwargs): pass
            def reset(self): pass
            def set_continue(self): pass
            def set_trace(self, *args): pass
            def interaction(self, frame, traceback):
                print("DEBUGGER", type(traceback).__name__)
            setup = interaction
            quitting = False
        """
    )
    inner.pytester.syspathinsert()
    result = inner("--repro-runs=3", "--pdb", "--pdbcls=quitting:Quit", isolation=isolation)
    result.assert_outcomes(failed=1)
    lines = [line for line in result.outlines if "DEBUGGER" in line or "torn down in run 3" in line]
    assert len([line for line in lines if "DEBUGGER" in line]) == 1
    result.stdout.fnmatch_lines(["*DRIFT: 1 of 1 value differs*", "*entering PDB*", "DEBUGGER *"])


@pytest.mark.parametrize("option", ["--pdb", "--trace"])
def test_a_debugger_keeps_all_runs_here_and_the_header_says_so(inner: Inner, option: str) -> None:
    inner.file(MIXED)
    result = inner("--repro-runs=3", option, "-k", "none", isolation="auto")
    result.stdout.fnmatch_lines(["repro: 3 runs each, seed 0: 1 to 3 in this process", f"repro: {option} needs *"])


def test_setup_show_has_a_block_for_each_run(inner: Inner) -> None:
    inner.file(MIXED)
    result = inner("--repro-runs=2", "--setup-show", "-k", "clean")
    result.assert_outcomes(passed=1, deselected=2)
    assert sum("test_it.py::test_clean (fixtures used: " in line for line in result.outlines) == 2
    assert sum("SETUP    F repro" in line for line in result.outlines) == 2


def test_without_the_terminal_the_verdicts_and_reports_are_the_same(inner: Inner) -> None:
    inner.file(MIXED)
    result = inner("--repro-runs=3", "-p", "no:terminal", "--repro-json=report.json", isolation="auto")
    assert result.ret == 1
    report = json.loads((inner.pytester.path / "report.json").read_text())
    assert [test["verdict"] for test in report["tests"]] == ["reproduced", "drifted", "reproduced"]


def test_without_pytests_logging(inner: Inner) -> None:
    inner.file(MIXED)
    inner("--repro-runs=2", "-p", "no:logging").assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_setup_without_tests(inner: Inner, option: str) -> None:
    inner.file(MIXED)
    result = inner("--repro-runs=2", option)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*DRIFT*")


def test_collect_only_runs_nothing(inner: Inner) -> None:
    inner.file(MIXED)
    result = inner("--repro-runs=2", "--collect-only", "-q", isolation="")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_it.py::test_clean", "test_it.py::test_drift", "test_it.py::test_later"])


def test_durations_are_those_of_all_runs(inner: Inner) -> None:
    inner.file("""
        import time, pytest

        @pytest.mark.repro
        def test_slow(repro):
            time.sleep(0.06)
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=3", "--durations=0", "--durations-min=0.01")
    (line,) = [line for line in result.outlines if line.endswith("call     test_it.py::test_slow")]
    assert float(line.split("s ")[0]) >= 0.17


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_junit_has_one_case_with_its_properties(inner: Inner, isolation: str) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_clean(repro, record_property):
            record_property("mine", 1)
            repro.metric("x", 1.0)

        @pytest.mark.repro
        def test_drift(repro):
            repro.metric("x", float(repro.run), step=7)
    """)
    inner("--repro-runs=3", "--junitxml=junit.xml", isolation=isolation)
    cases = {case.get("name"): case for case in ET.parse(inner.pytester.path / "junit.xml").getroot().iter("testcase")}
    assert set(cases) == {"test_clean", "test_drift"}

    def properties(name: str) -> list[tuple[str | None, str | None]]:
        return [(entry.get("name"), entry.get("value")) for entry in cases[name].iter("property")]

    assert sorted(properties("test_clean")) == [
        ("mine", "1"),
        ("repro.runs", "3"),
        ("repro.verdict", "reproduced"),
    ]
    assert ("repro.first_divergence", "x[7]") in properties("test_drift")
    (failure,) = cases["test_drift"].iter("failure")
    assert "x[7] differs in run 2 of 3" in str(failure.get("message"))
    assert "DRIFT: 1 of 1 value differs" in str(failure.text)


@pytest.mark.parametrize("mode", ["fd", "sys", "no", "tee-sys"])
@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_capture(inner: Inner, mode: str, isolation: str) -> None:
    inner.file(MIXED.replace("float(len(COUNT))", "float(repro.run)"))
    result = inner("--repro-runs=3", f"--capture={mode}", isolation=isolation)
    result.assert_outcomes(passed=2, failed=1)
    shown = [line for line in result.outlines if "printed in run" in line]
    if mode in ("fd", "sys"):
        assert shown == ["printed in run 3"]


def test_live_log(inner: Inner) -> None:
    inner.file("""
        import logging, pytest

        @pytest.mark.repro
        def test_it(repro, caplog):
            logging.getLogger().warning("message of run %d", repro.run)
            assert len(caplog.records) == 1
            repro.metric("x", 1)
    """)
    result = inner("--repro-runs=3", "-o", "log_cli=true")
    result.assert_outcomes(passed=1)
    assert re.findall(r"message of run (\d)", result.stdout.str()) == ["1", "2", "3"]


@pytest.mark.parametrize("isolation", ["inline", "auto", "process"])
def test_warnings_as_errors(inner: Inner, isolation: str) -> None:
    inner.file(MIXED.replace("float(len(COUNT))", "1.0"))
    result = inner("--repro-runs=3", "-W", "error", "--repro-explain=auto", isolation=isolation)
    result.assert_outcomes(passed=3)


def test_a_warning_is_shown_once(inner: Inner) -> None:
    inner.file("""
        import warnings, pytest

        @pytest.mark.repro
        def test_it(repro):
            warnings.warn("look out", UserWarning)
            repro.metric("x", 1)
    """)
    for isolation in ("inline", "auto", "process"):
        result = inner("--repro-runs=3", isolation=isolation)
        result.assert_outcomes(passed=1, warnings=1)
        assert sum("UserWarning: look out" in line for line in result.outlines) == 1


def test_quiet_and_short_tracebacks(inner: Inner) -> None:
    inner.file(MIXED)
    for option in ("--tb=short", "--tb=line", "--tb=native", "--tb=no", "-q"):
        result = inner("--repro-runs=2", option)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["DRIFT test_it.py::test_drift - x differs in run 2 of 2"])
