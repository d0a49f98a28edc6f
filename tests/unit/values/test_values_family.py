"""What families of libraries build their nodes with."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values.family import (
    fields,
    json_node,
    key_segment,
    mapping,
    numpy_node,
    refuse,
    sequence,
    unique,
)


def parts(node: Node) -> tuple[object, ...]:
    assert isinstance(node, Branch)
    return node.type, node.layout, node.keys, node.items, node.notes


def test_repeated_segments_are_numbered() -> None:
    assert unique(["['a']", "['b']", "['a']", "['a']"]) == ("['a']", "['b']", "['a'#2]", "['a'#3]")
    assert unique([".a", ".a"]) == (".a", ".a#2")
    assert unique(["[1]", "[1#2]", "[1]"]) == ("[1]", "[1#2]", "[1#3]")
    assert unique([]) == ()


def test_nodes_of_named_parts() -> None:
    given: list[tuple[str, Node]] = [(".b", 1), (".a", 2), (".b", 3)]
    assert parts(fields("t", iter(given), iter(["n"]))) == ("t", Layout.OBJECT, (".b", ".a", ".b#2"), (1, 2, 3), ("n",))
    assert parts(fields("t", given)) == ("t", Layout.OBJECT, (".b", ".a", ".b#2"), (1, 2, 3), ())
    assert parts(mapping("t", iter(given[:2]), iter(["n"]))) == ("t", Layout.MAPPING, (".a", ".b"), (2, 1), ("n",))
    assert parts(mapping("t", [])) == ("t", Layout.MAPPING, (), (), ())
    assert parts(sequence("t", iter([1, 2]), iter(["n"]))) == ("t", Layout.SEQUENCE, (), (1, 2), ("n",))
    assert parts(sequence("t", [])) == ("t", Layout.SEQUENCE, (), (), ())


def test_a_mapping_is_sorted_by_its_segments_alone() -> None:
    first, second = Atom("b", ""), Atom("a", "")
    assert mapping("t", [("x", first), ("x", second)]).items == (first, second)


@pytest.mark.parametrize(
    ("label", "segment"),
    [("a", "['a']"), (b"a", "[b'a']"), (3, "[3]"), (0.5, "[0.5]"), (np.str_("a"), "['a']"), (np.int8(3), "[3]"),
     (np.datetime64("2027-01-31"), "[2027-01-31]"), (None, "[None]"), (decimal.Decimal("1.0"), "[1.0]")],
)  # fmt: skip
def test_the_segment_of_a_label(label: object, segment: str) -> None:
    assert key_segment(label) == segment


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize("kind", ["?", "i2", "u2", "f4", "c8", "M8[s]", "m8[s]"])
def test_plain_numbers_are_an_array_of_the_type_that_held_them(kind: str, owned: bool) -> None:
    data = np.zeros(2, kind)
    node = numpy_node("t", data, lambda *_: pytest.fail("it was walked"), ".a", owned=owned)
    assert isinstance(node, Array)
    assert (node.type, node.owned) == ("t", owned)
    assert node.data is data
    assert not numpy_node("t", data, lambda *_: None, ".a").owned  # type: ignore[union-attr]


@pytest.mark.parametrize("data", [np.array(["a"]), np.array([b"a"]), np.array([1], object), np.zeros(1, "V2")])
def test_other_elements_are_walked(data: Any) -> None:
    asked: list[tuple[object, str]] = []

    def walk(value: object, segment: str) -> Node:
        asked.append((value, segment))
        return "walked"

    assert numpy_node("t", data, walk, ".a") == "walked"
    assert asked == [(data, ".a")]


def test_numbers_may_have_fields_or_a_mask() -> None:
    masked: Any = np.ma.array([1, 2], mask=np.array([False, True]))
    node = numpy_node("t", masked, lambda value, segment: Atom(segment, str(value)), ".a")
    assert isinstance(node, Branch)
    assert node.items == (Atom(".mask", "[False  True]"), Atom(".data", "[1 0]"))


def test_a_refusal_names_the_type_the_reason_and_what_to_do() -> None:
    told = str(refuse(decimal.Decimal(1), why="it is a test", instead="do not"))
    assert told == "cannot compare a decimal.Decimal by meaning: it is a test; do not"


def form(node: Node) -> object:
    if isinstance(node, Array):
        assert node.owned
        assert node.dtype == node.data.dtype.name
        assert node.shape == node.data.shape
        return f"{node.type} {node.dtype} {node.data.tolist()}"
    if isinstance(node, Branch):
        items = [form(item) for item in node.items]
        return {node.type: dict(zip(node.keys, items, strict=True)) if node.keys else items}
    return node


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (True, True), (3, 3), (0.5, 0.5), ("a", "a"),
        ({"b": 1, "a": [2]}, {"dict": {"['a']": "list int64 [2]", "['b']": 1}}),
        ([], {"list": []}),
        ([1, 2], "list int64 [1, 2]"),
        ([0.5, 1.0], "list float64 [0.5, 1.0]"),
        ([0, 0.5], {"list": [0, 0.5]}),
        ([True], {"list": [True]}),
        ([True, 1], {"list": [True, 1]}),
        (["a"], {"list": ["a"]}),
        ([-(2**63), 2**63 - 1], f"list int64 [{-(2**63)}, {2**63 - 1}]"),
        ([-(2**63) - 1], {"list": [-(2**63) - 1]}),
        ([2**63], {"list": [2**63]}),
        ([[1], [None]], {"list": ["list int64 [1]", {"list": [None]}]}),
        (decimal.Decimal("1.5"), Atom("decimal.Decimal", "1.5")),
    ],
)  # fmt: skip
def test_the_node_of_parsed_json(value: object, expected: object) -> None:
    assert form(json_node(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([0, 0.5], "list float64 [0.0, 0.5]"),
        ([1, 2], "list float64 [1.0, 2.0]"),
        ([], {"list": []}),
        ([True, 1], {"list": [True, 1]}),
        ([2**53, 0.5], f"list float64 [{float(2**53)}, 0.5]"),
        ([-(2**53), 0.5], f"list float64 [{-float(2**53)}, 0.5]"),
        ([2**53 + 1, 0.5], {"list": [2**53 + 1, 0.5]}),
        ([-(2**53) - 1, 0.5], {"list": [-(2**53) - 1, 0.5]}),
        ([2**53 + 1], f"list int64 [{2**53 + 1}]"),
        ([1e300], "list float64 [1e+300]"),
        ({"a": [0, 0.5]}, {"dict": {"['a']": "list float64 [0.0, 0.5]"}}),
        ([[0, 0.5]], {"list": ["list float64 [0.0, 0.5]"]}),
    ],
)
def test_the_node_of_json_whose_writer_has_one_kind_of_number(value: object, expected: object) -> None:
    assert form(json_node(value, one_number=True)) == expected
