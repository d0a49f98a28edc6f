"""Which values have a canonical form, what is part of it, and how the rest is refused."""

from __future__ import annotations

import collections
import copy
import datetime as dt
import decimal
import enum
import functools
import io
import pathlib
import pickle
import random
import re
import socket
import sys
import threading
import types
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import pytest_repro.values.walk as walk_module
from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values import canonical, fingerprint, identical, walk_leaves


class Colour(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Plain:
    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("__private", "a")

    def __init__(self, a: object) -> None:
        self.a = a
        self.__private = 1


class WithState:
    def __init__(self) -> None:
        self.cache = object()

    def __getstate__(self) -> dict[str, object]:
        return {"kept": 1}


@dataclass
class Timed:
    loss: float
    seconds: float = field(default=0.0, compare=False)


class MyFloat(float):
    pass


class MyList(list[Any]):
    pass


def same(a: object, b: object) -> bool:
    x, y = canonical(a), canonical(b)
    equal = identical(x, y)
    assert equal == (fingerprint(x) == fingerprint(y))
    return equal


def paths(value: object) -> list[str]:
    return [path for path, _ in walk_leaves(canonical(value))]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(1, True, id="int, bool"),
        pytest.param(1, 1.0, id="int, float"),
        pytest.param(0.0, -0.0, id="sign of zero"),
        pytest.param("a", b"a", id="text, bytes"),
        pytest.param([1], (1,), id="list, tuple"),
        pytest.param({1: 0}, {"1": 0}, id="key 1, key '1'"),
        pytest.param({1: 0}, {True: 0}, id="key 1, key True"),
        pytest.param({1: 0}, {1.0: 0}, id="key 1, key 1.0"),
        pytest.param({1: 0}, {np.int64(1): 0}, id="key 1, key int64(1)"),
        pytest.param({}, collections.OrderedDict(), id="dict, OrderedDict"),
        pytest.param({1}, frozenset({1}), id="set, frozenset"),
        pytest.param(1.0, np.float64(1.0), id="float, float64"),
        pytest.param(np.float64(1.0), np.array(1.0), id="numpy scalar, array"),
        pytest.param(1.5, MyFloat(1.5), id="float, subclass"),
        pytest.param([1], MyList([1]), id="list, subclass"),
        pytest.param(decimal.Decimal("1.0"), decimal.Decimal("1.00"), id="decimal places"),
        pytest.param(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, fold=1), id="fold"),
        pytest.param(Access.READ, Access.READ | Access.WRITE, id="flags"),
        pytest.param(range(3), [0, 1, 2], id="range, list"),
        pytest.param(functools.partial(min, 1), functools.partial(min, 2), id="partial arguments"),
        pytest.param(re.compile("a"), re.compile("a", re.IGNORECASE), id="pattern flags"),
        pytest.param(slice(1), slice(2), id="slices"),
        pytest.param(types.SimpleNamespace(a=1), types.SimpleNamespace(b=1), id="namespaces"),
        pytest.param(bytearray(b"a"), b"a", id="bytearray, bytes"),
        pytest.param(lambda: 1, lambda: 2, id="lambdas"),
        pytest.param(random.Random(1), random.Random(2), id="random states"),
        pytest.param(Plain(a=1), Plain(a=2), id="fields"),
        pytest.param(Slotted(1), Slotted(2), id="slots"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, id="order of a list"),
        pytest.param("\ud83d\ude00", "\U0001f600", id="two surrogates, one character"),
    ],
)
def test_values_of_different_meaning_differ(a: object, b: object) -> None:
    assert not same(a, b)


def test_nested_equal_objects_are_the_same_whether_shared_or_copied() -> None:
    shared = [1.5]
    assert same([shared, shared], [[1.5], [1.5]])
    assert same(pickle.loads(pickle.dumps({"a": "x" * 50})), {"a": "x" * 50})


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        dt.date(2020, 1, 1),
        dt.timedelta(seconds=1),
        decimal.Decimal("1.5"),
        collections.Counter("abca"),
        collections.defaultdict(list, a=[1]),
        collections.deque([1, 2]),
        collections.ChainMap({"a": 1}),
        types.MappingProxyType({"a": 1}),
        types.SimpleNamespace(a=1),
        {"a": 1}.keys(),
        {"a": 1}.values(),
        {"a": 1}.items(),
        collections.OrderedDict(a=1).keys(),
        memoryview(b"ab"),
        MyFloat(-0.0),
        MyList([1]),
        Plain(a=1, b=[2]),
        Slotted([1]),
        ValueError("no", 3),
        Ellipsis,
        int,
        len,
        np.sin,
        np.sum,
        str.upper,
        "a".upper,
        Plain.__init__,
        dt.timezone.utc,
        re.compile("a+"),
        slice(1, None),
        functools.partial(sorted, key=len),
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_common_values_have_a_form_that_does_not_depend_on_identity(value: object) -> None:
    try:
        twin = copy.deepcopy(value)
    except TypeError:  # dict views and memory views
        twin = value
    assert same(value, twin)
    assert not any(re.search(r"0x[0-9a-f]{6}", repr(leaf)) for _, leaf in walk_leaves(canonical(value)))


