from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed

pd: Any = pytest.importorskip("pandas")


def _objects(*items: object) -> Any:
    return _plain(np.array(items, dtype=object))


def _plain(data: np.ndarray[Any, Any]) -> Any:
    return pd.arrays.NumpyExtensionArray(data)


#: arrays of every kind: all of them mean something else
ARRAYS: dict[str, Callable[[], Any]] = {
    "int64": lambda: _plain(np.array([1, 2])),
    "int32": lambda: _plain(np.array([1, 2], np.int32)),
    "float64": lambda: _plain(np.array([1.0, np.nan])),
    "bool": lambda: _plain(np.array([True, False])),
    "object None": lambda: _objects(1.0, None),
    "object nan": lambda: _objects(1.0, np.nan),
    "object NA": lambda: _objects(1.0, pd.NA),
    "object NaT": lambda: _objects(1.0, pd.NaT),
    "Int64": lambda: pd.array([1, None], dtype="Int64"),
    "Int64 without gap": lambda: pd.array([1, 0], dtype="Int64"),
    "Float64": lambda: pd.array([1.0, None], dtype="Float64"),
    "boolean": lambda: pd.array([True, None], dtype="boolean"),
    "string": lambda: pd.array(["a", None], dtype="string"),
    "string with NUL": lambda: pd.array(["a\0", None], dtype="string"),
    "category": lambda: pd.Categorical(["a", "b"], categories=["a", "b"]),
    "category, other order": lambda: pd.Categorical(["a", "b"], categories=["b", "a"]),
    "category, one more": lambda: pd.Categorical(["a", "b"], categories=["a", "b", "c"]),
    "category, ordered": lambda: pd.Categorical(["a", "b"], categories=["a", "b"], ordered=True),
    "datetime ns": lambda: pd.array(np.array(["2020", "2021"], "M8[ns]")),
    "datetime s": lambda: pd.array(np.array(["2020", "2021"], "M8[s]")),
    "datetime NaT": lambda: pd.array(np.array(["2020", "NaT"], "M8[ns]")),
    "datetime UTC": lambda: pd.array(pd.DatetimeIndex(["2020", "2021"], tz="UTC")),
    "datetime Paris": lambda: pd.array(pd.DatetimeIndex(["2020", "2021"], tz="UTC").tz_convert("Europe/Paris")),
    "timedelta": lambda: pd.array(np.array([1, 2], "m8[s]")),
    "period M": lambda: pd.array(pd.period_range("2020", periods=2, freq="M")),
    "period Y": lambda: pd.array(pd.period_range("2020", periods=2, freq="Y")),
    "interval right": lambda: pd.arrays.IntervalArray.from_breaks([0, 1, 2]),
    "interval left": lambda: pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left"),
    "sparse nan": lambda: pd.arrays.SparseArray([1.0, np.nan]),
    "sparse 0": lambda: pd.arrays.SparseArray([1.0, np.nan], fill_value=0.0),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("box", [pytest.param(lambda array: array, id="array"), "Series", "Index", "DataFrame"])
def test_array_of_every_kind_equals_its_copy_and_no_other(kind: str, box: Any) -> None:
    def boxed(array: Any) -> Any:
        if callable(box):
            return box(array)
        return pd.DataFrame({"a": array}) if box == "DataFrame" else getattr(pd, box)(array, copy=True)

    mine = boxed(ARRAYS[kind]())
    assert_same(mine, boxed(ARRAYS[kind]().copy()))
    assert_well_formed(canonical(mine))
    for other, make in ARRAYS.items():
        if other != kind:
            assert_differ(mine, boxed(make()))


@pytest.mark.parametrize("kind", ARRAYS)
def test_one_changed_element_is_found_in_every_kind(kind: str) -> None:
    series = pd.Series(ARRAYS[kind]())
    other = series.iloc[[1, 0]].reset_index(drop=True)
    assert_differ(series, other)
    assert_differ(series, series.iloc[:1])


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 4))))
@settings(max_examples=50, deadline=None)
def test_block_layout_is_not_part_of_a_frame(data: np.ndarray[Any, Any]) -> None:
    names = [f"c{i}" for i in range(data.shape[1])]
    one_block = pd.DataFrame(data.copy(), columns=names)
    many_blocks = pd.DataFrame(
        index=pd.RangeIndex(len(data)), columns=pd.Index(names[:0], dtype=one_block.columns.dtype)
    )
    for i, name in enumerate(names):
        many_blocks[name] = data[:, i].copy()
    assert_same(one_block, many_blocks)
    changed = data.copy()
    changed.view(np.uint64)[-1, -1] ^= 1 << 63
    if not np.isnan(data[-1, -1]):
        assert_differ(one_block, pd.DataFrame(changed, columns=names), f"['{names[-1]}']")


