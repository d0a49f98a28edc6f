from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, notes

torch: Any = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:Sparse")

DTYPES = [
    *["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16", "complex64"],
    *["complex128", "uint16", "uint32", "uint64"],
    *["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"],
]
DTYPES = [name for name in DTYPES if hasattr(torch, name)]  # older torch lacks some


def tensor_of(name: str) -> Any:
    """Return a 3 x 4 tensor of ones and zeros, of any dtype."""
    return (torch.arange(12).reshape(3, 4) % 2).to(getattr(torch, name))


def flipped(tensor: Any) -> Any:
    """Return a copy with one bit of its last element changed."""
    result = tensor.clone()
    result.view(torch.uint8)[-1, -1] ^= 1
    return result


@pytest.mark.parametrize("name", DTYPES)
def test_tensor_is_its_bits_for_every_dtype(name: str) -> None:
    tensor = tensor_of(name)
    assert_same(tensor, tensor.clone())
    assert_differ(tensor, flipped(tensor), "")
    assert_differ(tensor, tensor[:2], "")
    node = canonical(tensor)
    assert isinstance(node, Array)
    assert node.dtype == name


def test_tensor_differs_when_only_the_dtype_does() -> None:
    nodes = [canonical(tensor_of(name)) for name in DTYPES]
    assert len({node.dtype for node in nodes if isinstance(node, Array)}) == len(DTYPES)


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(width=32)))
@settings(max_examples=50, deadline=None)
def test_strides_and_memory_format_are_not_part_of_a_tensor(data: np.ndarray[Any, Any]) -> None:
    tensor = torch.from_numpy(data)
    assert_same(tensor, tensor.movedim(0, -1).contiguous().movedim(-1, 0))
    padded = torch.zeros(*data.shape[:-1], data.shape[-1] * 2)
    padded[..., ::2] = tensor
    assert_same(tensor, padded[..., ::2])


def test_conjugate_and_negative_views_equal_their_values() -> None:
    tensor = torch.tensor([1 + 2j, 3 - 4j])
    assert_same(tensor.conj(), tensor.conj().resolve_conj())
    assert_same(tensor.conj().imag, tensor.conj().imag.resolve_neg())
    assert_differ(tensor, tensor.conj())


def test_half_precision_complex_is_its_parts() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensor = torch.tensor([1 + 2j]).to(torch.complex32)
        other = torch.tensor([1 + 3j]).to(torch.complex32)
    assert_same(tensor, tensor.clone())
    assert_differ(tensor, other, ".imag")


def test_tensor_without_copy_is_a_view_and_not_owned() -> None:
    tensor = torch.zeros(4)
    node = canonical(tensor)
    assert isinstance(node, Array)
    assert not node.owned
    tensor[0] = 1
    assert node.data[0] == 1


def test_requires_grad_is_part_of_a_tensor_and_the_graph_is_not() -> None:
    leaf = torch.ones(2, requires_grad=True)
    assert_differ(torch.ones(2), leaf, "")
    assert_same(leaf, leaf * 1)
    assert_same(leaf, torch.nn.Parameter(torch.ones(2)))


def _uncoalesced(factor: float = 1.0) -> Any:
    return torch.sparse_coo_tensor([[1, 0, 1], [2, 0, 2]], [0.5 * factor, 1.0, 0.5], (2, 3))


SPARSE: dict[str, Callable[[], Any]] = {
    "csr": lambda: torch.eye(3).to_sparse_csr(),
    "csc": lambda: torch.eye(3).to_sparse_csc(),
    "bsr": lambda: torch.eye(4).to_sparse_bsr((2, 2)),
}


@pytest.mark.parametrize("make", SPARSE.values(), ids=SPARSE)
def test_sparse_tensor_is_its_layout_and_entries(make: Callable[[], Any]) -> None:
    assert_same(make(), make())
    other = make()
    other.values()[0] = 2
    assert_differ(make(), other, ".values()")
    assert_differ(make(), make().to_dense())


def test_coordinate_tensor_is_compared_coalesced_and_explicit_zeros_count() -> None:
    assert_same(_uncoalesced(), _uncoalesced().coalesce())
    assert_differ(_uncoalesced(), _uncoalesced(2.0), ".values()")
    zero = torch.sparse_coo_tensor([[0], [0]], [0.0], (2, 2))
    assert_differ(zero, torch.sparse_coo_tensor(torch.empty(2, 0, dtype=torch.int64), [], (2, 2)))


