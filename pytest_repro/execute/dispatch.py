"""What a task for a node is made of: this session's arguments, variables and folders, as they are called there."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro import frozen
from pytest_repro.environment.names import NUMERIC_VARIABLES
from pytest_repro.execute.identity import file_digest
from pytest_repro.execute.launch import Blueprint, interpreter_flags, launch_key
from pytest_repro.execute.tasks import BOOT
from pytest_repro.execute.wire import Request, request_body
from pytest_repro.ids import own_id
from pytest_repro.model import Condition

if TYPE_CHECKING:
    from pytest_repro.execute.engines import Spec
    from pytest_repro.model import RunSpec
    from pytest_repro.settings import Settings

__all__ = ["Dispatch", "project_of"]

#: The session's values of these hold on every node: what engines set, and what changes text and time. Which GPU
#: a task may use is the engine's to say.
_SAME = (*(name for name in NUMERIC_VARIABLES if name != "CUDA_VISIBLE_DEVICES"), "TZ", "LC_ALL", "LANG", "PYTHONUTF8")

#: Tasks may execute at the same time in one folder, and would write one file of coverage.
_UNMEASURED = {"--cov-append": "--no-cov"}


@dataclass(slots=True)
class Dispatch:
    """What all tasks of a session have in common."""

    spec: Spec
    blueprint: Blueprint
    here: Path
    root: Path

    @classmethod
    def of(cls, config: pytest.Config, *, settings: Settings, spec: Spec) -> Dispatch:
        """Read it from the session."""
        blueprint = Blueprint.of(config, preload=settings.preload, spool=Path())
        return cls(spec, blueprint, here=config.invocation_params.dir, root=config.rootpath)

    def request(self, item: pytest.Item, spec: RunSpec, *, settings: Settings) -> Mapping[str, object]:
        """One run, as a worker takes it, and what its interpreter is started with."""
        request = Request(
            nodeid=own_id(item), spec=spec, seed=settings.seed, runs=settings.runs, gated=False, settings=settings
        )
        return {**request_body(request), "condition": spec.condition}

    def task(
        self, request: Mapping[str, object] | None, *, expected: Mapping[str, str] | None, timeout: float
    ) -> tuple[str, list[str], bytes]:
        """Make a task.

        Args:
            request: of `request`; None only says hello.
            expected: versions and commit that the node must have; None allows any.
            timeout: seconds that the run may take, 0 for no limit.

        Returns:
            its id, the command, and what the command reads.
        """
        key = secrets.token_hex(16)
        body = dict(request or {})
        condition = body.pop("condition", Condition())
        assert isinstance(condition, Condition)
        variables, prefix = launch_key(condition)
        task = {
            "id": key,
            "directory": self.there(str(self.here)),
            "root": self.there(str(self.root)),
            "front": self._front(),
            "argv": list(frozen.ARGV),
            "arguments": [self.there(_UNMEASURED.get(argument, argument)) for argument in self.blueprint.arguments],
            "variables": self._variables(),
            "launch": [list(pair) for pair in variables],
            "prefix": list(prefix),
            "preload": list(self.blueprint.preload),
            "expected": expected,
            "request": body or None,
            "timeout": timeout,
            "limit": self.spec.limit,
        }
        command = [self.spec.python or sys.executable, *interpreter_flags(), "-c", BOOT]
        return key, command, json.dumps(task).encode()

    def there(self, text: str) -> str:
        """An argument, or the path in it, as it is called on the nodes."""
        if not self.spec.dir:
            return text
        option, equals, value = text.partition("=") if text.startswith("-") else ("", "", text)
        for here in (self.here, self.root):
            if value == str(here) or value.startswith(f"{here}{os.sep}"):
                moved = os.path.relpath(here, self.here)
                base = self.spec.dir if moved == "." else f"{self.spec.dir}/{Path(moved).as_posix()}"
                return f"{option}{equals}{base}{value[len(str(here)) :]}"
        return text

    def _front(self) -> list[str]:
        """Where modules of the project are found: what this session added to its interpreter's own search path."""
        given = [str(self.here / entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        inside = [
            entry
            for entry in frozen.SEARCH_PATH
            if entry in given
            or any(entry == str(top) or entry.startswith(f"{top}{os.sep}") for top in (self.here, self.root))
        ]
        return [self.there(entry) for entry in inside if not entry.startswith(sys.prefix + os.sep)]

    def _variables(self) -> dict[str, str | None]:
        """Variables that must be as they are here; None unsets."""
        have = self.blueprint.environment
        same: dict[str, str | None] = {name: have.get(name) for name in _SAME}
        same.update({name: value for name, value in have.items() if name.startswith("PYTEST_")})
        if "PYTHONPATH" in have:
            paths = have["PYTHONPATH"].split(os.pathsep)
            same["PYTHONPATH"] = os.pathsep.join(self.there(entry) for entry in paths)
        return same


def project_of(item: pytest.Item, root: Path) -> dict[str, str]:
    """The test's own file, whose content must be the same there."""
    path = getattr(item, "path", None)
    try:
        relative = Path(str(path)).relative_to(root).as_posix()
    except ValueError:
        return {}
    return {f"file {relative}": file_digest(root / relative)}
