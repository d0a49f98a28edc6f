"""--repro-all: an unmodified suite, its own assertions and fits as values; nothing but a drift changes an outcome."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

ALL = ("--repro-all", "--repro-runs=3")


def test_test_without_a_mark_is_compared_by_what_it_asserts_on(inner: Inner) -> None:
    inner.file("""
        calls = []

        def test_leaks():
            calls.append(1)
            assert len(calls) < 10

        def test_good():
            assert 0.1 + 0.2 != 0.3
    """)
    result = inner(*ALL)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*DRIFT: 1 of 2 values differs between 3 runs*",
            "*assert#1 test_it.py:5 left*in run 2*1 -> 2*test_it.py:5*",
            "repro: 2 of 2 tests had something to compare.",
            "DRIFT test_it.py::test_leaks - assert#1 test_it.py:5 left differs in run 2 of 3",
        ]
    )


def test_hash_seed_reaches_an_unmarked_test_in_a_fresh_interpreter(inner: Inner) -> None:
    inner.file("""
        def test_order():
            assert list({str(i) for i in range(50)}) != []
    """)
    result = inner(*ALL, isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert#1 test_it.py:2 left*in run 3*"])


def test_order_of_a_loop_over_a_set_is_no_result(inner: Inner) -> None:
    inner.file("""
        def test_each():
            for word in {"a", "b", "c", "d", "e", "f"}:
                assert word * 2 == word + word
    """)
    inner(*ALL, isolation="").assert_outcomes(passed=1)


def test_test_that_observes_nothing_passes_unless_it_is_marked(inner: Inner) -> None:
    inner.file("""
        import pytest

        def test_nothing():
            pass

        @pytest.mark.repro
        def test_marked():
            pass
    """)
    result = inner(*ALL)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*INCONCLUSIVE: nothing was recorded*", "repro: 0 of 2 tests had something*"])


def test_markers_and_patterns_exclude(inner: Inner) -> None:
    inner.pytester.makeini(
        """
        [pytest]
        repro_exclude =
            test_it.py::test_one[a]
            test_it.py::test_fam*
            test_it.py::TestGroup
        """
    )
    inner.file("""
        import pytest
        runs = []

        @pytest.mark.repro(skip=True)
        def test_skip():
            runs.append("skip")

        @pytest.mark.parametrize("x", ["a", "b"])
        def test_one(x):
            runs.append(x)

        def test_family():
            runs.append("family")

        class TestGroup:
            def test_in(self):
                runs.append("in")

        @pytest.mark.repro(skip=True)
        def test_sum():
            assert sorted(runs) == ["a", "b", "b", "b", "family", "in", "skip"]
    """)
    inner(*ALL).assert_outcomes(passed=6)


def test_marked_test_is_switched_off_without_all(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro(skip=True)
        def test_it(repro):
            repro.metric("x", repro.runs)
            assert repro.runs == 1
    """)
    inner("--repro-runs=3").assert_outcomes(passed=1)


def test_ini_file_asks_for_all(inner: Inner) -> None:
    inner.pytester.makeini("[pytest]\nrepro_all = true\nrepro_runs = 2\n")
    inner.file("""
        runs = []

        def test_it():
            runs.append(1)
            assert len(runs) > 0
    """)
    inner().assert_outcomes(failed=1)


def test_all_without_runs_is_refused(inner: Inner) -> None:
    inner.file("def test_it(): pass")
    result = inner("--repro-all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--repro-all compares runs with each other*--repro-runs=2*"])


@pytest.mark.parametrize("choice", ["nonsense", "assertions,nonsense", ""])
def test_unknown_framework_is_refused(inner: Inner, choice: str) -> None:
    inner.file("def test_it(): pass")
    result = inner("--repro-runs=2", f"--repro-autolog={choice}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--repro-autolog: expected auto, none, or names out of scikit-learn, torch*"])


@pytest.mark.parametrize(("choice", "outcome"), [("none", "passed"), ("torch", "passed"), ("assertions", "failed")])
def test_choice_of_what_is_recorded(inner: Inner, choice: str, outcome: str) -> None:
    inner.file("""
        runs = []

        def test_it():
            runs.append(1)
            assert len(runs) > 0
    """)
    inner(*ALL, f"--repro-autolog={choice}").assert_outcomes(**{outcome: 1})


def test_marker_chooses_for_one_test(inner: Inner) -> None:
    inner.file("""
        import numpy as np
        import pytest

        runs = []

        @pytest.mark.repro(autolog="assertions")
        def test_functions():
            runs.append(1)
            np.testing.assert_equal(len(runs), len(runs))
    """)
    inner("--repro-runs=2").assert_outcomes(failed=1)


NOISY = """
    import tempfile, uuid

    class Thing:
        pass

    def test_it(tmp_path):
        assert repr(Thing()) != ""
        assert str(tmp_path / "a") != ""
        assert str(uuid.uuid4()) != ""
        assert {"fit_time": id(object())} != {}
"""


