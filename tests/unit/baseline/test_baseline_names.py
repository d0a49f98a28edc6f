from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.baseline.names import baseline_path, slug, test_name


@pytest.mark.parametrize("name", ["test_fit", "test_fit[adam-0.1]", "test_fit[a=1,b=2]", "_x"])
def test_safe_name_is_its_own_file_name(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "nul",
        "con.json",
        "a\0b",
        "x" * 5000,
        "",
        ".",
        "..",
        "a.",
        " ",
        "é",
        "-rf",
    ],
)
def test_unsafe_name_becomes_a_single_short_file_name(name: str) -> None:
    made = slug(name)
    assert made == Path(made).name
    assert len(made) <= 100
    assert made.isascii()
    assert "--" in made
    assert not made.startswith((".", "-"))


def test_names_that_differ_in_case_only_have_files_that_differ_in_more() -> None:
    assert slug("test_fit[A]").lower() != slug("test_fit[a]").lower()


@given(st.text(), st.text())
def test_different_names_have_different_files_on_any_system(a: str, b: str) -> None:
    assert (slug(a).lower() == slug(b).lower()) == (a == b)


def test_file_lies_beside_the_module_whatever_the_test_is_called() -> None:
    module = Path("/repo/tests/test_cnn.py")
    path = baseline_path("tests/test_cnn.py::TestFit::test_it[../../../x]", module)
    assert path.parent == Path("/repo/tests/__repro__/test_cnn")
    assert baseline_path("tests/test_cnn.py::test_fit", module).name == "test_fit.json"


def test_test_is_called_the_same_from_wherever_pytest_is_started() -> None:
    assert test_name("tests/test_cnn.py::T::test_a[x::y]", Path("tests/test_cnn.py")) == "test_cnn.py::T::test_a[x::y]"
