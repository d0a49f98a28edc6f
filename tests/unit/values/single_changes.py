"""One change, and where it shows: what the tests of single changes share."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pytest_repro.compare import match
from pytest_repro.model import LeafDifference, MatchStatus, Tolerance
from pytest_repro.values import canonical, fingerprint
from pytest_repro.values.files import file_node

EXAMPLES = 1000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 12
drawn = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
randoms = st.integers(0, 2**32).map(Random)

NUMBERS = ["float16", "float32", "float64", "complex64", "complex128", "int8", "uint16", "int32", "int64", "uint64"]
REAL = [name for name in NUMBERS if not name.startswith("complex")]


def changes(a: object, b: object, *, copied: bool = True) -> list[LeafDifference]:
    """The leaves in which two values or files differ; a value is equal to a copy of itself, if it can be `copied`."""
    x, y = (file_node(value) if isinstance(value, Path) else canonical(value) for value in (a, b))
    if copied and not isinstance(a, Path):
        assert match(x, canonical(copy.deepcopy(a)), Tolerance()).status is MatchStatus.EQUAL
    found = match(x, y, Tolerance())
    assert found.status is MatchStatus.DIFFERENT
    assert fingerprint(x) != fingerprint(y)
    assert match(y, x, Tolerance()).status is MatchStatus.DIFFERENT
    return list(found.leaves)


def only(a: object, b: object, *, copied: bool = True) -> tuple[str, tuple[int, ...]]:
    """The path of the only leaf in which two values differ, and the index in it."""
    (leaf,) = changes(a, b, copied=copied)
    return leaf.path, () if leaf.stats is None else leaf.stats.first_index


def elements(rng: Random, dtype: str, shape: tuple[int, ...]) -> Any:
    """Any bits."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(bytearray(rng.randbytes(size)), dtype).reshape(shape)


def flipped(rng: Random, data: Any) -> tuple[Any, tuple[int, ...]]:
    """A copy of an array with one bit changed such that its meaning is, and where."""
    while True:
        other = data.copy(order="C")
        at = rng.randrange(data.size)
        raw = other.reshape(-1)[at : at + 1].view(np.uint8)
        raw[rng.randrange(raw.size)] ^= 1 if data.dtype.kind == "b" else 1 << rng.randrange(8)
        index = tuple(int(i) for i in np.unravel_index(at, data.shape)) if data.shape else ()
        with np.errstate(all="ignore"):  # two NaNs are one value, and so are complex numbers that differ in them alone
            if data.dtype.kind not in "fc" or not np.isnan(data[index]) or not np.isnan(other[index]):
                return other, index


def shape_of(rng: Random) -> tuple[int, ...]:
    return tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 3)))


def another(rng: Random, choices: list[str], than: str) -> str:
    return rng.choice([choice for choice in choices if choice != than])
