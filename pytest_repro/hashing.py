"""Which hash seeds show a hash order best. Pure: computes string hashes of another interpreter without starting it.

Two seeds order a set of two words differently in one case of two only. The hash seed of this process
is usually random, so a fixed other seed would find such a drift today and miss it tomorrow. Here the
seeds are chosen so that words of the user's own modules, where they stand together, come in another
order than in this process: the same modules and the same seed here give the same choice.

Sources: CPython's ``Python/pyhash.c`` (SipHash-1-3 from 3.11, SipHash-2-4 before), the key's
generator in ``Python/bootstrap_hash.c``, table sizes in ``Objects/setobject.c``.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import combinations
from types import CodeType, ModuleType

__all__ = ["choose_seeds", "string_hash", "word_groups"]

_MASK = (1 << 64) - 1
#: how many seeds to choose from: as many as there is time for where words are few, of which nearly all pairs turn then
_LEAST, _MOST = 24, 128
#: hashes to compute, and bounds on words, that keep the choice under about 50 ms
_HASHES = 2048
_GROUPS = 40
_WORDS = 12
#: `inspect.CO_HAS_DOCSTRING`
_HAS_DOCSTRING = 0x4000000
_LONGEST = 40
#: ``LINEAR_PROBES`` of a set
_PROBES = 9

Group = tuple[str, ...]
HashOf = Callable[[str], int]
#: word → place in the table
_Order = dict[str, int]


def _key(seed: int) -> tuple[int, int]:
    if seed == 0:
        return 0, 0
    state, data = seed, bytearray()
    for _ in range(16):
        state = (state * 214013 + 2531011) & 0xFFFFFFFF
        data.append((state >> 16) & 0xFF)
    first, second = struct.unpack("<QQ", bytes(data))
    return first, second


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _MASK
    v2 = (v2 + v3) & _MASK
    v1 = _rotate(v1, 13) ^ v0
    v3 = _rotate(v3, 16) ^ v2
    v0 = _rotate(v0, 32)
    v2 = (v2 + v1) & _MASK
    v0 = (v0 + v3) & _MASK
    v1 = _rotate(v1, 17) ^ v2
    v3 = _rotate(v3, 21) ^ v0
    return v0, v1, _rotate(v2, 32), v3


def _bytes(text: str) -> bytes:
    """The characters as CPython stores them: one, two or four bytes each (PEP 393)."""
    widest = max(map(ord, text))
    encoding = "latin-1" if widest < 0x100 else ("utf-16-le" if widest < 0x10000 else "utf-32-le")
    return text.encode(encoding, "surrogatepass")


def string_hash(text: str, seed: int, *, rounds: tuple[int, int] | None = None) -> int:
    """``hash(text)`` in an interpreter started with ``PYTHONHASHSEED=seed``.

    Args:
        text: the string.
        seed: of the other interpreter.
        rounds: compression and finalisation rounds; by default those of this Python.
    """
    if not text:
        return 0
    compress, finish = rounds or ((1, 3) if sys.hash_info.algorithm == "siphash13" else (2, 4))
    data = _bytes(text)
    key0, key1 = _key(seed)
    state = (key0 ^ 0x736F6D6570736575, key1 ^ 0x646F72616E646F6D, key0 ^ 0x6C7967656E657261, key1 ^ 0x7465646279746573)
    whole = len(data) // 8 * 8
    words = [*struct.unpack(f"<{whole // 8}Q", data[:whole])]
    words.append(int.from_bytes(data[whole:], "little") | ((len(data) & 0xFF) << 56))
    for word in words:
        state = (state[0], state[1], state[2], state[3] ^ word)
        for _ in range(compress):
            state = _round(*state)
        state = (state[0] ^ word, state[1], state[2], state[3])
    state = (state[0], state[1], state[2] ^ 0xFF, state[3])
    for _ in range(finish):
        state = _round(*state)
    value = state[0] ^ state[1] ^ state[2] ^ state[3]
    signed = value - (1 << 64) if value >> 63 else value
    return -2 if signed == -1 else signed


def word_groups(modules: Iterable[ModuleType]) -> tuple[Group, ...]:
    """Words that stand together in these modules: in one function, one dict, one list. Bounded, in source order."""
    groups: dict[Group, None] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            if name.startswith("__"):
                continue
            for group in _groups_of(value, module.__name__):
                words = tuple(dict.fromkeys(word for word in group if 0 < len(word) <= _LONGEST))[:_WORDS]
                if len(words) > 1:
                    groups[words] = None
                if len(groups) >= _GROUPS:
                    return tuple(groups)
    return tuple(groups)


def _groups_of(value: object, module: str) -> Iterator[list[str]]:
    if type(value) in (list, tuple, dict):
        items: list[object] = list(value)  # type: ignore[call-overload]
        yield [item for item in items if type(item) is str]
        for item in items[:4]:
            if type(item) in (list, tuple, dict):
                yield from _groups_of(item, module)
    elif getattr(value, "__module__", None) == module:
        code = getattr(value, "__code__", None)
        if isinstance(code, CodeType):
            yield from _code_groups(code)
        elif isinstance(value, type):
            for member in list(vars(value).values()):
                yield from _groups_of(member, module)


def _code_groups(code: CodeType) -> Iterator[list[str]]:
    # the first constant was the docstring or None until Python 3.14, which has it there only where there is one
    first = 1 if sys.version_info < (3, 14) or code.co_flags & _HAS_DOCSTRING else 0
    yield [const for const in code.co_consts[first:] if type(const) is str and " " not in const]
    for const in code.co_consts:
        if isinstance(const, tuple):
            yield [item for item in const if type(item) is str]
        elif isinstance(const, frozenset):  # a set that is written out, of three or more
            yield sorted(item for item in const if type(item) is str)
        elif isinstance(const, CodeType):
            yield from _code_groups(const)


def _table_mask(size: int) -> int:
    return 7 if size <= 4 else 31 if size <= 19 else 127


def _order(group: Group, hash_of: HashOf) -> _Order:
    """Where each word lands in a set's table, collisions included (``set_add_entry``)."""
    mask = _table_mask(len(group))
    taken: dict[int, str] = {}
    for word in group:
        perturb = hash_of(word) & _MASK
        place = perturb & mask
        while (free := _free_from(place, mask, taken)) is None:
            perturb >>= 5
            place = (place * 5 + 1 + perturb) & mask
        taken[free] = word
    return {word: place for place, word in taken.items()}


