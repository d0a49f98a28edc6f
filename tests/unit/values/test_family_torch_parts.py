"""What tensors of each form, storages, modules and what trains them consist of; and which tensors are refused."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array
from tests.unit.values.outline import outline, seen

torch: Any = pytest.importorskip("torch")
torch_values: Any = pytest.importorskip("pytest_repro.values.torch_values")

pytestmark = pytest.mark.filterwarnings("ignore")


def parts(value: object) -> list[str]:
    return outline(torch_values.canonical(value, seen))


def refused(value: object) -> str:
    with pytest.raises(ValueTypeError) as caught:
        torch_values.canonical(value, seen)
    return str(caught.value)


# --- tensors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("bool", [True, False]),
        ("uint8", [1, 0]),
        ("int64", [1, 0]),
        ("float16", [1.0, 0.0]),
        ("float64", [1.0, 0.0]),
        ("complex64", [1 + 0j, 0j]),
        ("bfloat16", "as uint16 [16256, 0]"),
        ("float8_e5m2", "as uint8 [60, 0]"),
    ],
)
def test_a_dense_tensor_is_its_elements_or_their_bits(name: str, bits: object) -> None:
    tensor = torch.tensor([1, 0]).to(getattr(torch, name))
    assert parts(tensor) == [f"torch.Tensor {name} {bits}"]


def test_every_number_that_numpy_has_is_shown_as_numpy_has_it() -> None:
    for name in ("int8", "int16", "int32", "uint16", "uint32", "uint64", "float32", "complex128"):
        if hasattr(torch, name):
            node = torch_values.canonical(torch.ones(2).to(getattr(torch, name)), seen)
            assert (node.dtype, node.data.dtype.name, node.data.tolist()) == (name, name, [1, 1])


def test_a_tensor_says_which_class_it_is_and_whether_it_is_trained() -> None:
    class Mine(torch.Tensor):  # type: ignore[misc]
        pass

    mine = f"{__name__}.{Mine.__qualname__}"
    assert parts(torch.ones(1, requires_grad=True)) == ["torch.Tensor[requires_grad] float32 [1.0]"]
    assert parts(torch.nn.Parameter(torch.ones(1))) == ["torch.Tensor[requires_grad] float32 [1.0]"]
    assert parts(torch.ones(1).as_subclass(Mine)) == [f"{mine} float32 [1.0]"]


def test_a_tensor_elsewhere_says_where() -> None:
    for trained, marks in ((False, "cuda"), (True, "cuda, requires_grad")):
        tensor = SimpleNamespace(device=SimpleNamespace(type="cuda"), requires_grad=trained)
        assert torch_values._label(tensor) == f"types.SimpleNamespace[{marks}]"


def test_only_a_tensor_that_had_to_be_copied_is_its_own() -> None:
    tensor = torch.tensor([1 + 2j])
    for value, owned in ((tensor, False), (tensor.conj(), True), (tensor.conj().imag, True), (tensor[:1], False)):
        node = torch_values.canonical(value, seen)
        assert isinstance(node, Array)
        assert node.owned is owned
        assert node.data.tolist() == value.tolist()


def test_half_precision_complex_is_its_parts() -> None:
    tensor = torch.tensor([1 + 2j]).to(torch.complex32)
    expected = ["torch.Tensor", ".dtype 'complex32'", ".real torch.Tensor float16 [1.0]", ".imag torch.Tensor float16 "]
    assert parts(tensor) == [*expected[:-1], expected[-1] + "[2.0]"]
    assert parts(tensor.conj()) == [*expected[:-1], expected[-1] + "[-2.0]"]
    pair = torch.tensor([[1 + 2j, 3 + 4j]]).to(torch.complex32)
    assert parts(pair)[2:] == [
        ".real torch.Tensor float16 [[1.0, 3.0]]",
        ".imag torch.Tensor float16 [[2.0, 4.0]]",
    ]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no tensors of MKL-DNN")
def test_a_tensor_in_the_layout_of_a_library_is_its_elements() -> None:
    assert parts(torch.tensor([[1.5, 2.5]]).to_mkldnn()) == ["torch.Tensor float32 [[1.5, 2.5]] owned"]


def test_nested_tensors_are_a_sequence_of_tensors() -> None:
    nested = torch.nested.nested_tensor([torch.tensor([1.0]), torch.tensor([2.0, 3.0])])
    assert parts(nested) == [
        "torch.Tensor (sequence)",
        "[0] torch.Tensor float32 [1.0]",
        "[1] torch.Tensor float32 [2.0, 3.0]",
    ]


def test_a_coordinate_tensor_is_its_entries_in_order() -> None:
    tensor = torch.sparse_coo_tensor([[1, 0, 1]], [0.5, 1.0, 0.5], (2,))
    assert parts(tensor) == [
        "torch.Tensor",
        ".layout 'torch.sparse_coo'",
        ".shape torch.Size (sequence)",
        ".shape[0] 2",
        ".indices() torch.Tensor int64 [[0, 1]]",
        ".values() torch.Tensor float32 [1.0, 1.0]",
    ]


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("csr", "crow_indices() torch.Tensor int64 [0, 1, 1]", "col_indices() torch.Tensor int64 [1]"),
        ("csc", "ccol_indices() torch.Tensor int64 [0, 0, 1]", "row_indices() torch.Tensor int64 [0]"),
        ("bsr", "crow_indices() torch.Tensor int64 [0, 1]", "col_indices() torch.Tensor int64 [0]"),
        ("bsc", "ccol_indices() torch.Tensor int64 [0, 1]", "row_indices() torch.Tensor int64 [0]"),
    ],
)
def test_a_compressed_tensor_is_its_indices_and_values(kind: str, first: str, second: str) -> None:
    dense = torch.tensor([[0, 1.5], [0, 0]])
    tensor = getattr(dense, f"to_sparse_{kind}")(*([(2, 2)] if kind.startswith("bs") else []))
    lines = parts(tensor)
    assert lines[:4] == [
        "torch.Tensor",
        f".layout 'torch.sparse_{kind}'",
        ".shape torch.Size (sequence)",
        ".shape[0] 2",
    ]
    assert lines[5:7] == [f".{first}", f".{second}"]
    assert lines[7].startswith(".values() torch.Tensor float32 [")


def test_a_quantised_tensor_is_its_integers_and_how_they_are_scaled() -> None:
    tensor = torch.quantize_per_tensor(torch.tensor([0.5, 1.0]), 0.5, 3, torch.quint8)
    assert parts(tensor) == [
        "torch.Tensor",
        ".dtype 'torch.quint8'",
        ".qscheme 'torch.per_tensor_affine'",
        ".q_scale() 0.5",
        ".q_zero_point() 3",
        ".int_repr() torch.Tensor uint8 [4, 5]",
    ]
    scales, zeros = torch.tensor([0.5, 0.25]).double(), torch.tensor([0, 1])
    tensor = torch.quantize_per_channel(torch.tensor([[0.5, 1.0]]), scales, zeros, 1, torch.qint8)
    assert parts(tensor) == [
        "torch.Tensor",
        ".dtype 'torch.qint8'",
        ".qscheme 'torch.per_channel_affine'",
        ".q_per_channel_scales() torch.Tensor float64 [0.5, 0.25]",
        ".q_per_channel_zero_points() torch.Tensor int64 [0, 1]",
        ".q_per_channel_axis() 1",
        ".int_repr() torch.Tensor int8 [[1, 5]]",
    ]


def test_to_read_a_quantised_tensor_warns_of_nothing() -> None:
    class Warning_(torch.Tensor):  # type: ignore[misc]
        @classmethod
        def __torch_function__(cls, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
            with torch._C.DisableTorchFunctionSubclass():
                if "int_repr" in str(function):
                    warnings.warn("deprecated", stacklevel=2)
                return function(*arguments, **(options or {}))

    tensor = torch.quantize_per_tensor(torch.tensor([0.5]), 0.5, 3, torch.quint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch_values._quantised(tensor, tensor.as_subclass(Warning_))


def test_what_cannot_be_read_is_refused_with_what_to_record() -> None:
    assert refused(torch.empty(2, device="meta")) == (
        "cannot compare a torch.Tensor by meaning: a tensor on the meta device has no elements; record it after loading"
    )
    gone = torch.zeros(100)
    gone.untyped_storage().resize_(0)
    text = refused(gone)
    del gone  # what shows a tensor whose memory was given back crashes
    assert text == (
        "cannot compare a torch.Tensor by meaning: its memory was given back; record it where its elements are there"
    )

    class Broken(torch.Tensor):  # type: ignore[misc]
        error: Any = RuntimeError("no such kernel")

        def detach(self) -> Any:
            return SimpleNamespace(is_nested=True, unbind=self.fail)

        def fail(self) -> Any:
            raise self.error

    broken = torch.ones(1).as_subclass(Broken)
    for error in (RuntimeError, TypeError, NotImplementedError, BufferError):
        Broken.error = error("no such kernel")
        assert refused(broken) == (
            f"cannot compare a {__name__}.{Broken.__qualname__} by meaning: its elements cannot be read "
            "(no such kernel); record tensor.detach().cpu(), or a dense copy of it"
        )


def test_a_dtype_without_a_bit_view_is_refused() -> None:
    plain: Any = SimpleNamespace(
        dtype="torch.float6",
        resolve_conj=lambda: plain,
        resolve_neg=lambda: plain,
        cpu=lambda: plain,
        data_ptr=lambda: 1,
        element_size=lambda: 6,
        numel=lambda: 0,
        shape=(),
        stride=lambda: (),
        storage_offset=lambda: 0,
    )
    with pytest.raises(ValueTypeError) as caught:
        torch_values._dense(torch.ones(1), plain)
    assert str(caught.value) == (
        "cannot compare a torch.Tensor by meaning: dtype float6 has no bit view; "
        "convert it to a dtype that numpy can show"
    )


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "numbers"),
    [((4,), (1,), 0, 4), ((2, 3), (3, 1), 0, 6), ((2, 3), (1, 2), 5, 11), ((3,), (2,), 1, 6), ((1, 5), (9, 0), 0, 1)],
)
def test_memory_was_given_back_where_it_ends_before_the_last_element(
    shape: tuple[int, ...], stride: tuple[int, ...], offset: int, numbers: int
) -> None:
    whole = torch.zeros(20)
    tensor = whole.as_strided(shape, stride, offset)
    for left, gone in ((numbers, False), (numbers - 1, True)):
        whole.untyped_storage().resize_(left * 4)
        assert torch_values.given_back(tensor) is gone
    whole.untyped_storage().resize_(0)
    assert torch_values.given_back(torch.zeros(3)[3:]) is False
    assert torch_values.given_back(whole[:0]) is False


def test_an_array_shares_the_memory_of_its_tensor() -> None:
    for dtype in (torch.bool, torch.float32):
        tensor = torch.zeros(2, dtype=dtype)
        data = torch_values._shared(tensor)
        tensor[1] = 1
        assert data.tolist() == tensor.tolist() == [0, 1]
        assert data.dtype == np.dtype(str(dtype).removeprefix("torch."))


# --- other values -----------------------------------------------------------------------------


def test_a_size_is_a_sequence_and_small_values_are_their_text() -> None:
    assert parts(torch.Size([2, 3])) == ["torch.Size (sequence)", "[0] 2", "[1] 3"]
    assert parts(torch.float32) == ["torch.dtype torch.float32"]
    assert parts(torch.device("cpu")) == ["torch.device cpu"]
    assert parts(torch.strided) == ["torch.layout torch.strided"]
    assert parts(torch.channels_last) == ["torch.memory_format torch.channels_last"]
    assert parts(torch.per_tensor_affine) == ["torch.qscheme torch.per_tensor_affine"]
    assert torch_values.canonical(SimpleNamespace(device="cpu"), seen) is None


def test_a_storage_is_its_type_and_bytes() -> None:
    tensor = torch.tensor([1, 256], dtype=torch.int16)
    untyped, typed = tensor.untyped_storage(), tensor.storage()
    data = "torch.Tensor uint8 [1, 0, 0, 1]"
    assert parts(untyped) == ["torch.storage.UntypedStorage", ".dtype 'torch.uint8'", f".bytes {data}"]
    assert parts(typed) == ["torch.storage.TypedStorage", ".dtype 'torch.int16'", f".bytes {data}"]


def test_a_storage_without_memory_is_refused_as_its_tensor_is() -> None:
    assert "on the meta device has no elements" in refused(torch.empty(2, device="meta").untyped_storage())


def test_a_generator_is_its_device_and_state() -> None:
    lines = parts(torch.Generator().manual_seed(1))
    assert lines[:2] == ["torch.Generator", ".device 'cpu'"]
    assert lines[2].startswith(".state torch.Tensor uint8 [")


def test_a_module_is_the_classes_and_flags_of_its_parts_and_its_state_by_path() -> None:
    inner = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU())
    module = torch.nn.Sequential()
    module.add_module("a", inner)
    module.add_module("b", inner[0])
    inner.eval()
    module.a.register_buffer("count", torch.tensor(3))
    inner[0].weight.data.fill_(1.5)
    weight = "Parameter containing:\\ntensor([[1.5000]], requires_grad=True)"
    assert parts(module) == [
        "torch.nn.modules.container.Sequential without what is not in the state_dict (attributes, hooks)",
        ".modules dict (mapping)",
        ".modules[''] 'torch.nn.modules.container.Sequential'",
        ".modules['a'] 'torch.nn.modules.container.Sequential'",
        ".modules['a.0'] 'torch.nn.modules.linear.Linear'",
        ".modules['a.1'] 'torch.nn.modules.activation.ReLU'",
        ".training dict (mapping)",
        ".training[''] True",
        ".training['a'] False",
        ".training['a.0'] False",
        ".training['a.1'] False",
        ".a.count 'tensor(3) at .a.count'",
        f".a[0].weight '{weight} at .a[0].weight'",
        f".b.weight '{weight} at .b.weight'",
    ]


def test_a_compiled_module_goes_by_the_class_that_it_was_made_from() -> None:
    for original, expected in (("Net", "Net"), (None, "torch.nn.modules.activation.ReLU")):
        module = torch.nn.ReLU()
        module.original_name = original
        assert torch_values._module_class(module) == expected
    assert torch_values._module_class(torch.nn.ReLU()) == "torch.nn.modules.activation.ReLU"


def test_an_optimiser_is_its_state_and_groups_and_a_schedule_its_state_by_name() -> None:
    optimiser = object.__new__(torch.optim.SGD)
    optimiser.state_dict = lambda: {"state": 1, "param_groups": 2}
    assert parts(optimiser) == ["torch.optim.sgd.SGD", ".state '1 at .state'", ".param_groups '2 at .param_groups'"]
    schedule = object.__new__(torch.optim.lr_scheduler.LambdaLR)
    schedule.state_dict = lambda: {"b": 1, "a": 2}
    assert parts(schedule) == ["torch.optim.lr_scheduler.LambdaLR", ".a '2 at .a'", ".b '1 at .b'"]