def test_dict_keys_become_readable_path_segments() -> None:
    value = {"a": 1, 1: 2, (1, 2): 3, Colour.RED: 4, "'": 5, b"x": 6, None: 7, np.float64(1.5): 8, "é\n": 9}
    assert set(paths(value)) == {
        "['a']",
        "[1]",
        "[(1, 2)]",
        "[<Colour.RED>]",
        '["\'"]',
        "[b'x']",
        "[None]",
        "[<numpy.float64 1.5>]",
        "['é\\n']",
    }


@pytest.mark.parametrize(
    "key", ["can't", 'say "no"', "both ' and \"", "back\\slash", "line\nend", "", "é", "'] ['", "\x7f"]
)
def test_a_key_reads_the_same_whatever_other_keys_stand_beside_it(key: str) -> None:
    (alone,) = paths({key: 1})
    assert alone in paths({key: 1, 2: 3})
    assert alone in paths({key: 1, "ü": 3})
    assert alone in paths({key: 1, "k" * 500: 3})
    assert alone.isascii() or key == "é"


def test_several_nan_keys_are_numbered_independently_of_their_order() -> None:
    one, two = float("nan"), float("nan")
    value = {one: "a", two: "b"}
    assert paths(value) == ["[nan#2]", "[nan]"]  # sorted, as every mapping
    assert same(value, {two: "b", one: "a"})
    assert not same(value, {one: "a"})


def test_keys_without_readable_text_are_told_apart_by_fingerprint() -> None:
    assert same({Point(1): 1, Point(2): 2}, {Point(2): 2, Point(1): 1})
    assert not same({Point(1): 1}, {Point(2): 1})


@dataclass(frozen=True)
class Point:
    x: int


def test_long_keys_are_cut_and_still_told_apart() -> None:
    a, b = "k" * 500 + "a" + "k" * 500, "k" * 500 + "b" + "k" * 500
    assert not same({a: 1}, {b: 1})
    assert len(paths({a: 1})[0]) < 200


def test_sets_of_mixed_types_are_sorted_by_meaning() -> None:
    elements = [1, "1", 1.5, None, (1, "a"), Colour.RED, frozenset({1, 2})]
    assert same({*elements}, {*elements[::-1]})
    node = canonical(set(elements))
    assert isinstance(node, Branch)
    assert node.layout is Layout.SET
    assert list(node.keys) == sorted(node.keys)


def test_cycles_end_at_the_path_that_they_lead_back_to() -> None:
    value: dict[str, Any] = {"a": []}
    value["a"].append(value)
    assert dict(walk_leaves(canonical(value))) == {"['a'][0]": Atom("cycle", "")}
    inner: list[Any] = []
    inner.append(inner)
    assert dict(walk_leaves(canonical([inner]))) == {"[0][0]": Atom("cycle", "[0]")}


def test_dataclass_fields_left_out_of_comparison_are_left_out_and_noted() -> None:
    assert same(Timed(1.0, 2.0), Timed(1.0, 3.0))
    node = canonical(Timed(1.0, 2.0))
    assert isinstance(node, Branch)
    assert node.keys == (".loss",)
    assert node.notes == (".seconds (compare=False)",)


def test_objects_are_read_by_sorted_fields_by_slots_or_by_their_own_state() -> None:
    assert paths(Plain(b=1, a=2)) == [".a", ".b"]
    assert paths(Slotted(1)) == [".a", "._Slotted__private"] or paths(Slotted(1)) == ["._Slotted__private", ".a"]
    assert paths(WithState()) == [".kept"]


def test_attrs_and_pydantic_objects_are_read_by_field() -> None:
    attrs = pytest.importorskip("attrs")
    made = attrs.make_class("Made", {"a": attrs.field(), "b": attrs.field(default=1, eq=False)})
    assert paths(made(1)) == [".a"]
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", a=(int, 1), b=(list[float], []))
    assert paths(model(a=2, b=[0.5])) == [".a", ".b[0]"]


def test_anything_with_an_array_interface_is_read_as_an_array() -> None:
    class Wrapped:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
            return np.arange(3.0)

    node = canonical(Wrapped())
    assert isinstance(node, Array)
    assert node.type.endswith("Wrapped")
    assert node.data.tolist() == [0.0, 1.0, 2.0]


