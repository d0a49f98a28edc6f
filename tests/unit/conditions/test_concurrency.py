"""Threads, tasks and processes of user code end in the order of their start; nothing else changes.

Each program is a module of the user's: what is changed depends on where a call comes from.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib.util
import multiprocessing.pool
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

import pytest

from pytest_repro.conditions.concurrency import one_after_another
from pytest_repro.conditions.hardware import THREADS

#: the first to start is the last to end, unless it is waited for
PROGRAM = """
import asyncio, multiprocessing, queue, threading, time
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import as_completed, wait
from multiprocessing.pool import Pool, ThreadPool

LAST = 4
def work(i):
    time.sleep(0.08 if i == 0 else 0.001 * (LAST - i))
    return i
def failing(i):
    if work(i) == 2: raise ValueError(i)
    return i
FORK = multiprocessing.get_context("fork")

def completed():
    with ThreadPoolExecutor(LAST) as pool:
        return [f.result() for f in as_completed({pool.submit(work, i) for i in range(LAST)})]
def completed_processes():
    with ProcessPoolExecutor(LAST, mp_context=FORK) as pool:
        return [f.result() for f in as_completed([pool.submit(work, i) for i in range(LAST)])]
def _updates(run):
    log = []
    run(lambda i: log.append(work(i)))
    return log
