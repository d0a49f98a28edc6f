"""Without --repro-runs a marked test runs once, seeded, and nothing is compared."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.integration.conftest import Inner


def test_marked_test_runs_once_and_may_record_nothing(inner: Inner) -> None:
    inner.file("""
        import pytest
        COUNT = []

        @pytest.mark.repro
        def test_it():
            COUNT.append(1)

        def test_once():
            assert len(COUNT) == 1
    """)
    result = inner()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["repro: 1 marked test ran once, so nothing was compared; --repro-runs=3 does"])


def test_fixture_records_and_gives_its_attributes(inner: Inner) -> None:
    inner.file("""
        import numpy as np, pytest

        @pytest.mark.repro(seed=3)
        def test_it(repro):
            repro.metric("loss", 0.1, step=0)
            repro.artifact("weights", np.zeros(3))
            assert (repro.seed, repro.run, repro.runs) == (3, 1, 1)
            assert repro.rng.random() == np.random.default_rng(3).random()
            assert repro.rng is repro.rng
    """)
    inner().assert_outcomes(passed=1)


def test_wrong_calls_fail_without_repetition_too(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("loss", (i for i in "ab"))
    """)
    result = inner()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ValueTypeError: test_it.py::test_it: cannot record 'loss'*"])


def test_generators_start_from_the_seed(inner: Inner) -> None:
    inner.file("""
        import random, numpy as np, pytest

        @pytest.mark.repro(seed=11)
        def test_it():
            assert random.random() == random.Random(11).random()
            assert np.random.random() == np.random.RandomState(11).random()
    """)
    inner().assert_outcomes(passed=1)


@pytest.mark.parametrize("runs", ["1", "2"])
@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param("pass", pytest.ExitCode.OK, id="pass"),
        pytest.param("assert False", pytest.ExitCode.TESTS_FAILED, id="fail"),
        pytest.param("pytest.skip('no')", pytest.ExitCode.OK, id="skip"),
        pytest.param("raise KeyboardInterrupt", pytest.ExitCode.INTERRUPTED, id="interrupt"),
        pytest.param("pytest.exit('enough')", pytest.ExitCode.INTERRUPTED, id="exit"),
        pytest.param("raise SystemExit(3)", pytest.ExitCode.TESTS_FAILED, id="system exit"),
    ],
)
def test_generators_are_restored_however_the_test_ends(
    inner: Inner, runs: str, end: str, code: pytest.ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file(f"""
        import random, numpy as np, pytest

        @pytest.mark.repro
        def test_it(repro):
            random.random(), np.random.random(5)
            repro.metric("x", 1.0)
            {end}
    """)
    random.seed(99)
    np.random.seed(99)
    result = inner(f"--repro-runs={runs}", "--repro-explain=auto")
    assert result.ret == code
    assert random.random() == random.Random(99).random()
    assert np.random.random() == np.random.RandomState(99).random()


@pytest.mark.parametrize("runs", ["1", "2"])
def test_generators_are_restored_between_tests_even_when_a_fixture_fails(inner: Inner, runs: str) -> None:
    inner.file("""
        import random, pytest
        random.seed(5)

        @pytest.fixture
        def broken():
            random.random()
            raise ValueError("no")

        @pytest.mark.repro
        def test_set_up(repro, broken):
            pass

        @pytest.fixture
        def late():
            yield
            random.random()
            raise ValueError("no")

        @pytest.mark.repro
        def test_tear_down(repro, late):
            repro.metric("x", 1)

        def test_after():
            assert random.random() == random.Random(5).random()
    """)
    inner(f"--repro-runs={runs}").assert_outcomes(passed=2, errors=2)


def test_nothing_stays_patched(inner: Inner) -> None:
    inner.file("""
        import os, time, random, sys, uuid, pytest

        def everything():
            import numpy.random, tempfile, secrets
            modules = (os, time, random, uuid, secrets, numpy.random, random.Random, tempfile)
            found = {(m.__name__, k): id(v) for m in modules for k, v in vars(m).items() if callable(v)}
            return found, list(sys.meta_path)

        BEFORE = everything()

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", os.urandom(2))

        @pytest.mark.repro
        def test_fails(repro):
            raise ValueError

        def test_after():
            assert everything() == BEFORE
    """)
    inner("--repro-runs=2", "--repro-explain=auto", "--repro-budget=0").assert_outcomes(passed=1, failed=2)
