"""Runs in worker processes give what runs in this process give: outcomes, reports, verdicts."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import pytest_repro.plugin
from tests.integration.conftest import Inner

TWENTY = """
    import logging
    import unittest
    import warnings

    import pytest

    pytestmark = pytest.mark.repro

    @pytest.fixture(scope="session")
    def shared():
        return [1, 2, 3]

    @pytest.fixture
    def broken():
        raise RuntimeError("set up in vain")

    @pytest.fixture
    def leaking():
        yield
        raise RuntimeError("torn down in vain")

    def test_metric(repro):
        repro.metric("x", 0.1 + 0.2)

    def test_artifact(repro, shared):
        repro.artifact("shared", {"list": shared, "text": "caf\\u00e9", "nan": float("nan")})

    def test_seeded(repro):
        import random
        repro.metric("draw", random.random())

    def test_array(repro):
        numpy = pytest.importorskip("numpy")
        repro.artifact("big", numpy.arange(200_000.0))
        repro.artifact("small", numpy.arange(5))

    def test_assert(repro):
        print("printed before")
        assert [1, 2, 3] == [1, 2, 4]

    def test_raise(repro):
        raise ValueError("on purpose")

    def test_exit(repro):
        raise SystemExit(4)

    def test_nothing_recorded(repro):
        pass

    def test_skip(repro):
        pytest.skip("not today")

    @pytest.mark.skip(reason="marked")
    def test_skip_mark(repro):
        pass

    @pytest.mark.xfail(reason="known")
    def test_xfail(repro):
        assert 0

    @pytest.mark.xfail(strict=True, reason="known")
    def test_xpass_strict(repro):
        repro.metric("x", 1)

    def test_setup_error(repro, broken):
        pass

    def test_teardown_error(repro, leaking):
        repro.metric("x", 1)

    def test_warning(repro):
        repro.metric("x", 1)
        warnings.warn("look here")

    def test_log(repro, caplog):
        logging.getLogger("mine").warning("logged")
        assert 0

    def test_property(repro, record_property):
        record_property("colour", "blue")
        repro.metric("x", 1)

    @pytest.mark.parametrize("number", [1, 2])
    def test_parametrized(repro, number, tmp_path):
        (tmp_path / "file").write_text("x")
        repro.metric("number", number)

    class TestClass:
        def test_method(self, repro):
            assert not hasattr(self, "seen")
            self.seen = True
            repro.metric("x", 1)

    class TestUnit(unittest.TestCase):
        def test_fails(self):
            self.assertEqual(1, 2)
"""


class Seen:
    """A plugin that keeps what was reported."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []
        self.warnings: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reports.append(report)

    def pytest_warning_recorded(self, warning_message: object, nodeid: str) -> None:
        self.warnings.append(f"{nodeid} {getattr(warning_message, 'message', '')}")


def normal(text: str) -> str:
    """Without what may differ: addresses and folders."""
    return re.sub(r"0x[0-9a-f]+|/\S*/", "*", text)


def described(report: pytest.TestReport) -> tuple[object, ...]:
    sections = [(title, normal(text)) for title, text in report.sections]
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else normal(report.longreprtext)
    return report.nodeid, report.when, report.outcome, text, sections, getattr(report, "wasxfail", None)


def cases(xml: Path) -> list[tuple[str, ...]]:
    return [
        (
            str(case.get("name")),
            *(child.tag for child in case),
            *(str(each.get("name")) for each in case.iter("property")),
        )
        for case in ET.parse(xml).getroot().iter("testcase")
    ]


def run(pytester: pytest.Pytester, isolation: str) -> tuple[Seen, list[tuple[str, ...]]]:
    seen = Seen()
    xml = pytester.path / f"{isolation}.xml"
    options = ("-p", "no:cacheprovider", "--repro-runs=2", "--repro-explain=off", f"--junitxml={xml}")
    pytester.inline_run(*options, f"--repro-isolation={isolation}", plugins=[pytest_repro.plugin, seen])
    return seen, cases(xml)


def test_outcomes_and_reports_are_equal_in_both_isolations(inner: Inner) -> None:
    inner.pytester.makeini("[pytest]\njunit_family = xunit1\nfilterwarnings = default\n")
    inner.file(TWENTY)
    inline, inline_xml = run(inner.pytester, "inline")
    process, process_xml = run(inner.pytester, "process")
    assert [described(report) for report in process.reports] == [described(report) for report in inline.reports]
    assert process.warnings == inline.warnings
    assert process_xml == inline_xml
    assert len({report.nodeid for report in process.reports}) == 21


def test_each_worker_has_a_hash_seed_of_its_own(inner: Inner) -> None:
    inner.file("""
        import os, sys, pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("same", 1)
            with open("seeds", "a") as file:
                print(os.environ["PYTHONHASHSEED"], hash("word"), file=file)
    """)
    inner("--repro-runs=4", isolation="process").assert_outcomes(passed=1)
    lines = (inner.pytester.path / "seeds").read_text().splitlines()
    assert len(set(lines)) == 4