def test_noise_is_no_result(inner: Inner) -> None:
    inner.file(NOISY)
    inner(*ALL, isolation="").assert_outcomes(passed=1)


@pytest.mark.parametrize(("rules", "failed"), [("none", 1), ("addresses,paths,uuids,times", 0), ("paths", 1)])
def test_rules_can_be_switched_off(inner: Inner, rules: str, failed: int) -> None:
    inner.pytester.makeini(f"[pytest]\nrepro_noise = {rules}\n")
    inner.file(NOISY)
    result = inner(*ALL)
    result.assert_outcomes(failed=failed, passed=1 - failed)


def test_test_that_cannot_be_repeated_here_is_listed_and_passes(inner: Inner) -> None:
    inner.file("""
        taken = []

        def test_once():
            assert taken == []
            taken.append(1)
    """)
    result = inner(*ALL, isolation="")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "repro: 1 test was not executed as often as planned, which is no drift:",
            "  test_it.py::test_once: call: assert [[]1] == [[][]]*",
        ]
    )
    assert "== FAILURES ==" not in result.stdout.str()


def test_test_that_cannot_be_repeated_and_drifts_elsewhere_is_a_drift(inner: Inner) -> None:
    inner.file("""
        taken = []

        def test_once():
            assert list({str(i) for i in range(50)}) != []
            assert taken == []
            taken.append(1)
    """)
    result = inner(*ALL, isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DRIFT: *", "*assert#1 test_it.py:4 left*in run 3*"])


def test_marked_test_that_cannot_be_repeated_fails(inner: Inner) -> None:
    inner.file("""
        import pytest
        taken = []

        @pytest.mark.repro
        def test_once():
            assert taken == []
            taken.append(1)
    """)
    inner(*ALL, isolation="").assert_outcomes(failed=1)


def test_run_that_is_lost_elsewhere_is_listed_and_passes(inner: Inner) -> None:
    inner.file("""
        import os
        HERE = "PYTEST_REPRO_TEST_HERE"
        os.environ.setdefault(HERE, str(os.getpid()))

        def test_it():
            if os.environ[HERE] != str(os.getpid()):
                os._exit(9)
            assert 1 == 1
    """)
    result = inner(*ALL, isolation="")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*not executed as often as planned*", "*run 3 was lost: *exit status 9*"])
    result.stdout.no_fnmatch_line("*reproduced over*")


def test_drift_of_the_other_runs_is_seen_where_the_last_is_lost(inner: Inner) -> None:
    inner.file("""
        import os
        from pathlib import Path

        def test_it():
            runs = Path(__file__).with_name("runs")
            before = runs.read_text() if runs.exists() else ""
            runs.write_text(before + "x")
            if before == "xx":
                os._exit(9)
            assert len(before) >= 0
    """)
    result = inner(*ALL, isolation="process")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DRIFT: *", "*assert#1 test_it.py:10 left*in run 2*", "*run 3 was lost: *"])


LOCKED = """
    import os, pytest
    from pathlib import Path

    FRESH = os.environ["PYTEST_REPRO_TEST_HERE"] != str(os.getpid())
    calls = []

    @pytest.fixture(scope="module")
    def lock():
        folder = Path(__file__).with_name("lock")
        folder.mkdir()
        yield folder
        folder.rmdir()

    @pytest.fixture
    def here():
        assert not FRESH

    def test_it({fixture}):
        calls.append(1)
        assert {asserted} > 0
"""


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is not a fresh interpreter."""
    monkeypatch.setenv("PYTEST_REPRO_TEST_HERE", str(os.getpid()))


@pytest.mark.usefixtures("here")
def test_fixture_of_the_module_that_holds_what_is_there_once_is_listed_and_passes(inner: Inner) -> None:
    inner.file(LOCKED.format(fixture="lock", asserted="1"))
    result = inner(*ALL, isolation="")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*not executed as often as planned*",
            "  test_it.py::test_it: run 3 in a fresh interpreter, setup: FileExists*",
        ]
    )
    result.stdout.no_fnmatch_line("*reproduced over*")
    inner.file(LOCKED.format(fixture="lock", asserted="len(calls)"))
    result = inner(*ALL, isolation="")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DRIFT: *", "*left*in run 2*", "*not executed as often as planned*"])


@pytest.mark.usefixtures("here")
def test_fixture_of_the_test_alone_that_fails_in_a_fresh_interpreter_is_an_error(inner: Inner) -> None:
    inner.file(LOCKED.format(fixture="here, tmp_path", asserted="1"))
    inner(*ALL, isolation="").assert_outcomes(errors=1)


@pytest.mark.usefixtures("here")
def test_marked_test_whose_fixture_fails_in_a_fresh_interpreter_is_an_error(inner: Inner) -> None:
    marked = LOCKED.replace("def test_it", "@pytest.mark.repro\n    def test_it")
    inner.file(marked.format(fixture="lock", asserted="1"))
    inner(*ALL, isolation="").assert_outcomes(errors=1)


def test_every_outcome_is_that_of_a_plain_run(inner: Inner) -> None:
    inner.file("""
        import pytest, unittest

        def test_passes(): assert 1 == 1
        def test_fails(): assert 1 == 2
        def test_skips(): pytest.skip("no")
        @pytest.mark.xfail
        def test_xfails(): assert 1 == 2
        @pytest.mark.xfail
        def test_xpasses(): assert 1 == 1
        @pytest.fixture
        def broken(): raise ValueError
        def test_error(broken): pass
        @pytest.fixture
        def bad_end():
            yield
            raise ValueError
        def test_bad_end(bad_end): assert 1 == 1
        @pytest.fixture(scope="module")
        def shared(): return []
        def test_shared(shared): assert shared == []
        class TestCase(unittest.TestCase):
            def test_passes(self): self.assertEqual(1, 1)
            def test_fails(self): self.assertEqual(1, 2)
            @unittest.expectedFailure
            def test_expected(self): self.assertEqual(1, 2)
    """)
    plain = inner(isolation="").parseoutcomes()
    assert inner(*ALL).parseoutcomes() == plain
    assert inner(*ALL, isolation="").parseoutcomes() == plain


def test_failure_reads_as_in_a_plain_run(inner: Inner) -> None:
    inner.file("""
        import numpy as np

        def test_plain():
            x = [1, 2]
            assert x == [1, 3], "why"

        def test_function():
            np.testing.assert_allclose([1.0], [2.0])
    """)

    def failures(*arguments: str) -> list[str]:
        lines = inner("--tb=short", *arguments).outlines
        start = next(number for number, line in enumerate(lines) if "= FAILURES =" in line)
        end = next(number for number, line in enumerate(lines) if "short test summary" in line)
        return [line for line in lines[start:end] if "repro" not in line and "failed in run" not in line]

    assert failures(*ALL) == failures()


def test_nothing_stays_patched(inner: Inner) -> None:
    import numpy.testing
    from _pytest.assertion import rewrite

    before = (numpy.testing.assert_allclose, rewrite.rewrite_asserts, rewrite.PYC_TAIL, list(sys.meta_path))
    inner.file("""
        import numpy as np

        def test_it():
            np.testing.assert_allclose(1.0, 1.0)

        def test_fails():
            np.testing.assert_allclose(1.0, 2.0)

        def test_interrupts():
            raise KeyboardInterrupt
    """)
    inner(*ALL)
    after = (numpy.testing.assert_allclose, rewrite.rewrite_asserts, rewrite.PYC_TAIL, list(sys.meta_path))
    assert after == before


def test_rewritten_modules_are_cached_apart_from_plain_ones(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    inner.file("def test_it():\n    assert 1 == 1\n")
    run = (*ALL, "-p", "pytest_repro.plugin")
    inner(*run, subprocess=True).assert_outcomes(passed=1)
    caches = {path.name for path in Path(inner.pytester.path).rglob("test_it*.pyc")}
    assert len(caches) == 1
    inner(subprocess=True).assert_outcomes(passed=1)
    both = {path.name for path in Path(inner.pytester.path).rglob("test_it*.pyc")}
    assert len(both) == 2
    ours = next(iter(caches)).encode()
    assert b"repro" in ours


def test_plain_assertions_are_left_alone_without_rewriting(inner: Inner) -> None:
    inner.file("def test_it():\n    assert 1 == 1\n")
    result = inner(*ALL, "--assert=plain", subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 0 of 1 tests had something to compare."])


def test_values_that_were_left_out_are_counted_with_v(inner: Inner) -> None:
    inner.file("""
        class Thing:
            pass

        def test_it():
            assert Thing() != 1
    """)
    line = "repro: 1 automatic values were left out because they cannot be compared by meaning."
    assert line not in inner(*ALL).stdout.str()
    inner(*ALL, "-v").stdout.fnmatch_lines([line])


def test_xdist_counts_what_its_workers_observed(inner: Inner) -> None:
    pytest.importorskip("xdist")
    inner.file("""
        import pytest

        @pytest.mark.parametrize("x", range(4))
        def test_it(x):
            assert x == x
    """)
    result = inner(*ALL, "-n2", plugins=["xdist"], subprocess=True)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["repro: 4 of 4 tests had something to compare."])


def test_report_holds_the_line_of_the_call(inner: Inner) -> None:
    inner.file("""
        runs = []

        def helper():
            runs.append(1)
            assert len(runs) > 0

        def test_it():
            helper()
    """)
    inner(*ALL, "--repro-json=out.json")
    data = json.loads((Path(inner.pytester.path) / "out.json").read_text(encoding="utf-8"))
    first = data["tests"][0]["first_divergence"]
    assert (first["name"], first["location"]) == ("assert#1 test_it.py:5 left", "test_it.py:5")
