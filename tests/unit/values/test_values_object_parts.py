"""Objects that no family knows: which of their attributes are parts, by which names, in which order; and the notes."""

from __future__ import annotations

import asyncio
import functools
import io
import operator
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values import canonical, objects

HERE = __name__
POINTER = objects._POINTER


def form(value: object) -> tuple[str, dict[str, Node], tuple[str, ...]]:
    """Type, parts and notes of an object."""
    node = canonical(value)
    assert isinstance(node, Branch)
    assert node.layout is Layout.OBJECT
    return node.type.removeprefix(f"{HERE}."), dict(zip(node.keys, node.items, strict=True)), node.notes


# --- what is refused --------------------------------------------------------------------------


def generator() -> Iterator[int]:
    yield 1


async def coroutine() -> None:
    await asyncio.sleep(0)


async def async_generator() -> AsyncIterator[int]:
    yield 1


class Weak:
    pass


UNDER_WAY = "it is a computation under way; record list(...) of it or what it returns"
KEPT = Weak()


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        (generator(), "generator", UNDER_WAY),
        (async_generator(), "async_generator", UNDER_WAY),
        (io.BytesIO(b""), "_io.BytesIO", "it is an open file; record its path or its content"),
        (sys._getframe(), "frame", "it is part of the interpreter's state"),
        (weakref.ref(KEPT), "weakref.ReferenceType", "it is a weak reference; record what it refers to"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_handles_are_refused_with_what_to_record_instead(value: object, kind: str, why: str) -> None:
    with pytest.raises(ValueTypeError) as caught:
        canonical(value)
    assert str(caught.value) == (
        f"cannot compare a {kind} by meaning: {why}; or teach the type with the hook pytest_repro_canonical"
    )


def test_a_coroutine_and_a_traceback_are_refused_too() -> None:
    waiting = coroutine()
    with pytest.raises(ValueTypeError, match="computation under way"):
        canonical(waiting)
    waiting.close()
    try:
        raise OSError
    except OSError as error:
        trace = error.__traceback__
    with pytest.raises(ValueTypeError, match="part of the interpreter's state"):
        canonical(trace)


# --- declared fields --------------------------------------------------------------------------


@dataclass
class Data:
    b: int = 1
    a: int = 2
    seconds: float = field(default=0.5, compare=False)
    unset: int = field(init=False)


class Heir(Data):
    pass


@dataclass
class Slotted:
    __slots__ = ("a",)
    a: int


def given(value: Any, **attributes: object) -> Any:
    value.__dict__.update(attributes)
    return value


def test_a_dataclass_is_its_fields_in_their_order_and_what_was_set_later_sorted() -> None:
    assert form(given(Data(), z=3, y=4, _c=5)) == (
        "Data",
        {".b": 1, ".a": 2, ".y": 4, ".z": 3},
        (".seconds (compare=False)", "._c (no field)"),
    )
    assert form(given(Heir(), _c=5)) == ("Heir", {".b": 1, ".a": 2, "._c": 5}, (".seconds (compare=False)",))
    assert form(Slotted(3)) == ("Slotted", {".a": 3}, ())
    assert form(given(Data(), unset=7))[1] == {".b": 1, ".a": 2, ".unset": 7}


class Attrs:
    """As attrs makes a class."""

    __attrs_attrs__ = (
        SimpleNamespace(name="b", eq=True),
        SimpleNamespace(name="a", eq=None),
        SimpleNamespace(name="c", eq="x"),
    )

    def __init__(self) -> None:
        self.b, self.a, self.c, self.d, self._e = 1, 2, 3, 4, 5


def test_an_attrs_class_is_its_fields_that_count() -> None:
    assert form(Attrs()) == ("Attrs", {".b": 1, ".c": 3, ".d": 4}, (".a (eq=False)", "._e (no field)"))


Base = type("Base", (), {"__module__": "pydantic.main"})


class Pydantic(Base):  # type: ignore[misc, valid-type]
    """As a model of pydantic 2."""

    model_fields: ClassVar[Any] = {"b": 0, "a": 0}

    def __init__(self) -> None:
        self.b, self.a = 1, 2
        self.__pydantic_extra__ = {"y": 3, "x": 4}
        self.__pydantic_private__ = {"_q": 5, "_p": 6}


class OldPydantic(Base):  # type: ignore[misc, valid-type]
    """As a model of pydantic 1."""

    __fields__: ClassVar[Any] = {"b": 0}

    def __init__(self) -> None:
        self.b, self.c = 1, 2


class Lookalike:
    """Has fields of that name, and is no model."""

    model_fields: ClassVar[Any] = {"b": 0}

    def __init__(self) -> None:
        self.a = 1


def test_a_pydantic_model_is_its_fields_and_extras() -> None:
    assert form(Pydantic()) == ("Pydantic", {".b": 1, ".a": 2, ".x": 4, ".y": 3}, ("._p (private)", "._q (private)"))
    assert form(OldPydantic()) == ("OldPydantic", {".b": 1}, ())
    assert form(Lookalike()) == ("Lookalike", {".a": 1}, ())


class Lazy:
    """As a collection of dask."""

    def __init__(self, graph: object) -> None:
        self.graph = graph

    def __dask_graph__(self) -> object:
        return self.graph

    def compute(self) -> list[Any]:
        return [1.5, *([generator()] if self.graph else [])]


def test_a_dask_collection_is_what_it_computes_and_one_without_a_graph_an_object() -> None:
    name, parts, notes = form(Lazy({}))
    assert (name, list(parts), notes) == ("Lazy", [".compute()"], ("task graph (compared by what it computes)",))
    with pytest.raises(ValueTypeError, match=r"a generator at \.compute\(\)\[1\] by meaning"):
        canonical(Lazy({1: 2}))
    assert form(Lazy(None)) == ("Lazy", {".graph": None}, ())


# --- own state --------------------------------------------------------------------------------


class Stateful:
    def __init__(self, state: object) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state


def test_an_object_is_the_state_that_its_class_gives() -> None:
    assert form(Stateful({"b": 1, "a": 2})) == ("Stateful", {".a": 2, ".b": 1}, ())
    assert form(Stateful(1.5)) == ("Stateful", {".__getstate__()": 1.5}, ())
    assert list(form(Stateful({1: 2}))[1]) == [".__getstate__()"]


class Elements:
    __slots__ = ()

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        return np.arange(2)


class Noted(Elements):
    __slots__ = ("unit",)


class Attributed(Elements):
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Mixed:
    __slots__ = ()

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        return np.array([(1,)], object)


class Shared:
    __slots__ = ()

    def __dlpack__(self, **options: Any) -> Any:
        return np.arange(2.0).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return np.arange(2.0).__dlpack_device__()


def test_what_offers_its_elements_is_an_array() -> None:
    for value, expected in ((Elements(), [0, 1]), (Shared(), [0.0, 1.0]), (Attributed(), [0, 1])):
        node = canonical(value)
        assert isinstance(node, Array)
        assert (node.type, node.data.tolist()) == (f"{HERE}.{type(value).__name__}", expected)
    assert canonical(Mixed()).type == f"{HERE}.Mixed"  # type: ignore[union-attr]
    for value in (Noted(), Attributed(a=1)):
        name, parts, notes = form(value)
        assert (name, list(parts), notes) == (type(value).__name__, [""], ("all but its elements (__array__)",))
        assert isinstance(parts[""], Array)
        assert parts[""].type == f"{HERE}.{name}"


# --- attributes -------------------------------------------------------------------------------


class __XPrivate:
    __slots__ = ("__a", "__c__", "__dict__", "__weakref__", "_b")

    def __init__(self) -> None:
        self.__a, self._b, self.__c__ = 1, 2, 3
        self.d = 4


class OneSlot:
    __slots__ = "only"


class More(OneSlot):
    __slots__ = ("more", "unset")


def test_slots_are_attributes_under_their_mangled_names() -> None:
    assert objects._slots(__XPrivate) == ["_XPrivate__a", "__c__", "_b"]
    assert objects._slots(More) == ["more", "unset", "only"]
    assert form(__XPrivate())[1] == {".__c__": 3, "._XPrivate__a": 1, "._b": 2, ".d": 4}
    value = More()
    value.only, value.more = 1, 2  # type: ignore[attr-defined]
    assert form(value) == ("More", {".more": 2, ".only": 1}, ())


def test_attributes_are_sorted_by_the_text_of_their_names() -> None:
    value = Weak()
    value.__dict__.update({"b": 1, 3: 2, "a": 3})  # type: ignore[dict-item]
    assert list(form(value)[1].items()) == [(".3", 2), (".a", 3), (".b", 1)]


class Failed(OSError):
    pass


def test_an_error_is_its_arguments_and_attributes() -> None:
    error = Failed(2, "no")
    error.note = [1]  # type: ignore[attr-defined]
    name, parts, _ = form(error)
    assert (name, list(parts)) == ("Failed", [".args", ".note"])
    assert parts[".args"].items == (2, "no")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("slots", "offsets", "size", "itemsize", "hidden"),
    [
        (0, (0, 0), 0, 0, False),
        (0, (0, 0), 1, 0, True),
        (1, (0, 0), 1, 0, False),
        (1, (0, 0), 2, 0, True),
        (0, (16, 0), 1, 0, False),
        (0, (16, 24), 2, 0, False),
        (0, (16, 24), 3, 0, True),
        (2, (16, 24), 4, 0, False),
        (0, (-1, -1), 0, 0, False),
        (0, (-1, -1), 1, 0, True),
        (0, (1, 1), 2, 0, False),
        (0, (0, 0), 0, 1, True),
    ],
)
def test_state_beyond_the_attributes_shows_in_the_size(
    slots: int, offsets: tuple[int, int], size: int, itemsize: int, hidden: bool
) -> None:
    """`size` is in pointers beyond a bare object."""
    cls: Any = SimpleNamespace(
        __dictoffset__=offsets[0],
        __weakrefoffset__=offsets[1],
        __basicsize__=object.__basicsize__ + size * POINTER,
        __itemsize__=itemsize,
    )
    assert objects._has_hidden_state(cls, slots) is hidden


