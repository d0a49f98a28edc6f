"""The factor of GPU kernels; its switches exist without a GPU, its effect does not."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.conditions.gpu import GPU
from pytest_repro.errors import SettingsError

torch: Any = pytest.importorskip("torch")


def _switches() -> tuple[bool, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
    )


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("deterministic", (True, True, False, False, False)),
        ("kernels", (False, True, False, False, False)),
        ("benchmark", (True, True, True, False, False)),
        ("tf32", (True, True, False, True, True)),
    ],
)
def test_level_sets_the_switches_and_restores_them(level: str, expected: tuple[bool, ...]) -> None:
    before = _switches()
    with GPU.apply(level):
        assert (_switches()[0], *_switches()[2:]) == (expected[0], *expected[2:])
    assert _switches() == before


def test_switches_are_restored_when_the_run_raises() -> None:
    before = _switches()
    with pytest.raises(RuntimeError, match="boom"), GPU.apply("deterministic"):
        raise RuntimeError("boom")
    assert _switches() == before


def test_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="fastest"):
        GPU.launch("fastest")


def test_workspace_of_cublas_is_set_at_launch() -> None:
    assert GPU.launch("deterministic").env["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_factor_says_why_it_is_missing_without_a_gpu() -> None:
    assert GPU.available() == "torch sees no CUDA device"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scatter_add_on_the_gpu_repeats_with_deterministic_kernels() -> None:
    def total() -> Any:
        generator = torch.Generator(device="cuda").manual_seed(0)
        index = torch.randint(0, 4, (1_000_000,), device="cuda", generator=generator)
        source = torch.rand(1_000_000, device="cuda", generator=generator)
        return torch.zeros(4, device="cuda").scatter_add_(0, index, source).cpu()

    with GPU.apply("deterministic"):
        first = total()
        assert all(torch.equal(first, total()) for _ in range(5))
