"""What the hook `pytest_repro_environment` gives stands beside what is read of the machine."""

from __future__ import annotations

import json
import re

import pytest

CONFTEST = """
import os, pathlib

def pytest_repro_environment():
    with open({log!r}, "a") as log:
        log.write("asked\\n")
    return {{"mylib.data": os.environ["DATA"]}}
"""
TESTS = """
import os, pytest

@pytest.mark.repro
def test_loss(repro):
    repro.metric("loss", 0.5 + 1e-9 * (os.environ["DATA"] == "v2"))
"""


def _write(pytester: pytest.Pytester, conftest: str = CONFTEST) -> None:
    pytester.makeconftest(conftest.format(log=str(pytester.path / "log")))
    pytester.makepyfile(TESTS)


def test_report_holds_what_the_project_added(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", "v1")
    _write(pytester)
    result = pytester.runpytest_subprocess("--repro-runs=2", "--repro-isolation=inline", "--repro-json=out.json")
    assert result.ret == 0
    assert json.loads((pytester.path / "out.json").read_text())["environment"]["mylib.data"] == "v1"
    assert (pytester.path / "log").read_text() == "asked\n"


def test_baseline_of_other_data_says_so_and_allows_the_tolerance_for_machines(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(pytester)
    monkeypatch.setenv("DATA", "v1")
    assert pytester.runpytest_subprocess("--repro-baseline", "--repro-update").ret == 0
    assert pytester.runpytest_subprocess("--repro-baseline").ret == 0
    monkeypatch.setenv("DATA", "v2")
    result = pytester.runpytest_subprocess("--repro-baseline")
    assert result.ret == 1
    assert re.search(r"mylib\.data +v1 -> v2", result.stdout.str())
    pytester.makeini("[pytest]\nrepro_machine_rtol = 1e-6\n")
    assert pytester.runpytest_subprocess("--repro-baseline").ret == 0


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["here", "xdist"])
def test_unusable_answer_ends_the_session_before_a_test_runs(pytester: pytest.Pytester, workers: list[str]) -> None:
    pytester.makeconftest("def pytest_repro_environment(): return {'data': 1}")
    pytester.makepyfile("import pytest\n@pytest.mark.repro\ndef test_it(repro): repro.metric('x', 1.0)")
    result = pytester.runpytest_subprocess("--repro-runs=2", "--repro-json=out.json", *workers)
    assert result.ret == 4
    assert "pytest_repro_environment: 'data' is no usable name" in result.stdout.str() + result.stderr.str()
    assert "passed" not in result.stdout.str()


def test_session_that_repeats_nothing_does_not_ask(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_repro_environment(): raise RuntimeError")
    pytester.makepyfile("def test_it(): pass")
    assert pytester.runpytest_subprocess("--repro-runs=2").ret == 0
