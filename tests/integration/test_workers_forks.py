"""Forks only where they are safe, and the same runs where they are not; never a hang."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from tests.integration.conftest import Inner

NOTICE = "*repro: each process run starts a fresh interpreter, because forks are not safe here: *"

RECORDS_PARENT = """
    import os
    import pytest

    @pytest.mark.repro
    def test_it(repro):
        repro.metric("x", 1)
        with open("parents", "a") as file:
            print(os.getppid(), file=file)
"""


def parents(inner: Inner) -> set[str]:
    return set((inner.pytester.path / "parents").read_text().split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")
def test_runs_are_forks_of_a_warm_worker_by_default(inner: Inner) -> None:
    inner.file(RECORDS_PARENT)
    result = inner("--repro-runs=6", isolation="process")
    result.assert_outcomes(passed=1)
    assert len(parents(inner)) == 4  # as many as there are workers
    result.stdout.no_fnmatch_line(NOTICE)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")
def test_a_child_imports_nothing_that_its_worker_had_not(inner: Inner) -> None:
    inner.pytester.makeconftest("""
        import sys
        import pytest

        def factors():
            return {name for name in sys.modules if name.startswith("pytest_repro.conditions")}

        FIRST = factors()

        @pytest.fixture(scope="session", autouse=True)
        def loaded():
            assert factors() == FIRST
            before = set(sys.modules)
            yield
            assert sorted(set(sys.modules) - before) == []
    """)
    inner.file("""
        import numpy
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("x", 1)
            repro.artifact("list", [1, {"a": numpy.arange(9)}])
    """)
    inner("--repro-runs=2", "--repro-vary=clock,files", isolation="process").assert_outcomes(passed=1)


def test_no_more_workers_live_than_asked_for(inner: Inner) -> None:
    inner.file(RECORDS_PARENT)
    inner("--repro-runs=4", "--repro-workers=2", isolation="process").assert_outcomes(passed=1)


def test_a_python_thread_at_import_makes_each_run_a_fresh_interpreter(inner: Inner) -> None:
    inner.pytester.makeconftest("""
        import threading, time
        threading.Thread(target=time.sleep, args=(600,), daemon=True, name="in-the-way").start()
    """)
    inner.file(RECORDS_PARENT)
    result = inner("--repro-runs=3", isolation="process")
    result.assert_outcomes(passed=1)
    assert len(parents(inner)) == 1  # the session itself
    result.stdout.fnmatch_lines([NOTICE + "2 threads run after collection (in-the-way)*"])


@pytest.mark.parametrize(
    ("library", "at_import"),
    [
        pytest.param(
            "sklearn",
            "from sklearn.ensemble import HistGradientBoostingClassifier as Classifier; "
            "Classifier(max_iter=2).fit(numpy.random.rand(500, 4), [0, 1] * 250)",
            id="sklearn",
        ),
        pytest.param("torch", "import torch; torch.rand(600, 600) @ torch.rand(600, 600)", id="torch"),
        pytest.param("numpy", "numpy.random.rand(600, 600) @ numpy.random.rand(600, 600)", id="numpy"),
        pytest.param("polars", "import polars; polars.DataFrame({'a': range(50000)}).group_by('a').len()", id="polars"),
    ],
)
def test_a_pool_of_threads_that_computed_at_import_never_hangs_a_run(
    inner: Inner, library: str, at_import: str
) -> None:
    if find_spec(library) is None:  # not imported here: its threads would be in the way of other tests
        pytest.skip(f"needs {library}")
    inner.file(f"""
        import numpy
        import pytest

        def compute():
            {at_import}

        compute()

        @pytest.mark.repro
        def test_it(repro):
            compute()
            repro.metric("x", 1)
    """)
    inner("--repro-runs=2", "--repro-timeout=60", isolation="process", subprocess=True).assert_outcomes(passed=1)


def test_every_way_gives_the_same_verdicts(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        def test_equal(repro, tmp_path):
            repro.artifact("list", [1, 2.5, "x"])

        @pytest.mark.repro
        def test_drift(repro):
            import os
            repro.metric("pid", os.getpid())

        @pytest.mark.repro
        def test_fails(repro):
            print("seen")
            assert 0
    """)
    for name, value in (("PYTEST_REPRO_SPAWN", "1"), ("PYTEST_REPRO_TRANSPORT", "tcp")):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            result = inner("--repro-runs=2", isolation="process")
        result.assert_outcomes(passed=1, failed=2)
        result.stdout.fnmatch_lines(["DRIFT: 1 of 1 value differs*", "*Captured stdout call*", "seen", NOTICE])


def test_a_verdict_crosses_with_its_text_and_line(inner: Inner) -> None:
    inner.file("""
        import os
        import pytest

        @pytest.mark.repro
        def test_drift(repro):
            repro.metric("pid", os.getpid())

        @pytest.mark.repro
        @pytest.mark.xfail(reason="known to drift", strict=True)
        def test_known(repro):
            repro.metric("pid", os.getpid())
    """)
    result = inner("--repro-runs=2", isolation="process")
    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["test_it.py Dx*", "*first   pid *in run 2*test_it.py:6", "DRIFT *test_drift*pid*"])


def test_large_arrays_leave_no_file(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = inner.pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    inner.file("""
        import numpy
        import pytest

        @pytest.mark.repro
        def test_it(repro):
            for index in range(3):
                repro.artifact("array", numpy.full((400, 500), repro.run))
    """)
    inner("--repro-runs=4", isolation="process").assert_outcomes(failed=1)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")
def test_what_every_test_imports_late_is_imported_once_by_a_worker(inner: Inner) -> None:
    library = inner.pytester.mkpydir("matplotlib")
    (library / "pyplot.py").write_text(
        "import os\nwith open('imports', 'a') as file:\n    print(os.getpid(), file=file)"
    )
    inner.file("""
        import pytest

        @pytest.fixture(autouse=True)
        def figures():
            import matplotlib.pyplot

        @pytest.mark.repro
        @pytest.mark.parametrize("number", range(4))
        def test_it(repro, number):
            repro.metric("x", number)
    """)
    inner("--repro-runs=3", isolation="auto", subprocess=True).assert_outcomes(passed=4)
    assert len((inner.pytester.path / "imports").read_text().split()) == 2  # the session and its worker
