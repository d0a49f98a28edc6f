"""torch: a digest per layer output, gradient and parameter at each step of an optimiser.

torch's hooks for all modules and all optimisers are used, not those of a single object: a model
that is copied, pickled or compared while it is watched is as it would be without. Nothing is
changed or kept of what is seen; a digest is taken at once, in one pass over the bytes.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Collection, Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from pytest_repro.model import Atom, Branch, Layout
from pytest_repro.values import canonical, fingerprint

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.watch.sink import Sink

__all__ = ["digest", "digests", "follow"]

#: nesting of a layer's output that is looked into
_DEPTH = 4


def follow(target: Any, *, sink: Sink, every: int = 1) -> Callable[[], None]:
    """Record `target` at each step of an optimiser that holds its parameters; returns how to stop.

    Args:
        target: a module or an optimiser.
        sink: where to record.
        every: steps from one recorded step to the next.
    """
    if isinstance(target, torch.optim.Optimizer):
        layers: dict[int, str] = {}
        tensors = [parameter for group in target.param_groups for parameter in group["params"]]
        parameters = {f"p{number}": tensor for number, tensor in enumerate(tensors)}
    else:
        layers = {id(module): path for path, module in target.named_modules()}
        parameters = dict(target.named_parameters())
    watcher = _Watcher(target, sink=sink, every=every, layers=layers, parameters=parameters)
    watcher.start()
    handles = [
        register_module_forward_hook(watcher.after_forward),
        register_optimizer_step_pre_hook(watcher.before_step),
        register_optimizer_step_post_hook(watcher.after_step),
    ]

    def stop() -> None:
        for handle in handles:
            handle.remove()

    return stop


class _Watcher:
    """The hooks of one watched object."""

    def __init__(
        self,
        target: object,
        *,
        sink: Sink,
        every: int,
        layers: Mapping[int, str],
        parameters: Mapping[str, torch.Tensor],
    ) -> None:
        self._target = target  # its parts stay alive, so that no other object gets an id of theirs
        self._sink = sink
        self._every = every
        self._layers = layers
        self._parameters = parameters
        self._grads = {name: f"{name}.grad" for name in parameters}
        self._ids = {id(tensor) for tensor in parameters.values()}
        #: steps of its optimisers so far
        self._step = 0
        #: the tensor recorded last, and its version
        self._last: tuple[torch.Tensor, int] | None = None

    def start(self) -> None:
        """Record what the training starts from."""
        state = getattr(self._target, "named_buffers", dict)
        tensors = {**self._parameters, **dict(state())}

        def read(exact: bool) -> Node:
            names = sorted(tensors)
            return Branch("dict", Layout.MAPPING, _keys(names), tuple(_read(tensors[name], exact) for name in names))

        self._sink.add("initial", 0, read)

    def after_forward(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        """Record what a layer gave."""
        del inputs
        path = self._layers.get(id(module))
        if path is None or not self._due():
            return
        if self._seen(output) and next(module.children(), None) is not None:
            return  # a container gives what its last layer gave
        name = f"{path}.output" if path else "output"
        self._sink.add(name, self._step, functools.partial(_structure, output))

    def before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Record the gradients that an optimiser is about to use."""
        del args, kwargs
        if not self._due() or not self._concerns(optimizer):
            return
        grads = {self._grads[name]: parameter.grad for name, parameter in self._parameters.items()}
        self._put_all({name: grad for name, grad in grads.items() if grad is not None})

    def after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Record the parameters that an optimiser has updated."""
        del args, kwargs
        if not self._concerns(optimizer):
            return
        if self._due():
            self._put_all(self._parameters)
        self._step += 1

    def _put_all(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Record tensors that stand still together: what they have in common is found out once."""
        if self._sink.exact(tensors):
            self._sink.digests(zip(tensors, digests(tensors.values()), strict=True), self._step)
            return
        for name, tensor in tensors.items():
            self._sink.add(name, self._step, functools.partial(_read, tensor))

    def _due(self) -> bool:
        return self._step % self._every == 0 and self._sink.open and not torch.compiler.is_compiling()

    def _concerns(self, optimizer: torch.optim.Optimizer) -> bool:
        groups = optimizer.param_groups
        return optimizer is self._target or any(
            id(tensor) in self._ids for group in groups for tensor in group["params"]
        )

    def _seen(self, output: object) -> bool:
        if not isinstance(output, torch.Tensor):
            return False
        version = 0 if output.is_inference() else output._version
        if self._last is not None and self._last[0] is output and self._last[1] == version:
            return True
        self._last = (output, version)
        return False


def _keys(names: list[str]) -> tuple[str, ...]:
    return tuple(f"[{name!r}]" for name in names)


