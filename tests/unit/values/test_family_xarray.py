from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed
from tests.unit.values.single_changes import drawn, elements, flipped, only, randoms

xarray: Any = pytest.importorskip("xarray")


def array(data: Any, **changed: Any) -> Any:
    arguments = {
        "dims": ("x", "y"),
        "coords": {"x": [1, 2], "y": ["a", "b", "c"], "zone": ("x", [0.5, 1.5])},
        "attrs": {"unit": "m"},
        "name": "height",
    }
    return xarray.DataArray(data, **{**arguments, **changed})


#: a change that is not one of the elements -> where it shows
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "label": ({"coords": {"x": [1, 3], "y": ["a", "b", "c"], "zone": ("x", [0.5, 1.5])}}, ".coords['x'].values"),
    "text label": ({"coords": {"x": [1, 2], "y": ["a", "b", "d"], "zone": ("x", [0.5, 1.5])}}, ".coords['y'].values"),
    "coordinate": ({"coords": {"x": [1, 2], "y": ["a", "b", "c"]}}, ".coords['zone'].values"),
    "attribute": ({"attrs": {"unit": "km"}}, ".attrs['unit']"),
    "name": ({"name": "depth"}, ".name"),
    "dimension": ({"dims": ("x", "z"), "coords": {}}, ".dims[1]"),
}


@drawn
@given(rng=randoms, dtype=st.sampled_from(["float32", "float64", "int16", "complex64"]))
def test_data_array_is_its_labels_and_elements(rng: Random, dtype: str) -> None:
    data = elements(rng, dtype, (2, 3))
    value = array(data)
    assert_same(value, array(np.asfortranarray(data)))
    assert_same(value, array(data, coords=dict(reversed(list(value.coords.items())))))
    assert_well_formed(canonical(value))
    other, index = flipped(rng, data)
    assert only(value, array(other)) == (".values", index)
    changed, path = CHANGES[rng.choice(list(CHANGES))]
    assert_differ(value, array(data, **changed), path)
    assert_differ(value, data)
    assert_differ(value, value.variable)


@drawn
@given(rng=randoms)
def test_dataset_is_its_coordinates_variables_and_attributes(rng: Random) -> None:
    def dataset(**data: Any) -> Any:
        return xarray.Dataset({name: (("x", "y"), values) for name, values in data.items()}, {"x": [1, 2]}, {"a": 1})

    one, two = (elements(rng, "float64", (2, 3)) for _ in range(2))
    other, index = flipped(rng, two)
    assert_same(dataset(u=one, v=two), dataset(v=two, u=one))
    assert only(dataset(u=one, v=two), dataset(u=one, v=other)) == (".data_vars['v'].values", index)
    assert only(dataset(u=one), dataset(u=one).assign_attrs(a=2))[0] == ".attrs['a']"
    assert only(dataset(u=one), dataset(u=one).assign_coords(x=[1, 3]))[0] == ".coords['x'].values"
    assert_differ(dataset(u=one), dataset(v=one))


def test_chunks_are_not_part_of_an_array() -> None:
    pytest.importorskip("dask")
    import dask

    with dask.config.set(scheduler="synchronous"):
        assert_same(array(np.eye(2, 3)), array(np.eye(2, 3)).chunk({"x": 1}))


def test_a_computation_is_refused_with_what_to_record() -> None:
    with pytest.raises(ValueTypeError, match="record what it computes"):
        canonical(array(np.eye(2, 3)).groupby("zone"))