def updates_of_threads():
    def run(act):
        threads = [threading.Thread(target=act, args=(i,)) for i in range(LAST)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    return _updates(run)
def updates_of_map():
    with ThreadPoolExecutor(LAST) as pool: return _updates(lambda act: list(pool.map(act, range(LAST))))
def updates_of_pool():
    with ThreadPool(LAST) as pool: return _updates(lambda act: pool.map(act, range(LAST), chunksize=1))
def updates_of_apply():
    def run(act):
        for result in [pool.apply_async(act, (i,)) for i in range(LAST)]: result.get()
    with ThreadPool(LAST) as pool: return _updates(run)
def unordered():
    with ThreadPool(LAST) as pool: return list(pool.imap_unordered(work, range(LAST)))
def unordered_processes():
    with FORK.Pool(LAST) as pool: return list(pool.imap_unordered(work, range(LAST)))
def queued():
    results = FORK.SimpleQueue()
    processes = [FORK.Process(target=lambda i=i: results.put(work(i))) for i in range(LAST)]
    for process in processes: process.start()
    found = [results.get() for _ in processes]
    for process in processes: process.join()
    return found
def first_completed():
    found = []
    with ProcessPoolExecutor(LAST, mp_context=FORK) as pool:
        pending = {pool.submit(work, i) for i in range(LAST)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            found += [f.result() for f in done]
    return found
def all_completed():
    with ThreadPoolExecutor(LAST) as pool:
        done, rest = wait({pool.submit(work, i) for i in range(LAST)})
    assert not rest
    return [done.pop().result() for _ in range(LAST)]
def consumed():
    asked, answered = queue.Queue(), queue.Queue()
    def consume():
        while (item := asked.get()) is not None: answered.put(work(item))
    threads = [threading.Thread(target=consume) for _ in range(3)]
    for thread in threads: thread.start()
    for item in range(LAST): asked.put(item)
    for thread in threads: asked.put(None)
    for thread in threads: thread.join()
    return [answered.get() for _ in range(LAST)]
def two_stages():
    asked, halfway, answered = queue.Queue(), queue.Queue(), queue.Queue()
    def serve(source, goal):
        while (item := source.get()) is not None: goal.put(work(item))
    stages = [(asked, halfway), (asked, halfway), (halfway, answered), (halfway, answered)]
    threads = [threading.Thread(target=serve, args=stage) for stage in stages]
    for thread in threads: thread.start()
    for item in range(LAST): asked.put(item)
    found = [answered.get() for _ in range(LAST)]
    for source, _ in stages: source.put(None)
    for thread in threads: thread.join()
    return found
def produced():
    made = queue.Queue(maxsize=1)
    def produce(i): made.put(work(i))
    threads = [threading.Thread(target=produce, args=(i,)) for i in range(LAST)]
    for thread in threads: thread.start()
    found = [made.get() for _ in range(LAST)]
    for thread in threads: thread.join()
    return found
def gathered():
    log = []
    async def one(i): log.append(await asyncio.to_thread(work, i))
    async def main(): await asyncio.gather(*(one(i) for i in range(LAST)))
    asyncio.run(main())
    return log
def callbacks():
    log = []
    with FORK.Pool(LAST) as pool:
        for i in range(LAST): pool.apply_async(work, (i,), callback=log.append)
        pool.close()
        pool.join()
    return log

def first_exception():
    with ProcessPoolExecutor(LAST, mp_context=FORK) as pool:
        futures = [pool.submit(failing, i) for i in range(LAST)]
        done, rest = wait(futures, return_when=FIRST_EXCEPTION)
        return [[futures.index(f) for f in part] for part in (done, rest)]
def too_late():
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(time.sleep, 1.5)
        try: return list(as_completed([slow], timeout=0.01))
        except TimeoutError as error: return str(error)
        except Exception as error: return str(error)  # of a type of its own before Python 3.11
def barrier():
    meet = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool: return len([f.result() for f in [pool.submit(meet.wait, 20) for _ in range(6)]])
def server(daemon=True):
    asked, answered = queue.Queue(), queue.Queue()
    def serve():
        while (item := asked.get()) is not None: answered.put(item)
    threads = [threading.Thread(target=serve, daemon=daemon) for _ in range(6)]
    for thread in threads: thread.start()
    for item in range(3): asked.put(item)
    for thread in threads: asked.put(None)
    for thread in threads: thread.join()
    return sorted(answered.get() for _ in range(3))
def server_and_workers():
    return server(), updates_of_threads()
def timer():
    late = threading.Timer(3, print)
    late.start()
    late.cancel()
def endless():
    stop = threading.Event()
    def spin():
        while not stop.is_set(): pass
    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    stop.set()
    thread.join()
def coroutines():
    async def main():
        tasks = [asyncio.to_thread(work, i) for i in range(LAST)]
        return [await task for task in asyncio.as_completed(tasks)]
    return asyncio.run(main())
def coroutines_too_late():
    async def main():
        return [await task for task in asyncio.as_completed([asyncio.sleep(5)], timeout=0.01)]
    try: return asyncio.run(main())
    except asyncio.TimeoutError: return "late"
def coroutine_that_raises():
    async def raising(): raise ValueError(1)
    async def main():
        tasks = asyncio.as_completed([asyncio.sleep(0.05, 5), raising()])
        found = [await next(tasks := iter(tasks))]
        try: found.append(await next(tasks))
        except ValueError as error: found.append(str(error))
        return found
    return asyncio.run(main())
def loop():
    async def main():
        running = asyncio.get_running_loop()
        tasks = [running.run_in_executor(None, work, i) for i in range(LAST)]
        return [await task for task in asyncio.as_completed(tasks)]
    return asyncio.run(main())
def bound(): return as_completed, wait
"""
IN_ORDER = [0, 1, 2, 3]
ORDERED = (
    "completed",
    "completed_processes",
    "updates_of_threads",
    "updates_of_map",
    "updates_of_pool",
    "updates_of_apply",
    "unordered",
    "unordered_processes",
    "queued",
    "first_completed",
    "all_completed",
    "coroutines",
    "consumed",
    "two_stages",
    "produced",
    "gathered",
    "callbacks",
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs fork")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    path = tmp_path_factory.mktemp("program") / "a_program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("a_program", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["a_program"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["a_program"]


def _changed() -> list[object]:
    owners = {
        concurrent.futures: ("as_completed", "wait"),
        concurrent.futures._base: ("as_completed", "wait"),
        asyncio: ("as_completed",),
        asyncio.tasks: ("as_completed",),
        Future: ("__init__",),
        ThreadPoolExecutor: ("submit",),
        threading.Thread: ("start",),
        queue.Queue: ("put", "get"),
        BaseProcess: ("start",),
        multiprocessing.pool.Pool: ("__init__", "imap_unordered", "apply_async", "map", "starmap"),
        concurrent.futures.ProcessPoolExecutor: ("__init__",),
    }
    return [vars(owner)[name] for owner, names in owners.items() for name in names]


def _took(action: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking with threads around
def test_the_order_is_that_of_the_start(program: ModuleType, name: str) -> None:
    with one_after_another():
        assert getattr(program, name)() == IN_ORDER


def test_the_order_is_another_one_without(program: ModuleType) -> None:
    names = ("completed", "updates_of_threads", "updates_of_pool", "unordered", "consumed", "gathered", "callbacks")
    assert [getattr(program, name)()[-1] for name in names] == [0] * len(names)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_first_exception_splits_by_submission(program: ModuleType) -> None:
    with one_after_another():
        assert program.first_exception() == [[0, 1, 2], [3]]


def test_a_timeout_stays_a_timeout(program: ModuleType) -> None:
    with one_after_another(idle=0.3):
        assert program.too_late() == "1 (of 1) futures unfinished"


def test_what_waits_for_each_other_is_let_go_once(program: ModuleType) -> None:
    with one_after_another(idle=0.4):
        _, seconds = _took(program.barrier)
    assert 0.4 <= seconds < 1.5


def test_a_thread_that_waits_to_be_notified_is_let_go_at_once(program: ModuleType) -> None:
    with one_after_another(idle=5):
        found, seconds = _took(program.server)
    assert found == [0, 1, 2]
    assert seconds < 3


def test_a_server_does_not_let_go_of_workers(program: ModuleType) -> None:
    with one_after_another(idle=0.4):
        assert program.server_and_workers() == ([0, 1, 2], IN_ORDER)


def test_a_timer_is_not_waited_for(program: ModuleType) -> None:
    with one_after_another():
        assert _took(program.timer)[1] < 0.5


def test_an_endless_loop_is_let_go(program: ModuleType) -> None:
    with one_after_another(idle=0.3, busy=0.6):
        assert 0.6 <= _took(program.endless)[1] < 5


def test_tasks_of_an_event_loop_complete_in_the_order_given(program: ModuleType) -> None:
    assert program.loop()[-1] == 0
    assert program.coroutines()[-1] == 0
    with one_after_another():
        assert program.loop() == IN_ORDER
        assert program.coroutine_that_raises() == [5, "1"]
        assert program.coroutines_too_late() == "late"


def test_names_bound_early_are_replaced_and_put_back(program: ModuleType) -> None:
    before = program.bound()
    with one_after_another():
        assert program.bound() == (concurrent.futures.as_completed, concurrent.futures.wait)
        assert program.bound() != before
    assert program.bound() == before


def test_everything_is_put_back_even_after_an_error() -> None:
    before = _changed()

    def fail() -> None:
        with one_after_another():
            assert not set(map(id, before)) & set(map(id, _changed()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [*map(id, _changed())] == [*map(id, before)]


def test_only_the_pinned_level_of_threads_changes_anything() -> None:
    before = _changed()
    with THREADS.apply("4"):
        assert _changed() == before
    with THREADS.apply("1,joblib=sequential"):
        assert _changed() != before
    assert _changed() == before
