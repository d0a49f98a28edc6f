"""xarray: data arrays and datasets by dimensions, coordinates, names, attributes and elements.

The order of coordinates and of variables does not count, that of dimensions does. How a file stores an array
(``encoding``) and whether it is cut into chunks is not part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pytest_repro.values.arrays import from_numpy
from pytest_repro.values.family import fields, refuse, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of an xarray value, or None if another rule applies."""
    if isinstance(value, xr.DataArray):
        parts: list[Field] = [(".name", walk(value.name, ".name"))]
        parts.append((".coords", _variables(value.coords, walk, ".coords")))
        return fields(_public(value), [*parts, *_variable(value.variable, walk)])
    if isinstance(value, xr.Dataset):
        parts = [(".coords", _variables(value.coords, walk, ".coords"))]
        parts.append((".data_vars", _variables(value.data_vars, walk, ".data_vars")))
        return fields(_public(value), [*parts, (".attrs", walk(dict(value.attrs), ".attrs"))])
    if isinstance(value, xr.Variable):
        return fields(_public(value), _variable(value, walk))
    if hasattr(value, "reduce") and type(value).__module__.startswith("xarray."):
        raise refuse(value, why="it is a computation, not data", instead="record what it computes: `grouped.mean()`")
    return None


def _public(value: object) -> str:
    cls = type(value)
    return f"xarray.{cls.__name__}" if getattr(xr, cls.__name__, None) is cls else type_name(cls)


def _variables(named: Any, walk: Walk, segment: str) -> Node:
    return walk({name: array.variable for name, array in named.items()}, segment)


def _variable(variable: Any, walk: Walk) -> list[Field]:
    """Return dimensions, attributes and elements; computes what dask has not computed yet."""
    return [
        (".dims", walk(tuple(variable.dims), ".dims")),
        (".attrs", walk(dict(variable.attrs), ".attrs")),
        (".values", from_numpy(np.asarray(variable.values), type_name="numpy.ndarray", walk=walk)),
    ]
