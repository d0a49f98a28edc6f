"""Where a test's baseline lies: ``__repro__/<module>/<test>.json`` beside the test module."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

__all__ = ["FOLDER", "baseline_path", "slug", "test_name"]

FOLDER = "__repro__"

#: Without capitals, because two names that differ in their case only are one file on some systems.
_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.,=+\[\]-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+\[\]-]+")
#: a file name may have 255 bytes, and a whole path 260 on some systems
_LONGEST = 80
#: names that Windows keeps for devices, whatever their suffix
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def slug(text: str) -> str:
    """Return a file name for `text`: itself where that is safe, else what is safe of it and a digest of the whole."""
    plain = _PLAIN.fullmatch(text) and len(text) <= _LONGEST and not text.endswith(".")
    if plain and "--" not in text and not _DEVICES.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    safe = _UNSAFE.sub("_", text.replace("::", ".")).strip("._-")[:_LONGEST]
    return f"{safe or '_'}--{digest}"


def test_name(nodeid: str, module: Path) -> str:
    """Return what a baseline calls its test: ``test_cnn.py::TestFit::test_adam[3]``.

    Without the folders, so that it is the same from wherever pytest is started.
    """
    _, _, rest = nodeid.partition("::")
    return f"{module.name}::{rest}"


test_name.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name


def baseline_path(nodeid: str, module: Path) -> Path:
    """Return the file that keeps the baseline of a test of `module`."""
    _, _, rest = nodeid.partition("::")
    return module.parent / FOLDER / slug(module.stem) / f"{slug(rest)}.json"
