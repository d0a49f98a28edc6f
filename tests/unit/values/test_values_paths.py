"""By which steps the parts of a value are reached, what a refusal says of where it stands, and which parts are kept."""

from __future__ import annotations

import array
import random
import sys
import types
from typing import Any, NamedTuple

import numpy as np
import pytest

import pytest_repro.values.containers as containers_module
import pytest_repro.values.walk as walk_module
from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Branch, Layout, Node
from pytest_repro.values import arrays, canonical, freeze, identical
from pytest_repro.values.walk import Walker

HERE = __name__
REMEDY = "or teach the type with the hook pytest_repro_canonical"


class Lost:
    """Refuses to be read."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        raise OSError("lost")


class Tagged(np.ndarray):
    """Keeps attributes beside its elements."""


class Plain:
    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class Pair(NamedTuple):
    x: Any
    y: Any


def refused(value: object, **options: Any) -> str:
    with pytest.raises(ValueTypeError) as caught:
        canonical(value, **options)
    return str(caught.value)


def same(a: object, b: object) -> bool:
    return identical(canonical(a), canonical(b))


def fields(node: Node) -> tuple[object, ...]:
    assert isinstance(node, Branch)
    return node.type, node.layout, node.keys, node.items, node.notes


# --- steps ------------------------------------------------------------------------------------


def tagged(**attributes: object) -> Tagged:
    value: Any = np.arange(2).view(Tagged)
    vars(value).update(attributes)
    return value  # type: ignore[no-any-return]


masked: Any = np.ma.array
STEPS: list[tuple[Any, list[str]]] = [
    (tagged(b=1, a=2), [".a", ".b"]),
    (masked([1, 2], mask=[0, 1]), [".mask", ".data"]),
    (masked([(1, 2)], mask=[(0, 1)], dtype=[("a", "i1"), ("b", "i1")]), ["['a']", "['b']"]),
    (np.zeros(2, [("a", "i1"), ("b", "f4")]), ["['a']", "['b']", ".shape"]),
    (np.array([1, "a"], object), ["[0]", "[1]", ".shape"]),
    (np.array([[1], ["a"]], object), ["[0, 0]", "[1, 0]", ".shape"]),
    (np.random.default_rng(0), [".bit_generator"]),
    (np.random.PCG64(0), [".state"]),
    (np.random.RandomState(0), [".state"]),
    (np.float64(1), []),
]


@pytest.mark.parametrize(("value", "steps"), STEPS, ids=[type(value).__name__ for value, _ in STEPS])
def test_the_parts_of_a_numpy_value_are_reached_by_these_steps(value: Any, steps: list[str]) -> None:
    asked: list[str] = []

    def walk(_part: object, segment: str) -> Node:
        asked.append(segment)
        return None

    assert arrays.canonical(value, walk) is not None
    assert asked == steps


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([0, Lost()], "[1]"),
        ((Lost(),), "[0]"),
        ({"a": Lost()}, "['a']"),
        ({1: Lost()}, "[1]"),
        (Plain(a=Lost()), ".a"),
        (Pair(1, Lost()), ".y"),
        (slice(0, Lost()), ".stop"),
        (slice(Lost(), 0), ".start"),
        (types.SimpleNamespace(a=[Lost()]), ".a[0]"),
        (types.MappingProxyType({"a": Lost()}), "['a']"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_read_is_told_with_its_path(value: object, path: str) -> None:
    assert refused(value) == (
        f"cannot compare a {HERE}.Lost at {path} by meaning: reading it raised OSError: lost; {REMEDY}"
    )


# --- refusals ---------------------------------------------------------------------------------


def test_a_value_of_too_many_parts_is_told_without_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_module, "MAX_NODES", 1000)
    assert refused([0] * 1001) == (
        "cannot compare the value by meaning: it has more than 1,000 parts; record a summary or an array instead"
    )


def test_every_part_of_a_value_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    value = [Plain(a=1), [2, 3]]
    monkeypatch.setattr(walk_module, "MAX_NODES", 6)  # the two items, the object and its attribute, the two numbers
    canonical(value)
    monkeypatch.setattr(walk_module, "MAX_NODES", 5)
    assert "it has more than 5 parts" in refused(value)


def test_a_value_that_is_too_deep_is_told_with_how_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_module, "MAX_DEPTH", 6)
    canonical({"a": [[[[[0]]]]]})
    assert refused({"a": [[[[[[0]]]]]]}) == (
        "cannot compare the value by meaning: it is nested deeper than 6 levels or than Python's recursion limit allows"
        " (starting ['a'][0][0]...); record a flatter form of it"
    )


class XNameless(type):
    """Its name starts with a letter that a stripped bracket must not take along."""

    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise OSError("no module")


class Nameless(metaclass=XNameless):
    pass


def test_a_type_that_does_not_say_its_name_is_told_by_its_own_type() -> None:
    assert refused(Nameless()) == (
        f"cannot compare a XNameless by meaning: reading it raised OSError: no module; {REMEDY}"
    )


def test_a_module_is_refused_at_the_root_only() -> None:
    assert refused(types) == (
        "cannot compare a module by meaning: a module is state without end; record the values in it that matter;"
        f" {REMEDY}"
    )


def test_what_has_no_parts_to_see_is_refused() -> None:
    assert refused(iter([1])) == (
        f"cannot compare a list_iterator by meaning: its parts are out of Python's sight; {REMEDY}"
    )


def test_a_broadcast_of_two_rows_is_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_module, "MAX_REPEATED", 63)
    assert "it repeats a smaller array" in refused(np.broadcast_to(np.arange(4.0), (2, 4)))


# --- what is kept -----------------------------------------------------------------------------


def test_a_rule_that_gives_a_plain_value_keeps_the_name_of_the_type() -> None:
    given = canonical(Plain(a=1.5), rules=[lambda value: vars(value)["a"]])
    assert fields(given) == (f"{HERE}.Plain", Layout.OBJECT, ("",), (1.5,), ())


def test_what_a_rule_gives_stands_where_the_value_stood() -> None:
    told = refused([Plain(a=[Lost()])], rules=[lambda value: getattr(value, "a", None)])
    assert told.startswith(f"cannot compare a {HERE}.Lost at [0][0] by meaning")


def test_a_rule_that_gives_nothing_or_the_value_itself_leaves_it_as_it_is() -> None:
    value = np.float64(1.5)
    for rule in (lambda _: None, lambda same: same):
        assert identical(canonical(value, rules=[rule]), canonical(value))


def test_who_understands_a_type_is_asked_once_in_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[type] = []

    def families_of(cls: type) -> list[Any]:
        asked.append(cls)
        return []

    monkeypatch.setattr(walk_module, "families_of", families_of)
    canonical([Plain(), Plain(), slice(1), Plain()])
    assert asked == [Plain, slice]


def test_an_array_is_kept_as_it_is_and_a_subclass_as_an_array() -> None:
    data = np.arange(3)
    node, viewed = canonical(data), canonical(data.view(Tagged))
    assert isinstance(node, Array)
    assert isinstance(viewed, Array)
    assert node.data is data
    assert type(viewed.data) is np.ndarray


@pytest.mark.parametrize("owned", [True, False])
def test_bits_of_dtypes_that_numpy_lacks_are_owned_as_was_said(owned: bool) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    data = np.zeros(2, ml_dtypes.bfloat16)
    node = arrays.from_numpy(data, type_name="t", walk=lambda _part, _segment: None, owned=owned)
    assert isinstance(node, Array)
    assert (node.dtype, node.data.dtype.name, node.owned) == ("bfloat16", "uint16", owned)
    scalar = canonical(ml_dtypes.bfloat16(1))
    assert isinstance(scalar, Array)
    assert scalar.data.dtype.name == "uint16"


def test_the_text_of_an_array_of_characters_is_a_part_without_a_name() -> None:
    code: Any = "w" if sys.version_info >= (3, 13) else "u"
    assert fields(canonical(array.array(code, "ab"))) == ("array.array", Layout.OBJECT, ("",), ("ab",), ())


@pytest.mark.parametrize("value", [array.array("d", [1.5]), np.float64(1.5), np.str_("ab"), np.datetime64("2027")])
def test_what_nobody_else_can_change_is_not_copied(value: object) -> None:
    node = canonical(value)
    assert isinstance(node, Array)
    assert freeze(node) is node


@pytest.mark.skipif(np.__version__.startswith("1."), reason="numpy 1 has no StringDType")
def test_variable_width_strings_are_told_by_the_name_of_their_dtype() -> None:
    node = canonical(np.array(["a"], np.dtypes.StringDType()))
    assert isinstance(node, Branch)
    assert (node.keys, node.items[0], node.items[2]) == ((".dtype", ".shape", "[0]"), "StringDType", "a")


def test_a_global_generator_that_is_recorded_itself_is_its_state() -> None:
    node = canonical(vars(random)["_inst"])
    assert isinstance(node, Branch)
    assert node.keys == (".getstate()",)


def test_only_the_generator_of_the_process_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not same(Plain(a=np.random.RandomState(1)), Plain(a=np.random.RandomState(2)))
    monkeypatch.delattr(random, "_inst")
    assert not same(Plain(a=random.Random(1)), Plain(a=random.Random(2)))


def test_a_used_up_draw_of_a_bit_generator_does_not_count() -> None:
    state: Any = np.random.PCG64(0).state
    one: Any = np.random.PCG64()
    two: Any = np.random.PCG64()
    waiting: Any = np.random.PCG64()
    one.state = {**state, "has_uint32": 0, "uinteger": 5}
    two.state = {**state, "has_uint32": 0, "uinteger": 6}
    waiting.state = {**state, "has_uint32": 1, "uinteger": 6}
    assert same(one, two)
    assert not same(one, waiting)


class Short(Pair):
    """Says to have as many items as names."""

    def __len__(self) -> int:
        return 2


def test_a_named_tuple_that_lies_about_its_length_is_refused() -> None:
    assert "reading it raised ValueError: zip() argument 2 is longer" in refused(tuple.__new__(Short, (1, 2, 3)))


# --- layouts of keys --------------------------------------------------------------------------


def test_the_layout_of_the_same_text_keys_is_made_once() -> None:
    walker = Walker()
    walker.walk({"b": 1, "a": 2}, "")
    layout = walker.layouts["b", "a"]
    assert (layout.names, layout.in_order, layout.sort([1, 2])) == (["['b']", "['a']"], ("['a']", "['b']"), (2, 1))
    walker.walk([{"b": 3, "a": 4}, {1: 2}], "")
    assert walker.layouts == {("b", "a"): layout}
    assert walker.layouts["b", "a"] is layout


def test_so_many_layouts_of_so_many_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_module, "_KEPT_LAYOUTS", 2)
    walker = Walker()
    walker.walk([{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2}, {"a": 1}, {"b": 1}], "")
    assert list(walker.layouts) == [("a", "b"), ("a",)]
