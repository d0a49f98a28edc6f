"""Where the global random generators stand, noted with every observation.

A Mersenne Twister needs no hash of its 2.5 kB: the position within its block of 624 words and one
word of that block tell any two places of a stream apart, but for one pair in 2**32. They are read
where the libraries keep them, in a third of a microsecond; asking for a copy of a state takes from 1
(torch) to 60 microseconds (numpy). Before a place in memory is read it was found by what the library
says of its own state; where that fails (another interpreter, another layout) the library is asked.

Nothing here draws from a global generator, and nothing is imported that was not loaded.
"""

from __future__ import annotations

import contextlib
import random
import sys
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

__all__ = ["Position", "Streams"]

#: (how the words are to be read, the words); opaque to everybody else
Position: TypeAlias = "tuple[tuple[tuple[int, int], ...], tuple[Any, ...]]"
_Read: TypeAlias = Callable[[], object]

_WORDS = 624
#: as torch declares it for the CPU, relative to the words: how many are left in front of them; behind
#: them a float and whether there is one, padding, a double and whether there is one
_TORCH_LEFT, _TORCH_NORMAL, _TORCH_FLAG = -12, 4 * _WORDS + 12, 4 * _WORDS + 20
#: what ``get_state()`` of torch has in front of the words, 64 bits each
_TORCH_HEAD = 24
#: bytes of a C++ object that are searched for its words
_TORCH_SEARCHED = 256


class _Sources:
    """What is read, and in which order: three words of `random`, three of numpy, one of everything else.

    What is missing, or cannot be read directly, has zeros in its place.
    """

    __slots__ = ("bits", "gauss", "numpy", "others", "owner", "python", "rand", "spans")

    def __init__(self) -> None:
        zeros = memoryview(bytes(4 * (_WORDS + 1))).cast("I")
        #: the index, then the words; and who has the second of two normal numbers
        self.python: Any = zeros
        self.owner: Any = SimpleNamespace(gauss_next=None)
        #: the words, then the position; and the second of two normal numbers
        self.numpy: Any = zeros
        self.gauss: Any = (None,)
        #: numpy's legacy generator and its bit generator, which a user may replace
        self.rand: Any = SimpleNamespace(_bit_generator=None)
        self.bits: Any = None
        self.others: tuple[_Read, ...] = ()
        self.spans: tuple[tuple[int, int], ...] = ()


class Streams:
    """The global generators of this process. One object serves all its runs."""

    def __init__(self) -> None:
        #: names of streams in the order in which they were first seen: later digests only append to earlier ones
        self.names: tuple[str, ...] = ()
        #: name → how to ask for it; None where it is read directly
        self._known: dict[str, _Read | None] = {}
        self._sources = _Sources()
        #: says where every loaded generator stands; the same object as before where none has moved
        self.position: Callable[[], Position] = _reader(self._look)

    @staticmethod
    def digests(position: Position) -> tuple[int, ...]:
        """One number per stream, in the order of `names`; equal in any two processes at the same position."""
        spans, words = position
        return tuple([zlib.crc32(repr(words[start:stop]).encode()) for start, stop in spans])

    def _look(self) -> _Sources:
        """Take in what was loaded since, and another bit generator of numpy's."""
        sources, known = self._sources, self._known
        if "random" not in known:
            known["random"] = _find_python(sources)
        mtrand: Any = sys.modules.get("numpy.random.mtrand")
        rand = getattr(mtrand, "_rand", None)  # not yet there while numpy is being imported
        if rand is not None and rand._bit_generator is not sources.bits:
            sources.rand, sources.bits = rand, rand._bit_generator
            known["numpy.random"] = _find_numpy(sources, mtrand)
        torch: Any = sys.modules.get("torch")
        if "torch" not in known and getattr(torch, "default_generator", None) is not None:
            known["torch"] = _torch_read(torch)
            if _has_cuda(torch):
                known["torch.cuda"] = _guarded(lambda: _cuda_positions(torch))
        self.names = tuple(known)
        asked = [read for read in known.values() if read is not None]
        direct = {"random": (0, 3), "numpy.random": (3, 6)}
        sources.others = tuple(asked)
        sources.spans = tuple(
            direct[name] if read is None else (6 + asked.index(read), 7 + asked.index(read))
            for name, read in known.items()
        )
        return sources


def _reader(look: Callable[[], _Sources]) -> Callable[[], Position]:
    """Return what is called for every observation: local names only, one comparison, no copy of a state."""
    modules, loaded = sys.modules, -1
    rand: Any = SimpleNamespace(_bit_generator=None)
    python: Any = None
    owner: Any = None
    numpy: Any = None
    gauss: Any = None
    bits: Any = None
    others: tuple[_Read, ...] = ()
    last: Position = ((), ())

    def position() -> Position:
        nonlocal loaded, python, owner, numpy, gauss, rand, bits, others, last
        if len(modules) != loaded or rand._bit_generator is not bits:
            loaded, found = len(modules), look()
            python, owner, numpy, gauss = found.python, found.owner, found.numpy, found.gauss
            rand, bits, others = found.rand, found.bits, found.others
            last = (found.spans, ())
        words = (python[0], python[624], owner.gauss_next, numpy[624], numpy[623], gauss[0])
        if others:
            words += tuple([read() for read in others])
        if words != last[1]:
            last = (last[0], words)
        return last

    return position


