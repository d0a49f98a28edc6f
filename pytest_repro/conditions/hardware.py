"""The machine as libraries see it: threads and instruction sets."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from pytest_repro.conditions.factor import AS_IS, Factor, Launch, bad_level, check_level, cycle

__all__ = ["CPU", "JOBLIB", "THREADS", "THREAD_VARIABLES"]

#: what numeric libraries read when they are first loaded
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
_SEQUENTIAL = "joblib=sequential"
_PROBE_SECONDS = 60


# --- threads ----------------------------------------------------------------------------------


def _thread_count(level: str) -> tuple[int, bool]:
    """The number of threads, and whether joblib and Python's own pools run their tasks one after another."""
    number, _, rest = level.partition(",")
    if not number.isdecimal() or not 1 <= int(number) <= 1024 or rest not in ("", _SEQUENTIAL):
        raise bad_level("threads", level, f"a number of threads, or '1,{_SEQUENTIAL}'")
    return int(number), bool(rest)


def _threads_launch(level: str) -> Launch:
    count, sequential = _thread_count(level)
    # OMP_DYNAMIC lets the runtime hand out fewer threads than were asked for; its limit outweighs what code asks for
    limit = {"OMP_THREAD_LIMIT": "1"} if sequential else {}
    return Launch({**dict.fromkeys(THREAD_VARIABLES, str(count)), "OMP_DYNAMIC": "false", **limit})


@contextlib.contextmanager
def _threads(level: str) -> Iterator[None]:
    """Limit the pools of libraries that are loaded; one loaded later reads the variables."""
    count, sequential = _thread_count(level)
    with ExitStack() as stack:
        torch = sys.modules.get("torch")
        if torch is not None:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(count)
        with contextlib.suppress(ImportError):
            import threadpoolctl

            stack.enter_context(threadpoolctl.threadpool_limits(limits=count))
        if sequential:
            from pytest_repro.conditions.concurrency import one_after_another

            stack.enter_context(_joblib("sequential"))
            stack.enter_context(one_after_another())
        yield


@contextlib.contextmanager
def _joblib(level: str) -> Iterator[None]:
    check_level("joblib", level, ["sequential"])
    try:
        import joblib
    except ImportError:
        yield
        return
    configure = getattr(joblib, "parallel_config", None) or joblib.parallel_backend  # the latter before 1.3
    with configure("sequential"):
        yield


# --- instruction sets -------------------------------------------------------------------------

_READ_FEATURES = """
import json
try:
    from numpy._core import _multiarray_umath as m
except ImportError:
    from numpy.core import _multiarray_umath as m
print(json.dumps([n for n in m.__cpu_dispatch__ if m.__cpu_features__.get(n)]))
print(json.dumps([n for n, on in m.__cpu_features__.items() if on]))
"""


@functools.lru_cache(maxsize=4)
def _numpy_features(executable: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features that numpy dispatches on and this CPU has; all that this CPU has.

    Asked of an interpreter of its own: in this one numpy may not be loaded, or with some disabled.
    Only supported names may be disabled: numpy warns about others, and a warning may be an error.
    """
    env = {k: v for k, v in os.environ.items() if k not in ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")}
    answer = subprocess.run(  # noqa: S603 - the interpreter that runs this
        [executable, "-c", _READ_FEATURES], capture_output=True, text=True, env=env, timeout=_PROBE_SECONDS, check=False
    )
    if answer.returncode:
        return (), ()
    dispatched, present = (tuple(json.loads(line)) for line in answer.stdout.splitlines()[-2:])
    return dispatched, present


def _no_cpu() -> str | None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return f"instruction sets are switched on x86-64 only, this is {platform.machine()}"
    if not {"AVX2", "X86_V3"} & set(_numpy_features(sys.executable)[1]):
        return "this CPU has no AVX2, or numpy cannot be asked for it"
    return None


def _cpu_launch(level: str) -> Launch:
    dispatched, _ = _numpy_features(sys.executable)
    if level == "avx2":
        beyond = [name for name in dispatched if name.startswith(("AVX512", "AVX10", "X86_V4", "AMX"))]
        libraries = ("Haswell", "avx2", "AVX2", "AVX2", "AVX2")
        tunables = "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"
    elif level == "baseline":
        beyond = list(dispatched)
        libraries = ("Nehalem", "default", "SSE41", "COMPATIBLE", "SSE4_2")
        # glibc's libm picks other kernels for exp, log, sin without FMA; names before 2.33 ended in _Usable
        tunables = "-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable"
    else:
        raise bad_level("cpu", level, f"{AS_IS!r}, 'avx2' or 'baseline'")
    names = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")
    env: dict[str, str | None] = dict(zip(names, libraries, strict=True))
    if sys.platform == "linux":
        env["GLIBC_TUNABLES"] = f"glibc.cpu.hwcaps={tunables}"
    # numpy refuses to be imported with both variables set
    return Launch({**env, "NPY_DISABLE_CPU_FEATURES": " ".join(beyond) or None, "NPY_ENABLE_CPU_FEATURES": None})


THREADS = Factor(
    name="threads",
    description="threads of OpenMP, BLAS, numexpr, polars and torch",
    platforms="Everywhere.",
    # From one to four first: two threads hide races, because a + b is b + a.
    ladder=cycle("1", "4", "2"),
    launch_part=_threads_launch,
    apply_part=_threads,
    limits=lambda: "OpenBLAS does not use more threads than there are cores",
)
JOBLIB = Factor(
    name="joblib",
    description="joblib's tasks one after another, whatever n_jobs says",
    platforms="Everywhere; does nothing where joblib is not installed.",
    ladder=cycle(AS_IS, "sequential"),
    apply_part=_joblib,
)
CPU = Factor(
    name="cpu",
    description="instruction sets: what another machine's CPU computes, on this one",
    platforms="x86-64 with AVX2; needs an interpreter of its own.",
    ladder=cycle(AS_IS, "avx2", "baseline"),
    reason=_no_cpu,
    launch_part=_cpu_launch,
)
