"""Which modules a worker imports before it forks, without being told."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_repro.execute.ahead import import_ahead, seen, wanted


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in loaded():
        monkeypatch.delitem(sys.modules, name)
    yield monkeypatch
    for name in loaded():  # a later test must not take the stand-in for the library
        del sys.modules[name]


def loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "torch"]


def library(folder: Path, source: str) -> None:
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text("")
    (folder / "torch" / "_dynamo.py").write_text(source)


def test_several_runs_are_worth_an_import(fresh: pytest.MonkeyPatch) -> None:
    assert wanted(2) == ("torch._dynamo",)


def test_one_run_is_not_unless_the_tests_have_shown_that_they_need_it(fresh: pytest.MonkeyPatch) -> None:
    assert wanted(1) == wanted(0) == ()
    fresh.setitem(sys.modules, "torch._dynamo", types.ModuleType("torch._dynamo"))
    assert wanted(1) == wanted(0) == ("torch._dynamo",)


def test_nothing_is_imported_for_tests_that_have_no_use_for_the_library(
    fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library(tmp_path, "")
    fresh.syspath_prepend(tmp_path)
    import_ahead(["torch._dynamo"])
    assert "torch" not in sys.modules


def test_what_the_tests_loaded_is_completed(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(tmp_path, "import warnings; warnings.warn('old', DeprecationWarning)")
    fresh.syspath_prepend(tmp_path)
    import torch  # noqa: F401

    import_ahead(["torch._dynamo"])
    assert sys.modules["torch._dynamo"].__file__ == str(tmp_path / "torch" / "_dynamo.py")


def test_a_module_that_does_not_import_is_left_to_the_run(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library(tmp_path, "raise OSError('no compiler')")
    fresh.syspath_prepend(tmp_path)
    import torch  # noqa: F401

    import_ahead(["torch._dynamo"])
    assert "torch._dynamo" not in sys.modules


def test_what_only_some_tests_import_is_asked_for_once_a_test_here_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    assert seen() == ()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", types.ModuleType("matplotlib.pyplot"))
    assert seen() == ("matplotlib.pyplot",)
    assert "matplotlib.pyplot" not in wanted(2)
