"""torch: a checksum of a tensor's dtype, shape and bits, at a few microseconds and one look at its memory.

The memory is read where it lies. A tensor is not asked for its numpy view: its storage could never be resized
again after that, which some training code does. Nor is anything drawn, copied or added to a graph.
"""

from __future__ import annotations

import ctypes
import functools
import operator
import zlib
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pytest_repro.values import canonical, fingerprint
from pytest_repro.values.bits import little_endian, nan_elements
from pytest_repro.values.torch_values import given_back

if TYPE_CHECKING:
    from pytest_repro.log import Digest

__all__ = ["Digests", "Group"]

_TYPE = "torch.Tensor"
_PLAIN = frozenset({torch.Tensor, torch.nn.Parameter})
#: dtype of torch → that of numpy in which the bits are read
_BITS = {getattr(torch, f"float{width}"): np.dtype(f"f{width // 8}") for width in (16, 32, 64)}
_BITS |= {getattr(torch, f"int{width}"): np.dtype(f"i{width // 8}") for width in (8, 16, 32, 64)}
_BITS |= {torch.uint8: np.dtype("u1"), torch.bool: np.dtype("u1"), torch.bfloat16: np.dtype("u2")}
#: from this many bytes on, a tensor is folded before its checksum is taken; and into longer rows, which then pay
_LARGE, _VERY_LARGE = 32_768, 262_144
_FOLDS = (np.add.reduce, np.bitwise_xor.reduce)
#: Primes: moving a row or a batch entry moves elements to other columns. Two of them: what cancels out in
#: the sums of one (two signs that flip in one column) does not in the other.
_WIDTHS = ((127, 131), (509, 521))
#: views that are kept; a training uses the same addresses again and again
_VIEWS = 10_000
#: the bits above which a bfloat16 is a NaN: of the positive ones as signed, of the negative ones as unsigned integers
_NAN_ABOVE, _NAN_BELOW = 0x7F80, 0xFF80

_WHERE = torch.Tensor.data_ptr
_IN_ONE_PIECE = torch.Tensor.is_contiguous
_TRAITS = operator.attrgetter("shape", "dtype", "is_cpu")


class _View(NamedTuple):
    """What is known of the tensors of one dtype and shape at one address."""

    dtype: torch.dtype
    #: one-dimensional; valid only as long as such a tensor is in hand
    array: Any
    #: dtype and shape as the digest has them
    head: str
    #: small, and of a kind that numpy knows
    small_float: bool


class Digests:
    """Digests of tensors: equal for equal dtype, shape and bits, all NaNs being equal.

    Not cryptographic ones, which would take a quarter of the time of a training step: nobody here makes
    collisions on purpose.
    """

    def __init__(self) -> None:
        self._views: dict[tuple[int, torch.Size], _View] = {}

    def of(self, tensor: torch.Tensor) -> Digest:
        """Return the digest of one tensor; of what cannot be read, its type only."""
        view = self.view(tensor)
        return _unusual(tensor) if view is None else _digest(view)

    def view(self, tensor: torch.Tensor) -> _View | None:
        """Return the memory of a tensor on the CPU in one piece; None for any other one."""
        if type(tensor) not in _PLAIN or not tensor.is_cpu:
            return None
        try:
            address, shape = tensor.data_ptr(), tensor.shape
        except RuntimeError:  # sparse; seen through a transform of torch.func
            return None
        view = self._views.get((address, shape))
        if view is not None and view.dtype is tensor.dtype and tensor.is_contiguous():
            return view
        view = _look(tensor, address)
        if view is not None:
            if len(self._views) >= _VIEWS:
                self._views.clear()
            self._views[address, shape] = view
        return view


class Group:
    """Tensors that stand still together; as a rule they lie where they lay last time.

    Then nothing is done for each of them but its checksum.
    """

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        #: what was the same when the rest was found out
        self._known: object = None
        self._views: list[_View | None] = []

    def take(self, tensors: list[torch.Tensor]) -> list[Digest]:
        """Return the digest of each."""
        known = _places(tensors)
        if known is None:
            return [self._digests.of(tensor) for tensor in tensors]
        if known != self._known:
            self._known, self._views = known, [self._digests.view(tensor) for tensor in tensors]
        return [
            _unusual(tensor) if view is None else _digest(view)
            for view, tensor in zip(self._views, tensors, strict=True)
        ]


