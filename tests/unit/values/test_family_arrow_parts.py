"""What tables, columns and schemas of pyarrow consist of, for each kind of type."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from tests.unit.values.outline import outline, seen

pa: Any = pytest.importorskip("pyarrow")
frames_arrow: Any = pytest.importorskip("pytest_repro.values.frames_arrow")


def parts(value: object) -> list[str]:
    return outline(frames_arrow.canonical(value, seen))


def column(array: Any) -> list[str]:
    """The parts of an array behind its own name."""
    first, *rest = parts(array)
    assert first == "pyarrow.Array"
    assert outline(frames_arrow.column_node(array, seen)) == [first, *rest]
    return rest


# --- tables and schemas -----------------------------------------------------------------------

FIELD = pa.field("a", pa.int8(), nullable=False, metadata={"k": "v", "b": "w"})
FIELD_PARTS = [
    ".name 'a'",
    ".type 'int8'",
    ".nullable False",
    ".metadata dict (mapping)",
    ".metadata[b'b'] b'w'",
    ".metadata[b'k'] b'v'",
]


def test_a_table_is_its_schema_its_rows_and_its_columns() -> None:
    schema = pa.schema([FIELD, pa.field("b", pa.string())], metadata={"m": "n"})
    schema_parts = [
        "['a'] pyarrow.Field",
        *(f"['a']{part}" for part in FIELD_PARTS),
        "['b'] pyarrow.Field",
        "['b'].name 'b'",
        "['b'].type 'string'",
        "['b'].nullable True",
        "['b'].metadata dict (mapping)",
        ".metadata dict (mapping)",
        ".metadata[b'm'] b'n'",
    ]
    assert parts(schema) == ["pyarrow.Schema", *schema_parts]
    batch = pa.record_batch([pa.array([1, 2], pa.int8()), pa.array(["x", None])], schema=schema)
    for table, name in ((pa.Table.from_batches([batch]), "Table"), (batch, "RecordBatch")):
        assert parts(table) == [
            f"pyarrow.{name}",
            ".schema pyarrow.Schema",
            *(f".schema{part}" for part in schema_parts),
            ".num_rows 2",
            "['a'] pyarrow.Array",
            "['a'].type 'int8'",
            "['a'].is_null None",
            "['a'].values numpy.ndarray int8 [1, 2]",
            "['b'] pyarrow.Array",
            "['b'].type 'string'",
            "['b'].is_null numpy.ndarray bool [False, True]",
            "['b'].values list (sequence)",
            "['b'].values[0] 'x'",
            "['b'].values[1] None",
        ]


def test_a_field_a_type_and_a_schema_without_metadata() -> None:
    assert parts(FIELD) == ["pyarrow.Field", *FIELD_PARTS]
    assert parts(pa.int8()) == ["pyarrow.DataType int8"]
    assert parts(pa.schema([])) == ["pyarrow.Schema", ".metadata dict (mapping)"]


def test_a_scalar_is_its_type_and_value_and_a_buffer_its_bytes() -> None:
    assert parts(pa.scalar(3, pa.int8())) == ["pyarrow.Scalar", ".type 'int8'", ".as_py() '3 at .as_py()'"]
    assert parts(pa.py_buffer(b"\1\2")) == ["pyarrow.Buffer uint8 [1, 2]"]


def like(module: str, *bases: type) -> Any:
    return type("Thing", bases, {"__module__": module})()


def test_sources_of_data_are_refused_and_what_is_not_of_pyarrow_is_left_to_others() -> None:
    with pytest.raises(ValueTypeError) as caught:
        frames_arrow.canonical(like("pyarrow.lib"), seen)
    assert str(caught.value) == (
        "cannot compare a pyarrow.lib.Thing by meaning: it is a source of data, not data; record the table read from it"
    )
    for bases in ((dict,), (tuple,), (list,), (Exception,)):
        assert frames_arrow.canonical(like("pyarrow.lib", *bases), seen) is None
    assert frames_arrow.canonical(like("mine.pyarrow"), seen) is None
    assert frames_arrow.canonical(1.5, seen) is None


# --- columns ----------------------------------------------------------------------------------

NULL = ".is_null numpy.ndarray bool [False, True]"


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([5, None], pa.int16()), "int16 [5, 0]"),
        (pa.array([5, None], pa.uint64()), "uint64 [5, 0]"),
        (pa.array([2**60 + 1, None]), f"int64 [{2**60 + 1}, 0]"),
        (pa.array([1.5, None]), "float64 [1.5, 0.0]"),
        (pa.array([np.float16(1.5), None], pa.float16()), "float16 [1.5, 0.0]"),
        (pa.array([True, None]), "bool [True, False]"),
        (pa.array([5, None], pa.date32()), "int32 [5, 0]"),
        (pa.array([5, None], pa.time32("s")), "int32 [5, 0]"),
        (pa.array([5, None], pa.time64("us")), "int64 [5, 0]"),
        (pa.array([5, None], pa.timestamp("us", "UTC")), "int64 [5, 0]"),
        (pa.array([5, None], pa.duration("s")), "int64 [5, 0]"),
    ],
    ids=lambda item: str(item.type) if isinstance(item, pa.Array) else "",
)
def test_numbers_and_times_are_an_array_with_zero_under_a_null(array: Any, values: str) -> None:
    assert column(array) == [f".type '{array.type}'", NULL, f".values numpy.ndarray {values}"]
    assert column(array[:1])[1] == ".is_null None"


def test_nulls_alone_are_a_number_of_them() -> None:
    lines = column(pa.nulls(2))
    assert (lines[0], lines[2:]) == (".type 'null'", [".length 2"])


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array(["a", None]), "'a'"),
        (pa.array(["a", None], pa.large_string()), "'a'"),
        (pa.array([b"a", None]), "b'a'"),
        (pa.array([b"a", None], pa.large_binary()), "b'a'"),
    ],
    ids=lambda item: str(item.type) if isinstance(item, pa.Array) else "",
)
def test_texts_are_a_sequence(array: Any, text: str) -> None:
    expected = [".values list (sequence)", f".values[0] {text}", ".values[1] None"]
    assert column(array) == [f".type '{array.type}'", NULL, *expected]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([b"ab", None], pa.binary(2)),
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda array: str(array.type),
)
def test_values_of_other_types_are_looked_into_as_python_has_them(array: Any) -> None:
    assert column(array) == [f".type '{array.type}'", NULL, f".values {seen(array.to_pylist(), '.values')!r}"]


def test_a_dictionary_is_what_it_stands_for() -> None:
    array = pa.array(["a", None, "a"]).dictionary_encode()
    assert column(array) == [
        f".type '{array.type}'",
        ".is_null numpy.ndarray bool [False, True, False]",
        ".values list (sequence)",
        ".values[0] 'a'",
        ".values[1] None",
        ".values[2] 'a'",
    ]


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_lists_are_their_lengths_and_their_items_one_after_the_other(kind: Any) -> None:
    array = pa.array([[1, None], None, [], [3]], kind(pa.int8()))
    width = "int32" if kind is pa.list_ else "int64"
    assert column(array) == [
        f".type '{array.type}'",
        ".is_null numpy.ndarray bool [False, True, False, False]",
        f".lengths numpy.ndarray {width} [2, 0, 0, 1]",
        ".values pyarrow.Array",
        ".values.type 'int8'",
        ".values.is_null numpy.ndarray bool [False, True, False]",
        ".values.values numpy.ndarray int8 [1, 0, 3]",
    ]


def test_lists_of_one_length_are_read_as_lists_are() -> None:
    lines = column(pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)))
    assert lines[2:4] == [".lengths numpy.ndarray int32 [2, 2]", ".values pyarrow.Array"]
    assert lines[-1] == ".values.values numpy.ndarray int8 [1, 2, 3, 4]"


def test_a_struct_is_its_fields() -> None:
    array = pa.array([{"p": 1, "q": "x"}, None], pa.struct([("p", pa.int8()), ("q", pa.string())]))
    assert column(array) == [
        f".type '{array.type}'",
        NULL,
        ".length 2",
        "['p'] pyarrow.Array",
        "['p'].type 'int8'",
        f"['p']{NULL}",
        "['p'].values numpy.ndarray int8 [1, 0]",
        "['q'] pyarrow.Array",
        "['q'].type 'string'",
        f"['q']{NULL}",
        "['q'].values list (sequence)",
        "['q'].values[0] 'x'",
        "['q'].values[1] None",
    ]


def test_walks_go_into_the_items_of_lists_and_structs() -> None:
    inner = pa.array([b"ab"], pa.binary(2))
    looked = ".values \"[b'ab'] at .values\""
    assert column(pa.FixedSizeListArray.from_arrays(inner, 1))[-1] == f".values{looked}"
    assert column(pa.StructArray.from_arrays([inner], ["p"]))[-1] == f"['p']{looked}"
    assert column(pa.chunked_array([inner]))[-1] == looked
    assert parts(pa.table({"a": inner}))[-1] == f"['a']{looked}"


def test_an_extension_is_its_storage() -> None:
    class Mine(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.binary(2), "tests.mine")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

    array = pa.ExtensionArray.from_storage(Mine(), pa.array([b"ab"], pa.binary(2)))
    assert column(array) == [
        f".type '{array.type}'",
        ".storage pyarrow.Array",
        ".storage.type 'fixed_size_binary[2]'",
        ".storage.is_null None",
        ".storage.values \"[b'ab'] at .values\"",
    ]


# --- chunks -----------------------------------------------------------------------------------


def test_chunks_are_joined() -> None:
    for chunks in ([[1, 2]], [[1], [2]], [[1], [], [2]]):
        joined = frames_arrow._joined(pa.chunked_array(chunks, pa.int8()))
        assert isinstance(joined, pa.Array)
        assert joined.to_pylist() == [1, 2]
    assert column(pa.chunked_array([], pa.int8()))[-1] == ".values numpy.ndarray int8 []"
    chunks = [pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]
    assert column(pa.chunked_array(chunks))[-2:] == [".values[0] 'a'", ".values[1] 'b'"]


def test_one_chunk_is_not_copied() -> None:
    array = pa.array([1, 2])
    joined = frames_arrow._joined(pa.chunked_array([array]))
    assert joined.buffers()[1].address == array.buffers()[1].address


def test_chunks_that_join_to_chunks_are_put_together() -> None:
    whole: Any = SimpleNamespace(type=pa.int64(), num_chunks=2, combine_chunks=lambda: pa.chunked_array([[1], [2, 3]]))
    joined = frames_arrow._joined(whole)
    assert isinstance(joined, pa.Array)
    assert joined.to_pylist() == [1, 2, 3]


def test_dictionaries_of_chunks_are_made_one() -> None:
    chunks = [pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]
    joined = frames_arrow._joined(pa.chunked_array(chunks))
    assert joined.dictionary.to_pylist() == ["a", "b"]
    plain: Any = SimpleNamespace(type=pa.int8(), num_chunks=1, chunk=lambda i: f"chunk {i}")
    assert frames_arrow._joined(plain) == "chunk 0"
