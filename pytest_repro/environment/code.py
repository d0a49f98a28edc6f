"""Commit, branch and changed files of the user's repository."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.environment.names import shown

if TYPE_CHECKING:
    from pytest_repro.model import EnvField

__all__ = ["changes_digest", "read_code"]

_GIT_SECONDS = 10


def read_code(root: Path) -> tuple[EnvField, ...]:
    """Read commit, branch and changed files of the repository that holds `root`; nothing outside one."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return ()
    fields = [shown("git.commit", commit)]
    branch = _git(root, "symbolic-ref", "--short", "-q", "HEAD")
    fields.append(shown("git.branch", branch or "(detached)"))
    dirty = _git(root, "status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
    if dirty:
        names = sorted(entry[3:] for entry in dirty.split("\0") if entry[3:])
        fields.append(shown("git.dirty", ", ".join(names)))
    return tuple(sorted(fields, key=lambda field: field.name))


def _git(root: Path, *words: str) -> str | None:
    """Run a reading command of git, which must not take locks on the user's index; None if it fails."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed words
            ["git", "--no-optional-locks", "-C", str(root), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # Leading blanks mean something in a status line.
    return answer.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if answer.returncode == 0 else None


def changes_digest(root: Path) -> str:
    """Digest of what differs from the commit in the files that git knows; empty where nothing does."""
    changes = _git(root, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--binary")
    return hashlib.blake2b(changes.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest() if changes else ""
