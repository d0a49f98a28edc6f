"""The user's package as of another commit, in a folder of its own.

Neither the user's working tree nor the index is touched, nor is anything left in the repository:
git writes the files from an index of our own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pytest_repro.errors import SettingsError

__all__ = ["SourceTree", "changed_since", "checked_out", "redirection", "resolve_commit"]

_SECONDS = 300
#: folders and modules that belong to the tests, which stay those of now
_OF_TESTS = frozenset({"tests", "test", "testing", "conftest", "setup", "docs", "doc", "examples", "benchmarks"})
_TEST_MODULE = re.compile(r"test_.*|.*_test")


@dataclass(frozen=True, slots=True)
class SourceTree:
    """A commit's files."""

    #: as the user named it
    ref: str
    commit: str
    #: the repository's folder
    top: Path
    folder: Path


def resolve_commit(root: Path, ref: str) -> tuple[Path, str]:
    """Return the repository's folder and the commit that `ref` means in it.

    Raises:
        SettingsError: there is no repository or no such commit.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None:
        msg = f"--repro-against={ref}: {root} is in no git repository, or git is not installed"
        raise SettingsError(msg)
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        msg = f"--repro-against={ref}: git knows no such commit, branch or tag; fetch it, or check the name"
        raise SettingsError(msg)
    return Path(top), commit


def checked_out(root: Path, ref: str, *, folder: Path) -> SourceTree:
    """Write the files of a commit below `folder`, which the caller removes.

    Raises:
        SettingsError: git cannot.
    """
    top, commit = resolve_commit(root, ref)
    tree = folder / "tree"
    tree.mkdir(parents=True)
    variables = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_LFS_SKIP_SMUDGE": "1"}
    for words in (("read-tree", commit), ("checkout-index", "--all", "--quiet", f"--prefix={tree}{os.sep}")):
        answer = _asked(top, *words, variables=variables)
        if answer is None or answer.returncode:
            said = "" if answer is None else answer.stderr.decode("utf-8", "replace").strip()
            reason = said.splitlines()[-1] if said else f"is there room below {folder}?"
            msg = f"--repro-against={ref}: git {words[0]} failed: {reason}"
            raise SettingsError(msg)
    return SourceTree(ref, commit, top, tree)


def changed_since(tree: SourceTree, *, limit: int = 10) -> str:
    """Name the files that differ between the commit and the working tree, tests and all."""
    listed = _git(tree.top, "diff", "--name-only", "-z", tree.commit, "--")
    names = sorted(name for name in (listed or "").split("\0") if name)
    more = [f"{len(names) - limit} more"] if len(names) > limit else []
    return ", ".join([*names[:limit], *more])


def _git(root: Path, *words: str) -> str | None:
    """What git says; None if it fails."""
    answer = _asked(root, *words)
    if answer is None or answer.returncode:
        return None
    return answer.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def _asked(
    root: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes] | None:
    """Run git; None if there is none. Optional locks, which would touch the user's index, are not taken."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603 - fixed words, and a name behind --end-of-options
            ["git", "--no-optional-locks", "-C", str(root), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**environment, **(variables or {})},
        )
    except (OSError, subprocess.SubprocessError):
        return None


# --- which imports go there -------------------------------------------------------------------


def redirection(tree: SourceTree, *, tests: Iterable[ModuleType], used: Path) -> dict[str, object]:
    """Return what a worker redirects: the repository's packages and modules, tests left out.

    Args:
        tree: the other commit.
        tests: the modules of the collected tests.
        used: a file that is made when something was imported from there.
    """
    modules = {module.__name__: Path(str(module.__file__)) for module in tests if getattr(module, "__file__", None)}
    roots = [root for root in _roots(tree.top) if (tree.folder / root).is_dir()]
    names = {name for root in roots for name in _top_level(tree.folder / root)}
    names -= {name for name in modules if "." not in name}
    _copy_generated(tree, roots, names)
    return {
        "roots": [str(tree.folder / root) for root in roots],
        "names": sorted(names),
        "kept": dict(_packages_of_tests(modules, names)),
        "used": str(used),
    }


def _packages_of_tests(modules: Mapping[str, Path], names: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield the packages inside redirected ones that hold tests; those are of now, and so is all below them."""
    for name, path in modules.items():
        package = name.rpartition(".")[0]
        if "." in package and package.partition(".")[0] in names and (path.parent / "__init__.py").is_file():
            yield package, str(path.parent / "__init__.py")


def _roots(top: Path) -> list[Path]:
    """Folders of the repository from which modules are imported; relative to it."""
    found = {Path("src"): None, Path(): None}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or not name.isidentifier():
            continue
        path = Path(file)
        folder = path.parent.parent if path.name == "__init__.py" else path.parent
        inside = folder.is_relative_to(top) and "site-packages" not in path.parts
        if inside and not _OF_TESTS & set(folder.relative_to(top).parts):
            found[folder.relative_to(top)] = None
    return list(found)


def _top_level(root: Path) -> Iterator[str]:
    for path in root.iterdir():
        name = path.name.removesuffix(".py")
        module = path.is_file() and path.suffix == ".py"
        package = path.is_dir() and any(path.glob("*.py"))
        if (module or package) and name.isidentifier() and name not in _OF_TESTS and not _TEST_MODULE.fullmatch(name):
            yield name


def _copy_generated(tree: SourceTree, roots: Iterable[Path], names: Iterable[str]) -> None:
    """Give the packages the modules that are made when they are built and are in no commit, such as ``_version.py``."""
    folders = [str(root / name) for root in roots for name in names if (tree.folder / root / name).is_dir()]
    if not folders:
        return
    listed = _git(tree.top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *sorted(folders))
    for name in (listed or "").split("\0"):
        target = tree.folder / name
        if name.endswith(".py") and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(tree.top / name, target)
