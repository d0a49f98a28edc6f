"""Tables: hands a value to the module of its library, so that only that library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Walk

__all__ = ["canonical"]


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a pandas, polars or pyarrow value, or None if another rule applies."""
    for cls in type(value).__mro__:
        library = cls.__module__.partition(".")[0]
        if library == "pandas":
            from pytest_repro.values import frames_pandas

            return frames_pandas.canonical(value, walk)
        if library == "polars":
            from pytest_repro.values import frames_polars

            return frames_polars.canonical(value, walk)
        if library == "pyarrow":
            from pytest_repro.values import frames_arrow

            return frames_arrow.canonical(value, walk)
    return None
