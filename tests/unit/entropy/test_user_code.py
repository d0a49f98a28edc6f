"""Which modules are the user's, asked again and again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_repro.entropy.usercode import Loaded, UserCode


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleType]:
    """A module of the user's, not yet imported."""
    made = ModuleType("a_module_of_the_users")
    made.__file__ = str(tmp_path / "a_module_of_the_users.py")
    yield made
    sys.modules.pop(made.__name__, None)


def test_names_are_read_anew_only_where_a_module_came(module: ModuleType) -> None:
    loaded = Loaded()
    before = loaded.names()
    assert loaded.names() is before == frozenset(sys.modules)
    sys.modules[module.__name__] = module
    assert loaded.names() == before | {module.__name__}
    del sys.modules[module.__name__]
    assert loaded.names() == before


class _Changing(dict[str, ModuleType]):
    """Modules while another thread imports one."""

    def __reversed__(self) -> Iterator[str]:
        raise RuntimeError("dictionary changed size during iteration")


def test_an_import_in_another_thread_costs_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Loaded()
    monkeypatch.setattr(sys, "modules", _Changing(sys.modules))
    assert loaded.names() == loaded.names() == frozenset(sys.modules)


def test_a_module_is_the_users_from_its_import_on(module: ModuleType, tmp_path: Path) -> None:
    user = UserCode(tmp_path)
    assert module not in user.modules()
    sys.modules[module.__name__] = module
    assert module in user.modules()
    assert module in user.modules()
    del sys.modules[module.__name__]
    assert module not in user.modules()


def test_this_package_is_nobodys_module(tmp_path: Path) -> None:
    assert not any(each.__name__.startswith("pytest_repro") for each in UserCode(tmp_path).modules())
