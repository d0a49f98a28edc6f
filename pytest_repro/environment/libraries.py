"""The state of numeric libraries, asked only if the program has loaded them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.environment.names import numeric, shown

if TYPE_CHECKING:
    from pytest_repro.model import EnvField

__all__ = ["Effective", "hash_seed", "read_libraries"]


def hash_seed() -> str:
    """Say how strings are hashed: by a seed that was given, at random, or always alike."""
    if not sys.flags.hash_randomization:
        return "off (seed 0)"
    given = os.environ.get("PYTHONHASHSEED", "")
    return f"seed {given}" if given.isdecimal() else "random"


def read_libraries() -> Iterator[EnvField]:
    """Read instruction sets, thread pools and torch's switches."""
    for part in (_numpy, _pools, _torch):
        yield from part()


def _numpy() -> Iterator[EnvField]:
    features = numpy_features()
    if features:
        yield numeric("numpy.cpu_features", features)


def numpy_features() -> str:
    """Name the dispatched instruction sets that numpy uses in this process; empty if it is not loaded."""
    for name in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        module = sys.modules.get(name)
        enabled = getattr(module, "__cpu_features__", None)
        if enabled is not None:
            used = (*getattr(module, "__cpu_baseline__", ()), *getattr(module, "__cpu_dispatch__", ()))
            return " ".join(feature for feature in used if enabled.get(feature))
    return ""


def _pool_info() -> Sequence[dict[str, Any]]:
    """Ask the thread pools of loaded libraries; nothing without threadpoolctl or before numpy is loaded."""
    if "numpy" not in sys.modules:
        return ()
    try:
        import threadpoolctl
    except ImportError:
        return ()
    pools: list[dict[str, Any]] = threadpoolctl.threadpool_info()
    return sorted(pools, key=lambda pool: (str(pool.get("internal_api")), Path(str(pool.get("filepath"))).name))


def _pools() -> Iterator[EnvField]:
    taken: dict[str, int] = {}
    for pool in _pool_info():
        api = str(pool.get("internal_api") or pool.get("user_api"))
        taken[api] = taken.get(api, 0) + 1
        prefix = f"pool.{api}" if taken[api] == 1 else f"pool.{api}.{taken[api]}"
        for key in ("version", "num_threads", "architecture", "threading_layer"):
            if pool.get(key) is not None:
                yield numeric(f"{prefix}.{key}", pool[key])
        yield shown(f"{prefix}.file", Path(str(pool.get("filepath", ""))).name)


def _torch() -> Iterator[EnvField]:
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):  # absent, or being imported
        return
    yield numeric("torch.threads", torch.get_num_threads())
    yield numeric("torch.deterministic_algorithms", torch.are_deterministic_algorithms_enabled())
    yield numeric("torch.default_dtype", torch.get_default_dtype())
    yield numeric("torch.float32_matmul_precision", torch.get_float32_matmul_precision())
    capability = getattr(torch.backends, "cpu", None)
    if capability is not None:
        yield numeric("torch.cpu_capability", capability.get_cpu_capability())
    for flag in ("benchmark", "deterministic", "allow_tf32"):
        yield numeric(f"torch.cudnn.{flag}", getattr(torch.backends.cudnn, flag))
    yield numeric("torch.cuda", torch.version.cuda or "none")
    if torch.version.cuda and torch.cuda.is_available():
        yield from _gpus(torch)


def _gpus(torch: Any) -> Iterator[EnvField]:
    yield numeric("torch.cuda.matmul.allow_tf32", torch.backends.cuda.matmul.allow_tf32)
    yield numeric("torch.cudnn.version", torch.backends.cudnn.version())
    for index in range(torch.cuda.device_count()):
        yield numeric(f"gpu.{index}", torch.cuda.get_device_name(index))
    try:
        driver = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return
    yield numeric("gpu.driver", driver)


class Effective:
    """What is in effect in this process, read again and again at little cost.

    Thread pools are looked up anew only when libraries were loaded since; their counts are read
    each time.
    """

    def __init__(self) -> None:
        self._modules = -1
        self._controllers: tuple[Any, ...] = ()
        self._last: tuple[tuple[str, str], ...] = ()

    def __call__(self) -> tuple[tuple[str, str], ...]:
        """Read (name, value): hash seed, threads as the libraries report them, CPU features."""
        fields = {"hash-seed": hash_seed()}
        features = numpy_features()
        if features:
            fields["cpu-features"] = features
        for name, threads in self._threads():
            fields[f"threads.{name}"] = str(threads)
        torch: Any = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "get_num_threads"):
            fields["threads.torch"] = str(torch.get_num_threads())
        found = tuple(sorted(fields.items()))
        if found != self._last:
            self._last = found
        return self._last  # one object for thousands of tests

    def _threads(self) -> Iterator[tuple[str, int]]:
        if len(sys.modules) != self._modules:
            self._modules, self._controllers = len(sys.modules), _controllers()
        for controller in self._controllers:
            yield str(controller.internal_api), int(controller.num_threads)


def _controllers() -> tuple[Any, ...]:
    if "numpy" not in sys.modules:
        return ()
    try:
        import threadpoolctl
    except ImportError:
        return ()
    return tuple(threadpoolctl.ThreadpoolController().lib_controllers)
