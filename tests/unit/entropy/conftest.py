from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.entropy.programs import Program

_names = itertools.count()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Make a user's module: `head` at its top, `body` inside of its function ``run``."""

    def make(body: str, head: str = "") -> ModuleType:
        name = f"user_program_{next(_names)}"
        path = tmp_path / f"{name}.py"
        path.write_text(
            f"{textwrap.dedent(head)}\n\ndef run(folder):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        )
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return make
