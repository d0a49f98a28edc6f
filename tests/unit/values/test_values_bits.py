"""Bits of arrays and numbers: what equality and fingerprints are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values import canonical, fingerprint, identical
from pytest_repro.values.bits import dtype_name, storage_dtype


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
