"""The form of a value of each standard kind: names of types, names of parts, texts. Baselines keep them for years."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import itertools
import logging
import math
import pathlib
import random
import re
import sys
import types
import uuid
from typing import Any, NamedTuple

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Node
from pytest_repro.values import canonical

HERE = __name__


class Colour(enum.Enum):
    RED = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    x: int
    y: str


class Noted(Pair):
    """Keeps attributes beside its fields."""


class Row(tuple):  # type: ignore[type-arg]
    """Has no fields."""

    __slots__ = ()


class Bag(set):  # type: ignore[type-arg]
    """A set of the user's."""


class Named(list):  # type: ignore[type-arg]
    """Keeps attributes beside its items."""


class Text(str):
    __slots__ = ()


class Tagged(np.ndarray):
    """Keeps attributes beside its elements."""


class Zone(dt.tzinfo):
    """As those of zoneinfo and pytz, which say where it is in an attribute."""

    def __init__(self, attribute: str = "") -> None:
        if attribute:
            setattr(self, attribute, "Europe/Berlin")

    def utcoffset(self, _when: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(hours=2)

    def dst(self, _when: dt.datetime | None) -> None:
        return None

    def tzname(self, _when: dt.datetime | None) -> str:
        return "here"


class Holder:
    """A module, or the generator of the whole process, is met in objects only."""

    def __init__(self, part: object) -> None:
        self.part = part


def form(node: Node) -> str:
    """All of a node in a line."""
    if isinstance(node, Branch):
        keys = node.keys or [""] * len(node.items)
        inner = ", ".join(
            f"{key}={form(item)}" if key else form(item) for key, item in zip(keys, node.items, strict=True)
        )
        return f"{node.type} {node.layout.value} ({inner})"
    if isinstance(node, Array):
        return f"{node.type} {node.dtype}{list(node.shape)} {node.data.tolist()}"
    return f"<{node.type} {node.text}>" if isinstance(node, Atom) else repr(node)


def named(items: list[Any], **attributes: Any) -> Named:
    return with_attributes(Named(items), **attributes)  # type: ignore[no-any-return]


def with_attributes(value: Any, **attributes: Any) -> Any:
    vars(value).update(attributes)
    return value


def tagged() -> Tagged:
    value: Any = np.arange(2, dtype="i8").view(Tagged)
    value.unit = "m"
    return value  # type: ignore[no-any-return]


GLOBAL: Any = vars(random)["_inst"]
GLOBAL_OF_NUMPY: Any = vars(np.random.mtrand)["_rand"]
masked: Any = np.ma.array
FORMS: list[tuple[Any, str]] = [
    (Colour.RED, "<Colour RED>"),
    (Mode.READ | Mode.WRITE, "<Mode 0x3>"),
    (dt.date(2024, 2, 29), "<datetime.date 2024-02-29>"),
    (dt.datetime(2024, 2, 29, 1, 2, 3), "<datetime.datetime 2024-02-29T01:02:03>"),
    (
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=Zone("key"), fold=1),
        "<datetime.datetime 2024-10-27T02:30:00+02:00 Europe/Berlin fold=1>",
    ),
    (dt.time(1, 2, tzinfo=Zone("zone")), "<datetime.time 01:02:00+02:00 Europe/Berlin>"),
    (dt.time(1, 2, tzinfo=dt.timezone.utc), "<datetime.time 01:02:00+00:00 UTC>"),
    (dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")), "<datetime.time 01:02:00+01:00 CET UTC+01:00>"),
    (dt.time(1, 2, tzinfo=Zone("")), "<datetime.time 01:02:00+02:00 Zone>"),
    (dt.timezone(dt.timedelta(hours=-3)), "<datetime.timezone UTC-03:00>"),
    (Zone("key"), "<Zone Europe/Berlin>"),
    (Zone(), "Zone object ()"),
    (dt.timedelta(1, 2, 3), "<datetime.timedelta 1 d 2 s 3 us>"),
    (decimal.Decimal("1.50"), "<decimal.Decimal 1.50>"),
    (fractions.Fraction(2, 6), "<fractions.Fraction 1/3>"),
    (fractions.Fraction(1, 1 << 999), "<fractions.Fraction 1/N>"),
    (fractions.Fraction(1 << 1000, 3), "<fractions.Fraction 0xN/0x3>"),
    (uuid.UUID(int=(1 << 128) - 1), "<uuid.UUID ffffffff-ffff-ffff-ffff-ffffffffffff>"),
    (range(1, 9, 3), "<range 1, 9, 3>"),
    (re.compile("a.b", re.IGNORECASE), "<re.Pattern 'a.b' flags=34>"),
    (..., "<ellipsis ...>"),
    (NotImplemented, "<NotImplementedType NotImplemented>"),
    (pathlib.Path("a") / "b", "<pathlib.Path a/b>"),
    (pathlib.PurePosixPath("a/b"), "<pathlib.PurePath a/b>"),
    (Pair, "<type Pair>"),
    (logging.getLogger("a.b"), "<logging.Logger a.b>"),
    (slice(1, None, 2), "slice object (.start=1, .stop=None, .step=2)"),
    (Holder(math), "Holder object (.part=<module math>)"),
    (Holder(GLOBAL), "Holder object (.part=<random.Random the global one>)"),
    (Holder(GLOBAL_OF_NUMPY), "Holder object (.part=<numpy.random.RandomState the global one>)"),
    (Pair(1, "a"), "Pair object (.x=1, .y='a')"),
    (with_attributes(Noted(1, "a"), b=2), "Noted object (.x=1, .y='a', .b=2)"),
    (Row((1, "a")), "Row sequence (1, 'a')"),
    (Bag({2, 1}), "Bag set ({1}=1, {2}=2)"),
    # torch keeps the versions of its modules beside the arrays of a state_dict
    (with_attributes(collections.OrderedDict(a=1), _metadata=2), "collections.OrderedDict mapping (['a']=1)"),
    (named([1, "a"]), "Named sequence (1, 'a')"),
    (named([1], b=2, a="x"), "Named object ([0]=1, .a='x', .b=2)"),
    (Text("ab"), "Text object ('ab')"),
    (collections.OrderedDict(b=1, a=2), "collections.OrderedDict mapping (['a']=2, ['b']=1)"),
    (collections.Counter("aba"), "collections.Counter mapping (['a']=2, ['b']=1)"),
    (collections.deque([1, [2]]), "collections.deque sequence (1, list sequence (2))"),
    ({1: "a", "1": "b", (2, None): [0.5]}, "dict mapping (['1']='b', [(2, None)]=list sequence (0.5), [1]='a')"),
    ({3, 1, (2, "x")}, "set set ({(2, 'x')}=tuple sequence (2, 'x'), {1}=1, {3}=3)"),
    ({dt.date(2024, 2, 29)}, "set set ({<datetime.date 2024-02-29>}=<datetime.date 2024-02-29>)"),
    (frozenset({"b", "a"}), "frozenset set ({'a'}='a', {'b'}='b')"),
    ({math.nan: 2, float("nan"): 1}, "dict mapping ([nan#2]=2, [nan]=1)"),
    (
        {math.nan: [2], float("nan"): "a", -math.nan: None},
        "dict mapping ([nan#2]='a', [nan#3]=list sequence (2), [nan]=None)",
    ),
    ({"b": 1, "a": 2}.keys(), "dict_keys set ({'a'}='a', {'b'}='b')"),
    (
        collections.OrderedDict(b=1, a=2).items(),
        "odict_items set ({('a', 2)}=tuple sequence ('a', 2), {('b', 1)}=tuple sequence ('b', 1))",
    ),
    (types.MappingProxyType({"b": 1, "a": [2]}), "mappingproxy mapping (['a']=list sequence (2), ['b']=1)"),
    (types.SimpleNamespace(b=1, a=[2]), "types.SimpleNamespace object (.a=list sequence (2), .b=1)"),
    (bytearray(b"ab"), "bytearray object (b'ab')"),
    (memoryview(b"ab"), "memoryview object (b'ab')"),
    (memoryview(array.array("h", [1, 2])), "memoryview object (.format='h', .data=numpy.ndarray int16[2] [1, 2])"),
    (array.array("h", [1, 2]), "array.array int16[2] [1, 2]"),
    (array.array("w" if sys.version_info >= (3, 13) else "u", "ab"), "array.array object ('ab')"),
    (random.SystemRandom(), "random.SystemRandom object (.getstate()=None)"),
    (np.float32(1.5), "numpy.float32 float32[] 1.5"),
    (np.str_("ab"), "numpy.str_ U2[] ab"),
    (np.datetime64("2024-02-29"), "numpy.datetime64 datetime64[D][] 2024-02-29"),
    (
        np.array([(1, 2.0)], [("a", "i1"), ("b", "f4")])[0],
        "numpy.void object (.shape=tuple sequence (), ['a']=numpy.ndarray int8[] 1, ['b']=numpy.ndarray float32[] 2.0)",
    ),
    (np.array([[1, 2]], ">i2"), "numpy.ndarray int16[1, 2] [[1, 2]]"),
    (np.array([1, "a"], object), "numpy.ndarray object (.dtype='object', .shape=tuple sequence (2), [0]=1, [1]='a')"),
    (
        np.array([[1], [None]], object),
        "numpy.ndarray object (.dtype='object', .shape=tuple sequence (2, 1), [0, 0]=1, [1, 0]=None)",
    ),
    (
        np.array([(1, 2.0)], [("a", "i1"), ("b", "f4")]),
        (
            "numpy.ndarray object (.shape=tuple sequence (1), ['a']=numpy.ndarray int8[1] [1], "
            "['b']=numpy.ndarray float32[1] [2.0])"
        ),
    ),
    (
        masked([1, 2], "i8", mask=[0, 1]),
        "numpy.ma.MaskedArray object (.mask=numpy.ndarray bool[2] [False, True], .data=numpy.ndarray int64[2] [1, 0])",
    ),
    (
        masked(["a", "b"], "U3", mask=[0, 1]),
        "numpy.ma.MaskedArray object (.mask=numpy.ndarray bool[2] [False, True], .data=numpy.ndarray U3[2] ['a', ''])",
    ),
    (
        masked(["a", "b"], object, mask=[0, 1]),
        (
            "numpy.ma.MaskedArray object (.mask=numpy.ndarray bool[2] [False, True], .data=numpy.ndarray object "
            "(.dtype='object', .shape=tuple sequence (2), [0]='a', [1]=None))"
        ),
    ),
    (
        masked([(1, 2)], mask=[(0, 1)], dtype=[("a", "i1"), ("b", "i1")]),
        (
            "numpy.ma.MaskedArray object (['a']=numpy.ma.MaskedArray object (.mask=numpy.ndarray bool[1] "
            "[False], .data=numpy.ndarray int8[1] [1]), ['b']=numpy.ma.MaskedArray object (.mask=numpy.ndarray "
            "bool[1] [True], .data=numpy.ndarray int8[1] [0]))"
        ),
    ),
    (tagged(), "Tagged object (Tagged int64[2] [0, 1], .unit='m')"),
    (np.dtype(("f4", (2,))), "<numpy.dtype (float32, (2,))>"),
    (
        np.random.SeedSequence(7),
        (
            "numpy.random.SeedSequence object (.state=dict mapping (['entropy']=7, ['n_children_spawned']=0, "
            "['pool_size']=4, ['spawn_key']=tuple sequence ()))"
        ),
    ),
    (
        np.random.Generator(np.random.PCG64(0)),
        (
            "numpy.random.Generator object (.bit_generator=numpy.random.PCG64 object (.state=dict mapping "
            "(['bit_generator']='PCG64', ['has_uint32']=0, ['state']=dict mapping (['inc']=N, ['state']=N), "
            "['uinteger']=0)))"
        ),
    ),
]


def without_state(text: str) -> str:
    """Without the numbers of a generator."""
    return re.sub(r"\d{12,}", "N", text)


@pytest.mark.parametrize(("value", "expected"), FORMS, ids=itertools.count())
def test_forms_of_these_never_change(value: Any, expected: str) -> None:
    assert without_state(form(canonical(value))).replace(f"{HERE}.", "") == expected
