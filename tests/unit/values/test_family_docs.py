"""The table of meanings is complete: a row for every module, a test for every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_repro.values.files import _READERS
from pytest_repro.values.registry import FAMILIES

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")
ROWS = [line for line in TABLE.splitlines() if line.startswith("|") and line.endswith("` |")]

#: modules that only hand on to others -> those others
_HANDS_ON = {"frames": ["frames_pandas", "frames_polars", "frames_arrow"]}


def _modules() -> list[str]:
    names = sorted({name.rpartition(".")[2] for name in FAMILIES.values()} | {"files", "extension_arrays"})
    return [target for name in names for target in _HANDS_ON.get(name, [name])]


@pytest.mark.parametrize("module", _modules())
def test_every_family_has_a_row(module: str) -> None:
    assert any(row.endswith(f"| `{module}` |") for row in ROWS)


def test_every_row_names_a_module_that_exists() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        module = row.rsplit("|", 2)[1].strip(" `")
        assert (ROOT / "pytest_repro" / "values" / f"{module}.py").is_file(), row


@pytest.mark.parametrize("library", FAMILIES)
def test_every_library_is_mentioned(library: str) -> None:
    said = {"jaxlib": "jax", "_catboost": "catboost", "ml_dtypes": "float8", "sklearn": "scikit-learn", "PIL": "Pillow"}
    assert said.get(library, library) in TABLE


@pytest.mark.parametrize("suffix", _READERS)
def test_every_suffix_with_a_reader_of_its_own_is_mentioned(suffix: str) -> None:
    other_spelling = {".yml": ".yaml", ".cfg": ".ini", ".jpeg": ".jpg"}
    assert other_spelling.get(suffix, suffix) in TABLE
