"""The stored form of values at its bounds: what is just written and read, what just not, and in which order."""

from __future__ import annotations

import base64
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values import canonical, codec, decode, decoding, encode, identical


def nothing(ref: object) -> Any:
    raise AssertionError(f"{ref!r} should not have been asked for")


def refused(obj: object, get: Any = nothing) -> str:
    with pytest.raises(StoredDataError) as caught:
        decode(obj, get=get)
    return str(caught.value).removeprefix("stored value is damaged: expected ").removesuffix("; record it again")


def fields(node: Node) -> tuple[object, ...]:
    assert isinstance(node, Branch)
    return node.type, node.layout, node.keys, node.items, node.notes


def array(**changed: object) -> dict[str, object]:
    return {"array": {"type": "t", "dtype": "uint8", "shape": [2], "data": "AAA=", **changed}}


def read_array(obj: object, get: Any = nothing) -> Array:
    node = decode(obj, get=get)
    assert isinstance(node, Array)
    return node


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- written ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "stored"),
    [
        ((1 << 64) - 1, (1 << 64) - 1),
        (1 << 64, {"int": hex(1 << 64)}),
        (-(1 << 64), {"int": hex(-(1 << 64))}),
        (False, False),
        (complex(float("inf"), float("nan")), {"complex": [{"float": "inf"}, {"float": "nan"}]}),
        (Atom("\ud800", "\udc00"), {"atom": [{"text": "7aCA"}, {"text": "7bCA"}]}),
        (Branch("list", Layout.SEQUENCE, (), (1,)), [1]),
        (
            Branch("list", Layout.SEQUENCE, (), (1,), ("n",)),
            {"branch": {"type": "list", "layout": "sequence", "items": [1], "notes": ["n"]}},
        ),
        (
            Branch("list", Layout.SET, ("{1}",), (1,)),
            {"branch": {"type": "list", "layout": "set", "items": [1], "keys": ["{1}"]}},
        ),
        (
            Branch("tuple", Layout.SEQUENCE, (), (), ("\ud800",)),
            {"branch": {"type": "tuple", "layout": "sequence", "items": [], "notes": [{"text": "7aCA"}]}},
        ),
        (Branch("dict", Layout.MAPPING, (), ()), {"dict": {}}),
        (Branch("dict", Layout.MAPPING, ("a", "b"), (1, 2)), {"dict": {"a": 1, "b": 2}}),
        (
            Branch("dict", Layout.MAPPING, ("b", "a"), (1, 2)),
            {"branch": {"type": "dict", "layout": "mapping", "items": [1, 2], "keys": ["b", "a"]}},
        ),
        (
            Branch("dict", Layout.MAPPING, ("\ud800",), (1,)),
            {"branch": {"type": "dict", "layout": "mapping", "items": [1], "keys": [{"text": "7aCA"}]}},
        ),
        (
            Branch("dict", Layout.MAPPING, ("a",), (1,), ("n",)),
            {"branch": {"type": "dict", "layout": "mapping", "items": [1], "keys": ["a"], "notes": ["n"]}},
        ),
        (
            Branch("dict", Layout.OBJECT, ("a",), (1,)),
            {"branch": {"type": "dict", "layout": "object", "items": [1], "keys": ["a"]}},
        ),
        (
            Branch("\ud800", Layout.MAPPING, ("a",), (1,)),
            {"branch": {"type": {"text": "7aCA"}, "layout": "mapping", "items": [1], "keys": ["a"]}},
        ),
        (
            Array("\ud800", "uint8", (2, 2), np.asfortranarray(np.arange(4, dtype="u1").reshape(2, 2))),
            {"array": {"type": {"text": "7aCA"}, "dtype": "uint8", "shape": [2, 2], "data": text(bytes(range(4)))}},
        ),
        (
            Array("t", "bool", (1,), np.array([True])),
            {"array": {"type": "t", "dtype": "bool", "shape": [1], "data": "AQ=="}},
        ),
        (
            Array("t", "uint16", (1,), np.array([258], "u2")),
            {"array": {"type": "t", "dtype": "uint16", "shape": [1], "data": text(b"\x02\x01")}},
        ),
        (
            Array("t", "own", (1,), np.array([258], "u4")),
            {"array": {"type": "t", "dtype": "own", "shape": [1], "bits": "uint32", "data": text(b"\x02\x01\0\0")}},
        ),
    ],
)
def test_the_stored_form_of_odd_nodes(node: Node, stored: object) -> None:
    assert encode(node, put=nothing) == stored
    assert identical(decode(stored, get=nothing), node, nan_payload=True)


