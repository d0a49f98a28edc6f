"""pyarrow: tables, batches, arrays, scalars and schemas.

A table is its schema (names, types, nullability, metadata) and its columns. How columns are cut into
chunks, offsets into buffers, what lies under a null, and how a dictionary is ordered do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pytest_repro.model import Array, Atom
from pytest_repro.values.family import fields, key_segment, mapping, numpy_node, refuse, sequence

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical", "column_node"]


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a pyarrow value, or None if another rule applies."""
    if isinstance(value, (pa.Table, pa.RecordBatch)):
        return _table(value, walk)
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return column_node(value, walk)
    if isinstance(value, pa.Scalar):
        parts: list[Field] = [(".type", str(value.type)), (".as_py()", walk(value.as_py(), ".as_py()"))]
        return fields("pyarrow.Scalar", parts)
    if isinstance(value, pa.Schema):
        return _schema(value)
    if isinstance(value, pa.Field):
        return fields("pyarrow.Field", _field(value))
    if isinstance(value, pa.DataType):
        return Atom("pyarrow.DataType", str(value))
    if isinstance(value, pa.Buffer):
        return Array("pyarrow.Buffer", "uint8", (value.size,), np.frombuffer(value, dtype=np.uint8))
    if type(value).__module__.startswith("pyarrow") and not isinstance(value, (dict, tuple, list, Exception)):
        raise refuse(value, why="it is a source of data, not data", instead="record the table read from it")
    return None


def _table(table: Any, walk: Walk) -> Node:
    """Return a table by schema and columns."""
    named = zip(table.schema.names, table.columns, strict=True)
    columns = [(key_segment(name), column_node(column, walk)) for name, column in named]
    head: list[Field] = [(".schema", _schema(table.schema)), (".num_rows", int(table.num_rows))]
    return fields(f"pyarrow.{type(table).__name__}", head + columns)


def _schema(schema: Any) -> Node:
    parts = [(key_segment(item.name), fields("pyarrow.Field", _field(item))) for item in schema]
    return fields("pyarrow.Schema", [*parts, (".metadata", _metadata(schema.metadata))])


def _field(field: Any) -> list[Field]:
    return [
        (".name", field.name),
        (".type", str(field.type)),
        (".nullable", bool(field.nullable)),
        (".metadata", _metadata(field.metadata)),
    ]


def _metadata(metadata: dict[bytes, bytes] | None) -> Node:
    return mapping("dict", ((key_segment(key), value) for key, value in (metadata or {}).items()))


# --- columns ----------------------------------------------------------------------------------


def column_node(column: Any, walk: Walk) -> Node:
    """Return an array or chunked array by type, null mask and values."""
    if isinstance(column, pa.ChunkedArray):
        column = _joined(column)
    kind = column.type
    parts: list[Field] = [(".type", str(kind))]
    if isinstance(kind, pa.BaseExtensionType):
        return fields("pyarrow.Array", [*parts, (".storage", column_node(column.storage, walk))])
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    nulls = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    parts.append((".is_null", None if nulls is None else _numbers(nulls, walk)))
    return fields("pyarrow.Array", parts + _values(column, walk))


def _joined(column: Any) -> Any:
    """Return a chunked array as one array."""
    if pa.types.is_dictionary(column.type):  # chunks may disagree on their dictionaries
        column = column.unify_dictionaries()
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _values(column: Any, walk: Walk) -> list[Field]:
    """Return the values of an array, by the shape of its type."""
    kind = column.type
    types = pa.types
    if types.is_null(kind):
        return [(".length", len(column))]
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return [(".values", _numbers(_filled(column), walk))]
    if types.is_temporal(kind) and not types.is_interval(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        return [(".values", _numbers(_filled(column.view(width)), walk))]
    if types.is_struct(kind):
        inner = zip([kind.field(i).name for i in range(kind.num_fields)], column.flatten(), strict=True)
        return [(".length", len(column)), *((key_segment(name), column_node(part, walk)) for name, part in inner)]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lengths = _filled(_list_lengths(column))
        return [(".lengths", _numbers(lengths, walk)), (".values", column_node(column.flatten(), walk))]
    items = column.to_pylist()
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return [(".values", sequence("list", items))]
    return [(".values", walk(items, ".values"))]


def _list_lengths(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.list_value_length(column)


def _filled(column: Any) -> np.ndarray[Any, Any]:
    """Return numbers with zero where the array is null, so that what lies under a null does not count."""
    if column.null_count:
        column = column.fill_null(False if pa.types.is_boolean(column.type) else _zero(column.type))
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _zero(kind: Any) -> Any:
    return pa.array([np.float16(0)], pa.float16())[0] if pa.types.is_float16(kind) else pa.scalar(0, kind)


def _numbers(data: np.ndarray[Any, Any], walk: Walk) -> Node:
    return numpy_node("numpy.ndarray", data, walk, ".values")
