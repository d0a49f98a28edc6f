"""Bits of arrays and numbers: what equality and fingerprints are made of."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values import canonical, digest, equality, fingerprint, identical
from pytest_repro.values.bits import (
    _in_memory_order,
    _long_double_bits,
    arrays_equal,
    as_bits,
    chunks,
    dtype_name,
    little_endian,
    storage_dtype,
)

NAN = float("nan")


def array(name: str, *codes: int) -> Array:
    data = np.array(codes, np.uint8 if name.startswith("float8") else np.uint16)
    return Array("x", name, data.shape, data)


@pytest.mark.parametrize(
    ("dtype", "name"),
    [("U12", "U12"), ("S3", "S3"), ("V5", "V5"), (">f8", "float64"), ("?", "bool"), ("M8[ns]", "datetime64[ns]")],
)
def test_dtypes_are_named_without_byte_order_and_found_by_their_names(dtype: str, name: str) -> None:
    dtype_name.cache_clear()
    assert dtype_name(np.dtype(dtype)) == name
    assert storage_dtype(name) == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize(
    "name", ["object", "bfloat16", "float8_e5m2", "float64 ", ">f8", "U", "int7", "complex512", ""]
)
def test_other_names_are_none_of_numpys_own(name: str) -> None:
    assert storage_dtype(name) is None


@pytest.mark.parametrize(
    ("name", "infinity", "nans"),
    [
        ("bfloat16", 0x7F80, (0x7FC0, 0x7F81, 0xFFFF)),
        ("float8_e5m2", 0x7C, (0x7D, 0x7F, 0xFF)),
        ("float8_e4m3", 0x78, (0x79, 0x7F, 0xFF)),
        ("float8_e3m4", 0x70, (0x71, 0x7F, 0xFF)),
        ("float8_e4m3fn", 0x7E, (0x7F, 0xFF)),
        ("float8_e8m0fnu", 0xFE, (0xFF,)),
    ],
)
def test_nans_are_one_value_and_no_number_is_one(name: str, infinity: int, nans: tuple[int, ...]) -> None:
    first = array(name, 1, nans[0])
    for code in nans:
        assert identical(first, array(name, 1, code))
        assert fingerprint(first) == fingerprint(array(name, 1, code))
        assert identical(first, array(name, 1, code), nan_payload=True) is (code == nans[0])
    for code in (*range(256), infinity) if name.startswith("float8") else (*range(256), 0x7F00, infinity, 0xFF80):
        other = array(name, 1, code)
        assert identical(first, other) == (fingerprint(other) == fingerprint(first))
    assert not identical(first, array(name, 1, infinity))
    assert fingerprint(first) != fingerprint(array(name, 1, infinity))


@pytest.mark.parametrize(
    ("one", "two"),
    [([0.0], [-0.0]), ([2.0, 0.0], [2.0, -0.0]), ([1], [1.0]), ([1.0], [1]), ([1.0], [True]), ([2, 3.0], [2.0, 3.0])],
)
def test_numbers_that_python_calls_equal_are_not(one: list[Any], two: list[Any]) -> None:
    assert not identical(canonical(one), canonical(two))
    assert fingerprint(canonical(one)) != fingerprint(canonical(two))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (1 + 2j, "4f0915e15667358e0e514fdf3c9de9b9"),
        ({"a": 1, "b": 2}, "fa39ae499f3b159572db8f965a97ca99"),
        (256, "bf7058d8becff296f85508b7f11e2fa2"),
        (array("bfloat16", 0x7FFF, 1), "4dac6bf27dac821ff0226661edf3bb51"),
        (array("float8_e5m2", 0x7D, 1), "46b0945e652c09ce4bb28ec25834d79a"),
        (np.array([True, False]), "7f453c9d54a45be90bafab7e632c7391"),
        ([0.5], "b6bfd13ca17f8e476620868b65851700"),
        ("\ud800", "a3746dc86badecb021dff0cb8993ca46"),
        (-3, "3fefabcb6b91ad247a1f431d8b857067"),
        (np.dtype("f8"), "8cf1c085b9916b5c0d768a10e870cdf2"),
    ],
)
def test_fingerprints_of_these_never_change_either(node: Any, expected: str) -> None:
    assert fingerprint(node if isinstance(node, Array) else canonical(node)) == expected


def test_every_byte_but_zero_is_true() -> None:
    ones, others, mixed = (np.frombuffer(data, np.bool_) for data in (b"\1\1\0", b"\2\xff\0", b"\1\0\2"))
    assert identical(canonical(ones), canonical(others))
    assert fingerprint(canonical(ones)) == fingerprint(canonical(others)) == fingerprint(canonical(ones.copy()))
    assert not identical(canonical(ones), canonical(mixed))
    assert fingerprint(canonical(ones)) != fingerprint(canonical(mixed))


SEQUENCE = Branch("a", Layout.SEQUENCE, (), (1, "b"))
MAPPING = Branch("a", Layout.MAPPING, ("x", "y"), (1, "b"))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (SEQUENCE, replace(SEQUENCE, type="b")),
        (SEQUENCE, replace(SEQUENCE, items=(1,))),
        (replace(SEQUENCE, items=()), SEQUENCE),
        (MAPPING, replace(MAPPING, type="b")),
        (MAPPING, replace(MAPPING, layout=Layout.OBJECT)),
        (MAPPING, replace(MAPPING, keys=("x", "z"))),
        (MAPPING, replace(MAPPING, keys=("x",), items=(1,))),
        (array("bfloat16", 1, 2), replace(array("bfloat16", 1, 2), type="y")),
        (array("bfloat16", 1, 2), replace(array("bfloat16", 1, 2), dtype="uint16")),
        (array("bfloat16", 1, 2), array("bfloat16", 1)),
        (Atom("a", "b"), Atom("a", "c")),
        (Atom("a", "b"), Atom("b", "b")),
    ],
)
def test_type_layout_keys_dtype_and_shape_are_part_of_the_value(one: Any, two: Any) -> None:
    assert identical(one, replace(one))
    assert not identical(one, two)
    assert not identical(two, one)
    assert fingerprint(one) != fingerprint(two)


def test_what_is_no_canonical_value_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="not a canonical value: set"):
        fingerprint({1})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, 1, 0.0, NAN, complex(NAN, 0.0), "a", (1, [2]), np.zeros(2), np.dtype("f8")])
def test_every_value_is_itself(value: Any) -> None:
    node = canonical(value)
    for compare in (identical, equality.identical):
        assert compare(node, node)
        assert compare(node, node, nan_payload=True)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (NAN, -NAN),
        (complex(NAN, 1), complex(-NAN, 1)),
        (complex(1, NAN), complex(1, -NAN)),
        (np.array([NAN, 1]), np.array([-NAN, 1])),
    ],
)
def test_nans_are_one_value_unless_their_bits_are_asked_for(one: Any, two: Any) -> None:
    a, b = canonical(one), canonical(two)
    for compare in (identical, equality.identical):
        assert compare(a, b)
        assert not compare(a, b, nan_payload=True)
    assert fingerprint(a) == fingerprint(b) == digest.fingerprint(a) == digest.fingerprint(b)
    assert fingerprint(a, nan_payload=True) != fingerprint(b, nan_payload=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "F", "D", "g"])
def test_nan_in_an_array_has_the_fingerprint_of_numpys_own(dtype: str) -> None:
    one, two = np.array([-NAN, 1], dtype), np.array([np.nan, 1], dtype)
    assert fingerprint(canonical(one)) == fingerprint(canonical(two), nan_payload=True)
    assert fingerprint(canonical(one)) != fingerprint(canonical(np.array([0x7FC0, 1], dtype)))


# --- pieces ---------------------------------------------------------------------------------------


def sizes(data: Any, size: int, *, flat: bool = True) -> list[int]:
    """Bytes of the pieces, which hold all elements in order."""
    pieces = list(chunks(data, size) if flat else chunks(data, size, flat=False))
    assert np.array_equal(np.concatenate(pieces), data.ravel())
    return [piece.nbytes for piece in pieces]


def test_pieces_are_as_large_as_whole_elements_and_rows_allow() -> None:
    ten, square = np.arange(10, dtype="i8"), np.arange(15, dtype="i8").reshape(3, 5)
    small = np.arange(20, dtype="i1").reshape(5, 2, 2)
    assert sizes(ten, 64) == [64, 16]
    assert sizes(ten[:3], 1) == [8, 8, 8], "never less than an element"
    assert sizes(np.arange(100, dtype="i1"), 64) == [64, 36]
    assert sizes(ten[:1].reshape(()), 64) == sizes(ten[:1].reshape(()), 64, flat=False) == [8]
    assert sizes(square, 64) == [64, 56], "through the rows of what lies in order"
    assert sizes(square, 64, flat=False) == [40, 40, 40]
    assert sizes(square, 80, flat=False) == [80, 40]
    assert sizes(square[:1, ::2], 24) == sizes(square[:1, ::2], 64) == [24]
    assert sizes(small[:, :, :1], 4) == [4, 4, 2]
    assert sizes(small[:, :1, :1], 4) == [4, 1]


def test_a_row_that_is_too_long_is_read_in_pieces_of_its_own() -> None:
    """In one go if it lies in order, unless pieces may depend on the shape alone."""
    block = np.arange(2 * 3 * 5, dtype="i8").reshape(2, 3, 5)
    turned = block[::-1]
    assert sizes(turned, 64) == [64, 56, 64, 56] == [64, 56] * 2
    assert sizes(turned, 64, flat=False) == sizes(np.asfortranarray(block), 64, flat=False) == [40] * 6


def test_arrays_of_two_layouts_are_read_side_by_side() -> None:
    a = np.random.default_rng(0).random((1000, 301))[:, :300]
    for layout in ("C", "F"):
        b = a.copy(order=layout)
        changed = b.copy(order="K")
        changed[900, 200] += 1
        for x, y, other in ((a, b, changed), (b, a, changed), (changed, changed.copy(), a)):
            assert arrays_equal(x, y, "float64", nan_payload=False)
            assert not arrays_equal(x, other, "float64", nan_payload=False)


def test_what_both_arrays_have_in_one_order_is_read_without_a_copy() -> None:
    block = np.zeros((3, 4, 5))
    for axes in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)):
        a, b = block.transpose(axes), block.copy().transpose(axes)
        assert all(each.flags.c_contiguous for each in _in_memory_order(a, b))
        assert _in_memory_order(a, np.ascontiguousarray(b))[0].flags.c_contiguous
        assert _in_memory_order(np.ascontiguousarray(b), a)[0].flags.c_contiguous
    assert _in_memory_order(block[::-1], block)[0].shape == block.shape


def test_arrays_of_other_dtype_or_shape_are_not_equal() -> None:
    for other in (np.zeros(2, "f4"), np.zeros(2, "i8"), np.zeros(3), np.zeros((2, 1)), np.zeros((3, 1), "i8")):
        assert not arrays_equal(np.zeros(2), other, "float64", nan_payload=False)


@pytest.mark.parametrize(
    ("dtype", "width"),
    [("?", 1), ("i2", 2), ("f2", 2), ("f4", 4), ("F", 4), ("f8", 8), ("D", 8), ("U3", 4), ("S16", 8), ("V5", 1)],
)
def test_bits_are_read_as_wide_as_the_parts_of_an_element_allow(dtype: str, width: int) -> None:
    """A part is what may be NaN."""
    data = np.zeros(4, dtype)
    assert as_bits(data).dtype == f"u{width}"
    assert as_bits(data).nbytes == data.nbytes


def test_elements_without_bytes_have_no_bits() -> None:
    none = as_bits(np.zeros(3, "V0"))
    assert none.dtype == np.uint8
    assert none.shape == (0,)


def test_long_doubles_without_padding_are_their_bytes() -> None:
    """As they are where they are doubles, or have the full width."""
    data = np.array([1.5, -2.0])
    assert _long_double_bits(data).dtype == np.uint8
    assert _long_double_bits(data).tobytes() == data.tobytes()


def test_machines_of_either_byte_order_give_one_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.array([1.5, NAN, 2.0], "f4")
    usual = little_endian(data, "float32", nan_payload=False).tobytes()
    monkeypatch.setattr(sys, "byteorder", "little" if sys.byteorder == "big" else "big")
    assert little_endian(data.byteswap(), "float32", nan_payload=True).tobytes() == usual


def test_keys_that_records_share_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    original = digest._utf8

    def noted(text: str) -> bytes:
        encoded.append(text)
        return original(text)

    monkeypatch.setattr(digest, "_utf8", noted)
    keys = ("x", "y")
    records = tuple(Branch("a", Layout.MAPPING, keys, (number, "b")) for number in range(50))
    usual = fingerprint(Branch("list", Layout.SEQUENCE, (), records))
    assert encoded.count("x") == encoded.count("y") == 1
    others = tuple(replace(record, keys=("x", chr(ord("y")))) for record in records)
    assert fingerprint(Branch("list", Layout.SEQUENCE, (), others)) == usual