# --- types written in C -----------------------------------------------------------------------


class Rebuilt(property):
    """Its state is out of sight, but for what it says would rebuild it."""

    parts: Any

    def __reduce_ex__(self, protocol: Any) -> Any:
        assert protocol == 2
        return self.parts


def rebuilt(*parts: object) -> Rebuilt:
    value = Rebuilt()
    value.parts = parts
    return value


def test_a_type_written_in_c_is_what_would_rebuild_it() -> None:
    name, parts, _ = form(operator.itemgetter("a", 3))
    assert name == "operator.itemgetter"
    assert list(parts) == [".__reduce__().callable", ".__reduce__().args"]
    assert parts[".__reduce__().callable"] == Atom("type", "operator.itemgetter")
    assert parts[".__reduce__().args"].items == ("a", 3)  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [threading.Lock(), iter([1]), iter({1: 2})], ids=["lock", "list", "dict"])
def test_what_shows_nothing_or_would_be_used_up_is_refused(value: object) -> None:
    with pytest.raises(ValueTypeError, match="its parts are out of Python's sight"):
        canonical(value)


def test_items_that_would_be_added_are_listed() -> None:
    name, parts, _ = form(rebuilt(len, (), None, iter([1, 2]), iter([("a", 3)]), len))
    assert name == "Rebuilt"
    assert list(parts) == [f".__reduce__().{part}" for part in ("callable", "args", "listitems", "dictitems")]
    assert parts[".__reduce__().listitems"].items == (1, 2)  # type: ignore[union-attr]
    assert form(rebuilt(len, (), "state"))[1][".__reduce__().state"] == "state"


def test_what_is_rebuilt_by_its_name_is_that_name() -> None:
    @functools.lru_cache
    def cached() -> None: ...

    name = "test_what_is_rebuilt_by_its_name_is_that_name.<locals>.cached"
    assert canonical(cached) == Atom("functools._lru_cache_wrapper", f"{HERE}.{name}")
    value = Rebuilt()
    value.parts = "there"
    assert canonical(value) == Atom(f"{HERE}.Rebuilt", f"{HERE}.there")
