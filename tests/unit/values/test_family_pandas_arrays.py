"""What arrays of pandas consist of, for each kind of dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.values.outline import outline, seen

pd: Any = pytest.importorskip("pandas")
extension_arrays: Any = pytest.importorskip("pytest_repro.values.extension_arrays")


def parts(array: object) -> list[str]:
    return outline(extension_arrays.array_node(array, seen))


def name_of(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def test_an_array_of_numpy_is_its_elements_and_objects_are_looked_into() -> None:
    assert parts(pd.array(np.array([1.5, 2.5]), dtype="float64")) == ["pandas.array float64 [1.5, 2.5]"]
    assert parts(pd.Series([None, "a"], dtype=object).array) == ["\"array([None, 'a'], dtype=object) at \""]
    days = pd.array(np.array(["2020-01-01"], "M8[s]"))
    assert extension_arrays.array_node(days, seen).dtype == "datetime64[s]"


def test_texts_are_a_sequence_with_one_kind_of_gap() -> None:
    array = pd.array(["a", None, "b\0"], dtype="string[python]")
    gap = repr(f"{array.dtype.na_value!r} at .na_value")
    assert parts(array) == ["pandas.array[string] (sequence)", "[0] 'a'", f"[1] {gap}", "[2] 'b\\x00'"]


def test_categories_are_codes_and_what_they_mean() -> None:
    array = pd.Categorical([5, None, 3], categories=[3, 5], ordered=True)
    assert parts(array) == [
        name_of(array),
        ".dtype 'category'",
        ".ordered True",
        ".categories pandas.array int64 [3, 5]",
        ".codes numpy.ndarray int8 [1, -1, 0]",
    ]
    assert parts(pd.Categorical([5]))[2] == ".ordered False"
    ordered: Any = pd.Categorical([5])
    ordered.dtype._ordered = None
    assert parts(ordered)[2] == ".ordered False"


def test_times_with_a_zone_are_instants() -> None:
    array = pd.array(pd.DatetimeIndex(["2020-07-01"], tz="Europe/Rome").as_unit("s"))
    lines = parts(array)
    assert lines[:2] == [name_of(array), ".dtype 'datetime64[s, Europe/Rome]'"]
    node = extension_arrays.array_node(array, seen)
    assert (node.keys, node.items[1].type, node.items[1].owned) == ((".dtype", ".values"), "numpy.ndarray", True)
    assert node.items[1].data.tolist() == np.array(["2020-06-30T22:00:00"], "M8[s]").tolist()


def test_periods_are_ordinals() -> None:
    array = pd.array(pd.period_range("1970-02", periods=2, freq="M"))
    assert parts(array) == [name_of(array), ".dtype 'period[M]'", ".ordinals numpy.ndarray int64 [1, 2]"]


def test_intervals_are_their_sides() -> None:
    array = pd.arrays.IntervalArray.from_arrays([0, 5], [1, 7], closed="both")
    assert parts(array) == [
        name_of(array),
        ".dtype 'interval[int64, both]'",
        ".closed 'both'",
        ".left pandas.array int64 [0, 5]",
        ".right pandas.array int64 [1, 7]",
    ]


def test_a_sparse_array_is_its_stored_points_however_they_are_indexed() -> None:
    for kind in ("integer", "block"):
        array = pd.arrays.SparseArray([0.0, 1.5, 2.5], fill_value=0.0, kind=kind)
        assert parts(array) == [
            name_of(array),
            ".dtype 'Sparse[float64, 0.0]'",
            ".length 3",
            ".fill_value '0.0 at .fill_value'",
            ".indices numpy.ndarray int32 [1, 2]",
            ".values numpy.ndarray float64 [1.5, 2.5]",
        ]
    records = pd.arrays.SparseArray(np.array(["a"], object), fill_value="")
    assert parts(records)[-1] == ".values \"array(['a'], dtype=object) at .values\""


def test_what_a_mask_hides_is_zero() -> None:
    for values, dtype, shown in (([7, 8], "Int64", [0, 8]), ([7.5, 8.5], "Float64", [0.0, 8.5])):
        array = pd.array(values, dtype=dtype)
        array._mask[0] = True
        assert parts(array) == [
            name_of(array),
            f".dtype '{dtype}'",
            ".isna numpy.ndarray bool [True, False]",
            f".values numpy.ndarray {dtype.lower()} {shown}",
        ]
    whole = pd.array([7, 8], dtype="Int8")
    assert parts(whole)[2:] == [".isna numpy.ndarray bool [False, False]", ".values numpy.ndarray int8 [7, 8]"]
    node = extension_arrays.array_node(whole, seen)
    assert np.shares_memory(node.items[2].data, whole._data)  # nothing is hidden, so nothing is copied


def test_an_array_of_arrow_is_its_column() -> None:
    pa: Any = pytest.importorskip("pyarrow")
    array = pd.array([1, None], dtype=pd.ArrowDtype(pa.int8()))
    assert parts(array) == [
        name_of(array),
        ".dtype 'int8[pyarrow]'",
        ".values pyarrow.Array",
        ".values.type 'int8'",
        ".values.is_null numpy.ndarray bool [False, True]",
        ".values.values numpy.ndarray int8 [1, 0]",
    ]
    looked_into = pd.array([b"ab"], dtype=pd.ArrowDtype(pa.binary(2)))
    assert parts(looked_into)[-1] == ".values.values \"[b'ab'] at .values\""


def test_an_array_of_the_users_is_looked_into() -> None:
    class Mine:
        dtype = "mine"

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            assert np.dtype(dtype).kind == "O"
            return np.array([1, 2], object)

    assert parts(Mine()) == [
        f"{__name__}.{Mine.__qualname__}",
        ".dtype 'mine'",
        ".values 'array([1, 2], dtype=object) at .values'",
    ]


@pytest.mark.parametrize("beside", ["_mask", "numpy_dtype"])
def test_only_a_dtype_with_one_of_numpy_and_a_mask_is_nullable(beside: str) -> None:
    class Dtype:
        numpy_dtype = np.dtype(int)

    class Mine:
        dtype: Any = Dtype()
        _mask = np.array([False])

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([1], object)

    bare: Any = type("Bare", (), {})
    if beside == "_mask":
        Mine.dtype = bare()
    else:
        del Mine._mask
    assert extension_arrays.array_node(Mine(), seen).keys == (".dtype", ".values")


def test_walks_reach_what_categories_and_sides_hold() -> None:
    labels = pd.Categorical(["a"], categories=pd.Index(["a"], dtype=object))
    assert parts(labels)[3] == ".categories \"array(['a'], dtype=object) at \""