def _places(tensors: list[torch.Tensor]) -> list[object] | None:
    """Return what is the same only where every tensor lies where it lay, by loops that run in C."""
    if not _PLAIN.issuperset(map(type, tensors)):
        return None
    try:
        return [*map(_WHERE, tensors), *map(_TRAITS, tensors), *map(_IN_ONE_PIECE, tensors)]
    except RuntimeError:  # as in `Digests.view`
        return None


def _digest(view: _View) -> Digest:
    array = view.array
    # a NaN counts as the largest; a third of the time of `maximum.reduce`
    if view.small_float and not isnan(array.item(array.argmax())):
        return _TYPE, view.head, zlib.crc32(array)
    return _TYPE, view.head, _checksum(array, view.dtype)


def _look(tensor: torch.Tensor, address: int) -> _View | None:
    dtype, size = tensor.dtype, tensor.nbytes
    if dtype not in _BITS or not size or tensor.is_neg() or not tensor.is_contiguous():
        return None
    if given_back(tensor):
        return None
    memory: Any = _memory(size).from_address(address)
    array = np.frombuffer(memory, _BITS[dtype])
    return _View(dtype, array, _head(dtype, tensor.shape), size < _LARGE and array.dtype.kind == "f")


@functools.lru_cache(maxsize=1000)
def _memory(size: int) -> type[ctypes.Array[ctypes.c_char]]:
    return ctypes.c_char * size


@functools.lru_cache(maxsize=1000)
def _head(dtype: torch.dtype, shape: torch.Size) -> str:
    return f"{str(dtype).removeprefix('torch.')} {tuple(shape)} "


# --- checksums --------------------------------------------------------------------------------


def _checksum(array: Any, dtype: torch.dtype) -> int:
    """Return the checksum of one-dimensional contiguous elements."""
    name = str(dtype).removeprefix("torch.")
    result = _folded(array, name) if array.nbytes >= _LARGE else _crc(array, name)
    if result is None:
        return _checksum(little_endian(array, name, nan_payload=False), torch.uint8)  # every NaN with the same bits
    return result


def _crc(array: Any, name: str) -> int | None:
    return None if array.size and _has_nan(array, name) else zlib.crc32(array)


def _has_nan(array: Any, name: str) -> bool:
    if array.dtype.kind == "f":
        return isnan(np.maximum.reduce(array))
    if name == "bfloat16":
        positive, negative = np.maximum.reduce(array.view(np.int16)), np.maximum.reduce(array)
        return bool(positive > _NAN_ABOVE or negative > _NAN_BELOW)
    nans = nan_elements(array, name)
    return nans is not None and bool(nans.any())


def _folded(array: Any, name: str) -> int | None:
    """Return the checksum of a large array; None where it has a NaN."""
    if _has_nan(array, name):
        return None
    lanes = array.nbytes // 8
    data = array.view(np.uint8)
    words = data[: 8 * lanes].view(np.uint64)
    result = zlib.crc32(data[8 * lanes :])
    for fold, width in zip(_FOLDS, _WIDTHS[array.nbytes >= _VERY_LARGE], strict=True):
        rows = lanes // width
        result = zlib.crc32(fold(words[: rows * width].reshape(rows, width), 0), result)
        result = zlib.crc32(words[rows * width :], result)
    return result


# --- all other tensors ------------------------------------------------------------------------


def _unusual(tensor: torch.Tensor) -> Digest:
    """On another device, in another layout, a subclass, complex, or of a type that numpy lacks."""
    try:
        head, found = _head(tensor.dtype, tensor.shape), _number(tensor.detach())
    except Exception:  # noqa: BLE001 - fake and wrapped tensors have no elements; the user's training goes on
        head, found = f"{type(tensor).__name__} ", None
    return (_TYPE, f"{head}without elements", None) if found is None else (_TYPE, head, found)


def _number(plain: torch.Tensor) -> int | None:
    if plain.is_meta:
        return None
    if plain.layout is not torch.strided or plain.is_quantized:
        return int(fingerprint(canonical(plain))[:16], 16)
    if given_back(plain):
        return None
    own = plain.resolve_conj().resolve_neg().cpu().clone(memory_format=torch.contiguous_format)
    if own.is_complex():
        own = torch.view_as_real(own)
    bits = _BITS.get(own.dtype)
    array = own.reshape(-1).view(torch.uint8).numpy()
    return _checksum(array if bits is None else array.view(bits), own.dtype)