def _view(address: int, kind: str, count: int = 1) -> Any:
    """Memory as an array of C numbers; whoever asks keeps its owner alive."""
    from _ctypes import Array, _SimpleCData  # `ctypes` itself takes longer to load than three runs of a small test

    size = {"B": 1, "I": 4, "d": 8}[kind] * count
    byte = type("byte", (_SimpleCData,), {"_type_": "B"})
    block: Any = type("block", (Array,), {"_type_": byte, "_length_": size})
    return memoryview(block.from_address(address)).cast("B").cast(kind)  # type: ignore[call-overload]


def _peeks() -> bool:
    """Whether ``id()`` is an address here."""
    return sys.implementation.name == "cpython"


def _guarded(read: _Read) -> _Read:
    """A library that cannot be asked (a graph is captured, tensors are fake) must not fail the user's test."""

    def ask() -> object:
        try:
            return read()
        except Exception:  # noqa: BLE001 - whatever a library raises in whatever mode it is in
            return ()

    return ask


# --- random -----------------------------------------------------------------------------------


def _find_python(sources: _Sources) -> _Read | None:
    """``random``: its words follow the object's head, the index first."""
    owner: Any = random.random.__self__  # type: ignore[attr-defined]
    if _peeks():
        words, state = _view(id(owner) + object.__basicsize__, "I", _WORDS + 1), owner.getstate()[1]
        if words[0] == state[-1] and tuple(words[1:]) == state[:-1]:
            sources.python, sources.owner = words, owner
            return None
    return lambda: zlib.crc32(repr(owner.getstate()).encode())  # 100 us


# --- numpy ------------------------------------------------------------------------------------


def _find_numpy(sources: _Sources, mtrand: Any) -> _Read | None:
    """The legacy generator of numpy, whichever bit generator it has now."""
    rand, bits = sources.rand, sources.bits
    if _peeks() and type(bits).__name__ == "MT19937":
        words, offset = _view(bits.ctypes.state_address, "I", _WORDS + 1), _gauss_offset(mtrand, type(bits))
        _, key, position, _, gauss = rand.get_state()
        kept = _view(id(rand) + offset, "d") if offset else (None,)
        if words[_WORDS] == position and words[:_WORDS].tolist() == key.tolist() and kept[0] == gauss:
            sources.numpy, sources.gauss = words, kept
            return None
    return lambda: zlib.crc32(repr(rand.get_state(legacy=False)).encode())


def _gauss_offset(mtrand: Any, twister: Any) -> int:
    """Where a RandomState keeps the second of two normal numbers, 0.0 where it has none; 0 if not found.

    Found on a generator of our own, which is made of a bit generator and so draws no entropy.
    """
    import ctypes

    own = mtrand.RandomState(twister(0))
    own.standard_normal()
    kept = bytes(ctypes.c_double(own.get_state()[4]))
    offset = ctypes.string_at(id(own), type(own).__basicsize__).find(kept)
    own.standard_normal()
    found = offset > 0 and _view(id(own) + offset, "d")[0] == 0.0
    return offset if found else 0


# --- torch ------------------------------------------------------------------------------------


def _torch_read(torch: Any) -> _Read:
    """Find torch's generator for the CPU."""
    owner = torch.default_generator
    offset = 0
    with contextlib.suppress(Exception):  # as in `_guarded`: then it is asked each time
        offset = _torch_offset(torch) if _peeks() else 0
        words = _view(owner._cdata + offset, "I", _WORDS) if offset else memoryview(b"")
        offset = offset if words.tolist() == _torch_words(_torch_state(owner)) else 0
    if not offset:
        return _guarded(lambda: zlib.crc32(_torch_state(owner)))
    base = owner._cdata + offset
    left, flag, normal = (
        _view(base + at, kind) for at, kind in ((_TORCH_LEFT, "I"), (_TORCH_FLAG, "B"), (_TORCH_NORMAL, "d"))
    )
    # what lies in the place of a number that is not there is left over from another one
    return lambda: (left[0], words[623], normal[0] if flag[0] else None)


def _torch_state(generator: Any) -> bytes:
    return bytes(generator.get_state().numpy().tobytes())


def _torch_words(state: bytes) -> list[int]:
    return memoryview(state)[_TORCH_HEAD : _TORCH_HEAD + 8 * _WORDS].cast("Q").tolist()


def _torch_offset(torch: Any) -> int:
    """Bytes from the start of a CPU generator to its words, found on one of our own; 0 if not found."""
    own = torch.Generator()
    own.manual_seed(1)
    # leaves the second of two normal numbers behind
    torch.randn(1, generator=own, device="cpu", dtype=torch.float32)
    state = _torch_state(own)
    behind = _TORCH_HEAD + 8 * _WORDS
    if not hasattr(own, "_cdata") or len(state) < behind + 32:
        return 0
    expected, left = _torch_words(state), int.from_bytes(state[8:12], sys.byteorder)
    normal = memoryview(state)[behind : behind + 16].cast("d")[1]
    for offset in range(-_TORCH_LEFT, _TORCH_SEARCHED, 4):
        base = own._cdata + offset
        if _view(base, "I", 2).tolist() != expected[:2] or _view(base, "I", _WORDS).tolist() != expected:
            continue
        kept = _view(base + _TORCH_FLAG, "B")[0] == 1 and _view(base + _TORCH_NORMAL, "d")[0] == normal
        return offset if kept and _view(base + _TORCH_LEFT, "I")[0] == left else 0
    return 0


def _has_cuda(torch: Any) -> bool:
    version = getattr(torch, "version", None)
    return bool(getattr(version, "cuda", None) or getattr(version, "hip", None))


def _cuda_positions(torch: Any) -> object:
    """(seed, offset) of each device's generator; nothing before CUDA is used."""
    if not torch.cuda.is_initialized():
        return ()
    return tuple([(each.initial_seed(), each.get_offset()) for each in torch.cuda.default_generators])