FRAME_CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "column order": (lambda df: df[["b", "a"]], ".columns.values[0]"),
    "column label": (lambda df: df.rename(columns={"a": "z"}), ".columns.values[0]"),
    "index name": (lambda df: df.rename_axis("row"), ".index.names[0]"),
    "index labels": (lambda df: df.set_axis([3, 4, 5]), ".index.values"),
    "index class": (lambda df: df.set_axis([0, 1, 2]), ".index.values"),
    "dtype": (lambda df: df.astype({"a": "float32"}), "['a']"),
    "row order": (lambda df: df.iloc[::-1], "['a']"),
}


@pytest.mark.parametrize(("change", "path"), FRAME_CHANGES.values(), ids=FRAME_CHANGES)
def test_labels_order_and_dtype_are_part_of_a_frame(change: Callable[[Any], Any], path: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]})
    assert_differ(frame, change(frame), path)


def test_attrs_are_part_of_a_frame() -> None:
    frame, other = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})
    other.attrs["unit"] = "m"
    assert_differ(frame, other, ".attrs['unit']")


def test_columns_with_odd_and_repeated_labels_have_paths_of_their_own() -> None:
    frame = pd.DataFrame(np.eye(4), columns=pd.Index(["loss", "loss", 3, (1, "x")], dtype=object))
    other = frame.copy()
    other.iloc[2, 1] = 5
    assert_differ(frame, other, "['loss'#2]")
    other = frame.copy()
    other.iloc[2, 2] = 5
    assert_differ(frame, other, "[3]")
    assert_well_formed(canonical(pd.DataFrame(np.eye(2), columns=["a", "a"])))


INDEXES: dict[str, Callable[[], Any]] = {
    "range": lambda: pd.RangeIndex(3),
    "int": lambda: pd.Index([0, 1, 2]),
    "named": lambda: pd.Index([0, 1, 2], name="n"),
    "days": lambda: pd.date_range("2020", periods=3, freq="D"),
    "days by hours": lambda: pd.date_range("2020", periods=3, freq="24h"),
    "days without freq": lambda: pd.DatetimeIndex(pd.date_range("2020", periods=3, freq="D"), freq=None),
    "days in Rome": lambda: pd.date_range("2020", periods=3, freq="D", tz="Europe/Rome"),
    "hours": lambda: pd.timedelta_range("1h", periods=3),
    "months": lambda: pd.period_range("2020", periods=3, freq="M"),
    "intervals": lambda: pd.interval_range(0, 3),
    "categories": lambda: pd.CategoricalIndex(["a", "b", "a"]),
    "levels": lambda: pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["x", None]),
    "levels, no names": lambda: pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")]),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_index_of_every_class_equals_its_twin_and_no_other(kind: str) -> None:
    for other, make in INDEXES.items():
        (assert_same if other == kind else assert_differ)(INDEXES[kind](), make())


def test_unused_levels_are_not_part_of_a_multi_index() -> None:
    index = pd.MultiIndex.from_product([[1, 2], ["a", "b"]])
    assert_same(index[:2], index[:2].remove_unused_levels())


