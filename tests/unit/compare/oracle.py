"""Slow, obvious answers to what compare computes quickly, and values to ask it about."""

from __future__ import annotations

import math
import os
import struct
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pytest_repro.model import Array, Branch, Layout, Node

#: raised for a long night, small by default
EXAMPLES = int(os.environ.get("REPRO_TEST_EXAMPLES", "60"))
thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

EDGES = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.2250738585072014e-308,
         1.7976931348623157e308, -1.7976931348623157e308, 1.0000000000000002, 0.1, 1e-12, 65504.0, 1e16]  # fmt: skip

_FORMATS = {2: ("<e", "<h"), 4: ("<f", "<i"), 8: ("<d", "<q")}


def array(data: Any, dtype: str | None = None, type_: str = "numpy.ndarray") -> Array:
    elements = np.asarray(data)
    return Array(type_, dtype or elements.dtype.name, elements.shape, elements)


def sequence(*items: Node, type_: str = "list") -> Branch:
    return Branch(type_, Layout.SEQUENCE, (), items)


def mapping(items: dict[Any, Node]) -> Branch:
    keys = {f"[{key!r}]": item for key, item in items.items()}
    names = tuple(sorted(keys))
    return Branch("dict", Layout.MAPPING, names, tuple(keys[name] for name in names))


def place(value: Any) -> int:
    """Return the position of a numpy float on its number line, in exact Python integers."""
    _, integer = _FORMATS[value.dtype.itemsize]
    bits: int = struct.unpack(integer, value.tobytes())[0]
    return bits if bits >= 0 else -(bits & ((1 << (8 * value.dtype.itemsize - 1)) - 1))


def expected(a: Any, b: Any) -> tuple[int, float, float, int | None]:
    """Return (unequal, max abs, max rel, max ULP), element by element; float64 and narrower."""
    unequal, gaps, ratios, steps = 0, [0.0], [0.0], []
    for x, y in zip(a.ravel(), b.ravel(), strict=True):
        nans = [math.isnan(x), math.isnan(y)]
        if all(nans) or x.tobytes() == y.tobytes():
            continue
        unequal += 1
        if any(nans):
            gaps.append(math.inf)
            ratios.append(math.inf)
            continue
        steps.append(abs(place(x) - place(y)))
        gap = abs(float(x) - float(y))
        gaps.append(gap)
        if gap:
            with np.errstate(over="ignore"):
                ratios.append(math.inf if x == 0 or math.isinf(gap) else float(np.divide(gap, abs(float(x)))))
    return unequal, max(gaps), max(ratios), max(steps) if steps else None


def floats() -> st.SearchStrategy[float]:
    near = st.sampled_from(EDGES).flatmap(
        lambda x: st.sampled_from([x, -x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf)])
    )
    return st.one_of(near, st.floats(width=64), st.floats(-3, 3), st.integers(-5, 5).map(float))


def pairs_of_floats(size: int = 12) -> st.SearchStrategy[tuple[list[float], list[float]]]:
    """Lists of one length that agree in many places."""
    pair = st.one_of(floats().map(lambda x: (x, x)), st.tuples(floats(), floats()))
    return st.lists(pair, min_size=1, max_size=size).map(lambda ps: ([p[0] for p in ps], [p[1] for p in ps]))


def nodes() -> st.SearchStrategy[Node]:
    scalars: st.SearchStrategy[Node] = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(EDGES), st.text("ab", max_size=2),
        st.binary(max_size=1), st.sampled_from([complex(0.0, -0.0), complex(0.0, 0.0), complex(math.nan, 1)]),
        st.lists(st.sampled_from(EDGES), max_size=3).map(array),
        st.lists(st.integers(-2, 2), max_size=3).map(lambda x: array(np.array(x, np.int64))),
    )  # fmt: skip
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: sequence(*items)),
            st.lists(inner, max_size=3).map(lambda items: sequence(*items, type_="tuple")),
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(mapping),
        ),
        max_leaves=8,
    )


def holds(check: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether another library's assertion lets the pair pass."""
    try:
        with np.errstate(all="ignore"):
            check(*args, **kwargs)
    except AssertionError:
        return False
    return True


def expected_at_once(a: Any, b: Any, *, nan_payload: bool = False) -> tuple[int, float, float, int | None, int]:
    """Return what `expected` does, and the place of the first unequal one, by whole arrays: quick, still obvious."""
    integer = f"i{a.itemsize}"
    x, y = a.view(integer), b.view(integer)
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    unequal = x != y if nan_payload else (x != y) & ~(nan_a & nan_b)
    if not unequal.any():
        return 0, 0.0, 0.0, None, -1
    with np.errstate(all="ignore"):
        wide = a.astype(np.float64)
        gaps = np.abs(wide - b.astype(np.float64))
        ratios = np.where(gaps == 0, 0, gaps / np.abs(wide))
    for result in (gaps, ratios):
        result[nan_a & nan_b] = 0
        result[(nan_a ^ nan_b) | np.isinf(gaps)] = math.inf
    magnitude = np.iinfo(integer).max
    p, q = (np.where(bits < 0, -(bits & magnitude).astype(np.int64), bits.astype(np.int64)) for bits in (x, y))
    steps = np.maximum(p, q).view(np.uint64) - np.minimum(p, q).view(np.uint64)
    numbers = unequal & ~nan_a & ~nan_b
    furthest = int(steps[numbers].max()) if numbers.any() else None
    first = int(np.flatnonzero(unequal)[0])
    return int(unequal.sum()), float(gaps[unequal].max()), float(ratios[unequal].max()), furthest, first
