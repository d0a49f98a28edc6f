"""Which module a table is handed to: that of its library, so that no other library is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from pytest_repro.values.frames import canonical
from tests.unit.values.outline import seen


@pytest.mark.parametrize(
    ("library", "module"), [("pandas", "frames_pandas"), ("polars", "frames_polars"), ("pyarrow", "frames_arrow")]
)
def test_a_table_is_handed_to_the_module_of_its_library(
    library: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library)
    rule = import_module(f"pytest_repro.values.{module}")
    monkeypatch.setattr(rule, "canonical", lambda value, walk: walk(type(value).__name__, module))
    for package in (library, f"{library}.core.frame"):
        base = type("Frame", (), {"__module__": package})
        mine: Any = type("Mine", (base,), {"__module__": "mine"})
        assert canonical(base(), seen) == f"'Frame' at {module}"
        assert canonical(mine(), seen) == f"'Mine' at {module}"
    assert canonical(type("Frame", (), {"__module__": f"{library}x.core"})(), seen) is None
    assert canonical(type("Frame", (), {"__module__": f"mine.{library}"})(), seen) is None
