"""The GPU's kernels, as torch chooses them: with or without a form that adds in a fixed order.

Sources: https://docs.pytorch.org/docs/stable/notes/randomness.html and, for the workspace of cuBLAS,
https://docs.nvidia.com/cuda/cublas/#results-reproducibility.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytest_repro.conditions.factor import AS_IS, Factor, Launch, check_level, cycle

__all__ = ["GPU"]

#: level → (deterministic algorithms, cuDNN tries kernels out, TF32 in matrix products)
_SWITCHES = {
    "deterministic": (True, False, False),
    "kernels": (False, False, False),
    "benchmark": (True, True, False),
    "tf32": (True, False, True),
}


def _reason() -> str | None:
    torch = sys.modules.get("torch")
    if torch is not None:
        return None if torch.cuda.is_available() else "torch sees no CUDA device"
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    return None if Path("/dev/nvidiactl").exists() else "there is no NVIDIA device"


def _launch(level: str) -> Launch:
    check_level("gpu", level, _SWITCHES)
    return Launch({"CUBLAS_WORKSPACE_CONFIG": ":4096:8"})


@contextlib.contextmanager
def _apply(level: str) -> Iterator[None]:
    check_level("gpu", level, _SWITCHES)
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    deterministic, benchmark, tf32 = _SWITCHES[level]
    with ExitStack() as stack:
        before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        stack.callback(torch.use_deterministic_algorithms, before[0], warn_only=before[1])
        # an operation without a deterministic form goes on: that it differs is what is looked for
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
        _hold(stack, torch.backends.cudnn, "benchmark", benchmark)
        _hold(stack, torch.backends.cudnn, "allow_tf32", tf32)
        _hold(stack, torch.backends.cuda.matmul, "allow_tf32", tf32)
        yield


def _hold(stack: ExitStack, owner: Any, name: str, value: bool) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


GPU = Factor(
    name="gpu",
    description="which kernels torch uses on a GPU: deterministic ones, any, cuDNN's fastest, TF32",
    platforms="Where torch sees a CUDA device.",
    ladder=cycle(AS_IS, "kernels", "benchmark", "tf32"),
    reason=_reason,
    launch_part=_launch,
    apply_part=_apply,
)
