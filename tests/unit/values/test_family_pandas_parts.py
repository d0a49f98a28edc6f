"""What frames, series, indexes and scalars of pandas consist of, part by part."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from tests.unit.values.outline import outline, seen

pd: Any = pytest.importorskip("pandas")
frames_pandas: Any = pytest.importorskip("pytest_repro.values.frames_pandas")
extension_arrays: Any = pytest.importorskip("pytest_repro.values.extension_arrays")

HERE = __name__


def parts(value: object) -> list[str]:
    return outline(frames_pandas.canonical(value, seen))


def name_of(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def index_of(*labels: object, name: object = None) -> Any:
    return pd.Index(list(labels), dtype=object, name=name)


# --- frames and series ------------------------------------------------------------------------


def test_a_frame_is_its_labels_index_and_columns() -> None:
    frame = pd.DataFrame({"x": [1.5], "y": [2]})
    frame.columns = index_of("x", 7, name="n")
    assert parts(frame) == [
        name_of(frame),
        f".columns {name_of(frame.columns)}",
        ".columns.names list (sequence)",
        ".columns.names[0] \"'n' at .names[0]\"",
        ".columns.values \"array(['x', 7], dtype=object) at \"",
        f".index {name_of(frame.index)}",
        ".index.names list (sequence)",
        ".index.names[0] 'None at .names[0]'",
        ".index.start 0",
        ".index.stop 1",
        ".index.step 1",
        "['x'] pandas.array float64 [1.5]",
        "[7] pandas.array int64 [2]",
    ]


def test_a_series_is_its_name_index_and_values() -> None:
    series = pd.Series([1.5], index=index_of("a"), name="s")
    assert parts(series) == [
        name_of(series),
        ".name \"'s' at .name\"",
        f".index {name_of(series.index)}",
        ".index.names list (sequence)",
        ".index.names[0] 'None at .names[0]'",
        ".index.values \"array(['a'], dtype=object) at \"",
        ".values pandas.array float64 [1.5]",
    ]


def test_attrs_and_what_a_subclass_keeps_come_last() -> None:
    kept: Any = type("Kept", (pd.Series,), {"_metadata": ["name", "_name", "unit", "gone", "Xname"]})
    value = kept([1.5])
    value.__dict__["unit"] = "m"
    assert parts(value)[-4:] == [
        ".values pandas.array float64 [1.5]",
        ".unit \"'m' at .unit\"",
        ".gone 'None at .gone'",
        ".Xname 'None at .Xname'",
    ]
    value.attrs["a"] = 1
    assert parts(value)[-2:] == [".Xname 'None at .Xname'", ".attrs \"{'a': 1} at .attrs\""]
    frame = pd.DataFrame({"x": [1]})
    frame.attrs["a"] = 1
    assert parts(frame)[-2:] == ["['x'] pandas.array int64 [1]", ".attrs \"{'a': 1} at .attrs\""]


class Label:
    """Its text may hold an address."""


LABELS = [
    ("a", "['a']"),
    (b"a", "[b'a']"),
    (3, "[3]"),
    (np.float32(0.5), "[0.5]"),
    (1.5, "[1.5]"),
    (dt.date(2020, 1, 2), "[2020-01-02]"),
    (dt.timedelta(1), "[1 day, 0:00:00]"),
    (None, "[None]"),
    (pd.Period("2020-01"), "[2020-01]"),
    (pd.Interval(0, 1), "[(0, 1]]"),
    (("a", 1), "[('a', 1)]"),
    (("a", Label()), "[column 5]"),
    (Label(), "[column 5]"),
]


@pytest.mark.parametrize(("label", "path"), LABELS, ids=[path for _, path in LABELS])
def test_a_column_goes_by_its_label_where_its_text_is_its_value(label: object, path: str) -> None:
    assert frames_pandas._segment(label, 5) == path


def test_a_column_without_a_text_goes_by_its_position() -> None:
    frame = pd.DataFrame([[1, 2]], columns=index_of("a", Label()))
    assert parts(frame)[-2:] == ["['a'] pandas.array int64 [1]", "[column 1] pandas.array int64 [2]"]


def test_objects_are_looked_into_wherever_they_stand() -> None:
    labels = index_of("a", 1)
    objects = "array(['a', 1], dtype=object) at "
    assert parts(labels.array) == [f'"{objects}"']
    assert parts(pd.DataFrame({"x": labels}))[-1] == f"['x'] \"{objects}\""
    assert parts(labels.to_series())[-1] == f'.values "{objects}"'
    assert parts(pd.MultiIndex.from_arrays([labels]))[-1] == f'.levels[0] "{objects}"'


# --- indexes ----------------------------------------------------------------------------------


def test_an_index_of_levels_is_each_of_them() -> None:
    index = pd.MultiIndex.from_arrays([[1, 2, 3], [0.5, 1.5, 2.5]], names=["x", None])[:2]
    assert parts(index) == [
        name_of(index),
        ".names list (sequence)",
        ".names[0] \"'x' at .names[0]\"",
        ".names[1] 'None at .names[1]'",
        ".levels[0] pandas.array int64 [1, 2]",
        ".levels[1] pandas.array float64 [0.5, 1.5]",
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (range(3), (0, 3, 1)),
        (range(2, 9, 3), (2, 11, 3)),
        (range(2, 11, 3), (2, 11, 3)),
        (range(5, 0, -2), (5, -1, -2)),
        (range(4, 8, 7), (4, 5, 1)),
        (range(7, 3), (0, 0, 1)),
        (range(0, 2, 1), (0, 2, 1)),
        (range(3, 7, 2), (3, 7, 2)),
    ],
)
def test_a_range_is_the_one_that_has_its_labels(labels: range, expected: tuple[int, int, int]) -> None:
    lines = parts(pd.RangeIndex(labels.start, labels.stop, labels.step))
    assert lines[3:] == [f".{part} {n}" for part, n in zip(("start", "stop", "step"), expected, strict=True)]


def test_times_say_how_they_are_spaced() -> None:
    for index, kind in (
        (pd.DatetimeIndex(np.array(["2020-01-01", "2020-01-02"], "M8[s]"), freq="D"), "datetime64[s]"),
        (pd.TimedeltaIndex(np.array([0, 86400], "m8[s]"), freq="D"), "timedelta64[s]"),
    ):
        lines = parts(index)
        assert lines[:3] == [name_of(index), ".names list (sequence)", ".names[0] 'None at .names[0]'"]
        assert lines[3].startswith(f".values pandas.array {kind} [")
        assert lines[4:] == [".freq 'D'"]
        assert parts(index._with_freq(None))[4:] == [".freq None"]
    assert len(parts(pd.Index([1.5]))) == 4


# --- scalars and dtypes -----------------------------------------------------------------------


def test_a_scalar_is_its_text_with_all_that_counts() -> None:
    zoned = pd.Timestamp("2020-01-02", tz="Europe/Rome").as_unit("ms")
    assert parts(pd.NA) == ["pandas.NA <NA>"]
    assert parts(pd.NaT) == ["pandas.NaT NaT"]
    assert parts(pd.Timestamp("2020-01-02").as_unit("s")) == ["pandas.Timestamp 2020-01-02T00:00:00 [s]"]
    assert parts(zoned) == [f"pandas.Timestamp {zoned.isoformat()} Europe/Rome [ms]"]
    assert parts(pd.Timedelta("1h").as_unit("s")) == ["pandas.Timedelta P0DT1H0M0S [s]"]
    assert parts(pd.Period("2020-03", "M")) == ["pandas.Period 2020-03 [M]"]


def test_an_interval_is_its_sides_and_which_of_them_belong_to_it() -> None:
    assert parts(pd.Interval(0, 1, closed="left")) == [
        "pandas.Interval",
        ".left '0 at .left'",
        ".right '1 at .right'",
        ".closed 'left'",
    ]


def test_an_offset_is_its_name_and_arguments_without_its_calendar() -> None:
    offset = pd.offsets.CustomBusinessDay(2, normalize=True, holidays=["2020-01-06"], weekmask="Mon Tue")
    kwds = {key: item for key, item in sorted(offset.kwds.items()) if key != "calendar"}
    assert list(kwds) == ["holidays", "offset", "weekmask"]
    assert parts(offset) == [
        name_of(offset),
        ".freqstr '2C'",
        ".normalize True",
        f".kwds {seen(kwds, '.kwds')!r}",
    ]
    assert parts(pd.offsets.Day())[2] == ".normalize False"


def test_a_dtype_is_its_text_and_one_of_categories_all_of_them() -> None:
    assert parts(pd.Int64Dtype()) == [f"{name_of(pd.Int64Dtype())} Int64Dtype()"]
    dtype = pd.CategoricalDtype([1, 2], ordered=True)
    assert parts(dtype) == [
        "pandas.CategoricalDtype",
        ".ordered True",
        f".categories {name_of(dtype.categories)}",
        ".categories.names list (sequence)",
        ".categories.names[0] 'None at .names[0]'",
        ".categories.values pandas.array int64 [1, 2]",
    ]
    assert parts(pd.CategoricalDtype()) == ["pandas.CategoricalDtype", ".ordered False", ".categories None"]


def like(module: str, *bases: type) -> Any:
    return type("Thing", bases, {"__module__": module})()


def test_computations_are_refused_and_what_is_not_of_pandas_is_left_to_others() -> None:
    with pytest.raises(ValueTypeError) as caught:
        frames_pandas.canonical(like("pandas.core.window"), seen)
    assert str(caught.value) == (
        "cannot compare a pandas.core.window.Thing by meaning: it is a computation or a view, not data; "
        "record what it computes, for example `grouped.mean()` or a frame"
    )
    for bases in ((dict,), (tuple,), (list,), (Exception,)):
        assert frames_pandas.canonical(like("pandas.x", *bases), seen) is None
    assert frames_pandas.canonical(like("pandasx.y"), seen) is None
    assert frames_pandas.canonical(1.5, seen) is None
