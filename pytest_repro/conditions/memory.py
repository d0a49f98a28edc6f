"""What uninitialised memory holds, and where objects lie.

An order that follows addresses hangs on every allocation before: on what imports left behind, on a fork's history, on
any other factor that is switched. Held are therefore not only the base of the heap and the contents of fresh blocks
but the gaps, too: they are filled (``packed``), so that what a run makes lies in the order in which it is made.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import platform
import random
import subprocess
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_repro.conditions.factor import AS_IS, Factor, Launch, bad_level, cycle

__all__ = ["MEMORY", "layout"]

_PROBE_SECONDS = 60
_PACKED = "packed"
_SCATTERED = "scattered"
#: small blocks that are made, of which every other is given back: some thousand of each size, since setting up a
#: test takes hundreds; and a hundredth as many large ones. 50 MB and a tenth of a second, in a process of our own
_GAPS = 100_000
_READ_PERSONALITY = "print(open('/proc/self/personality').read())"
_ADDR_NO_RANDOMIZE = 0x0040000
#: for systems without util-linux's setarch: the same system call, then the same exec
_PERSONALITY = (
    "import ctypes, os, sys; p = ctypes.CDLL(None).personality; p(p(0xffffffff) | 0x40000); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)

#: bytes in front of a bytes object's text, and its closing zero
_HEADER = sys.getsizeof(b"")
#: Python's allocator: blocks of one size share a pool; larger blocks come from the C library
_POOL_BITS = 14
_SIZES = range(512, 32, -16)
#: blocks of one size that are made at most in search of untouched memory
_MOST = 60_000
#: sizes of the C library's blocks, largest first: small ones are kept by exact size
_LARGE = (65_536, 32_768, 16_384, 8_192, 4_096, 2_048, *range(1_040, 512, -16))
_MOST_LARGE = 3_000


@functools.lru_cache(maxsize=4)
def _fixed_addresses(executable: str) -> tuple[str, ...]:
    """Words that start a program at fixed addresses, or nothing where the system refuses.

    Containers may filter the system call: it is tried, and what came of it is read.
    """
    for prefix in (("setarch", platform.machine(), "-R"), (executable, "-c", _PERSONALITY)):
        with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
            answer = subprocess.run(  # noqa: S603 - fixed words
                [*prefix, executable, "-S", "-c", _READ_PERSONALITY],
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
                check=True,
            )
            if int(answer.stdout, 16) & _ADDR_NO_RANDOMIZE:
                return prefix
    return ()


def _parts(level: str) -> tuple[int, bool, str]:
    """The byte, whether addresses are fixed, and the layout: empty, ``packed``, ``scattered`` or ``scattered=K``."""
    first, *rest = level.split(",")
    word, _, byte = first.partition("=")
    fixed = rest[:1] == ["aslr=off"]
    layout = ",".join(rest[fixed:])
    name, _, k = layout.partition("=")
    known = name in ("", _SCATTERED) or layout == _PACKED
    if word != "perturb" or not byte.isdecimal() or int(byte) > 255 or not known or not (k or "0").isdecimal():
        words = f"',{_PACKED}' or ',{_SCATTERED}=K'"
        raise bad_level("memory", level, f"'perturb=N' with N up to 255, or 'perturb=N,aslr=off', with {words}")
    return int(byte), fixed, layout


def _memory_launch(level: str) -> Launch:
    byte, fixed, _ = _parts(level)
    env = {"MALLOC_PERTURB_": str(byte), "GLIBC_TUNABLES": f"glibc.malloc.perturb={byte}"}
    return Launch(env, _fixed_addresses(sys.executable) if fixed else ())


def layout(level: str) -> list[object]:
    """Fill the heap's gaps, or leave some of every size all over it, where the level says so.

    Returns:
        Blocks that hold the layout as long as they live.
    """
    name, _, k = _parts(level)[2].partition("=")
    if not name:
        return []
    blocks = _packed()
    if name == _SCATTERED:
        blocks += _gaps(int(k or 0))
    return blocks


@contextlib.contextmanager
def _laid_out(level: str) -> Iterator[None]:
    blocks = layout(level)
    yield
    del blocks


def _packed() -> list[object]:
    """Blocks that fill every gap, so that the next ones lie one behind the other in untouched memory."""
    starts, ends, heap_end = _mapped()
    held: list[object] = [starts, ends]  # what were given back would be a gap
    gc.collect()  # empties the free lists of tuples, floats, frames … too, and lets later collections fall due alike
    _fill_heap(held, heap_end)
    texts = [size - _HEADER for size in _SIZES if size >= _HEADER]  # a free-threaded Python has larger ones
    makers: list[Callable[[], object]] = [functools.partial(bytes, size) for size in texts]
    # two sizes that no bytes object has: 16 and, with numbers that nobody has, 32
    makers += [object, map(float, itertools.count(10**9)).__next__]
    for make in makers:
        if not _fill_pools(held, make, starts, ends):
            break  # another allocator than Python's own, which knows no pools
    held.append(makers)
    return held


def _mapped() -> tuple[array[int], array[int], int]:
    """Address ranges in use, in order, and the end of the C library's heap (0 where that is unknown)."""
    starts, ends, heap_end = array("Q"), array("Q"), 0
    with contextlib.suppress(OSError), Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            start, _, end = line.split(maxsplit=1)[0].partition("-")
            starts.append(int(start, 16))
            ends.append(int(end, 16))
            heap_end = ends[-1] if line.endswith("[heap]\n") else heap_end
    return starts, ends, heap_end


