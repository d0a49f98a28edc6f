"""The form of xarray's values: names of types and parts, and by which steps they are reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array, Branch, Layout, Node

xr: Any = pytest.importorskip("xarray")


def shown(node: Node) -> Any:
    if isinstance(node, Array):
        return f"{node.type} {node.data.tolist()}"
    if isinstance(node, Branch):
        assert node.layout is Layout.OBJECT
        return {"": node.type, **dict(zip(node.keys, map(shown, node.items), strict=True))}
    return node


def walked(value: object) -> Any:
    from pytest_repro.values.frames_xarray import canonical

    def walk(part: object, segment: str) -> Node:
        if isinstance(part, dict) and any(isinstance(item, xr.Variable) for item in part.values()):
            part = {name: item.dims for name, item in part.items()}
        return f"{part!r} at {segment}"

    node = canonical(value, walk)
    return None if node is None else shown(node)


VARIABLE = {
    ".dims": "('x',) at .dims",
    ".attrs": "{'unit': 'm'} at .attrs",
    ".values": "numpy.ndarray [1.5, 2.5]",
}


def array(**options: Any) -> Any:
    return xr.DataArray(np.array([1.5, 2.5]), dims=["x"], attrs={"unit": "m"}, **options)


class Mine(xr.Variable):  # type: ignore[misc]
    __slots__ = ()


def test_the_forms() -> None:
    coords = {".coords": "{'x': ('x',)} at .coords"}
    assert walked(array(name="a", coords={"x": [1, 2]})) == {
        "": "xarray.DataArray", ".name": "'a' at .name", **coords, **VARIABLE,
    }  # fmt: skip
    assert walked(array().variable) == {"": "xarray.Variable", **VARIABLE}
    data = xr.Dataset({"a": array(coords={"x": [1, 2]})}, attrs={"by": "me"})
    assert walked(data) == {
        "": "xarray.Dataset",
        **coords,
        ".data_vars": "{'a': ('x',)} at .data_vars",
        ".attrs": "{'by': 'me'} at .attrs",
    }
    assert walked(Mine("x", [1.5, 2.5], {"unit": "m"})) == {"": f"{__name__}.Mine", **VARIABLE}


def test_elements_that_are_objects_are_walked() -> None:
    found = walked(xr.Variable("x", np.array([None, "a"], object)))
    assert found[".values"]["[1]"] == "'a' at [1]"


def test_a_grouping_is_refused_and_others_are_left_to_others() -> None:
    grouped = array(coords={"x": [1, 1]}).groupby("x")
    with pytest.raises(ValueTypeError) as caught:
        walked(grouped)
    kind = f"{type(grouped).__module__}.{type(grouped).__name__}"
    assert str(caught.value) == (
        f"cannot compare a {kind} by meaning: it is a computation, not data; record what it computes: `grouped.mean()`"
    )

    class Reducing:
        def reduce(self) -> None: ...

    assert walked(Reducing()) is None
    assert walked(array(coords={"x": [1, 2]}).indexes) is None
