"""Storing canonical values: nothing is lost, and damaged or hostile data is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values import canonical, decode, encode, identical


def put_nowhere(data: np.ndarray[Any, Any]) -> object:
    raise AssertionError(f"{data.nbytes} bytes should have been written inline")


def get_nothing(ref: object) -> np.ndarray[Any, Any]:
    raise AssertionError(f"{ref!r} should not have been asked for")


def back(obj: object) -> Node:
    return decode(json.loads(json.dumps(obj, allow_nan=False)), get=get_nothing)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.1, 0.1),
        (float("-inf"), {"float": "-inf"}),
        (float("nan"), {"float": "nan"}),
        (1 << 80, {"int": "0x100000000000000000000"}),
        (-(1 << 80), {"int": "-0x100000000000000000000"}),
        ("é", "é"),
        (b"hi", {"bytes": "aGk="}),
        (2 - 0.5j, {"complex": [2.0, -0.5]}),
        ("\ud83d\ude00", {"text": base64.b64encode("\ud83d\ude00".encode("utf-8", "surrogatepass")).decode()}),
        ([1, [2]], [1, [2]]),
        ({"b": 1, "a": 2}, {"dict": {"['a']": 2, "['b']": 1}}),
        ((1,), {"branch": {"type": "tuple", "layout": "sequence", "items": [1]}}),
        (Ellipsis, {"atom": ["ellipsis", "..."]}),
        (
            np.array([[1, 2]], ">i2"),
            {"array": {"type": "numpy.ndarray", "dtype": "int16", "shape": [1, 2], "data": "AQACAA=="}},
        ),
    ],
)
def test_each_kind_of_value_has_one_stored_form_that_reads_back(value: object, stored: object) -> None:
    node = canonical(value)
    assert encode(node, put=put_nowhere) == stored
    assert identical(back(stored), node, nan_payload=True)


def test_sign_of_zero_nan_payload_and_shortest_floats_survive() -> None:
    payload = np.array([0x7FF8_0000_0000_1234], np.uint64).view(np.float64)[0].item()
    for number in (-0.0, 5e-324, 1 / 3, payload, -payload):
        node = canonical([number, complex(number, -0.0)])
        assert identical(back(encode(node, put=put_nowhere)), node, nan_payload=True)


def test_large_arrays_go_through_put_and_get() -> None:
    kept: list[np.ndarray[Any, Any]] = []

    def put(data: np.ndarray[Any, Any]) -> object:
        kept.append(data.copy())
        return {"sha256": "abc"}

    node = canonical({"w": np.arange(512.0), "v": np.arange(511.0)})
    stored = encode(node, put=put)
    assert len(kept) == 1
    assert identical(decode(stored, get=lambda ref: kept[0]), node)


def test_dtypes_that_numpy_lacks_are_stored_with_their_bits() -> None:
    node = Array("torch.Tensor", "bfloat16", (2,), np.array([0x3F80, 0x7FC0], np.uint16))
    stored = encode(node, put=put_nowhere)
    assert stored == {
        "array": {"type": "torch.Tensor", "dtype": "bfloat16", "bits": "uint16", "shape": [2], "data": "gD/Afw=="}
    }
    assert identical(back(stored), node)


def test_notes_and_unsafe_keys_survive() -> None:
    node = Branch("dict", Layout.MAPPING, ("['\ud800']",), (Atom("x.Y", "\udc00"),), ("['t'] (timing)",))
    again = back(encode(node, put=put_nowhere))
    assert isinstance(again, Branch)
    assert (again.keys, again.items, again.notes) == (node.keys, node.items, node.notes)


def array(**fields: object) -> dict[str, object]:
    return {"array": {"type": "t", "dtype": "uint8", "shape": [2], "data": "AAA=", **fields}}


def branch(**fields: object) -> dict[str, object]:
    return {"branch": {"type": "t", "layout": "object", "keys": [".a"], "items": [1], **fields}}


def nested(levels: int) -> object:
    obj: object = 1
    for _ in range(levels):
        obj = [obj]
    return obj


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(float("inf"), "a finite number, found inf", id="bare infinity"),
        pytest.param((1,), "a value, found (1,)", id="not JSON"),
        pytest.param({}, "a value, found 'dict'", id="no tag"),
        pytest.param({"atom": ["a", "b"], "int": "0x1"}, "a value, found 'dict'", id="two tags"),
        pytest.param({"pickle": "gASVAAAA"}, "a known kind of value, found 'pickle'", id="unknown tag"),
        pytest.param({"float": "1.5"}, "a number that is not finite, found '1.5'", id="finite as text"),
        pytest.param(
            {"float": "nan:7ff0000000000000"},
            "a number that is not finite, found 'nan:7ff0000000000000'",
            id="infinity as NaN",
        ),
        pytest.param({"float": ["nan"]}, "a number that is not finite, found 'list'", id="float not text"),
        pytest.param({"int": "12"}, "a hexadecimal integer, found '12'", id="decimal"),
        pytest.param({"int": 12}, "a hexadecimal integer, found 12", id="int not text"),
        pytest.param({"bytes": "a b"}, "base64, found 'a b'", id="not base64"),
        pytest.param({"bytes": "é"}, "base64, found 'é'", id="not ASCII"),
        pytest.param({"text": "/w=="}, "text, found '/w=='", id="not UTF-8"),
        pytest.param({"complex": [1.0]}, "a complex number, found 'list'", id="half a complex"),
        pytest.param({"complex": [1.0, True]}, "a complex number, found 'list'", id="complex of bool"),
        pytest.param({"atom": ["a"]}, "a type and a text, found 'list'", id="half an atom"),
        pytest.param({"atom": [1, 2]}, "text, found 1", id="atom of numbers"),
        pytest.param({"dict": [1]}, "an object, found 'list'", id="dict not an object"),
        pytest.param({"array": [1]}, "an object, found 'list'", id="array not an object"),
        pytest.param(array(dtype="object", data=""), "a dtype, found 'object'", id="objects"),
        pytest.param(array(dtype="O"), "a dtype, found 'O'", id="objects, short"),
        pytest.param(array(dtype="uint8,object"), "a dtype, found 'uint8,object'", id="records"),
        pytest.param(array(dtype="float8_e5m2"), "a dtype, found 'float8_e5m2'", id="bits missing"),
        pytest.param(
            array(dtype="float8_e5m2", bits="object"),
            "a dtype with its bits, found 'float8_e5m2, object'",
            id="bits of objects",
        ),
        pytest.param(
            array(dtype="float16", bits="uint8"),
            "a dtype with its bits, found 'float16, uint8'",
            id="bits of numpy's own",
        ),
        pytest.param(
            array(shape=[3]),
            "as many bytes as the shape needs, and few, found '2 bytes for (3,) of uint8'",
            id="shape too large",
        ),
        pytest.param(array(shape=[-1]), "a shape, found 'list'", id="negative"),
        pytest.param(array(shape=[2.0]), "a shape, found 'list'", id="shape of floats"),
        pytest.param(array(shape=[True, 2]), "a shape, found 'list'", id="shape of bools"),
        pytest.param(
            array(shape=[1 << 61, 1 << 61]),
            "an array of a possible size, found '(2305843009213693952, 2305843009213693952) of uint8'",
            id="impossible size",
        ),
        pytest.param(array(shape=[1] * 100), "fewer dimensions, found 100", id="dimensions"),
        pytest.param(
            array(shape=[1, 2, 0], dtype="U1000000000"), "a dtype, found 'U1000000000'", id="bytes for nothing"
        ),
        pytest.param(
            array(shape=[4096], data="AAAA" * 1365 + "AA=="),
            "as many bytes as the shape needs, and few, found '4096 bytes for (4096,) of uint8'",
            id="large inline",
        ),
        pytest.param(array(data=None), "base64, found None", id="no data"),
        pytest.param(array(type=None), "text, found None", id="no type"),
        pytest.param(branch(layout="heap"), "a layout, found 'heap'", id="layout"),
        pytest.param(branch(keys=[]), "as many keys as items, found '0 and 1'", id="keys missing"),
        pytest.param(branch(keys=[".a", ".b"]), "as many keys as items, found '2 and 1'", id="too many keys"),
        pytest.param(
            branch(keys=[".a", ".a"], items=[1, 2]), "keys that differ, found 'repeated keys'", id="repeated keys"
        ),
        pytest.param(branch(keys=[1]), "text, found 1", id="key not text"),
        pytest.param(branch(items={}), "a list, found 'dict'", id="items not a list"),
        pytest.param(
            nested(300), "stored value is larger than any that is written (250 levels, 5,000,000 parts)", id="too deep"
        ),
    ],
)
def test_what_is_never_written_is_refused(obj: object, expected: str) -> None:
    with pytest.raises(StoredDataError) as caught:
        decode(obj, get=get_nothing)
    whole = expected if expected.startswith("stored value is larger") else damaged(expected)
    assert str(caught.value) == whole


def damaged(expected: str) -> str:
    return f"stored value is damaged: expected {expected}; record it again"


@pytest.mark.parametrize(
    "fetched",
    [np.zeros(600, "f4"), np.zeros((600, 1)), np.zeros(601), np.array([None] * 600), [0.0] * 600],
    ids=["dtype", "shape", "length", "objects", "list"],
)
def test_a_stored_array_that_does_not_fit_its_head_is_refused(fetched: Any) -> None:
    obj = {"array": {"type": "t", "dtype": "float64", "shape": [600], "ref": "x"}}
    with pytest.raises(StoredDataError, match="damaged"):
        decode(obj, get=lambda ref: fetched)
