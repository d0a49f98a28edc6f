"""Canonical values: what any recorded value becomes before it is compared."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Array", "Atom", "Branch", "Layout", "Node"]


class Layout(str, enum.Enum):
    """How the children of a `Branch` are addressed."""

    SEQUENCE = "sequence"  # by position; ``keys`` is empty, paths read ``[3]``
    MAPPING = "mapping"  # by key, order not part of the value; paths read ``['a']``
    SET = "set"  # by membership, order not part of the value; paths read ``{'a'}``
    OBJECT = "object"  # by field, in declaration order; paths read ``.coef_``


@dataclass(frozen=True, slots=True)
class Atom:
    """A scalar that Python's literals do not cover (a date, a Decimal, an enum member, a device)."""

    #: qualified type name, e.g. ``decimal.Decimal``
    type: str
    #: text that is equal exactly when the values are
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A homogeneous array of numbers, booleans, dates or fixed-width text (never objects)."""

    #: what the user had: ``numpy.ndarray``, ``numpy.float32`` (a numpy scalar, shape ``()``), ``torch.Tensor``
    type: str
    #: dtype name in native byte order: ``float64``, ``datetime64[ns]``, ``bfloat16``
    dtype: str
    shape: tuple[int, ...]
    #: the elements, native byte order, any strides. For dtypes that numpy lacks (``bfloat16``,
    #: ``float8_*``) an unsigned-integer view of the bits; ``dtype`` says what they mean.
    data: np.ndarray
    #: False while ``data`` is a view of memory that the user may still change
    owned: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A container or an object with fields, as a node of the canonical tree."""

    #: qualified type name: ``list``, ``dict``, ``sklearn.svm._classes.SVC``
    type: str
    layout: Layout
    #: path segments (``['a']``, ``.coef_``), unique, as many as ``items``; empty for sequences.
    #: For mappings and sets sorted, so that insertion order is not part of the value.
    keys: tuple[str, ...]
    items: tuple[Node, ...]
    #: what was left out on purpose, said in the output: ``refit_time_ (timing)``
    notes: tuple[str, ...] = ()


#: A canonical value: immutable Python scalars stand for themselves.
Node: TypeAlias = Union[bool, int, float, complex, str, bytes, Atom, Array, Branch, None]  # noqa: UP007