SCALARS: dict[str, Any] = {
    "NA": pd.NA,
    "NaT": pd.NaT,
    "time": pd.Timestamp("2020-01-01").as_unit("us"),  # the default unit depends on the version
    "time in s": pd.Timestamp("2020-01-01").as_unit("s"),
    "time + 1 ns": pd.Timestamp("2020-01-01").as_unit("ns") + pd.Timedelta(1, "ns"),
    "UTC": pd.Timestamp("2020-01-01", tz="UTC"),
    "London": pd.Timestamp("2020-01-01", tz="Europe/London"),
    "delta": pd.Timedelta("1h"),
    "period": pd.Period("2020", "M"),
    "other period": pd.Period("2020", "Q"),
    "interval": pd.Interval(0, 1),
    "open interval": pd.Interval(0, 1, closed="neither"),
    "offset": pd.offsets.MonthEnd(2),
    "other offset": pd.offsets.MonthEnd(3),
    "holidays": pd.offsets.CustomBusinessDay(holidays=["2020-01-06"]),
    "other holidays": pd.offsets.CustomBusinessDay(holidays=["2020-01-07"]),
    "dtype": pd.CategoricalDtype(range(200)),
    "other dtype": pd.CategoricalDtype([*range(100), 7000, *range(101, 200)]),
    "Int64": pd.Int64Dtype(),
}


@pytest.mark.parametrize("kind", SCALARS)
def test_scalar_equals_itself_and_no_other(kind: str) -> None:
    for other, value in SCALARS.items():
        (assert_same if other == kind else assert_differ)(SCALARS[kind], value)


def test_what_a_mask_hides_is_not_part_of_a_column() -> None:
    mask = np.array([False, True])
    assert_same(pd.arrays.IntegerArray(np.array([1, 2]), mask), pd.arrays.IntegerArray(np.array([1, 99]), mask))


def test_where_text_is_stored_is_not_part_of_a_column() -> None:
    pytest.importorskip("pyarrow")
    assert_same(pd.array(["a", None], dtype="string[python]"), pd.array(["a", None], dtype="string[pyarrow]"))


def test_arrow_columns_are_compared_by_value() -> None:
    pa: Any = pytest.importorskip("pyarrow")
    dtype = pd.ArrowDtype(pa.list_(pa.int64()))
    assert_same(pd.Series([[1], None], dtype=dtype), pd.Series([[1], None], dtype=dtype))
    assert_differ(
        pd.Series([[1], None], dtype=dtype), pd.Series([[2], None], dtype=dtype), ".values.values.values.values"
    )


def test_computations_that_were_not_asked_for_values_are_refused() -> None:
    with pytest.raises(ValueTypeError, match="computation"):
        canonical(pd.DataFrame({"a": [1]}).groupby("a"))


def test_subclass_of_a_frame_is_told_apart_from_a_frame() -> None:
    class Frame(pd.DataFrame):  # type: ignore[misc]
        pass

    assert_same(Frame({"a": [1]}), Frame({"a": [1]}))
    assert_differ(Frame({"a": [1]}), pd.DataFrame({"a": [1]}))


def test_label_whose_text_holds_an_address_is_not_in_a_path() -> None:
    class Label:
        pass

    frame, other = (pd.DataFrame([[1.0]], columns=pd.Index([Label()], dtype=object)) for _ in range(2))
    assert_same(frame, other)
    other.iloc[0, 0] = 2.0
    assert_differ(frame, other, "[column 0]")


@pytest.mark.parametrize("base", [pd.DataFrame, pd.Series])
def test_what_a_subclass_keeps_beside_the_data_counts(base: Any) -> None:
    kept = type("Kept", (base,), {"_metadata": [*base._metadata, "unit"], "__module__": "here"})

    def made(unit: str | None) -> Any:
        value = kept([1.0, 2.0])
        if unit is not None:
            value.__dict__["unit"] = unit
        return value

    assert_same(made("m"), made("m"))
    assert_differ(made("m"), made("km"), ".unit")
    assert_differ(made(None), made("m"), ".unit")
