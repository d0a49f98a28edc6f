"""The ratchet: known drifts are reported, new ones fail, and one that reproduces is announced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

SUITE = """
    import pytest

    @pytest.mark.repro
    def test_old(repro):
        repro.metric("loss", {old})

    @pytest.mark.repro
    def test_new(repro):
        repro.metric("loss", {new})
"""
KNOWN = ("--repro-runs=3", "--repro-known=known.json")


def suite(inner: Inner, *, old: str = "repro.run", new: str = "1.0") -> None:
    inner.file(SUITE.format(old=old, new=new))


def stored(inner: Inner) -> dict[str, object]:
    data: dict[str, object] = json.loads((Path(inner.pytester.path) / "known.json").read_text(encoding="utf-8"))
    return data


def test_update_writes_drifts_and_later_sessions_let_them_pass(inner: Inner) -> None:
    suite(inner)
    inner(*KNOWN, "--repro-update").assert_outcomes(passed=1, failed=1)
    assert stored(inner) == {
        "schema": "pytest-repro/known@1",
        "tests": {"test_it.py::test_old": {"first": "loss"}},
    }
    # an update of known drifts is none of baselines
    assert not list(Path(inner.pytester.path).rglob("__repro__"))
    result = inner(*KNOWN)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["repro: only reported, a known drift (loss): test_it.py::test_old: *"])


def test_new_drift_fails(inner: Inner) -> None:
    suite(inner)
    inner(*KNOWN, "--repro-update")
    suite(inner, new="repro.run")
    result = inner(*KNOWN)
    result.assert_outcomes(passed=1, failed=1, warnings=1)
    result.stdout.fnmatch_lines(["DRIFT test_it.py::test_new*"])


def test_known_drift_that_reproduces_is_announced_and_taken_out_by_an_update(inner: Inner) -> None:
    suite(inner)
    inner(*KNOWN, "--repro-update")
    suite(inner, old="1.0")
    result = inner(*KNOWN)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["repro: test_it.py::test_old reproduces; it is listed in known.json as *; --repro-update takes it out"]
    )
    inner(*KNOWN, "--repro-update").stdout.fnmatch_lines(
        ["repro: test_it.py::test_old reproduces; *not listed*any more"]
    )
    assert stored(inner)["tests"] == {}


def test_test_that_was_not_run_stays_listed(inner: Inner) -> None:
    suite(inner, new="repro.run")
    inner(*KNOWN, "--repro-update")
    inner(*KNOWN, "--repro-update", "-k", "new")
    tests = stored(inner)["tests"]
    assert isinstance(tests, dict)
    assert sorted(tests) == ["test_it.py::test_new", "test_it.py::test_old"]


def test_missing_file_is_a_usage_error_that_says_how_to_write_it(inner: Inner) -> None:
    suite(inner)
    result = inner(*KNOWN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--repro-known=known.json: there is no such file; write it with --repro-update"])


def test_damaged_file_is_a_usage_error(inner: Inner) -> None:
    suite(inner)
    (Path(inner.pytester.path) / "known.json").write_text('{"schema": "pytest-repro/known@1", "tests": 1}')
    result = inner(*KNOWN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*known.json: 'tests' should be an object*"])


def test_file_of_the_ini_lies_under_the_root(inner: Inner) -> None:
    inner.pytester.makeini("[pytest]\nrepro_known = ci/known.json\n")
    suite(inner)
    inner("--repro-runs=2", "--repro-update")
    assert (Path(inner.pytester.path) / "ci" / "known.json").is_file()
    inner("--repro-runs=2").assert_outcomes(passed=2, warnings=1)


def test_update_of_an_unmodified_suite_writes_no_baselines(inner: Inner) -> None:
    inner.file("""
        runs = []

        def test_it():
            runs.append(1)
            assert len(runs) > 0
    """)
    inner(*KNOWN, "--repro-all", "--repro-update").assert_outcomes(failed=1)
    inner(*KNOWN, "--repro-all").assert_outcomes(passed=1, warnings=1)
    assert not list(Path(inner.pytester.path).rglob("__repro__"))
