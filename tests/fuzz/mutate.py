"""Hostile neighbours of good input: JSON documents with nodes replaced, and bytes with bytes replaced."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["endless", "hostile", "mutate_bytes", "mutate_json"]

#: what a careless reader trips over: sizes that ask for memory, numbers that overflow, text that escapes
_SPECIAL: tuple[Callable[[], object], ...] = (
    lambda: None,
    lambda: True,
    lambda: -1,
    lambda: 0,
    lambda: 1,
    lambda: 2**31,
    lambda: 2**63,
    lambda: 2**64 + 1,
    lambda: -(2**62),
    lambda: 10**400,
    lambda: 10**4200,
    lambda: 50_000_000,
    lambda: 1e308,
    lambda: -1e-320,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: -0.0,
    lambda: "",
    lambda: "x",
    lambda: "\x1b[2J\x07\r\n\x00",
    lambda: "\ud800",
    lambda: "\u202eabc\x9b2J",
    lambda: "\u0663..\u0669",
    lambda: "../" * 8 + "etc/passwd",
    lambda: "<script>alert(1)</script>",
    lambda: "A" * 5000,
    lambda: "0x" + "f" * 5000,
    lambda: "0..49999999",
    lambda: "nan",
    lambda: "float64",
    lambda: "U999999999",
    lambda: "V0",
    lambda: "uint8",
    lambda: "object",
    list,
    dict,
    lambda: [[]],
    lambda: [0] * 65,
    lambda: [2**61, 2**61, 0],
    lambda: [-1, -3],
    lambda: {"array": {"type": "t", "dtype": "U0", "shape": [2**61], "data": ""}},
    lambda: {"array": {"type": "t", "dtype": "float64", "shape": [1 << 40], "ref": "0" * 32}},
    lambda: {"array": {"type": "t", "dtype": "float64", "shape": [2], "values": [1e999, 10**400]}},
    lambda: {"array": {"type": "t", "dtype": "uint8", "shape": [1], "values": [300]}},
    lambda: {"int": "0x" + "f" * 5000},
    lambda: {"int": "-0x0"},
    lambda: {"complex": [{"float": "nan"}, {"float": "inf"}]},
    lambda: {"float": "nan:7ff0000000000001"},
    lambda: {"text": "7aCA"},
    lambda: {"bytes": "gASVAAAA"},
    lambda: {"atom": ["datetime.date", "x"]},
    lambda: {"branch": {"type": "set", "layout": "set", "keys": ["a"], "items": []}},
    lambda: {"branch": {"type": "os.system", "layout": "object", "keys": [".x"], "items": [1], "notes": ["n"]}},
    lambda: {"py/reduce": ["os.system", "true"]},
    lambda: _nested(240, _in_list),
    lambda: _nested(240, _in_dict),
    lambda: _nested(240, _in_branch),
    lambda: _nested(700, _in_dict),
)


def _in_list(value: object) -> object:
    return [value]


def _in_dict(value: object) -> object:
    return {"dict": {"a": value}}


def _in_branch(value: object) -> object:
    return {"branch": {"type": "tuple", "layout": "sequence", "items": [value]}}


def _nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = 0
    for _ in range(depth):
        value = wrap(value)
    return value


def hostile(rng: random.Random) -> object:
    """Return one special value, made anew."""
    return rng.choice(_SPECIAL)()


def _containers(root: object) -> list[Any]:
    found: list[Any] = []
    pending = [root]
    while pending and len(found) < 400:
        item = pending.pop()
        if isinstance(item, (list, dict)) and item:
            found.append(item)
            pending.extend(item.values() if isinstance(item, dict) else item)
    return found


def _change(place: Any, rng: random.Random, others: Sequence[object]) -> None:
    key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
    match rng.randrange(8):
        case 0:
            del place[key]
        case 1:
            place[key] = [place[key]] * rng.choice((0, 1, 2, 3))
        case 2:
            place[key] = _near(place[key], rng)
        case 3 if isinstance(place, dict):
            place[rng.choice(("values", "ref", "digest", "series", "steps", "x" * 300, "array"))] = place.pop(key)
        case 3:
            place.insert(key, copy.deepcopy(place[key]))
        case 4:
            donors = _containers(rng.choice(others))
            place[key] = copy.deepcopy(rng.choice(donors)) if donors else None
        case _:
            place[key] = hostile(rng)


def _near(value: object, rng: random.Random) -> object:
    """Return a value of the same type that is not the same."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return rng.choice((-value, value + 1, value * 2, float(value) if abs(value) < 1e300 else 0, str(value)))
    if isinstance(value, str):
        cut = rng.randrange(len(value) + 1)
        return rng.choice((value[:cut], value + value, value[:cut] + "\0" + value[cut:], value.upper(), value[::-1]))
    return [value]


def mutate_json(document: object, rng: random.Random, others: Sequence[object] = ()) -> bytes:
    """Return `document` as JSON with one to five nodes changed."""
    try:
        root = [copy.deepcopy(document)]
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            _change(rng.choice(_containers(root) or [[0]]), rng, others or [document])
        text = json.dumps(root[0] if root else None, ensure_ascii=rng.random() < 0.5)
    except (RecursionError, ValueError):  # several deep ones in one another; an integer of too many digits
        text = json.dumps(document)
    raw = text.encode("utf-8", "surrogatepass")
    return mutate_bytes(raw, rng) if rng.random() < 0.1 else raw


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with a few bytes changed, cut, repeated or put in."""
    raw = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, size = rng.randrange(len(raw) + 1), rng.choice((1, 1, 2, 4, 16, 200))
        match rng.randrange(6):
            case 0:
                raw[at : at + size] = b""
            case 1:
                raw[at:at] = raw[at : at + size] * rng.choice((1, 2, 50))
            case 2:
                raw[at : at + size] = rng.randbytes(size)
            case 3:
                raw[at:at] = rng.choice(_TOKENS)
            case 4 if at < len(raw):
                raw[at] ^= 1 << rng.randrange(8)
            case _:
                del raw[at + rng.randrange(64) :]
    return bytes(raw)


_TOKENS = (
    b"[" * 3000, b'{"a":' * 2000, b"9" * 5000, b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b"\xff\xfe", b"\x00",
    b"<<<<<<< HEAD\n", b"null", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"'|O'", b"(" * 200, b"-1,", b"99999999999999999,",
    b"cos\nsystem\n(S'true'\ntR.",
)  # fmt: skip


def endless(seeds: Sequence[bytes], rng: random.Random) -> Iterator[bytes]:
    """Yield `seeds`, then mutations of them for ever: as JSON where a seed is JSON, else (and sometimes) as bytes."""
    yield from seeds
    documents = [json.loads(seed) for seed in seeds if seed[:1] in b"[{"]
    while True:
        if documents and rng.random() < 0.9:
            yield mutate_json(rng.choice(documents), rng, documents)
        else:
            yield mutate_bytes(rng.choice(seeds), rng)
