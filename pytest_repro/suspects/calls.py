"""Library functions whose results may differ between runs, with the condition under which they do."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pytest_repro.entropy.source import UNRESOLVED, attribute, unwrapped

__all__ = ["METHODS", "Rule", "find_functions", "given"]

#: whether this call is one to suspect; None: the function itself is, even where it is only handed on
Condition: TypeAlias = Callable[[ast.Call], bool] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a function is a suspect."""

    factor: str
    advice: str
    when: Condition = None


def given(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """Find the argument `name` of a call, or what may hold it (``**options``, ``*arguments``)."""
    for keyword in call.keywords:
        if keyword.arg in (name, None):
            return keyword.value
    starred = next((argument for argument in call.args if isinstance(argument, ast.Starred)), None)
    if starred is not None or position is None:
        return starred
    return call.args[position] if len(call.args) > position else None


def _is(node: ast.expr | None, *values: object) -> bool:
    return isinstance(node, ast.Constant) and any(node.value is v or node.value == v for v in values)


def _unseeded(*names: str, position: int | None = 0) -> Callable[[ast.Call], bool]:
    def missing(call: ast.Call) -> bool:
        found = next((node for node in (given(call, name, position) for name in names) if node is not None), None)
        return found is None or _is(found, None)

    return missing


def _no_arguments(call: ast.Call) -> bool:
    return not call.args and not call.keywords


def _some_argument(call: ast.Call) -> bool:
    return bool(call.args)


def _unstable(call: ast.Call) -> bool:
    return not _is(given(call, "kind", None), "stable", "mergesort") and not _is(given(call, "stable", None), True)


def _without(*names: str) -> Callable[[ast.Call], bool]:
    return lambda call: all(given(call, name) is None for name in names)


def _now(call: ast.Call) -> bool:
    return bool(call.args) and _is(call.args[0], "now", "today")


def _holds_memory(call: ast.Call) -> bool:
    return not any(_is(argument, 0) for argument in call.args)


def _several_keys(call: ast.Call) -> bool:
    by = given(call, "by", 0)
    return isinstance(by, (ast.List, ast.Tuple)) and len(by.elts) > 1


def _unless_true(name: str) -> Callable[[ast.Call], bool]:
    return lambda call: not _is(given(call, name), True)


_CLOCK: Final = Rule("clock", "pass the time in, or keep it out of what is recorded")
_CLOCK_NOW: Final = Rule("clock", _CLOCK.advice, _no_arguments)
_NAMED_NOW: Final = Rule("clock", _CLOCK.advice, _now)
_FIT_TIME: Final = Rule("clock", "drop the *_time columns: they hold seconds")
_GZIP: Final = Rule("clock", "mtime=0: the header holds the time of writing", _without("mtime"))
_ZIP: Final = Rule("clock", "zipfile.ZipInfo with a fixed date_time: the archive holds the time of writing")
_MACHINE: Final = Rule("environment", "pass it in: it differs between processes or machines")
_LOCAL_TIME: Final = Rule(
    "environment", "tz=: the local time zone differs between machines", lambda call: given(call, "tz", 1) is None
)
_LISTING: Final = Rule("files", "sorted(...) around the listing")
_MTIME: Final = Rule("files", "use the content instead of times of modification")
_ADDRESS: Final = Rule("memory", "use a number of your own: it is an address, another one in each process")
_COMPLETION: Final = Rule("threads", "collect in the order of submission: executor.map, or sort by an index")
_THREADS: Final = Rule("threads", "make sure that no result depends on who finishes first")
_KMEANS: Final = Rule("threads", "threadpoolctl.threadpool_limits(1): threads add their sums in order of arrival")
_EMPTY: Final = Rule(
    "memory", "zeros(...) unless every element is written: the memory is not initialised", _holds_memory
)
_SORT: Final = Rule("cpu", 'kind="stable": the order of ties depends on the CPU', _unstable)
_TORCH_SORT: Final = Rule("cpu", "stable=True: the order of ties depends on the CPU", _unstable)
_RNG: Final = Rule("entropy", "give it repro.seed", _unseeded("seed", "a", "x"))
_QMC: Final = Rule("entropy", "rng=repro.seed (older SciPy: seed=)", _unseeded("rng", "seed", position=None))
_ENTROPY: Final = Rule("entropy", "use a seeded generator, or keep it out of what is recorded")
_SEED_CALL: Final = Rule("entropy", "leave it out, or give it repro.seed", _unseeded("seed", "a"))
_CACHE: Final = Rule("state", "what is cached outlives the run: clear it (cache_clear) or give out fresh objects")
_SETS: Final = Rule("hash-seed", "sort what it gives: it walks sets of nodes")

_FUNCTIONS: Final[tuple[tuple[str, str, Rule], ...]] = (
    ("time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns clock_gettime", _CLOCK),
    ("time", "process_time process_time_ns thread_time thread_time_ns", _CLOCK),
    ("time", "localtime gmtime ctime asctime", _CLOCK_NOW),
    ("datetime", "datetime.now datetime.utcnow date.today", _CLOCK),
    ("pandas", "Timestamp.now Timestamp.today Timestamp.utcnow", _CLOCK),
    ("pandas", "Timestamp to_datetime", _NAMED_NOW),
    ("numpy", "datetime64", _NAMED_NOW),
    ("timeit", "timeit repeat", _CLOCK),
    ("sklearn.model_selection", "cross_validate", _FIT_TIME),
    ("gzip", "open compress GzipFile", _GZIP),
    ("zipfile", "ZipFile", _ZIP),
    ("os", "getpid getppid cpu_count process_cpu_count sched_getaffinity uname getlogin getcwd", _MACHINE),
    ("os.path", "expanduser", _MACHINE),
    ("socket", "gethostname getfqdn", _MACHINE),
    ("threading", "get_native_id", _MACHINE),
    ("multiprocessing", "cpu_count", _MACHINE),
    ("joblib", "cpu_count effective_n_jobs", _MACHINE),
    ("platform", "node machine platform processor uname", _MACHINE),
    ("getpass", "getuser", _MACHINE),
    ("pathlib", "Path.cwd Path.home", _MACHINE),
    ("datetime", "datetime.fromtimestamp", _LOCAL_TIME),
    ("time", "localtime mktime ctime", Rule("environment", "time.gmtime: the local time zone differs", _some_argument)),
    ("os", "listdir scandir walk fwalk", _LISTING),
    ("glob", "glob iglob", _LISTING),
    ("os.path", "getmtime getctime getatime", _MTIME),
    ("concurrent.futures", "as_completed", _COMPLETION),
    ("asyncio", "as_completed", _COMPLETION),
    ("concurrent.futures", "ThreadPoolExecutor", _THREADS),
    ("threading", "Thread Timer", _THREADS),
    ("threading", "get_ident", _ADDRESS),
    ("queue", "Queue LifoQueue PriorityQueue SimpleQueue", _THREADS),
    ("asyncio", "to_thread", _THREADS),
    ("concurrent.futures", "ProcessPoolExecutor", _THREADS),
    ("multiprocessing", "Process Queue SimpleQueue", _THREADS),
    ("multiprocessing.pool", "ThreadPool", _THREADS),
    ("sklearn.cluster", "KMeans MiniBatchKMeans BisectingKMeans", _KMEANS),
    ("numpy", "empty empty_like ndarray", _EMPTY),
    ("torch", "empty empty_like empty_strided", _EMPTY),
    ("numpy", "argsort argpartition", _SORT),
    ("torch", "sort argsort", _TORCH_SORT),
    ("numpy.random", "default_rng SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64 RandomState", _RNG),
    ("random", "Random", _RNG),
    ("numpy.random", "seed", _SEED_CALL),
    ("random", "seed", _SEED_CALL),
    ("torch", "seed", _ENTROPY),
    ("random", "SystemRandom", _ENTROPY),
    ("secrets", "token_hex token_bytes token_urlsafe choice randbelow randbits SystemRandom", _ENTROPY),
    ("os", "urandom getrandom", _ENTROPY),
    ("uuid", "uuid1 uuid4 uuid6 uuid7", _ENTROPY),
    ("scipy.stats.qmc", "Sobol Halton LatinHypercube PoissonDisk MultinomialQMC MultivariateNormalQMC", _QMC),
    ("functools", "lru_cache cache", _CACHE),
    ("networkx", "simple_cycles recursive_simple_cycles cycle_basis find_cliques max_weight_matching", _SETS),
    ("networkx", "connected_components strongly_connected_components weakly_connected_components", _SETS),
    ("networkx", "biconnected_components", _SETS),
)  # fmt: skip

#: methods told by their name alone, where what they are called on cannot be known; the second part
#: names a package that the module must use
METHODS: Final[dict[str, tuple[str, Rule]]] = {
    "iterdir": ("", _LISTING),
    "glob": ("pathlib", _LISTING),
    "rglob": ("pathlib", _LISTING),
    "imap_unordered": ("", _COMPLETION),
    "apply_async": ("", Rule("threads", _COMPLETION.advice, lambda call: given(call, "callback", 3) is not None)),
    "map_async": ("", Rule("threads", _COMPLETION.advice, lambda call: given(call, "callback", 3) is not None)),
    "Process": ("multiprocessing", _THREADS),
    "argsort": ("", _SORT),
    "argpartition": ("", _SORT),
    "sort_values": ("", Rule("cpu", _SORT.advice, lambda call: _unstable(call) and not _several_keys(call))),
    "multivariate_normal": (
        "numpy",
        Rule("cpu", 'method="cholesky": the default depends on the CPU', lambda call: given(call, "method", 5) is None),
    ),
    "group_by": ("polars", Rule("entropy", "maintain_order=True, or sort the result", _unless_true("maintain_order"))),
    "unique": ("polars", Rule("entropy", "maintain_order=True, or sort the result", _unless_true("maintain_order"))),
    "sample": ("polars", Rule("entropy", "seed=repro.seed", _unseeded("seed", position=None))),
    "seed": ("torch", Rule("entropy", "manual_seed(repro.seed): without a number it asks the system", _no_arguments)),
    "shuffle": ("polars", Rule("entropy", "seed=repro.seed", _unseeded("seed"))),
    "index_put_": ("torch", Rule("threads", "torch.use_deterministic_algorithms(True)", _unless_true("no_such"))),
}


def find_functions() -> dict[int, list[tuple[str, Rule]]]:
    """Give the rules by the identity of the function, for all libraries that are loaded by now."""
    found: dict[int, list[tuple[str, Rule]]] = {}
    for package, names, rule in _FUNCTIONS:
        module = sys.modules.get(package)
        for name in names.split() if module is not None else ():
            value: object = module
            for part in name.split("."):
                value = attribute(value, part)
            value = unwrapped(value)
            if value is not UNRESOLVED:
                found.setdefault(id(value), []).append((f"{package}.{name}", rule))
    return found
