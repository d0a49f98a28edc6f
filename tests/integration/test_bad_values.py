"""Values that try to get in the way: each gets a clear verdict or a clear error, whether it drifts or not."""

from __future__ import annotations

from tests.integration.conftest import Inner

VALUES = """
import itertools, math, random
from collections import deque

import numpy as np
import pytest


class Odd:
    def __init__(self, x):
        self.x = x

class ArrayRaises(Odd):
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array for you")

class StateRaises(Odd):
    def __getstate__(self):
        raise RuntimeError("no state for you")

class ReprRaises(Odd):
    def __repr__(self):
        raise RuntimeError("no repr for you")

class EqRaises(Odd):
    def __eq__(self, other):
        raise RuntimeError("no comparison for you")
    __hash__ = object.__hash__

class Liar(Odd):
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __hash__(self):
        return 1

def knot(x):
    items = [1.0, x]
    items.append(items)
    return items

def knot_of_objects(x):
    odd = Odd(x)
    odd.me = {"me": [odd]}
    return odd

def knot_of_arrays(x):
    array = np.empty(2, object)
    array[:] = [array, x]
    return array

def knot_of_deques(x):
    items = deque([x])
    items.append(items)
    return items

def nested(levels):
    def build(x):
        for _ in range(levels):
            x = [x]
        return x
    return build

def objects(x):
    for _ in range(1000):
        x = Odd(x)
    return x

def sparse(x):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    return scipy_sparse.coo_array(([1.0, x], ([0, 99_999], [0, 49_999])), shape=(100_000, 50_000)).tocsr()

def frame(columns):
    def build(x):
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame([[1.0, x, 3.0]], columns=columns)
    return build

VALUES = {
    "array_raises": ArrayRaises,
    "state_raises": StateRaises,
    "repr_raises": ReprRaises,
    "repr_of_key_raises": lambda x: {ReprRaises(1): x},
    "eq_raises": EqRaises,
    "eq_lies": Liar,
    "eq_of_key_lies": lambda x: {Liar(1): x},
    "knot": knot,
    "knot_of_objects": knot_of_objects,
    "knot_of_arrays": knot_of_arrays,
    "knot_of_deques": knot_of_deques,
    "sparse": sparse,
    "broadcast": lambda x: np.broadcast_to(x, (1 << 15, 1 << 16)),
    "nan_key": lambda x: {math.nan: x, 1.0: 2.0},
    "nan_keys": lambda x: {math.nan: 1.0, float("nan"): x},
    "columns": frame([0, (1, 2), None]),
    "columns_alike": frame(["1", 1, math.nan]),
    "columns_twice": frame(["loss", "loss", "loss"]),
    "mixed_set": lambda x: {1, "1", 1.5, None, (1, "a"), frozenset({1, 2}), x},
    "deep": nested(150),
    "too_deep": nested(1000),
    "far_too_deep": nested(100_000),
    "too_deep_objects": objects,
}
ids = pytest.mark.parametrize("name", VALUES)
"""
TESTS = """
from values import *

@ids
@pytest.mark.repro
def test_steady(repro, name):
    repro.artifact("value", VALUES[name](0.25))

@ids
@pytest.mark.repro
def test_drift(repro, name):
    repro.artifact("value", VALUES[name](random.SystemRandom().uniform(0.5, 1.0)))
"""

#: value → what the output says about the first leaf of the one that drifts
PATHS = {
    "repr_raises": "value.x",
    "repr_of_key_raises": "value[<ReprRaises ",
    "eq_raises": "value.x",
    "eq_lies": "value.x",
    "eq_of_key_lies": "value[<Liar ",
    "knot": "value[1]",
    "knot_of_objects": "value.x",
    "knot_of_arrays": "value[1]",
    "knot_of_deques": "value[0]",
    "sparse": "value.data[1]",
    "nan_key": "value[nan]",
    "nan_keys": "value[nan",
    "columns": "value[(1, 2)][0]",
    "columns_alike": "value[1][0]",
    "columns_twice": "value['loss'#2][0]",
    "mixed_set": "value{0.",
    "deep": "value" + "[0]" * 150,
}
#: value → the error instead of a verdict
ERRORS = {
    "array_raises": "a values.ArrayRaises by meaning: reading it raised RuntimeError: no array for you; ",
    "state_raises": "a values.StateRaises by meaning: reading it raised RuntimeError: no state for you; ",
    "broadcast": "a numpy.ndarray by meaning: it repeats a smaller array up to 16 GiB; record the smaller one; ",
    "too_deep": "nested deeper than 200 levels or than Python's recursion limit allows (starting [0][0][0]...); ",
    "far_too_deep": "nested deeper than 200 levels or than Python's recursion limit allows (starting [0][0][0]...); ",
    "too_deep_objects": "nested deeper than 200 levels or than Python's recursion limit allows (starting .x.x.x...); ",
}


def test_odd_values_get_a_verdict_or_an_error_of_their_own(inner: Inner) -> None:
    inner.file(VALUES, "values")
    inner.file(TESTS, "test_values")
    result = inner("--repro-runs=3", "-v", subprocess=True, isolation="")
    sections = _sections(result.outlines)
    progress = {line.split()[0]: line.split()[1] for line in result.outlines if "::test_" in line and "%]" in line}
    for name, path in PATHS.items():
        if progress[f"test_values.py::test_steady[{name}]"] == "SKIPPED":
            continue
        assert progress[f"test_values.py::test_steady[{name}]"] == "PASSED", name
        assert progress[f"test_values.py::test_drift[{name}]"] == "DRIFT", name
        assert f"first   {path}" in sections[f"test_drift[{name}]"], (name, sections[f"test_drift[{name}]"])
    for name, error in ERRORS.items():
        for test in ("test_steady", "test_drift"):
            assert progress[f"test_values.py::{test}[{name}]"] == "FAILED", name
            assert error in sections[f"{test}[{name}]"], name
    assert len(progress) == 2 * len(PATHS | ERRORS)


def _sections(lines: list[str]) -> dict[str, str]:
    """The part of the output below the headline of each test."""
    sections: dict[str, str] = {}
    name = ""
    for line in lines:
        words = line.split()
        if len(words) == 3 and line.startswith("__"):
            name = words[1]
        sections[name] = sections.get(name, "") + line + "\n"
    return sections