def _fill_heap(held: list[object], end: int) -> None:
    """Take the C library's free blocks of every size, until its heap must grow beyond `end`."""
    for size in _LARGE:
        for _ in range(_MOST_LARGE):
            held.append(bytes(size - _HEADER))
            if id(held[-1]) >= end:
                break


def _fill_pools(held: list[object], make: Callable[[], object], starts: array[int], ends: array[int]) -> bool:
    """Make blocks of one size until one lies in an arena that was not mapped before, and fill its pool.

    Python maps an arena once all pools of the old ones are taken. False where that did not happen.
    """
    pool = -1
    for _ in range(_MOST):
        block = make()
        address = id(block)
        if pool >= 0 and address >> _POOL_BITS != pool:
            return True  # the first block of the next pool, which is given back whole
        if pool < 0:
            where = bisect_right(starts, address) - 1
            if where < 0 or address >= ends[where]:
                pool = address >> _POOL_BITS
        held.append(block)
    return False


def _gaps(k: int) -> list[object]:
    """Blocks of every size with gaps between them, in an order that has nothing to do with their addresses.

    Another base of the heap moves all addresses together, and what is sorted by address keeps its order.
    """
    chance = random.Random(k)  # noqa: S311 - one of our own, the same each time
    sizes = [chance.randrange(1, 480) for _ in range(_GAPS)] + [
        chance.randrange(480, 60_000) for _ in range(_GAPS // 100)
    ]
    blocks: list[object] = [bytes(size) for size in sizes]
    blocks += [object() for _ in range(_GAPS // 20)]  # smaller than any bytes
    blocks += [float(number) for number in range(_GAPS // 20)]
    chance.shuffle(blocks)
    del blocks[::2]
    return blocks


def _no_memory() -> str | None:
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return "MALLOC_PERTURB_ is a feature of glibc on Linux"
    return None


def _memory_limits() -> str:
    if _no_memory() or _fixed_addresses(sys.executable):
        return ""
    return "this system does not let a program switch address randomisation off; addresses differ from run to run"


MEMORY = Factor(
    name="memory",
    description="what uninitialised memory holds, and the addresses of objects",
    platforms="Linux with glibc; needs an interpreter of its own.",
    ladder=cycle(AS_IS, "perturb=165", "perturb=90", "perturb=255,aslr=off"),
    reason=_no_memory,
    launch_part=_memory_launch,
    apply_part=_laid_out,
    limits=_memory_limits,
)
