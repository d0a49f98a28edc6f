"""Entropy of the operating system, replaced by streams that are the same in every run.

A stream belongs to a line of code, so that switching the stream of one line never shifts that of
another: this is how the one draw that matters is told from all others.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import os
import random
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import FrameType
from typing import Any

from pytest_repro.conditions.factor import AS_IS, Factor, bad_level
from pytest_repro.conditions.patching import StandIn, early_bound, infrastructure, put
from pytest_repro.conditions.temporary import pin_temporary_names

__all__ = ["ENTROPY"]

_DEFAULT_KEY = "0"
#: parts of dask that draw numbers for the user. All others draw names of tasks: those decide in which order tasks run,
#: so that they are held, but never switched
_DASK_DRAWS = ("dask.array", "dask.bag.random", "dask.utils", "dask.dataframe")
#: modules that stand between a draw and the code that asked for it
_BETWEEN = frozenset({"random", "secrets", "uuid", "os", "tempfile", "numpy", "torch", "scipy", "contextlib"})
#: modules that import others
_IMPORTING = ("importlib.", "_frozen_importlib")


@dataclass(frozen=True, slots=True)
class _Keys:
    """Which key the stream of a site has."""

    key: str
    site_file: str = ""
    site_line: int = 0

    def of(self, file: str, line: int) -> str:
        if not self.site_file:
            return self.key
        here = line == self.site_line and _ends_with(file, self.site_file)
        return self.key if here else _DEFAULT_KEY


def _ends_with(file: str, tail: str) -> bool:
    parts, wanted = Path(file).parts, PurePath(tail).parts
    return parts[-len(wanted) :] == wanted


def _keys(level: str) -> _Keys:
    if not level.startswith("site="):
        return _Keys(level)
    site, _, key = level.removeprefix("site=").rpartition(";key=")
    file, _, line = site.rpartition(":")
    if not file or not line.isdecimal() or not key:
        raise bad_level("entropy", level, "a key, or 'site=FILE:LINE;key=KEY'")
    return _Keys(key, file, int(line))


class _Streams:
    """One deterministic stream of bytes per kind of draw and line of code."""

    def __init__(self, keys: _Keys) -> None:
        self._keys = keys
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def draw(self, kind: str, size: int) -> bytes | None:
        """Return the next bytes for the line that asks; None for bookkeeping, which must stay unique."""
        frame = _asking(sys._getframe(2))
        module = "" if frame is None else frame.f_globals.get("__name__") or ""
        names_tasks = module.startswith("dask.") and not module.startswith(_DASK_DRAWS)
        if frame is None or (infrastructure(module) and not module.startswith("dask.")):
            return None
        file, line = _site(frame)
        key = _DEFAULT_KEY if names_tasks else self._keys.of(file, line)
        stream = f"{kind}\0{key}\0{PurePath(file).name}:{line}"
        with self._lock:
            count = self._counts[stream] = self._counts.get(stream, -1) + 1
        return hashlib.shake_256(f"{stream}\0{count}".encode("utf-8", "surrogateescape")).digest(size)


def _asking(drawing: FrameType) -> FrameType | None:
    """Find the code that asks, beyond the libraries in between; one that draws while it is imported asks itself."""
    frame: FrameType | None = drawing
    inner = drawing
    while frame is not None and _between(frame):
        inner, frame = frame, frame.f_back
    importing = frame is not None and (frame.f_globals.get("__name__") or "").startswith(_IMPORTING)
    return inner if importing else frame


def _between(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__") or ""
    return name.partition(".")[0] in _BETWEEN or name.startswith("pytest_repro.")


def _site(frame: FrameType) -> tuple[str, int]:
    """Find the innermost line outside installed packages; where there is none, the line that asks."""
    candidate: FrameType | None = frame
    while candidate is not None:
        file = candidate.f_code.co_filename
        name = candidate.f_globals.get("__name__")
        if "site-packages" not in file and not file.startswith("<") and not infrastructure(name):
            return file, candidate.f_lineno
        candidate = candidate.f_back
    return frame.f_code.co_filename, frame.f_lineno


@contextlib.contextmanager
def _entropy(level: str) -> Iterator[None]:
    streams = _Streams(_keys(level))
    with ExitStack() as stack:
        replaced: dict[int, Any] = {}
        _replace_os(stack, streams, replaced)
        _replace_random(stack, streams, replaced)
        _replace_uuid(stack, streams)
        _replace_torch(stack, streams, replaced)
        pin_temporary_names(stack, streams.draw, replaced)
        polars = sys.modules.get("polars")
        if polars is not None:  # its generator cannot be read, hence not put back: a process of our own only
            polars.set_random_seed(_number(_key_bytes(level), 8))
        early_bound(stack, replaced)
        yield


def _key_bytes(level: str) -> bytes:
    return hashlib.shake_256(_keys(level).key.encode()).digest(8)


def _number(data: bytes, size: int) -> int:
    return int.from_bytes(data[:size], "big") >> 1  # positive as a signed number, too


def _bytes_call(streams: _Streams, original: Callable[..., bytes]) -> StandIn:
    def urandom(size: int, *args: Any, **kwargs: Any) -> bytes:
        data = streams.draw("os", size) if size >= 0 else None
        return original(size, *args, **kwargs) if data is None else data

    return StandIn(urandom, original)


def _replace_os(stack: ExitStack, streams: _Streams, replaced: dict[int, Any]) -> None:
    for owner, name in ((os, "urandom"), (os, "getrandom"), (random, "_urandom")):
        original = getattr(owner, name, None)
        if original is not None:
            new = _bytes_call(streams, original)
            replaced.setdefault(id(original), new)
            put(stack, owner, name, new)


def _replace_random(stack: ExitStack, streams: _Streams, replaced: dict[int, Any]) -> None:
    original = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            data = streams.draw("random", 32)
            a = None if data is None else int.from_bytes(data, "big")
        original(self, a, version)

    bound = random.seed
    put(stack, random.Random, "seed", seed)
    put(stack, random, "seed", random._inst.seed)
    replaced[id(bound)] = random.seed


def _replace_uuid(stack: ExitStack, streams: _Streams) -> None:
    original = getattr(uuid, "_generate_time_safe", None)
    if original is None:
        return

    def generate() -> tuple[bytes, int | None]:
        data = streams.draw("uuid1", 16)
        if data is None:
            return original()  # type: ignore[no-any-return]
        return uuid.UUID(int=int.from_bytes(data, "big"), version=1).bytes, None

    put(stack, uuid, "_generate_time_safe", StandIn(generate, original))


def _replace_torch(stack: ExitStack, streams: _Streams, replaced: dict[int, Any]) -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    original = torch.random.seed

    def seed() -> int:
        data = streams.draw("torch", 8)
        if data is None:
            return int(original())
        value = _number(data, 8)
        torch.manual_seed(value)
        return value

    new = StandIn(seed, original)
    replaced[id(original)] = new
    for owner in (torch, torch.random):
        put(stack, owner, "seed", new)
    _replace_generator_seed(stack, streams, torch.Generator)


def _replace_generator_seed(stack: ExitStack, streams: _Streams, generator: type) -> None:
    """``torch.Generator().seed()``: a method of a type in C, whose attributes cannot be set.

    Its dictionary can be reached and changed; the interpreter must then be told to forget what it looked up.
    Only ever done in a process of our own.
    """
    methods = next((held for held in gc.get_referents(vars(generator)) if isinstance(held, dict)), {})
    original = methods.get("seed")
    if sys.implementation.name != "cpython" or original is None:
        return

    def seed(self: Any) -> int:
        data = streams.draw("torch", 8)
        if data is None:
            return int(original(self))
        value = _number(data, 8)
        self.manual_seed(value)
        return value

    def put_in(method: Any) -> None:
        methods["seed"] = method
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(generator))

    put_in(seed)
    stack.callback(put_in, original)


ENTROPY = Factor(
    name="entropy",
    description="draws on the entropy of the operating system: unseeded generators, uuids, secrets",
    platforms="Everywhere; only in a process of our own.",
    ladder=lambda k: AS_IS if k == 0 else str(k),
    apply_part=_entropy,
    own_process=True,
    limits=lambda: "draws made in C++ or Rust, and in processes that the test starts, are not reached",
)
