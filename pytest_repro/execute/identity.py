"""What a controller and a node must have in common, or their numbers say nothing about each other.

Versions of Python, of this package, of pytest and of every library that computes; the commit of the project and
its uncommitted changes. What only one of the machines has (a CPU, a GPU) is no skew: it is what is tested.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro import __version__
from pytest_repro.environment.code import changes_digest, read_code

if TYPE_CHECKING:
    from pytest_repro.model import EnvField

__all__ = ["commit_of", "file_digest", "skew_between", "versions_in"]

_PYTHON = ("python.version", "python.implementation")


def versions_in(fields: Iterable[EnvField]) -> dict[str, str]:
    """The versions among the facts about a machine, and those of the tools."""
    found = {
        one.name.removeprefix("package."): one.value
        for one in fields
        if one.name in _PYTHON or one.name.startswith("package.")
    }
    return {**found, "pytest-repro": __version__, "pytest": _version("pytest")}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def commit_of(root: Path) -> dict[str, str]:
    """Commit and digest of uncommitted changes of the repository that holds `root`; nothing outside one."""
    found = {one.name: one.value for one in read_code(root)}
    if "git.commit" not in found:
        return {}
    return {"git.commit": found["git.commit"], "git.changes": changes_digest(root)}


def file_digest(path: Path) -> str:
    """Digest of a file's content; empty where it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    except OSError:
        return ""


def skew_between(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """(name, here, there) of everything that the controller has otherwise than the node.

    What the node has in addition is passed over. A commit is compared where both sides know one: an installed
    copy of a project has none, and the digest of each test's file is compared in any case.
    """
    return tuple(
        (name, value, there.get(name, ""))
        for name, value in sorted(here.items())
        if there.get(name, "") != value and not (name.startswith("git.") and "git.commit" not in there)
    )
