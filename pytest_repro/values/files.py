"""Files and directories by content: what a file means where its bytes are not the meaning.

Nothing is unpickled or executed. A file that its format's reader does not accept is compared by its
bytes, so that every file has a canonical form, and equal bytes under one suffix are always equal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_repro.errors import RecordingError
from pytest_repro.model import Array, Atom
from pytest_repro.values import file_formats as formats
from pytest_repro.values.family import fields, mapping
from pytest_repro.values.gzip_files import gzip_parts

if TYPE_CHECKING:
    from pytest_repro.model import Branch, Node
    from pytest_repro.values.family import Field

__all__ = ["file_node"]

#: larger files are refused: comparing one would take minutes and its copy fill the disk
MAX_BYTES = 16 << 30
#: larger files are mapped, not read
MAP_FROM = 64 << 20
#: larger files are compared by their bytes, whatever their suffix: parsed, they would fill the memory
MAX_PARSED = 256 << 20

_NOT_UNPICKLED = "compared by bytes (not unpickled)"

#: suffix -> (name of the format, reader); suffixes not here mean: by bytes
_READERS: dict[str, tuple[str, Callable[[Path], Node]]] = {
    **dict.fromkeys(
        (".txt", ".log", ".yaml", ".yml", ".toml", ".md", ".csv", ".tsv", ".jsonl", ".ini", ".cfg"),
        ("text", formats.text_file),
    ),
    ".json": ("json", formats.json_file),
    ".npy": ("npy", formats.npy_file),
    ".npz": ("npz", formats.npz_file),
    ".safetensors": ("safetensors", formats.safetensors_file),
    ".zip": ("zip", formats.zip_file),
    ".pt": ("torch archive", formats.torch_file),
    ".pth": ("torch archive", formats.torch_file),
    ".parquet": ("parquet", formats.parquet_file),
    **dict.fromkeys((".png", ".jpg", ".jpeg"), ("image", formats.image_file)),
}
#: formats whose readers hold more than a few numbers per byte, or decompress: bounded by `MAX_PARSED`
_UNBOUNDED = frozenset({"npy", "safetensors"})
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth"})


def file_node(path: Path) -> Branch:
    """Return the canonical form of a file or a directory.

    Raises `RecordingError` for a path that does not exist, cannot be read, is too large, or is
    neither a file nor a directory.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return _directory(path)
        return _file(path, status)
    except FileNotFoundError as error:
        message = f"cannot record {path}: there is no such file or directory; record it after it was written"
        raise RecordingError(message) from error
    except OSError as error:
        message = f"cannot record {path}: {error.strerror or error}; make it readable before recording it"
        raise RecordingError(message) from error


# --- directories ------------------------------------------------------------------------------


def _directory(root: Path) -> Branch:
    """Return a directory by the relative paths of what is in it; links count by where they point."""
    parts: list[Field] = []
    total = 0
    for path, entry in _entries(root):
        status = entry.stat(follow_symlinks=False)
        total += status.st_size
        _check_size(root, total)
        parts.append((f"[{path!r}]", _member(Path(entry.path), status, root)))
    return mapping("directory", parts)


def _entries(root: Path, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield relative path and entry of everything below `root`; a directory itself only where it is empty."""
    with os.scandir(root) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            inside = list(_entries(Path(entry.path), f"{path}/"))
            yield from inside or [(f"{path}/", entry)]
        else:
            yield path, entry


def _member(path: Path, status: os.stat_result, root: Path) -> Node:
    if stat.S_ISLNK(status.st_mode):
        return Atom("symlink", _target(path, root).as_posix())
    return mapping("directory", ()) if stat.S_ISDIR(status.st_mode) else _file(path, status)


def _target(link: Path, root: Path) -> Path:
    """Return where a link points; into the directory itself: from the link, wherever the directory stands."""
    target = link.readlink()
    if target.is_absolute() and target.is_relative_to(root.absolute()):
        return Path(os.path.relpath(target, link.parent.absolute()))
    return target


# --- files ------------------------------------------------------------------------------------


def _file(path: Path, status: os.stat_result) -> Branch:
    """Return a file by what its suffix says it means, or else by its bytes."""
    if not stat.S_ISREG(status.st_mode):
        message = f"cannot record {path}: it is a device, socket or pipe; record what was read from it instead"
        raise RecordingError(message)
    _check_size(path, status.st_size)
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return _gzip(path, status.st_size)
    content = _parsed(path, suffix, status.st_size)
    if content is None:
        content = ("bytes", _bytes(path, status.st_size))
    notes = (_NOT_UNPICKLED,) if suffix in _PICKLES else ()
    return fields("file", [(".format", content[0]), (".content", content[1])], notes)


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        message = (
            f"cannot record {path}: {size / 2**30:.1f} GiB is more than the {MAX_BYTES >> 30} GiB that one value "
            "may have; record its parts, or its digest as text"
        )
        raise RecordingError(message)


def _parsed(path: Path, suffix: str, size: int) -> tuple[str, Node] | None:
    """Return (format, content) of a file that its format's reader accepts, or None."""
    if suffix not in _READERS:
        return None
    name, reader = _READERS[suffix]
    if size > MAX_PARSED and name not in _UNBOUNDED:
        return None
    try:
        return name, reader(path)
    except formats.NotThisFormatError:
        return None
    except Exception:  # noqa: BLE001  numpy, zipfile, Pillow and pyarrow raise more than they say, when a file is damaged
        return None


def _bytes(path: Path, size: int) -> Array:
    """Return the bytes of a file, mapped where it is large."""
    if size >= MAP_FROM:
        mapped = np.memmap(path, dtype=np.uint8, mode="r")
        return Array("bytes", "uint8", mapped.shape, mapped)
    return formats.bytes_node(path.read_bytes())


def _gzip(path: Path, size: int) -> Branch:
    """Return a gzip file by content *and* header: its bytes count, and a time stamp alone shows as such."""
    try:
        parts = gzip_parts(path) if size <= MAX_PARSED else None
    except formats.NotThisFormatError:
        parts = None
    if parts is None:
        return fields("file", [(".format", "bytes"), (".content", _bytes(path, size))])
    notes = ["where only .header differs, the decompressed content is equal"]
    return fields("file", [(".format", "gzip"), *parts], notes)
