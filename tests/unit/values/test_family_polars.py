from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, notes

pl: Any = pytest.importorskip("polars")

DAY = dt.date(2020, 1, 1)
TIME = dt.datetime(2020, 1, 1, 12, 30)

#: series of every dtype: all of them mean something else
SERIES: dict[str, Callable[[], Any]] = {
    "Int64": lambda: pl.Series([1, None]),
    "Int64 without null": lambda: pl.Series([1, 0]),
    "Int8": lambda: pl.Series([1, None], dtype=pl.Int8),
    "UInt64": lambda: pl.Series([2**64 - 1, None], dtype=pl.UInt64),
    "Int128": lambda: pl.Series([2**100, None], dtype=pl.Int128),
    "Float32": lambda: pl.Series([1.5, None], dtype=pl.Float32),
    "Float64 null": lambda: pl.Series([1.5, None]),
    "Float64 nan": lambda: pl.Series([1.5, float("nan")]),
    "Boolean": lambda: pl.Series([True, None]),
    "String": lambda: pl.Series(["a", None]),
    "String empty": lambda: pl.Series(["a", ""]),
    "Binary": lambda: pl.Series([b"a", None]),
    "Categorical": lambda: pl.Series(["a", None], dtype=pl.Categorical),
    "Enum": lambda: pl.Series(["a", None], dtype=pl.Enum(["a", "b"])),
    "Enum, other order": lambda: pl.Series(["a", None], dtype=pl.Enum(["b", "a"])),
    "Enum, many": lambda: pl.Series(["a", None], dtype=pl.Enum(["a", *map(str, range(500))])),
    "Enum, many, one other": lambda: pl.Series(["a", None], dtype=pl.Enum(["a", *map(str, range(499)), "x"])),
    "Date": lambda: pl.Series([DAY, None]),
    "Datetime": lambda: pl.Series([TIME, None]),
    "Datetime UTC": lambda: pl.Series([TIME, None]).dt.replace_time_zone("UTC"),
    "Datetime ms": lambda: pl.Series([TIME, None]).cast(pl.Datetime("ms")),
    "Duration": lambda: pl.Series([dt.timedelta(1), None]),
    "Time": lambda: pl.Series([TIME.time(), None]),
    "Decimal": lambda: pl.Series([decimal.Decimal("1.50"), None]),
    "List": lambda: pl.Series([[1, 2], []]),
    "List null": lambda: pl.Series([[1, 2], None]),
    "List other lengths": lambda: pl.Series([[1], [2]]),
    "List of List": lambda: pl.Series([[[1], [2]], []]),
    "Array": lambda: pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)),
    "Struct": lambda: pl.Series([{"p": 1, "q": "x"}, {"p": None, "q": "y"}]),
    "Null": lambda: pl.Series([None, None]),
}


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize(
    "box", [lambda series: series, lambda series: pl.DataFrame({"a": series})], ids=["series", "frame"]
)
def test_series_of_every_dtype_equals_its_twin_and_no_other(kind: str, box: Callable[[Any], Any]) -> None:
    mine = box(SERIES[kind]())
    assert_same(mine, box(SERIES[kind]()))
    assert_well_formed(canonical(mine))
    for other, make in SERIES.items():
        if other != kind:
            assert_differ(mine, box(make()))


@given(st.lists(st.none() | st.floats(), min_size=2), st.data())
@settings(max_examples=50, deadline=None)
def test_chunks_are_not_part_of_a_series(items: list[float | None], data: st.DataObject) -> None:
    whole = pl.Series(items, dtype=pl.Float64)
    cut = data.draw(st.integers(0, len(items)))
    parts = whole[:cut].clone().append(whole[cut:])
    assert_same(whole, parts)
    assert_same(whole, parts.rechunk())
    assert_differ(whole, whole.rename("other"), ".name")
    assert_differ(whole, whole[:-1])


def test_column_order_and_names_are_part_of_a_frame() -> None:
    frame = pl.DataFrame({"a": [1], "b": [2.0]})
    assert_differ(frame, frame.select("b", "a"), ".columns[0]")
    assert_differ(frame, frame.rename({"a": "z"}), ".columns[0]")
    assert_differ(frame, frame.with_columns(b=pl.lit(3.0)), "['b'].values")


def test_nested_items_are_found_by_path() -> None:
    assert_differ(pl.Series([[1, 2], []]), pl.Series([[1, 3], []]), ".values.values")
    assert_differ(pl.Series([{"p": 1}]), pl.Series([{"p": 2}]), "['p'].values")


def test_lazy_frame_is_what_it_collects_to_and_says_so() -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    assert_same(frame.lazy().filter(pl.col("a") > 1), frame.lazy().filter(pl.col("a") >= 2))
    assert_differ(frame.lazy(), frame.lazy().head(1))
    assert notes(canonical(frame.lazy())) == ["query plan (compared by what it collects)"]


def test_dtype_is_an_atom_and_an_expression_is_refused() -> None:
    assert_differ(pl.Datetime("us"), pl.Datetime("ms"))
    with pytest.raises(ValueTypeError, match="computation"):
        canonical(pl.col("a"))
