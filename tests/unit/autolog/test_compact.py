"""Values are kept while small; of large parts the digest, dtype and shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pytest_repro.autolog.compact import LIMIT, compact
from pytest_repro.model import Array, Branch
from pytest_repro.values import canonical, identical, walk_leaves


@pytest.mark.parametrize("value", [1, "text", np.zeros(LIMIT), [0.0] * (LIMIT - 1), {"a": np.ones(5)}])
def test_small_value_is_kept_as_it_is(value: object) -> None:
    node = canonical(value)
    assert compact(node) is node


def test_large_array_becomes_digest_dtype_and_shape() -> None:
    node = compact(canonical(np.zeros((LIMIT, 2), dtype=np.float32)))
    leaves = dict(walk_leaves(node))
    assert leaves[".dtype"] == "float32"
    assert (leaves[".shape[0]"], leaves[".shape[1]"]) == (LIMIT, 2)
    assert len(str(leaves[".digest"])) == 32


def test_digest_tells_a_single_bit() -> None:
    one, other = np.zeros(5000), np.zeros(5000)
    assert identical(compact(canonical(one)), compact(canonical(other)))
    other[4321] = -0.0
    assert not identical(compact(canonical(one)), compact(canonical(other)))


def test_small_fields_beside_a_large_one_are_kept() -> None:
    @dataclass
    class Model:
        coef: object
        trees: object

    node = compact(canonical(Model(np.arange(3.0), np.zeros(5000))))
    assert isinstance(node, Branch)
    kept = dict(zip(node.keys, node.items, strict=True))
    assert isinstance(kept[".coef"], Array)
    assert isinstance(kept[".trees"], Branch)


@pytest.mark.parametrize("value", ["x" * 100_000, b"x" * 100_000, list(range(5000)), {i: i for i in range(5000)}])
def test_large_value_of_any_kind_is_shortened(value: object) -> None:
    node = compact(canonical(value))
    assert sum(1 for _ in walk_leaves(node)) <= 3


def test_list_of_large_parts_gets_a_digest_a_part_so_that_a_drift_names_the_first() -> None:
    trees = [{"nodes": np.arange(400.0) + number, "name": f"t{number}"} for number in range(20)]
    other = [*trees[:7], {**trees[7], "nodes": np.arange(400.0)}, *trees[8:]]
    x, y = (dict(walk_leaves(compact(canonical({"a": {"model": {"trees": each}}})))) for each in (trees, other))
    assert [path for path in x if not identical(x[path], y[path])] == ["['a']['model']['trees'][7]"]
    assert len(x) == len(trees)


def test_list_of_very_many_large_parts_gets_one_digest() -> None:
    node = compact(canonical([np.zeros(2)] * 5000))
    assert sum(1 for _ in walk_leaves(node)) <= 3
