"""Pools of processes, joblib and dask get one worker where user code asks for them, whatever it asks for."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from types import ModuleType

import pytest

from pytest_repro.conditions.hardware import THREADS
from pytest_repro.conditions.one_worker import pin_workers

PROGRAM = """
import multiprocessing, os, threading, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import ThreadPool

FORK = multiprocessing.get_context("fork")
def where(_):
    time.sleep(0.03)
    return os.getpid(), threading.get_ident()
def slow_first(i):
    time.sleep(0.15 if i == 0 else 0)
    return i

def pool():
    with FORK.Pool(3) as pool: return len(set(pool.map(where, range(6), chunksize=1)))
def pool_by_keyword():
    with FORK.Pool(processes=3) as pool: return len(set(pool.map(where, range(6), chunksize=1)))
def executor():
    with ProcessPoolExecutor(3, mp_context=FORK) as pool: return len(set(pool.map(where, range(6))))
def executor_by_keyword():
    with ProcessPoolExecutor(mp_context=FORK, max_workers=3) as pool: return len(set(pool.map(where, range(6))))
def threads():
    with ThreadPool(processes=3) as pool: return len(set(pool.map(where, range(6), chunksize=1)))
def jobs(**options):
    from joblib import Parallel, delayed
    parallel = Parallel(n_jobs=3, return_as="generator_unordered", **options)
    return list(parallel(delayed(slow_first)(i) for i in range(4)))
def tasks(**options):
    import dask
    made = [dask.delayed(lambda: where(0)[1])(dask_key_name=f"task-{i}") for i in range(6)]
    return set(dask.compute(*made, **options)) == {threading.get_ident()}
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs fork")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    path = tmp_path_factory.mktemp("program") / "program_with_workers.py"
    path.write_text(PROGRAM, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[path.stem]


@contextmanager
def one_worker() -> Iterator[None]:
    with ExitStack() as stack:
        pin_workers(stack)
        yield


@pytest.mark.parametrize("name", ["pool", "pool_by_keyword", "executor", "executor_by_keyword"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking with threads around
def test_pools_of_processes_have_one(program: ModuleType, name: str) -> None:
    assert getattr(program, name)() > 1
    with one_worker():
        assert getattr(program, name)() == 1
    assert getattr(program, name)() > 1


def test_pools_of_threads_keep_theirs(program: ModuleType) -> None:
    with one_worker():
        assert program.threads() > 1


@pytest.mark.parametrize("options", [{"backend": "threading"}, {"prefer": "threads"}])
def test_joblib_has_one_job_whatever_backend_is_named(program: ModuleType, options: dict[str, str]) -> None:
    pytest.importorskip("joblib")
    assert program.jobs(**options)[-1] == 0
    with one_worker():
        assert program.jobs(**options) == [0, 1, 2, 3]
    assert program.jobs(**options)[-1] == 0


@pytest.mark.parametrize("options", [{}, {"scheduler": "threads"}, {"scheduler": "threads", "num_workers": 3}])
def test_dask_computes_in_the_calling_thread_whatever_scheduler_is_named(
    program: ModuleType, options: dict[str, object]
) -> None:
    dask = pytest.importorskip("dask")
    with one_worker():
        assert program.tasks(**options)
        assert dask.config.get("scheduler") == "synchronous"
    assert dask.config.get("scheduler", None) is None
    assert not program.tasks(scheduler="threads", num_workers=4)


def test_a_scheduler_that_the_user_configured_stays(program: ModuleType) -> None:
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="threads"), one_worker():
        assert dask.config.get("scheduler") == "threads"
        assert program.tasks()


def test_pools_of_libraries_keep_their_workers() -> None:
    names = {
        "__name__": "joblib.something",
        "Executor": ProcessPoolExecutor,
        "fork": multiprocessing.get_context("fork"),
    }
    with one_worker():
        exec("pool = Executor(3, mp_context=fork)", names)
    pool = names["pool"]
    assert isinstance(pool, ProcessPoolExecutor)
    assert vars(pool)["_max_workers"] == 3
    pool.shutdown()


OPENMP = """
import ctypes
import sklearn.cluster
from threadpoolctl import threadpool_info
path = next((pool["filepath"] for pool in threadpool_info() if "libgomp" in pool["filepath"]), "")
seen = []
count = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: seen.append(1))
if path: ctypes.CDLL(path).GOMP_parallel(count, None, 4, 0)
print(len(seen))
"""


@pytest.mark.parametrize(("level", "threads"), [("1,joblib=sequential", 1), ("1", 4), ("4", 4)])
def test_openmp_gets_one_thread_even_where_code_asks_for_four(level: str, threads: int) -> None:
    """xgboost and torch ask for the number that the user named, which outweighs OMP_NUM_THREADS."""
    pytest.importorskip("sklearn")
    env = {**os.environ, **{name: value for name, value in THREADS.launch(level).env.items() if value}}
    answer = subprocess.run([sys.executable, "-c", OPENMP], env=env, capture_output=True, text=True, check=True)
    if answer.stdout.split() == ["0"]:
        pytest.skip("no libgomp here")
    assert answer.stdout.split() == [str(threads)]