def _structure(value: object, exact: bool, depth: int = _DEPTH) -> Node:
    """Every tensor of a nested output; anything else by its type only."""
    if isinstance(value, torch.Tensor):
        return _read(value, exact)
    if isinstance(value, tuple | list) and depth:
        return Branch("list", Layout.SEQUENCE, (), tuple(_structure(item, exact, depth - 1) for item in value))
    if isinstance(value, Mapping) and depth:
        names = sorted(str(key) for key in value)
        parts = {str(key): _structure(item, exact, depth - 1) for key, item in value.items()}
        return Branch("dict", Layout.MAPPING, _keys(names), tuple(parts[name] for name in names))
    return Atom("type", type(value).__name__)


def _read(tensor: torch.Tensor, exact: bool) -> Node:
    """A digest where only equal bits agree; the tensor itself where a tolerance must be applied."""
    return digest(tensor) if exact else canonical(tensor.detach())


# --- digests ----------------------------------------------------------------------------------

_OF_NUMPY = frozenset({torch.float16, torch.float32, torch.float64, torch.bool})
_OF_NUMPY |= {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
#: from this many bytes on, a tensor is folded before its checksum is taken
_LARGE = 65_536
#: Primes: moving a row or a batch entry moves elements to other columns. Two of them: what cancels out in
#: the sums of one (two signs that flip in one column) does not in the other.
_WIDTHS = (509, 521)


def digest(tensor: torch.Tensor) -> Atom:
    """Return dtype, shape and a checksum of the elements; equal for equal bits, all NaNs being equal.

    Not a cryptographic digest, which would take a quarter of the time of a training step: nobody
    here makes collisions on purpose.
    """
    array = _plain(tensor)
    if array is None:
        return _other(tensor.detach())
    return _atom(tensor, _without_payloads(array) if array.dtype.kind == "f" else array)


def digests(tensors: Collection[torch.Tensor]) -> list[Atom]:
    """Return the `digest` of each; one look for NaNs serves all small ones, which is half of what those cost."""
    arrays = [_plain(tensor) for tensor in tensors]
    floats = [array for array in arrays if array is not None and array.dtype.kind == "f" and array.nbytes < _LARGE]
    if not floats or isnan(np.maximum.reduce(np.concatenate(floats, axis=None), initial=0)):
        return [digest(tensor) for tensor in tensors]
    return [
        digest(tensor) if array is None or array.nbytes >= _LARGE else _atom(tensor, array)
        for tensor, array in zip(tensors, arrays, strict=True)
    ]


def _plain(tensor: torch.Tensor) -> Any:
    """The elements in one piece where numpy can see them as they are; None elsewhere."""
    try:
        array = tensor.detach().numpy()
    except (TypeError, RuntimeError):
        return None  # on another device, sparse, quantised, of a type that numpy lacks, seen with another sign
    return np.ascontiguousarray(array) if array.dtype.kind in "fiub" else None


def _without_payloads(array: Any) -> Any:
    """Every NaN with the same bits."""
    if array.size and isnan(np.maximum.reduce(array, None)):
        return np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return array


def _atom(tensor: torch.Tensor, array: Any) -> Atom:
    return Atom("torch.Tensor", _head(tensor.dtype, tensor.shape) + _checksum(array))


def _other(plain: torch.Tensor) -> Atom:
    if plain.layout is not torch.strided or plain.is_quantized or plain.is_meta:
        return Atom("torch.Tensor", _head(plain.dtype, plain.shape) + _by_meaning(plain))
    return _atom(plain, _unusual(plain))


@functools.lru_cache(maxsize=1000)
def _head(dtype: torch.dtype, shape: torch.Size) -> str:
    return f"{str(dtype).removeprefix('torch.')} {tuple(shape)} "


def _checksum(array: Any) -> str:
    if array.nbytes < _LARGE:
        return f"{zlib.crc32(array):08x}"
    lanes, rest = divmod(array.nbytes, 8)
    data = array.reshape(-1).view(np.uint8)
    words = data[: 8 * lanes].view(np.uint64)
    result = zlib.crc32(data[8 * lanes :]) if rest else 0
    for fold, width in zip((np.add.reduce, np.bitwise_xor.reduce), _WIDTHS, strict=True):
        rows = lanes // width
        result = zlib.crc32(fold(words[: rows * width].reshape(rows, width), 0), result)
        result = zlib.crc32(words[rows * width :], result)
    return f"{result:08x}"


def _unusual(plain: torch.Tensor) -> Any:
    """Elements that are not on the CPU, or of a type that numpy lacks, or complex: every NaN with the same bits."""
    plain = plain.resolve_conj().resolve_neg().cpu()
    if plain.is_complex():
        plain = torch.view_as_real(plain)
    if (plain.is_floating_point() and plain.dtype.itemsize > 1) and bool(plain.isnan().any()):
        plain = plain.masked_fill(plain.isnan(), float("nan"))
    if plain.dtype in _OF_NUMPY:
        return np.ascontiguousarray(plain.numpy())
    return plain.contiguous().view(torch.uint8).numpy()


def _by_meaning(plain: torch.Tensor) -> str:
    return "without elements" if plain.is_meta else fingerprint(canonical(plain))[:16]
