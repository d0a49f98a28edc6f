"""torch: tensors, modules, optimisers, schedulers, generators.

A tensor is its dtype, shape, kind of device, ``requires_grad`` and element bits. Strides, memory
format, the autograd graph and shared storage are not part of it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Atom
from pytest_repro.values.family import fields, mapping, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Branch, Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical", "given_back"]

#: dtypes that numpy has under the same name
_NUMPY_NAMES = frozenset(
    [
        "bool",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)
#: dtypes that numpy lacks: integers that hold their bits, by size in bytes (older torch lacks uint16)
_BITS = {1: torch.uint8, 2: torch.int16}
_ATOMS = (torch.device, torch.dtype, torch.layout, torch.memory_format, torch.qscheme)
_STORAGES = tuple(getattr(torch, name) for name in ("UntypedStorage", "TypedStorage") if hasattr(torch, name))
_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a torch value, or None if another rule applies."""
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, torch.Size):
        return sequence("torch.Size", value)
    if isinstance(value, _ATOMS):
        return Atom(f"torch.{type(value).__name__}", str(value))
    if isinstance(value, _STORAGES):
        return _storage(value)
    if isinstance(value, torch.Generator):
        state: Field = (".state", _tensor(value.get_state()))
        return fields("torch.Generator", [(".device", value.device.type), state])
    if isinstance(value, torch.nn.Module):
        return _module(value, walk)
    if isinstance(value, torch.optim.Optimizer):
        state_dict = value.state_dict()
        return fields(type_name(type(value)), [(f".{key}", walk(state_dict[key], f".{key}")) for key in state_dict])
    if isinstance(value, torch.optim.lr_scheduler.LRScheduler):
        return _with_state_dict(value, value.state_dict(), walk)
    return None


# --- tensors ----------------------------------------------------------------------------------


def _tensor(tensor: torch.Tensor) -> Node:
    """Return a tensor as one array, or as the arrays that its sparse or quantised form consists of."""
    if tensor.device.type == "meta":
        raise refuse(tensor, why="a tensor on the meta device has no elements", instead="record it after loading")
    plain = tensor.detach()
    try:
        if plain.is_nested:
            return sequence(_label(tensor), (_tensor(part) for part in plain.unbind()))
        if plain.is_quantized:
            return _quantised(tensor, plain)
        if plain.layout is torch.sparse_coo:
            plain = plain.coalesce()
            return _sparse(tensor, plain, ("indices", "values"))
        if plain.layout in _COMPRESSED:
            return _sparse(tensor, plain, (*_COMPRESSED[plain.layout], "values"))
        return _dense(tensor, plain.to_dense() if plain.is_mkldnn else plain)
    except ValueTypeError:  # says it already, and is a TypeError
        raise
    except (RuntimeError, TypeError, NotImplementedError, BufferError) as error:
        why = f"its elements cannot be read ({error})"
        raise refuse(tensor, why=why, instead="record tensor.detach().cpu(), or a dense copy of it") from error


def _storage(storage: Any) -> Branch:
    """Return a storage by its bytes; what pickle would keep of it holds an address."""
    raw = getattr(storage, "_untyped_storage", storage)
    elements = torch.empty(0, dtype=torch.uint8, device=raw.device).set_(raw)
    dtype = str(getattr(storage, "dtype", torch.uint8))
    return fields(type_name(type(storage)), [(".dtype", dtype), (".bytes", _tensor(elements))])


def _label(tensor: torch.Tensor) -> str:
    """Return the type as said in the output, with device and requires_grad, which are part of the value."""
    cls = type(tensor)
    name = "torch.Tensor" if cls in (torch.Tensor, torch.nn.Parameter) else type_name(cls)
    marks = [tensor.device.type] if tensor.device.type != "cpu" else []
    if tensor.requires_grad:
        marks.append("requires_grad")
    return f"{name}[{', '.join(marks)}]" if marks else name


