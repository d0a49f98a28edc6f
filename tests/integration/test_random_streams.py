"""Every ordinary drift says which random stream had diverged before it, with no run beyond those of the plan."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Inner

#: one more draw is made in a later run, and shows two values later
EXTRA_DRAW = """
    import random
    import numpy as np
    import pytest

    @pytest.mark.repro
    def test_it(repro):
        repro.metric("start", random.random())
        noise = np.random.random(3)
        if repro.run == {run}:
            np.random.random()
        repro.metric("loss", noise[0], step=0)
        repro.metric("loss", noise[1], step=1)
        repro.metric("last", np.random.random())
"""


@pytest.mark.parametrize(("isolation", "run"), [("inline", 2), ("auto", 3)])
def test_stream_that_had_diverged_is_named_with_the_value_where_that_shows(
    inner: Inner, isolation: str, run: int
) -> None:
    inner.file(EXTRA_DRAW.format(run=run))
    result = inner("--repro-runs=3", "--repro-json=report.json", isolation=isolation, subprocess=isolation == "auto")
    result.stdout.fnmatch_lines(["  first   last *", "  streams numpy.random had diverged when loss?0? was recorded*"])
    result.stdout.no_fnmatch_line("*streams random*")
    (test,) = json.loads((inner.pytester.path / "report.json").read_text())["tests"]
    assert test["streams"].startswith("numpy.random had diverged when loss[0] was recorded")
    assert test["first_divergence"]["name"] == "last"


def test_equal_streams_are_said_to_be_equal(inner: Inner) -> None:
    inner.file(
        """
        import random
        import pytest

        STATE = []

        @pytest.mark.repro
        def test_it(repro):
            STATE.append(random.random())
            repro.metric("seen", sum(STATE))
            random.random()
            if len(STATE) == 2:
                random.random()
            repro.metric("after", 1)
        """
    )
    result = inner("--repro-runs=2")
    result.stdout.fnmatch_lines(["  streams random*equal up to there: no draw from*"])


@pytest.mark.parametrize(
    ("body", "words"), [("len(CALLS)", "equal up to there"), ("random.random() + len(CALLS) and draw()", "diverged")]
)
def test_check_in_place_says_it_too(inner: Inner, body: str, words: str) -> None:
    inner.file(
        f"""
        import random

        CALLS = []

        def draw():
            return [random.random() for _ in CALLS]

        def work():
            CALLS.append(1)
            return {body}

        def test_it(repro):
            repro(work)
        """
    )
    inner().stdout.fnmatch_lines([f"  streams *{words}*"])


def test_test_that_runs_once_and_one_that_agrees_say_nothing(inner: Inner) -> None:
    inner.file(EXTRA_DRAW.format(run=0))
    for runs in (1, 2):
        result = inner(f"--repro-runs={runs}")
        assert "streams" not in str(result.stdout)
        result.assert_outcomes(passed=1)
