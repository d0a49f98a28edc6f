"""What reports call each factor, and what they advise where it decides the result.

`docs/reference` and the pages per cause are held to this table.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FACTOR_WORDS", "words_for"]

#: factor → (name in reports, what decides it, what was switched, what to change)
FACTOR_WORDS: Mapping[str, tuple[str, str, str, str]] = {
    "hash-seed": (
        "hash-seed",
        "hash seed",
        "PYTHONHASHSEED",
        (
            "sort before the order matters: sorted(names) instead of iterating over a set, or a dict built from one; "
            "PYTHONHASHSEED=0 only hides it"
        ),
    ),
    "entropy": (
        "entropy",
        "uncontrolled entropy",
        "the operating system's entropy",
        "give every generator a seed: np.random.default_rng(repro.seed), random_state=repro.seed",
    ),
    "clock": (
        "clock",
        "the clock",
        "the time of day",
        "keep times out of what is recorded, or pass the time in as an argument",
    ),
    "threads": (
        "threads",
        "the number of threads",
        "threads (1 to 4)",
        (
            "fix it for this code: n_jobs=1, threadpoolctl.threadpool_limits(1) or OMP_NUM_THREADS=1; collect results "
            "in the order of submission, not of completion; torch: torch.use_deterministic_algorithms(True)"
        ),
    ),
    "state": (
        "state",
        "state left by an earlier run in the same process",
        "a run before it in the same process",
        (
            "make it anew in every run: no generator, cache or counter at module or class level "
            "(lru_cache: function.cache_clear())"
        ),
    ),
    "left-files": (
        "state",
        "what earlier runs left in the working directory",
        "the presence of those files",
        "write into tmp_path, or remove at the end what the next run would read: a checkpoint, a cache, a log",
    ),
    **{
        f"left-{place}": (
            "state",
            f"what earlier runs left in the {title}",
            "the presence of those files",
            "write into tmp_path, or remove at the end what the next run would read: a checkpoint, a cache, a counter",
        )
        for place, title in (("temp", "temporary folder"), ("home", "home folder"))
    },
    "files": (
        "files",
        "the file system",
        "the order of directory listings and the times of files",
        "sorted(os.listdir(...)), sorted(glob(...)); do not order or fingerprint by modification time",
    ),
    "memory": (
        "memory",
        "memory addresses or uninitialised memory",
        "the layout and filling of memory",
        (
            "fill before use (np.zeros, out=np.zeros_like(x) with where=); keep id(), repr() of objects, pickles and "
            "the order of sets of objects out of results: a list, or dict.fromkeys(...), keeps the order of insertion"
        ),
    ),
    "pid": ("environment", "os.getpid()", "the number of the process", "derive worker seeds from repro.seed"),
    "cpu": (
        "cpu",
        "the CPU's instruction set",
        "the instruction sets in use",
        "declare a tolerance for other machines, or use stable sorts (kind='stable') and exact reductions",
    ),
    "gpu": (
        "gpu",
        "the choice of kernels on the GPU",
        "deterministic kernels (off), cuDNN benchmark or TF32",
        (
            "torch.use_deterministic_algorithms(True) with CUBLAS_WORKSPACE_CONFIG=:4096:8, "
            "torch.backends.cudnn.benchmark = False, and the same TF32 setting everywhere"
        ),
    ),
    "timezone": (
        "environment",
        "the time zone (TZ)",
        "TZ",
        "compute in UTC: datetime.fromtimestamp(t, tz=timezone.utc)",
    ),
    "locale": ("environment", "the locale (LC_ALL)", "LC_ALL", "name the encoding: open(path, encoding='utf-8')"),
    "cwd": ("environment", "the working directory", "the working directory", "resolve paths from __file__ or tmp_path"),
    "home": ("environment", "the home directory (HOME)", "HOME", "pass directories in; do not read the user's home"),
    "environ": (
        "environment",
        "the size of the environment block",
        "the environment block",
        "results hang on memory layout: look for uninitialised memory and id()",
    ),
    "order": ("order", "the order of tests", "the tests that run before", "reset shared state in a fixture"),
    "library-seed": (
        "entropy",
        "a random seed that a library takes from the clock",
        "the time of day",
        "ask for an order: maintain_order=True, or sort the result",
    ),
    "import": (
        "entropy",
        "entropy drawn at import",
        "the entropy that imports draw",
        "do not make generators at import: make them in the run, from repro.seed",
    ),
    "import-clock": (
        "clock",
        "the time at which the test's modules were imported",
        "the clock during imports",
        "do not read the time at import (module level, default arguments): pass it in as an argument",
    ),
    "import-pid": (
        "environment",
        "os.getpid() at import",
        "the number of the process during imports",
        "derive worker seeds from repro.seed",
    ),
}


def words_for(factor: str) -> tuple[str, str, str, str]:
    """What reports say of a factor; of one that the project added, by the name that it has there."""
    if factor in FACTOR_WORDS:
        return FACTOR_WORDS[factor]
    advice = f"make the result the same whatever {factor} is, or set its variables wherever results are compared"
    return factor, factor, f"the variables of {factor}", advice