def test_an_order_that_hangs_on_the_hash_seed_is_a_drift_by_default(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.artifact("order", list({"train", "validation", "test", "holdout", "unseen", "a", "b"}))
    """)
    result = inner("--repro-runs=3", isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DRIFT: 1 of 1 value differs*"])


def test_fixtures_of_every_scope_are_built_anew(inner: Inner) -> None:
    inner.file("""
        import pytest

        built = []

        @pytest.fixture(scope="session")
        def session():
            built.append("session")

        @pytest.fixture(scope="module")
        def module(session):
            built.append("module")

        @pytest.mark.repro
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(repro, module, number):
            repro.artifact("built", list(built))
            assert built == ["session", "module"]
    """)
    inner("--repro-runs=3", isolation="process").assert_outcomes(passed=2)


def test_values_of_every_kind_cross_unchanged(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            numpy = pytest.importorskip("numpy")
            for step in range(300):
                repro.metric("loss", 1 / (step + 3), step=step)
            repro.metric("infinite", float("-inf"))
            repro.metric("large", 2**200)
            repro.metric("complex", 1 + 2j)
            repro.artifact("bytes", b"\\x00\\xff")
            repro.artifact("lone", "\\ud800")
            repro.artifact("nested", {"a": [1, (2.5, None)], "b": {"x", "y"}})
            for index in range(40):
                repro.artifact(f"array {index}", numpy.full((1700,), index, dtype="float32"))
            repro.artifact("large array", numpy.ones((600, 600)))
            repro.artifact("text", numpy.array(["a", "bc"]))
    """)
    inner("--repro-runs=3", isolation="").assert_outcomes(passed=1)


def test_a_conftest_finds_the_variables_as_the_session_did(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAGS_OF_A_LIBRARY", "--a")
    inner.pytester.makeconftest("""
        import os
        os.environ["FLAGS_OF_A_LIBRARY"] += " --b"
        assert "IMPORTED" not in os.environ
        os.environ["IMPORTED"] = "once"
    """)
    inner.file("""
        import os, pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("flags", os.environ["FLAGS_OF_A_LIBRARY"])
    """)
    inner("--repro-runs=2", isolation="auto", subprocess=True).assert_outcomes(passed=1)


def test_the_search_path_is_the_sessions(inner: Inner) -> None:
    inner.pytester.mkdir("tests")
    (inner.pytester.path / "helper_beside.py").write_text("VALUE = 1\n")
    (inner.pytester.path / "tests" / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.repro\n"
        "def test_it(repro):\n"
        "    try:\n"
        "        import helper_beside\n"
        "    except ImportError:\n"
        "        repro.metric('found', False)\n"
        "    else:\n"
        "        repro.metric('found', True)\n"
    )
    inner("--repro-runs=2", "tests", isolation="").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("statement", "status", "line"),
    [
        pytest.param("pytest.exit('enough', returncode=7)", 7, "*Exit: enough*", id="pytest.exit"),
        pytest.param("raise KeyboardInterrupt", 2, "*KeyboardInterrupt*", id="interrupt"),
    ],
)
def test_the_end_of_the_session_may_be_asked_for_in_a_test(
    inner: Inner, statement: str, status: int, line: str
) -> None:
    inner.file(f"""
        import pytest

        @pytest.mark.repro
        def test_first(repro):
            {statement}

        def test_never():
            pass
    """)
    result = inner("--repro-runs=2", isolation="process")
    assert result.ret == status
    result.stdout.fnmatch_lines([line])
    result.assert_outcomes()


def test_no_worker_starts_where_nothing_is_marked_or_only_collected(inner: Inner) -> None:
    inner.pytester.makeconftest("""
        import os
        open(f"process-{os.getpid()}", "w").close()
    """)
    inner.file("def test_it(): pass")
    inner("--repro-runs=3", isolation="process")
    inner.file("import pytest\n@pytest.mark.repro\ndef test_it(repro): pass")
    inner("--repro-runs=3", "--collect-only", isolation="process")
    inner("--repro-runs=3", "--setup-plan", isolation="process")
    assert len(list(inner.pytester.path.glob("process-*"))) == 1


def test_preloaded_modules_are_there_before_the_fork(inner: Inner) -> None:
    inner.pytester.makeini("[pytest]\nrepro_preload =\n    wave\n")
    inner.file("""
        import sys, pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
            assert "wave" in sys.modules
    """)
    inner("--repro-runs=2", isolation="process").assert_outcomes(passed=1)


def test_a_test_that_only_deselection_hides_from_the_session_is_found(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("letter", ["a", "b"])
        def test_it(repro, letter):
            repro.metric("x", 1)
    """)
    inner("--repro-runs=2", "-k", "b", isolation="process").assert_outcomes(passed=1, deselected=1)
