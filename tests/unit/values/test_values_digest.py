"""Fingerprints are the same everywhere: other processes, hash seeds, versions. Loading stays light."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pytest_repro
from pytest_repro.model import Array, Atom
from pytest_repro.values import canonical, fingerprint

ROOT = Path(next(iter(pytest_repro.__path__))).parent

PROGRAM = """
import enum, datetime, decimal, collections
import numpy as np
from pytest_repro.values import canonical, fingerprint
class Colour(enum.Enum):
    RED = 1
words = {f"w{i}" for i in range(50)} | {1, None, (1, "a"), frozenset("abc"), Colour.RED}
value = [words, dict.fromkeys(words, 0.5), frozenset(words), collections.Counter(map(str, "hello")),
         np.arange(5.0), np.float32(0.1), decimal.Decimal("1.5"), datetime.date(2020, 1, 1), lambda x: x in {"a", "b"}]
print(fingerprint(canonical(value)))
"""


def output(program: str, **environment: str) -> str:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-c", program], env=variables, text=True, capture_output=True, check=True
    ).stdout.strip()


def test_using_the_interface_leaves_its_functions_in_place() -> None:
    """A submodule of the same name would replace a function of the package once it is imported."""
    program = """
import pytest_repro.values as values
node = values.freeze(values.canonical([1.5]))
assert values.decode(values.encode(node, put=id), get=id) and values.identical(node, values.canonical([1.5]))
values.fingerprint(node), values.describe(node), values.render(node), values.walk_leaves(node)
print([name for name in values.__all__ if not callable(getattr(values, name))])
"""
    assert output(program) == "[]"


def test_fingerprints_do_not_depend_on_the_hash_seed() -> None:
    assert len({output(PROGRAM, PYTHONHASHSEED=seed) for seed in ("0", "1", "12345")}) == 1


def test_loading_the_interface_and_plain_values_loads_no_numpy() -> None:
    program = """
import sys
from pytest_repro.values import canonical, fingerprint, identical, render
a = canonical({"a": [1.5, {"x"}]})
assert identical(a, canonical({"a": [1.5, {"x"}]})) and fingerprint(a) and render(a)
print("numpy" in sys.modules)
"""
    assert output(program) == "False"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "19041ad672875015bc4041c24b581eaf"),
        (1, "5a3a889492e18cfece679cba80b4de95"),
        (0.1, "7e840fb6a1bc80d6d35c29a9053a4084"),
        ("é", "05e88b71435963e27bb8421684acbb6e"),
        ([1.5, {"a": (2, b"x")}], "47d53a6788f565eaf770fe172f1c05c2"),
        (np.array([[1.5, np.nan]], "f4"), "1ed6fe48948134a56775b398c9489261"),
        (np.array([3 + 4j]), "857ab5404a7b29922805cb40d9aabe67"),
        (Atom("x", "y"), "8a2e5bd0ea43800c938e6fb7a4225cf8"),
    ],
)
def test_fingerprints_of_this_format_never_change(value: object, expected: str) -> None:
    """Baselines hold fingerprints: a change here needs a new format number and a migration."""
    node = value if isinstance(value, Atom) else canonical(value)
    assert fingerprint(node) == expected


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3b11fnuz"])
def test_nan_in_the_place_of_negative_zero_is_no_number(name: str) -> None:
    nan, number = (Array("x", name, (2,), np.array([code, 1], np.uint8)) for code in (0x80, 0xFF))
    assert fingerprint(nan) != fingerprint(number)
    assert fingerprint(nan) == fingerprint(nan, nan_payload=True)


def test_neighbouring_values_do_not_run_into_each_other() -> None:
    values = [
        ["ab", "c"],
        ["a", "bc"],
        ["abc"],
        [["ab"], "c"],
        [b"ab", "c"],
        [1, 256],
        [256, 1],
        [65536],
        [-1],
        [255],
        [],
    ]
    assert len({fingerprint(canonical(value)) for value in values}) == len(values)
