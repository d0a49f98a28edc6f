"""What frames and series of polars consist of, for each kind of dtype."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from tests.unit.values.outline import outline, seen

pl: Any = pytest.importorskip("polars")
frames_polars: Any = pytest.importorskip("pytest_repro.values.frames_polars")

# Series are made when a test runs: mutants are tried in forks, in which threads that polars started earlier are gone.
NULL = ".is_null numpy.ndarray bool [False, True]"


def parts(value: object) -> list[str]:
    return outline(frames_polars.canonical(value, seen))


def column(series: Any) -> list[str]:
    """The parts of a series behind its own name; they are the same in a frame."""
    head, name, *rest = parts(series)
    assert (head, name) == ("polars.Series", f".name {series.name!r}")
    inside = parts(pl.DataFrame([series.alias("c")]))
    assert inside[:5] == [
        "polars.DataFrame",
        ".columns list (sequence)",
        ".columns[0] 'c'",
        f".height {len(series)}",
        "['c'] polars.Series",
    ]
    assert inside[5:] == [f"['c']{line}" for line in rest]
    return rest


def test_a_frame_is_its_labels_its_height_and_its_columns() -> None:
    frame = pl.DataFrame({"b": [1, 2], "a": [0.5, None]})
    expected = [
        ".columns list (sequence)",
        ".columns[0] 'b'",
        ".columns[1] 'a'",
        ".height 2",
        "['b'] polars.Series",
        "['b'].dtype 'Int64'",
        "['b'].is_null None",
        "['b'].values numpy.ndarray int64 [1, 2]",
        "['a'] polars.Series",
        "['a'].dtype 'Float64'",
        "['a'].is_null numpy.ndarray bool [False, True]",
        "['a'].values numpy.ndarray float64 [0.5, 0.0]",
    ]
    assert parts(frame) == ["polars.DataFrame", *expected]
    assert parts(frame.lazy()) == ["polars.LazyFrame without query plan (compared by what it collects)", *expected]


def test_a_class_of_the_users_goes_by_its_own_name() -> None:
    class Mine(pl.DataFrame):  # type: ignore[misc]
        pass

    class Own(pl.Series):  # type: ignore[misc]
        pass

    assert parts(Mine({"a": [1]}))[0] == f"{__name__}.{Mine.__qualname__}"
    assert parts(Own("s", [1]))[:2] == [f"{__name__}.{Own.__qualname__}", ".name 's'"]


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (lambda: pl.Series([5, None], dtype=pl.Int8), "int8 [5, 0]"),
        (lambda: pl.Series([2**64 - 1, None], dtype=pl.UInt64), f"uint64 [{2**64 - 1}, 0]"),
        (lambda: pl.Series([1.5, None], dtype=pl.Float32), "float32 [1.5, 0.0]"),
        (lambda: pl.Series([True, None]), "bool [True, False]"),
        (lambda: pl.Series([dt.date(1970, 1, 6), None]), "int32 [5, 0]"),
        (lambda: pl.Series([dt.datetime(1970, 1, 1, 0, 0, 5), None], dtype=pl.Datetime("ms")), "int64 [5000, 0]"),
        (lambda: pl.Series([dt.timedelta(microseconds=5), None]), "int64 [5, 0]"),
        (lambda: pl.Series([dt.time(0, 0, 0, 5), None]), "int64 [5000, 0]"),
    ],
    ids=lambda item: item.split()[0] if isinstance(item, str) else "",
)
def test_numbers_and_times_are_an_array_with_zero_under_a_null(make: Callable[[], Any], values: str) -> None:
    series = make()
    text = repr(series.dtype)
    assert column(series) == [f".dtype {text!r}", NULL, f".values numpy.ndarray {values}"]


def test_texts_are_a_sequence() -> None:
    for dtype in (pl.String, pl.Categorical, pl.Enum(["a", "b"])):
        series = pl.Series(["a", None], dtype=dtype)
        lines = column(series)
        assert lines[1:] == [NULL, ".values list (sequence)", ".values[0] 'a'", ".values[1] None"]
    lines = column(pl.Series([b"a", None]))
    assert lines == [".dtype 'Binary'", NULL, ".values list (sequence)", ".values[0] b'a'", ".values[1] None"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: pl.Series([decimal.Decimal("1.50"), None]),
        lambda: pl.Series([2**100, None], dtype=pl.Int128),
        lambda: pl.Series([None, None]),
        lambda: pl.Series([SimpleNamespace(), None], dtype=pl.Object),
    ],
    ids=["decimal", "wide", "null", "object"],
)
def test_values_that_numpy_lacks_are_looked_into_as_python_has_them(make: Callable[[], Any]) -> None:
    series = make()
    assert column(series)[-1] == f".values {seen(series.to_list(), '.values')!r}"


def test_numeric_dtypes_that_numpy_lacks_are_known_where_polars_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("Int128", "UInt128", "Float16")
    for name in names:
        monkeypatch.setattr(pl, name, name, raising=False)
    assert frames_polars._wide() == names
    for name in names:
        monkeypatch.delattr(pl, name)
    assert frames_polars._wide() == ()


def test_a_struct_is_its_fields() -> None:
    assert column(pl.Series([{"p": 1, "q": "x"}, {"p": None, "q": "y"}])) == [
        ".dtype \"Struct({'p': Int64, 'q': String})\"",
        ".is_null None",
        ".length 2",
        "['p'] polars.Series",
        "['p'].dtype 'Int64'",
        f"['p']{NULL}",
        "['p'].values numpy.ndarray int64 [1, 0]",
        "['q'] polars.Series",
        "['q'].dtype 'String'",
        "['q'].is_null None",
        "['q'].values list (sequence)",
        "['q'].values[0] 'x'",
        "['q'].values[1] 'y'",
    ]


def test_lists_are_their_lengths_and_their_items_one_after_the_other() -> None:
    assert column(pl.Series([[1, None], None, [], [3]], dtype=pl.List(pl.Int8))) == [
        ".dtype 'List(Int8)'",
        ".is_null numpy.ndarray bool [False, True, False, False]",
        ".lengths numpy.ndarray uint32 [2, 0, 0, 1]",
        ".values polars.Series",
        ".values.dtype 'Int8'",
        ".values.is_null numpy.ndarray bool [False, True, False]",
        ".values.values numpy.ndarray int8 [1, 0, 3]",
    ]


def test_lists_of_one_length_are_read_as_lists_are() -> None:
    lines = column(pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2)))
    assert lines[1:4] == [NULL, ".lengths numpy.ndarray uint32 [2, 0]", ".values polars.Series"]
    assert lines[4:] == [
        ".values.dtype 'Int8'",
        ".values.is_null None",
        ".values.values numpy.ndarray int8 [1, 2]",
    ]


def test_walks_go_into_the_items_of_lists_and_structs() -> None:
    item = decimal.Decimal("1.50")
    looked = f".values {seen([item], '.values')!r}"
    for series, path in (
        (pl.Series([[item]]), ".values"),
        (pl.Series([[item]], dtype=pl.Array(pl.Decimal(None, 2), 1)), ".values"),
        (pl.Series([{"p": item}]), "['p']"),
    ):
        assert column(series)[-1] == f"{path}{looked}"
    assert parts(pl.DataFrame({"a": [item]}).lazy())[-1] == f"['a']{looked}"


def test_a_dtype_is_its_text() -> None:
    assert parts(pl.Datetime("us")) == [f"polars.DataType {pl.Datetime('us')!r}"]


def like(module: str, *bases: type) -> Any:
    return type("Thing", bases, {"__module__": module})()


def test_computations_are_refused_and_what_is_not_of_polars_is_left_to_others() -> None:
    with pytest.raises(ValueTypeError) as caught:
        frames_polars.canonical(like("polars.expr"), seen)
    assert str(caught.value) == (
        "cannot compare a polars.expr.Thing by meaning: it is a computation, not data; "
        "record the frame or series it computes"
    )
    for bases in ((dict,), (tuple,), (list,), (Exception,)):
        assert frames_polars.canonical(like("polars.x", *bases), seen) is None
    assert frames_polars.canonical(like("polarsx.y"), seen) is None
    assert frames_polars.canonical(np.float64(1.5), seen) is None