def _free_from(place: int, mask: int, taken: dict[int, str]) -> int | None:
    probes = _PROBES if place + _PROBES <= mask else 0
    return next((entry for entry in range(place, place + probes + 1) if entry not in taken), None)


def _discord(group: Group, ours: _Order, theirs: _Order) -> float:
    pairs = list(combinations(group, 2))
    turned = sum((ours[a] < ours[b]) != (theirs[a] < theirs[b]) for a, b in pairs)
    return turned / len(pairs)


def choose_seeds(groups: Sequence[Group], *, count: int, here: HashOf = hash) -> tuple[int, ...]:
    """Seeds under which the groups come in other orders than here, and than under each other.

    Args:
        groups: words that stand together.
        count: how many seeds.
        here: the hash function of this process.
    """
    if not groups:
        return tuple(range(1, count + 1))
    seeds = range(1, 1 + max(_LEAST, min(_MOST, _HASHES // sum(map(len, groups)))))
    orders = {seed: [_order(group, partial(string_hash, seed=seed)) for group in groups] for seed in seeds}
    known = [[_order(group, here) for group in groups]]
    chosen: list[int] = []
    for _ in range(count):
        left = [seed for seed in seeds if seed not in chosen]
        best = max(left, key=lambda seed: (_score(groups, orders[seed], known), -seed))
        chosen.append(best)
        known.append(orders[best])
    return tuple(chosen)


def _score(groups: Sequence[Group], orders: Sequence[_Order], known: Sequence[Sequence[_Order]]) -> float:
    """How much differs; few words count more, since many differ under any other seed."""
    return sum(
        _discord(group, other[index], orders[index]) / len(group) ** 2
        for other in known
        for index, group in enumerate(groups)
    )
