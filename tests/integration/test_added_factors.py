"""Factors of the hook `pytest_repro_factors` are varied, and named where they decide."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Inner

CONFTEST = """
def pytest_repro_factors():
    return {"mylib.backend": {"MYLIB_BACKEND": ["native", "python"]}}
"""
TESTS = """
import os, pytest
BACKEND = os.environ.get("MYLIB_BACKEND", "native")

@pytest.mark.repro
def test_loss(repro):
    repro.metric("loss", 0.5 + 1e-12 * (BACKEND == "python"))
"""


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_drift_by_a_variable_of_the_project_is_caught_and_its_name_is_the_cause(inner: Inner, isolation: str) -> None:
    inner.pytester.makeconftest(CONFTEST)
    inner.file(TESTS)
    assert inner("--repro-runs=3", isolation=isolation, subprocess=True).ret == 0
    options = ["--repro-vary=mylib.backend", "--repro-json=out.json", "--repro-explain=auto"]
    result = inner("--repro-runs=3", *options, isolation=isolation, subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DRIFT test_*: mylib.backend"])
    (test,) = json.loads((inner.pytester.path / "out.json").read_text())["tests"]
    assert (test["cause"]["status"], test["cause"]["factor"]) == ("cause", "mylib.backend")
    assert (
        "only the variables of mylib.backend switched to MYLIB_BACKEND=python, 3 of 3 differ"
        in test["cause"]["summary"]
    )


@pytest.mark.parametrize("where", ["option", "marker"])
@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["here", "xdist"])
def test_factor_that_no_hook_gives_ends_the_session(inner: Inner, where: str, plugins: tuple[str, ...]) -> None:
    inner.pytester.makeconftest(CONFTEST)
    inner.file(TESTS.replace("mark.repro", "mark.repro(vary=['mylib.back'])") if where == "marker" else TESTS)
    options = ["--repro-vary=mylib.back"] if where == "option" else []
    options += ["-n2"] if plugins else []
    result = inner("--repro-runs=2", *options, plugins=plugins, isolation="process", subprocess=True)
    assert result.ret == 4
    assert "no factor 'mylib.back' (did you mean mylib.backend?)" in result.stdout.str() + result.stderr.str()
