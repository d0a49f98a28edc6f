from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed

pa: Any = pytest.importorskip("pyarrow")

#: arrays of every type: all of them mean something else
ARRAYS: dict[str, Callable[[], Any]] = {
    "int64": lambda: pa.array([1, None]),
    "int64 without null": lambda: pa.array([1, 0]),
    "uint8": lambda: pa.array([1, None], pa.uint8()),
    "half": lambda: pa.array([1, None], pa.float16()),
    "double": lambda: pa.array([1.5, None]),
    "double nan": lambda: pa.array([1.5, float("nan")]),
    "bool": lambda: pa.array([True, None]),
    "string": lambda: pa.array(["a", None]),
    "large string": lambda: pa.array(["a", None], pa.large_string()),
    "string view": lambda: pa.array(["a", None], pa.string_view()),
    "binary": lambda: pa.array([b"a", None]),
    "fixed binary": lambda: pa.array([b"ab", None], pa.binary(2)),
    "dictionary": lambda: pa.array(["a", None]).dictionary_encode(),
    "date": lambda: pa.array([1, None], pa.date32()),
    "date64": lambda: pa.array([86_400_000, None], pa.date64()),
    "time": lambda: pa.array([1, None], pa.time32("s")),
    "timestamp": lambda: pa.array([1, None], pa.timestamp("us")),
    "timestamp UTC": lambda: pa.array([1, None], pa.timestamp("us", "UTC")),
    "duration": lambda: pa.array([1, None], pa.duration("s")),
    "interval": lambda: pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "decimal": lambda: pa.array([decimal.Decimal("1.5"), None]),
    "list": lambda: pa.array([[1, 2], None]),
    "list empty": lambda: pa.array([[1, 2], []]),
    "large list": lambda: pa.array([[1, 2], None], pa.large_list(pa.int64())),
    "fixed list": lambda: pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    "struct": lambda: pa.array([{"p": 1}, None]),
    "struct of null": lambda: pa.array([{"p": 1}, {"p": None}]),
    "map": lambda: pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    "null": lambda: pa.nulls(2),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("box", [lambda array: array, lambda array: pa.table({"a": array})], ids=["array", "table"])
def test_array_of_every_type_equals_its_twin_and_no_other(kind: str, box: Callable[[Any], Any]) -> None:
    mine = box(ARRAYS[kind]())
    assert_same(mine, box(ARRAYS[kind]()))
    assert_well_formed(canonical(mine))
    for other, make in ARRAYS.items():
        if other != kind:
            assert_differ(mine, box(make()))


@pytest.mark.parametrize("kind", ARRAYS)
def test_chunks_and_offsets_are_not_part_of_a_column(kind: str) -> None:
    array = ARRAYS[kind]()
    whole = pa.chunked_array([array])
    assert_same(whole, pa.chunked_array([array[:1], array[1:]]))
    padded = pa.concat_arrays([array, array, array])
    assert_same(array, padded[2:4])
    assert_differ(array, array[:1])


@given(st.lists(st.none() | st.integers(-5, 5), min_size=1), st.integers(0, 10))
@settings(max_examples=50, deadline=None)
def test_tables_are_equal_however_they_are_cut(items: list[int | None], cut: int) -> None:
    table = pa.table({"a": pa.array(items, pa.int64())})
    assert_same(table, pa.concat_tables([table[:cut], table[cut:]]))
    assert_differ(table, table[:-1])


def test_dictionaries_may_differ_from_chunk_to_chunk() -> None:
    chunks = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    assert_same(pa.chunked_array(chunks), pa.chunked_array([pa.array(["a", "b", "c", "a"]).dictionary_encode()]))


def test_what_lies_under_a_null_is_not_part_of_an_array() -> None:
    mask = pa.py_buffer(b"\x01")

    def array(hidden: int) -> Any:
        data = pa.py_buffer((1).to_bytes(8, "little") + hidden.to_bytes(8, "little"))
        return pa.Array.from_buffers(pa.int64(), 2, [mask, data])

    assert_same(array(7), array(8))


def test_large_integers_beside_a_null_keep_all_their_bits() -> None:
    assert_differ(pa.array([2**60, None]), pa.array([2**60 + 1, None]), ".values")


def test_schema_metadata_and_nullability_count() -> None:
    table = pa.table({"a": [1]})
    assert_differ(table, table.replace_schema_metadata({"k": "v"}), ".schema.metadata[b'k']")
    strict = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    assert_differ(table, table.cast(strict), ".schema['a'].nullable")
    assert_differ(table.schema, strict, "['a'].nullable")
    assert_differ(table, table.rename_columns(["b"]))
    assert_differ(table, table.to_batches()[0])


def test_scalars_and_types_are_told_apart() -> None:
    assert_same(pa.scalar(1), pa.scalar(1))
    assert_differ(pa.scalar(1), pa.scalar(1, pa.int8()), ".type")
    assert_differ(pa.int64(), pa.int32())
    assert_same(pa.py_buffer(b"ab"), pa.py_buffer(b"ab"))