@pytest.mark.filterwarnings("ignore")
def test_quantised_tensor_is_its_integers_scale_and_zero_point() -> None:
    data = torch.tensor([[0.1, 0.2], [0.3, 0.4]])

    def quantise(scale: float = 0.1, zero: int = 0) -> Any:
        return torch.quantize_per_tensor(data, scale, zero, torch.quint8)

    assert_same(quantise(), quantise())
    assert_differ(quantise(), quantise(scale=0.2), ".q_scale()")
    assert_differ(quantise(), quantise(zero=1), ".q_zero_point()")
    channels = torch.quantize_per_channel(data, torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), 0, torch.qint8)
    assert_same(channels, channels.clone())
    assert_differ(channels, quantise())


def test_meta_tensor_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueTypeError, match="meta device has no elements; record it after loading"):
        canonical(torch.empty(2, device="meta"))


def _network(seed: int = 0, activation: Any = None) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), activation or torch.nn.ReLU(), torch.nn.BatchNorm1d(2))


def test_module_is_its_state_its_parts_and_their_training_flags() -> None:
    assert_same(_network(), _network())
    assert_same(_network(), copy.deepcopy(_network()))
    assert_differ(_network(), _network(1), "[0].weight")
    assert_differ(_network(), _network(activation=torch.nn.Tanh()), ".modules['1']")
    assert_differ(_network(), _network().eval(), ".training['2']")
    frozen = _network()
    frozen[0].weight.requires_grad_(requires_grad=False)
    assert_differ(_network(), frozen, "[0].weight")
    hooked = _network()
    hooked.register_forward_hook(lambda *_: None)
    assert_same(_network(), hooked)
    assert_well_formed(canonical(_network()))


def test_state_dict_is_compared_by_name_whatever_its_order() -> None:
    state = _network().state_dict()
    assert_same(state, type(state)(reversed(list(state.items()))))
    assert_differ(state, _network(1).state_dict(), "['0.weight']")


def _trained(lr: float = 0.1, steps: int = 2) -> tuple[Any, Any]:
    network = _network()
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.ones(4, 3)).sum().backward()
        optimiser.step()
        schedule.step()
    return optimiser, schedule


def test_optimiser_and_scheduler_are_their_state() -> None:
    (optimiser, schedule), (twin, twin_schedule) = _trained(), _trained()
    assert_same(optimiser, twin)
    assert_same(schedule, twin_schedule)
    assert_differ(optimiser, _trained(steps=3)[0], ".state[0]['step']")
    assert_differ(optimiser, _trained(lr=0.2)[0], ".param_groups[0]['initial_lr']")
    assert_differ(schedule, _trained(steps=3)[1], ".last_epoch")


def test_generator_is_what_it_will_draw_next() -> None:
    assert_same(torch.Generator().manual_seed(1), torch.Generator().manual_seed(1))
    drawn = torch.Generator().manual_seed(1)
    torch.rand(1, generator=drawn)
    assert_differ(torch.Generator().manual_seed(1), drawn, ".state")


def test_small_values_are_told_apart() -> None:
    values = [torch.float32, torch.float64, torch.device("cpu"), torch.strided, torch.Size([1, 2]), torch.Size([2])]
    for i, value in enumerate(values):
        for j, other in enumerate(values):
            (assert_same if i == j else assert_differ)(value, other)


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_storage_is_its_bytes() -> None:
    assert_same(torch.ones(2).untyped_storage(), torch.ones(2).untyped_storage())
    assert_differ(torch.ones(2).untyped_storage(), torch.zeros(2).untyped_storage(), ".bytes")
    assert_same(torch.ones(2).storage(), torch.ones(2).storage())
    assert_differ(torch.zeros(2).storage(), torch.zeros(2).int().storage(), ".dtype")


def test_a_module_says_what_of_it_is_not_compared() -> None:
    assert notes(canonical({"model": _network()})) == ["what is not in the state_dict (attributes, hooks)"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64])
def test_storage_that_was_recorded_can_be_resized(dtype: torch.dtype) -> None:
    tensor = torch.zeros(3, dtype=dtype)
    canonical(tensor)
    tensor.untyped_storage().resize_(0)  # as sharded training does between steps
    tensor.resize_(100)
    assert tensor.numel() == 100


def test_tensor_whose_memory_was_given_back_is_refused() -> None:
    tensor = torch.zeros(1000)
    tensor.untyped_storage().resize_(0)
    with pytest.raises(ValueTypeError, match="its memory was given back"):
        canonical(tensor)
