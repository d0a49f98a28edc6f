"""Each run sets up function-scoped fixtures afresh; wider ones are shared in place."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner


@pytest.mark.parametrize("isolation", ["inline", "process", "auto"])
def test_function_scoped_fixtures_are_new_in_every_run(inner: Inner, isolation: str) -> None:
    inner.file("""
        import os, pytest

        @pytest.fixture
        def mine():
            return []

        @pytest.mark.repro
        class TestIt:
            def test_it(self, repro, mine, tmp_path, monkeypatch, capsys, caplog, request):
                assert not hasattr(self, "seen")
                self.seen = True
                mine.append(1)
                assert not list(tmp_path.iterdir())
                (tmp_path / "file").write_text("x")
                assert "REPRO_X" not in os.environ
                monkeypatch.setenv("REPRO_X", "1")
                print("hello")
                assert capsys.readouterr().out == "hello\\n"
                assert not caplog.records
                repro.metric("n", len(mine))
                repro.metric("run", repro.runs)
    """)
    result = inner("--repro-runs=3", isolation=isolation)
    result.assert_outcomes(passed=1)


def test_wider_fixtures_are_set_up_once_and_torn_down_once(inner: Inner) -> None:
    inner.file("""
        import pytest
        LOG = []

        @pytest.fixture(scope="module")
        def wide():
            LOG.append("up")
            yield LOG
            LOG.append("down")

        @pytest.fixture(params=[1, 2], scope="class")
        def klass(request):
            LOG.append(f"class {request.param}")
            yield request.param
            LOG.append(f"end {request.param}")

        @pytest.fixture
        def narrow():
            LOG.append("f")
            yield
            LOG.append("g")

        @pytest.mark.repro
        class TestA:
            @classmethod
            def setup_class(cls): LOG.append("setup_class")
            @classmethod
            def teardown_class(cls): LOG.append("teardown_class")
            def setup_method(self): LOG.append("m")

            def test_it(self, wide, klass, narrow, repro):
                repro.metric("x", klass)

        def test_log(wide):
            print("LOG", ",".join(LOG))
    """)
    result = inner("--repro-runs=2", "-s")
    result.assert_outcomes(passed=3)
    log = next(line for line in result.outlines if "LOG" in line).partition("LOG ")[2]
    assert log == "up,setup_class,class 1,m,f,g,m,f,g,end 1,class 2,m,f,g,m,f,g,end 2,teardown_class"


def test_last_test_tears_down_wider_fixtures_after_runs_elsewhere(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.fixture(scope="session")
        def wide():
            yield 1
            with open("down", "a") as file:
                file.write("x")

        def test_plain(wide):
            pass

        @pytest.mark.repro
        def test_it(wide, repro):
            repro.metric("x", wide)
    """)
    inner("--repro-runs=2", isolation="process").assert_outcomes(passed=2)
    assert (inner.pytester.path / "down").read_text().startswith("x")


def test_fixtures_draw_the_same_in_every_run_whichever_were_already_there(inner: Inner) -> None:
    inner.file("""
        import random, pytest

        @pytest.fixture(scope="module")
        def wide():
            return [random.random() for _ in range(3)]

        @pytest.fixture
        def narrow():
            return random.random()

        @pytest.mark.repro
        def test_it(wide, narrow, repro):
            repro.artifact("wide", wide)
            repro.metric("narrow", narrow)
            repro.metric("here", random.random())
    """)
    inner("--repro-runs=3", isolation="auto").assert_outcomes(passed=1)


def test_leaking_state_of_a_wide_fixture_is_drift(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.fixture(scope="module")
        def cache():
            return []

        @pytest.mark.repro
        def test_it(cache, repro):
            cache.append(1)
            repro.metric("n", len(cache))
    """)
    result = inner("--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*first   n  in run 2    1 -> 2*"])


def test_fixtures_may_record_while_they_are_set_up(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.fixture
        def model(repro):
            repro.metric("fitted", 1)
            return 1

        @pytest.mark.repro
        def test_it(model):
            pass
    """)
    inner("--repro-runs=2").assert_outcomes(passed=1)
