"""``repro(function, ...)``: a determinism check inside any test."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import Inner


@pytest.mark.parametrize("mark", ["", "@pytest.mark.repro"])
def test_returns_the_first_result_and_passes_arguments(inner: Inner, mark: str) -> None:
    inner.file(f"""
        import pytest

        def train(a, *, b):
            return {{"sum": a + b, "list": [a, b]}}

        {mark}
        def test_it(repro):
            assert repro(train, 1, b=2) == {{"sum": 3, "list": [1, 2]}}
    """)
    for runs in ("1", "3"):
        inner(f"--repro-runs={runs}").assert_outcomes(passed=1)


@pytest.mark.parametrize(("arguments", "calls"), [((), 2), (("--repro-runs=1",), 2), (("--repro-runs=4",), 4)])
def test_unmarked_calls_as_often_as_asked_and_twice_at_least(
    inner: Inner, arguments: tuple[str, ...], calls: int
) -> None:
    inner.file(f"""
        CALLS = []

        def test_it(repro):
            assert repro(lambda: CALLS.append(1)) is None
            assert len(CALLS) == {calls}
    """)
    inner(*arguments).assert_outcomes(passed=1)


def test_unmarked_resets_the_seeds_before_each_call_and_restores_them(inner: Inner) -> None:
    inner.file("""
        import random
        import numpy as np

        def train():
            return {"a": random.random(), "b": np.random.random()}

        def test_it(repro):
            random.seed(77)
            before = random.getstate()
            assert repro(train) == {"a": random.Random(4).random(), "b": np.random.RandomState(4).random()}
            assert random.getstate() == before
    """)
    inner("--repro-seed=4").assert_outcomes(passed=1)


def test_unmarked_restores_the_generators_when_the_call_fails(inner: Inner) -> None:
    inner.file("""
        import random, pytest

        def train():
            random.random()
            raise ValueError("no")

        def test_it(repro):
            before = random.getstate()
            with pytest.raises(ValueError):
                repro(train)
            assert random.getstate() == before
    """)
    inner().assert_outcomes(passed=1)


DRIFTING = """
    import pytest
    CALLS = []

    def train():
        CALLS.append(1)
        return {{"same": 1, "loss": 0.5 * len(CALLS)}}

    {mark}
    def test_it(repro):
        repro(train)
"""


@pytest.mark.parametrize("mark", ["", "@pytest.mark.repro"])
def test_drift_is_shown_as_drift_and_by_key(inner: Inner, mark: str) -> None:
    inner.file(DRIFTING.format(mark=mark))
    result = inner("--repro-runs=2", "--repro-json=report.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py D*",
            "DRIFT: 1 of 2 values differs between 2 runs that should be equal",
            "  first   train.loss  in run 2    0.5 -> 1.0*test_it.py:10",
            "  equal   train.same",
            "DRIFT test_it.py::test_it - train.loss differs in run 2 of 2",
        ]
    )
    (test,) = json.loads((inner.pytester.path / "report.json").read_text())["tests"]
    assert (test["nodeid"], test["verdict"], test["drifted"]) == ("test_it.py::test_it", "drifted", ["train.loss"])


def test_unmarked_check_that_holds_is_counted(inner: Inner) -> None:
    inner.file("""
        def test_it(repro):
            repro(lambda: 1)
            repro(lambda: 2)
    """)
    result = inner("--repro-runs=3")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 1 test reproduced over 3 runs*"])


def test_other_than_dicts_go_by_the_name_of_the_function(inner: Inner) -> None:
    inner.file("""
        import functools
        CALLS = []

        def fit(n):
            CALLS.append(1)
            return [n, len(CALLS)]

        def test_function(repro):
            repro(fit, 1)

        def test_partial(repro):
            repro(functools.partial(fit, 1))
    """)
    result = inner()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*first   fit[[]1]  in run 2*", "*first   partial[[]1]  in run 2*"])


def test_marked_resets_the_seeds_before_the_call(inner: Inner) -> None:
    inner.file("""
        import random, pytest

        @pytest.mark.repro(seed=4)
        def test_it(repro):
            random.random()
            assert repro(random.random) == random.Random(4).random()
    """)
    inner("--repro-runs=2").assert_outcomes(passed=1)


@pytest.mark.parametrize("mark", ["", "@pytest.mark.repro"])
def test_result_that_cannot_be_compared(inner: Inner, mark: str) -> None:
    inner.file(f"""
        import pytest

        def train():
            return (i for i in "ab")

        {mark}
        def test_it(repro):
            repro(train)
    """)
    result = inner("--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ValueTypeError: test_it.py::test_it: cannot record 'train'*"])


def test_tolerance_of_the_session_applies(inner: Inner) -> None:
    inner.file(DRIFTING.format(mark=""))
    inner("--repro-rtol=2").assert_outcomes(passed=1)