def test_paths_mean_their_text_on_every_platform() -> None:
    assert canonical(pathlib.PurePosixPath("a/b")) == Atom("pathlib.PurePath", "a/b")
    assert identical(canonical(pathlib.PureWindowsPath("a\\b")), canonical(pathlib.PurePosixPath("a/b")))
    assert canonical(pathlib.Path("a")) == Atom("pathlib.Path", "a")


def test_functions_are_known_by_name_and_lambdas_by_code_and_closure() -> None:
    def made(k: int) -> Any:
        return lambda x: x + k

    assert canonical(same) == Atom("function", f"{same.__module__}.same")
    assert same(made(1), made(1))
    assert not same(made(1), made(2))


def test_user_rules_come_first_and_keep_the_type_name() -> None:
    def rule(value: object) -> object | None:
        return value.__dict__["a"] if isinstance(value, Plain) else None

    as_list = canonical(Plain(a=[1.5], noise=object()), rules=[rule])
    assert isinstance(as_list, Branch)
    assert (as_list.type.rpartition(".")[2], as_list.items) == ("Plain", (1.5,))
    as_float = canonical({"m": Plain(a=1.5)}, rules=[rule])
    assert list(walk_leaves(as_float)) == [("['m']", 1.5)]
    assert not identical(as_float, canonical({"m": 1.5}))


def test_rules_are_not_asked_about_plain_builtins() -> None:
    asked: list[object] = []

    def rule(value: object) -> object | None:
        asked.append(value)
        return None

    canonical({"a": [1, (2.0, {"x"})], "b": np.float64(1)}, rules=[rule])
    assert asked == [np.float64(1)]


class RaisingArray:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
        raise OSError("device lost")


class NamelessType(type):
    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise OSError("no module")


class Nameless(metaclass=NamelessType):
    pass


class RaisingField:
    __slots__ = ("x",)

    def __getattribute__(self, name: str) -> object:
        raise KeyError(name)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param((n for n in [1]), r"a generator by meaning: .* record list\(", id="generator"),
        pytest.param({"a": [threading.Lock()]}, r"lock at \['a'\]\[0\] by meaning", id="lock inside"),
        pytest.param(io.StringIO("x"), "it is an open file", id="open file"),
        pytest.param(sys, "a module by meaning", id="module"),
        pytest.param(iter([1]), "a list_iterator by meaning", id="iterator"),
        pytest.param(weakref.ref(Plain), "weak reference", id="weak reference"),
        pytest.param(Plain(x=RaisingArray()), r"RaisingArray at \.x .* raised OSError: device lost", id="__array__"),
        pytest.param(RaisingField(), "raised KeyError", id="__getattribute__"),
        pytest.param(Nameless(), r"a .*NamelessType by meaning: .* raised OSError: no module", id="metaclass"),
    ],
)
def test_what_has_no_meaning_is_refused_naming_type_path_and_hook(value: object, message: str) -> None:
    with pytest.raises(ValueTypeError, match=message) as caught:
        canonical(value)
    assert "pytest_repro_canonical" in str(caught.value)


def test_open_sockets_are_refused() -> None:
    with socket.socket() as open_socket, pytest.raises(ValueTypeError, match=r"a socket\.socket by meaning"):
        canonical(open_socket)


def test_too_deep_and_too_large_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueTypeError, match="nested deeper than 200 levels"):
        canonical(deep)
    monkeypatch.setattr(walk_module, "MAX_NODES", 10)
    with pytest.raises(ValueTypeError, match="more than 10 parts"):
        canonical([0] * 11)


def test_an_array_that_is_repeated_to_more_than_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = np.arange(4.0)
    with pytest.raises(ValueTypeError, match=r"ndarray at \['a'\] by meaning: it repeats .* up to 32 GiB; record"):
        canonical({"a": np.broadcast_to(row, (1 << 30, 4))})
    monkeypatch.setattr(walk_module, "MAX_REPEATED", 64)
    assert same(np.broadcast_to(row, (2, 4)), np.array([row, row]))
    assert same(np.arange(16.0)[np.newaxis], np.arange(16.0).reshape(1, 16))
    with pytest.raises(ValueTypeError, match="repeats a smaller array"):
        canonical(np.broadcast_to(row, (3, 4)))


def test_the_depth_bound_is_two_hundred_levels() -> None:
    deep: list[Any] = []
    for _ in range(199):
        deep = [deep]
    assert same(deep, copy.deepcopy(deep))
    with pytest.raises(ValueTypeError, match="nested deeper than 200 levels"):
        canonical([deep])


class Liar:
    """Equal to everything, and not hashable the same way twice."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return id(self)


def test_a_lying_eq_is_never_asked() -> None:
    assert not same(Liar(1), Liar(2))
    assert same({Liar(1): 0}, {Liar(1): 0})