def _dense(tensor: torch.Tensor, plain: torch.Tensor) -> Node:
    """Return a strided tensor: a view of its memory where numpy can have one."""
    name = str(plain.dtype).removeprefix("torch.")
    if plain.dtype is torch.complex32:
        parts = torch.view_as_real(plain.resolve_conj())
        real, imag = (_dense(part, part) for part in (parts[..., 0], parts[..., 1]))
        return fields(_label(tensor), [(".dtype", name), (".real", real), (".imag", imag)])
    if given_back(plain):
        raise refuse(tensor, why="its memory was given back", instead="record it where its elements are there")
    host = plain.resolve_conj().resolve_neg().cpu()
    owned = tensor.is_mkldnn or host.data_ptr() != tensor.data_ptr()  # MKL-DNN says no address
    if name in _NUMPY_NAMES:
        data = _shared(host)
    elif (size := plain.element_size()) in _BITS:
        data = _shared(host.view(_BITS[size])).view(f"u{size}")
    else:
        why = f"dtype {name} has no bit view"
        raise refuse(tensor, why=why, instead="convert it to a dtype that numpy can show")
    return Array(_label(tensor), name, tuple(plain.shape), data, owned=owned)


def given_back(tensor: torch.Tensor) -> bool:
    """Whether the storage ends before the elements do: sharded training frees the memory of parameters for a while."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    end = (tensor.storage_offset() + last + 1) * tensor.element_size()
    return bool(tensor.numel() and tensor.untyped_storage().nbytes() < end)


def _shared(host: torch.Tensor) -> Any:
    """Return an array over the memory of a tensor; after ``tensor.numpy()`` it could never be resized again."""
    if host.dtype is torch.bool:  # numpy takes no bool before 1.25
        return np.from_dlpack(host.view(torch.uint8)).view(np.bool_)
    return np.from_dlpack(host)


def _sparse(tensor: torch.Tensor, plain: torch.Tensor, names: tuple[str, ...]) -> Branch:
    """Return a sparse tensor by shape, indices and stored values; explicit zeros count."""
    head: list[Field] = [(".layout", str(plain.layout)), (".shape", sequence("torch.Size", plain.shape))]
    return fields(_label(tensor), head + [(f".{name}()", _tensor(getattr(plain, name)())) for name in names])


def _quantised(tensor: torch.Tensor, plain: torch.Tensor) -> Branch:
    """Return a quantised tensor by its stored integers and how they are scaled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer torch deprecates quantised tensors; the user's call already said so
        head: list[Field] = [(".dtype", str(plain.dtype)), (".qscheme", str(plain.qscheme()))]
        if plain.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
            head += [(".q_scale()", plain.q_scale()), (".q_zero_point()", plain.q_zero_point())]
        else:
            names = ("q_per_channel_scales", "q_per_channel_zero_points")
            head += [(f".{name}()", _tensor(getattr(plain, name)())) for name in names]
            head.append((".q_per_channel_axis()", plain.q_per_channel_axis()))
        return fields(_label(tensor), [*head, (".int_repr()", _tensor(plain.int_repr()))])


# --- modules and what trains them -------------------------------------------------------------


def _module(module: torch.nn.Module, walk: Walk) -> Branch:
    """Return a module by its state, the classes of its parts and their training flags (hooks are not compared)."""
    parts = list(module.named_modules())
    structure = mapping("dict", ((f"[{name!r}]", _module_class(part)) for name, part in parts))
    training = mapping("dict", ((f"[{name!r}]", part.training) for name, part in parts))
    head: list[Field] = [(".modules", structure), (".training", training)]
    # keep_vars: a frozen parameter differs from a trainable one
    state = module.state_dict(keep_vars=True)
    body = [(_dotted(name), walk(item, _dotted(name))) for name, item in state.items()]
    return fields(type_name(type(module)), head + body, ["what is not in the state_dict (attributes, hooks)"])


def _module_class(module: torch.nn.Module) -> str:
    original = getattr(module, "original_name", None)  # TorchScript keeps the class it compiled by name
    return original if isinstance(original, str) else type_name(type(module))


def _dotted(name: str) -> str:
    """Return ``layers.0.weight`` as ``.layers[0].weight``, the way the user would write it."""
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split("."))


def _with_state_dict(value: object, state: dict[str, object], walk: Walk) -> Branch:
    """Return an object by its state_dict, sorted by name."""
    return fields(type_name(type(value)), [(f".{key}", walk(state[key], f".{key}")) for key in sorted(state)])
