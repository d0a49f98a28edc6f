"""Which module understands which library's values. Imports nothing of its own until a value asks for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from pytest_repro.model import Node

__all__ = ["FAMILIES", "Family", "Walk", "families_of", "top_package", "type_name"]

#: ``walk(child, segment)``: the canonical form of a child; `segment` is its step in the path (``[3]``, ``.coef_``)
Walk = Callable[[object, str], Node]


class Family(Protocol):
    """What a family module offers."""

    def canonical(self, value: object, walk: Walk) -> Node | None:
        """Return the canonical form of `value`, or None where the value is not of this family."""


#: top-level package of a type (or of one of its bases) -> the module that understands it
FAMILIES: dict[str, str] = {
    "numpy": "pytest_repro.values.arrays",
    "ml_dtypes": "pytest_repro.values.arrays",
    "torch": "pytest_repro.values.torch_values",
    "pandas": "pytest_repro.values.frames",
    "polars": "pytest_repro.values.frames",
    "pyarrow": "pytest_repro.values.frames",
    "xarray": "pytest_repro.values.frames_xarray",
    "scipy": "pytest_repro.values.scipy_values",
    "sklearn": "pytest_repro.values.estimators",
    "statsmodels": "pytest_repro.values.statistics_results",
    "xgboost": "pytest_repro.values.boosters",
    "lightgbm": "pytest_repro.values.boosters",
    "catboost": "pytest_repro.values.boosters",
    "_catboost": "pytest_repro.values.boosters",
    "jax": "pytest_repro.values.tensors",
    "jaxlib": "pytest_repro.values.tensors",
    "tensorflow": "pytest_repro.values.tensors",
    "keras": "pytest_repro.values.tensors",
    "cupy": "pytest_repro.values.tensors",
    "networkx": "pytest_repro.values.graphs",
    "PIL": "pytest_repro.values.images",
    "matplotlib": "pytest_repro.values.images",
}


def type_name(cls: type) -> str:
    """Return the qualified name of `cls`: ``list``, ``decimal.Decimal``, ``sklearn.svm._classes.SVC``."""
    module = cls.__module__
    if module == "builtins" or not isinstance(module, str):
        return cls.__qualname__
    return f"{module}.{cls.__qualname__}"


def top_package(cls: type) -> str:
    """Return the top-level package that defines `cls`."""
    module = cls.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""


def families_of(cls: type) -> list[Family]:
    """Return the families to ask about values of type `cls`, nearest base first; imports only those."""
    names = dict.fromkeys(FAMILIES[top] for top in map(top_package, cls.__mro__) if top in FAMILIES)
    return [cast(Family, import_module(name)) for name in names]