def test_arrays_of_4096_bytes_are_put_elsewhere() -> None:
    put: list[Any] = []

    def keep(data: Any) -> object:
        put.append(data)
        return "there"

    few, many = (Array("t", "uint8", (size,), np.zeros(size, "u1")) for size in (4095, 4096))
    inside = {"a": [few, many]}
    stored: Any = encode(Branch("tuple", Layout.SEQUENCE, (), tuple(inside["a"])), put=keep)
    first, second = (item["array"] for item in stored["branch"]["items"])
    assert first == {"type": "t", "dtype": "uint8", "shape": [4095], "data": text(bytes(4095))}
    assert second == {"type": "t", "dtype": "uint8", "shape": [4096], "ref": "there"}
    assert put == [many.data]
    assert identical(decode({"array": first}, get=nothing), few)


def test_a_machine_of_the_other_byte_order_writes_and_reads_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the numbers of memory are swapped before and after; here that shows as swapped numbers."""
    node = Array("t", "uint16", (1,), np.array([258], "u2"))
    for module in (codec, decoding):
        monkeypatch.setattr(module, "sys", SimpleNamespace(byteorder="big"))
    stored: Any = encode(node, put=nothing)
    assert stored["array"]["data"] == text(b"\x01\x02")
    assert identical(decode(stored, get=nothing), node)


# --- read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"dict": {"b": 1, "a": 2}}, ("dict", Layout.MAPPING, ("a", "b"), (2, 1), ())),
        ([1, "a"], ("list", Layout.SEQUENCE, (), (1, "a"), ())),
        ({"branch": {"type": "t", "layout": "sequence", "items": [1]}}, ("t", Layout.SEQUENCE, (), (1,), ())),
        ({"branch": {"type": "t", "layout": "object", "items": []}}, ("t", Layout.OBJECT, (), (), ())),
        (
            {"branch": {"type": {"text": "7aCA"}, "layout": "set", "items": [1], "keys": [{"text": "7aCA"}]}},
            ("\ud800", Layout.SET, ("\ud800",), (1,), ()),
        ),
        (
            {"branch": {"type": "t", "layout": "sequence", "items": [1], "keys": ["a"], "notes": ["n"]}},
            ("t", Layout.SEQUENCE, ("a",), (1,), ("n",)),
        ),
    ],
)
def test_what_is_read_as_a_branch(obj: object, expected: tuple[object, ...]) -> None:
    assert fields(decode(obj, get=nothing)) == expected


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            {"branch": {"type": "t", "layout": "sequence", "items": [1, 2], "keys": ["a"]}},
            "as many keys as items, found '1 and 2'",
        ),
        ({"branch": {"type": "t", "layout": "object", "items": [1]}}, "as many keys as items, found '0 and 1'"),
        ({"branch": {"type": "t", "items": []}}, "text, found None"),
        ({"branch": {"type": "t", "layout": "set"}}, "a list, found None"),
        ({"branch": {"type": "t", "layout": "set", "items": [], "notes": [1]}}, "text, found 1"),
        ({"branch": {"type": "t", "layout": "set", "items": [], "notes": None}}, "a list, found None"),
        ({"branch": {"type": {"text": "a", "b": 1}, "layout": "set", "items": []}}, "text, found 'dict'"),
        ({"branch": {"type": {"txt": "a"}, "layout": "set", "items": []}}, "text, found 'dict'"),
        ({"dict": {1: 2}}, "an object, found 'dict'"),
        ({"text": "x" * 81 + "é"}, "base64, found " + repr("x" * 81)[:80]),
        ({"bytes": 3}, "base64, found 3"),
        ({"bytes": "A A=="}, "base64, found 'A A=='"),
        ({"int": "0x1F"}, "a hexadecimal integer, found '0x1F'"),
        ({"int": "0x"}, "a hexadecimal integer, found '0x'"),
        ({"float": "NaN"}, "a number that is not finite, found 'NaN'"),
        ({"float": "nan:7ff800000000000g"}, "a number that is not finite, found 'nan:7ff800000000000g'"),
        ({"complex": [1, 2]}, "a complex number, found 'list'"),
        ({"complex": [1.0, 2.0, 3.0]}, "a complex number, found 'list'"),
        ({"complex": [1.0, {"flt": "inf"}]}, "a complex number, found 'list'"),
        ({"complex": {"float": "inf"}}, "a list, found 'dict'"),
        ({"atom": ["a", "b", "c"]}, "a type and a text, found 'list'"),
        ({"atom": ["a", 1]}, "text, found 1"),
        (array(shape=[1 << 62]), "a shape, found 'list'"),
        (array(shape=[(1 << 62) - 1]), f"an array of a possible size, found '({(1 << 62) - 1},) of uint8'"),
        (
            array(shape=[1 << 61] * 9),
            f"an array of a possible size, found '{f'({1 << 61}, {1 << 61}, {1 << 61})'[:50]} of uint8'",
        ),
        (array(shape=[1] * 65), "fewer dimensions, found 65"),
        (array(dtype="a b", bits="uint8"), "a dtype with its bits, found 'a b, uint8'"),
        (array(dtype="own", bits="uint128"), "a dtype with its bits, found 'own, uint128'"),
        (array(dtype="U0", shape=[(1 << 20) + 1], data=""), "an array of a possible size, found '(1048577,) of U0'"),
        (array(dtype="U1", shape=[1], data="////fw=="), "text and dates, found 'what is no character, or no date'"),
        (array(shape=[2**61, 2**61, 0], data=""), f"a shape, found '{f'({2**61}, {2**61}, 0)'[:50]}'"),
        (
            array(shape=[4096], data=text(bytes(4096))),
            "as many bytes as the shape needs, and few, found '4096 bytes for (4096,) of uint8'",
        ),
    ],
)
def test_what_is_refused_is_told(obj: object, expected: str) -> None:
    assert refused(obj) == expected


def test_numbers_read_back_with_every_bit() -> None:
    assert decode({"int": "-0xff"}, get=nothing) == -255
    payload = {"float": "nan:fff8000000000001"}
    number: Any = decode({"complex": [payload, -0.0]}, get=nothing)
    assert np.array([number.real]).view("u8")[0] == 0xFFF8000000000001
    assert str(number.imag) == "-0.0"
    assert [str(decode({"float": name}, get=nothing)) for name in ("inf", "-inf", "nan")] == ["inf", "-inf", "nan"]
    assert decode({"complex": [1.5, {"float": "-inf"}]}, get=nothing) == complex(1.5, -np.inf)


def test_arrays_read_back_owned_and_read_only() -> None:
    found = read_array(array(data="AQI="))
    assert (found.type, found.dtype, found.shape, found.data.tolist(), found.owned) == (
        "t",
        "uint8",
        (2,),
        [1, 2],
        True,
    )
    assert not found.data.flags.writeable
    assert read_array(array(shape=[1] * 63 + [2])).shape == (1,) * 63 + (2,)
    assert read_array(array(dtype="U0", shape=[1 << 20], data="")).data.tolist()[:2] == ["", ""]
    assert read_array(array(dtype="float32", shape=[3, 0], data="")).data.shape == (3, 0)


@pytest.mark.parametrize("bits", ["uint8", "uint16", "uint32", "uint64"])
def test_dtypes_of_other_libraries_are_read_as_their_bits(bits: str) -> None:
    itemsize = np.dtype(bits).itemsize
    found = read_array(array(dtype="own.Type[3]", bits=bits, shape=[1], data=text(bytes([7] + [0] * (itemsize - 1)))))
    assert (found.dtype, found.data.dtype.name, found.data.tolist()) == ("own.Type[3]", bits, [7])


def test_a_fetched_array_is_read_in_native_byte_order() -> None:
    head = {"array": {"type": "t", "dtype": "float64", "shape": [2], "ref": "there"}}
    asked: list[object] = []

    def get(data: Any) -> Any:
        def fetch(ref: object) -> Any:
            asked.append(ref)
            return data

        return fetch

    native = np.array([1.5, 2.5])
    assert read_array(head, get(native)).data is native
    swapped = read_array(head, get(native.astype(">f8"))).data
    assert (swapped.dtype.isnative, swapped.tolist()) == (True, [1.5, 2.5])
    assert asked == ["there", "there"]
    assert refused(head, get(native[:, None])) == "an array of its shape, found (2, 1)"
    assert refused(head, get([1.5, 2.5])) == "an array of its dtype, found 'list'"
    assert refused(head, get(native.astype("f4"))) == "an array of its dtype, found dtype('float32')"
    swapped = read_array(array(dtype="int16", ref="there"), get(np.array([1, 2], ">i2"))).data
    assert (swapped.dtype, swapped.tolist()) == (np.dtype("int16"), [1, 2])


WRAPS: dict[str, Any] = {
    "list": lambda inner: [inner],
    "dict": lambda inner: {"dict": {"a": inner}},
    "branch": lambda inner: {"branch": {"type": "t", "layout": "sequence", "items": [inner]}},
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_so_many_levels_are_read_and_one_more_is_not(wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_DEPTH", 20)
    obj: object = 1
    for _ in range(20):
        obj = wrap(obj)
    decode(obj, get=nothing)
    assert refused(wrap(obj)) == "stored value is larger than any that is written (20 levels, 5,000,000 parts)"


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_the_depth_bound_of_stored_values_is_250_levels(wrap: Any) -> None:
    obj: object = 1
    for _ in range(250):
        obj = wrap(obj)
    decode(obj, get=nothing)
    assert "(250 levels" in refused(wrap(obj))


@pytest.mark.parametrize("make", [lambda inner: (inner,), lambda inner: {"a": inner}, lambda inner: [inner]])
def test_a_value_of_the_depth_bound_is_read_with_half_of_pythons_stack(make: Any) -> None:
    """A worker's recording is read below a session, whose plugins may take many frames."""
    value: object = 1
    for _ in range(198):
        value = make(value)
    stored = encode(canonical(value), put=nothing)

    def below(frames: int) -> Node:
        return below(frames - 1) if frames else decode(stored, get=nothing)

    assert identical(below(sys.getrecursionlimit() // 2), canonical(value))


def test_the_depth_bound_of_python_itself_is_told_as_ours() -> None:
    found: list[str] = []

    def descend() -> None:
        try:
            descend()
        except RecursionError:
            if not found:  # here there is stack for a few more calls, and for fewer than are needed
                with pytest.raises((StoredDataError, RecursionError)) as caught:
                    decode(nested, get=nothing)
                found.extend([str(caught.value)] if caught.type is StoredDataError else [])

    nested: object = 1
    for _ in range(100):
        nested = [nested]
    descend()
    assert found == ["stored value is larger than any that is written (250 levels, 5,000,000 parts)"]


def test_so_many_parts_are_read_and_one_more_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_NODES", 1000)
    decode([0] * 999, get=nothing)
    assert refused([0] * 1000) == "stored value is larger than any that is written (250 levels, 1,000 parts)"


def test_an_array_of_just_the_largest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_ARRAY_BYTES", 4)
    assert read_array(array(dtype="uint16", shape=[2], data="AAAAAA==")).data.tolist() == [0, 0]
    assert refused(array(shape=[5], data=text(bytes(5)))) == "an array of a possible size, found '(5,) of uint8'"


def test_what_is_written_of_a_value_is_read_as_that_value() -> None:
    value = {"a": [1, (2.5, None)], "b": {1, 2}, "c": np.arange(3.0), "d": b"\0", "e": ..., "f": 1j}
    node = canonical(value)
    assert identical(decode(encode(node, put=nothing), get=nothing), node)
