"""Properties of canonical values: equal by meaning is equal, any one change is not, storing loses nothing."""

from __future__ import annotations

import copy
import json
import os
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_repro.model import Node
from pytest_repro.values import canonical, decode, describe, encode, fingerprint, identical, render, walk_leaves
from tests.unit.values.value_strategies import VALUES, changed, rebuilt

# A small number by default; a nightly job takes 10^5 in all, or what it asks for.
NIGHTLY = os.environ.get("PYTEST_REPRO_NIGHTLY") == "1"
EXAMPLES = int(os.environ.get("REPRO_FUZZ_EXAMPLES", "20000" if NIGHTLY else "150"))
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def stored_and_read(node: Node) -> Node:
    arrays: list[np.ndarray[Any, Any]] = []

    def put(data: np.ndarray[Any, Any]) -> int:
        arrays.append(data.copy())
        return len(arrays) - 1

    def get(ref: object) -> np.ndarray[Any, Any]:
        assert isinstance(ref, int)
        return arrays[ref]

    text = json.dumps(encode(node, put=put), allow_nan=False, sort_keys=True)
    return decode(json.loads(text), get=get)


@fuzz
@given(VALUES, st.integers(0, 2**32))
def test_equal_values_are_identical_whatever_their_order_and_layout(value: Any, seed: int) -> None:
    first, other = canonical(value), canonical(rebuilt(copy.deepcopy(value), Random(seed)))
    assert identical(first, other)
    assert fingerprint(first) == fingerprint(other)


@fuzz
@given(VALUES, st.integers(0, 2**32))
def test_any_single_change_makes_values_differ(value: Any, seed: int) -> None:
    first, other = canonical(value), canonical(changed(value, Random(seed)))
    assert not identical(first, other)
    assert fingerprint(first) != fingerprint(other)


@fuzz
@given(VALUES, VALUES, st.booleans())
def test_fingerprints_are_equal_exactly_when_values_are_identical(a: Any, b: Any, nan_payload: bool) -> None:
    x, y = canonical(a), canonical(b)
    same = fingerprint(x, nan_payload=nan_payload) == fingerprint(y, nan_payload=nan_payload)
    assert same == identical(x, y, nan_payload=nan_payload)


@fuzz
@given(VALUES)
def test_stored_values_read_back_identical_with_every_bit(value: Any) -> None:
    node = canonical(value)
    back = stored_and_read(node)
    assert identical(node, back, nan_payload=True)
    assert fingerprint(node, nan_payload=True) == fingerprint(back, nan_payload=True)


@fuzz
@given(VALUES, st.integers(3, 60))
def test_text_is_one_short_line_and_paths_are_unique(value: Any, width: int) -> None:
    node = canonical(value)
    for text in (render(node, width=width), describe(node)):
        assert all(character.isprintable() or ord(character) > 0x9F for character in text)
        assert "\n" not in text
    assert len(render(node, width=width)) <= width
    paths = [path for path, _ in walk_leaves(node)]
    assert len(set(paths)) == len(paths)
