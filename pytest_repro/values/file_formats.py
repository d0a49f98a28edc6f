"""Readers of file formats. Each returns a node or raises `NotThisFormatError`; none executes what it reads.

Sizes in headers are checked before memory is asked for: a file is input that somebody else wrote.
"""

from __future__ import annotations

import json
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Array
from pytest_repro.values import canonical
from pytest_repro.values.family import fields, json_node, mapping, sequence

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field

__all__ = [
    "NotThisFormatError",
    "bytes_node",
    "image_file",
    "json_content",
    "json_file",
    "npy_file",
    "npz_file",
    "parquet_file",
    "safetensors_file",
    "text_content",
    "text_file",
    "torch_file",
    "zip_file",
]

#: what an archive may unpack to, in all
MAX_UNPACKED = 4 << 30
MAX_MEMBERS = 100_000
#: what the reference implementation of safetensors allows
_MAX_SAFETENSORS_HEADER = 100_000_000
#: safetensors' dtypes: (our name, numpy dtype that holds the bits)
_SAFETENSORS = {
    "F64": ("float64", "<f8"), "F32": ("float32", "<f4"), "F16": ("float16", "<f2"), "BF16": ("bfloat16", "<u2"),
    "I64": ("int64", "<i8"), "I32": ("int32", "<i4"), "I16": ("int16", "<i2"), "I8": ("int8", "i1"),
    "U64": ("uint64", "<u8"), "U32": ("uint32", "<u4"), "U16": ("uint16", "<u2"), "U8": ("uint8", "u1"),
    "C64": ("complex64", "<c8"), "BOOL": ("bool", "?"), "F8_E4M3": ("float8_e4m3fn", "u1"),
    "F8_E5M2": ("float8_e5m2", "u1"), "F8_E8M0": ("float8_e8m0fnu", "u1"),
}  # fmt: skip


class NotThisFormatError(Exception):
    """The file is not what its suffix says, or more than the reader allows: it is compared by its bytes."""


# --- text -------------------------------------------------------------------------------------


def text_file(path: Path) -> Node:
    """Return the lines of a UTF-8 text."""
    return text_content(path.read_bytes())


def text_content(data: bytes) -> Node:
    """Return the lines of a UTF-8 text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotThisFormatError from error
    return sequence("lines", text.split("\n"))


def json_file(path: Path) -> Node:
    """Return parsed JSON: white space and the order of keys do not count; duplicate keys are not accepted."""
    return json_content(path.read_bytes())


def json_content(data: bytes) -> Node:
    """Return parsed JSON."""
    try:
        return json_node(json.loads(data.decode("utf-8"), object_pairs_hook=_distinct))
    except (ValueError, RecursionError) as error:
        raise NotThisFormatError from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise NotThisFormatError
    return result


# --- arrays -----------------------------------------------------------------------------------


def npy_file(path: Path) -> Node:
    """Return the array of an ``.npy`` file, mapped; object arrays are pickles and not read."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":  # numpy would open an archive, and leave it open
            raise NotThisFormatError
    try:
        return canonical(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise NotThisFormatError from error


def npz_file(path: Path) -> Node:
    """Return the arrays of an ``.npz`` file by name."""
    with _open_zip(path) as archive:
        members = _members(archive)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if len(set(arrays.files)) != len(members):
                raise NotThisFormatError
            return mapping("npz", [(f"[{name!r}]", canonical(arrays[name])) for name in arrays.files])
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise NotThisFormatError from error


def safetensors_file(path: Path) -> Node:
    """Return the tensors of a safetensors file by name, mapped, and its metadata."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MAX_SAFETENSORS_HEADER, size - 8):
            raise NotThisFormatError
        head = file.read(length)
    try:
        header = json.loads(head.decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise NotThisFormatError from error
    if not isinstance(header, dict):
        raise NotThisFormatError
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length) if size > 8 + length else np.empty(0, np.uint8)
    metadata: Field = (".metadata", json_node(header.pop("__metadata__", {})))
    _check_covers(header, len(data))
    return fields("safetensors", [metadata, *_tensors(header, data)])


def _check_covers(header: dict[str, Any], size: int) -> None:
    """Refuse tensors that overlap or leave gaps, as the format does: every byte must belong to a value."""
    try:
        spans = sorted(tuple(entry["data_offsets"]) for entry in header.values())
        flat = [0, *(edge for span in spans for edge in span), size]
    except (TypeError, KeyError) as error:
        raise NotThisFormatError from error
    if any(len(span) != 2 for span in spans) or any(type(edge) is not int for edge in flat) or flat != sorted(flat):
        raise NotThisFormatError
    if any(flat[i] != flat[i + 1] for i in range(0, len(flat), 2)):
        raise NotThisFormatError


def _tensors(header: dict[str, Any], data: np.ndarray[Any, Any]) -> Iterable[Field]:
    for name in sorted(header):
        entry = header[name]
        shape, kind = entry.get("shape"), entry.get("dtype")
        if not isinstance(kind, str) or kind not in _SAFETENSORS or not isinstance(shape, list):
            raise NotThisFormatError
        if any(type(extent) is not int or extent < 0 for extent in shape):
            raise NotThisFormatError
        dtype, storage = _SAFETENSORS[kind]
        start, end = entry["data_offsets"]
        if math.prod(shape) * np.dtype(storage).itemsize != end - start:
            raise NotThisFormatError
        elements = data[start:end].view(storage)
        native = elements.astype(elements.dtype.newbyteorder("="), copy=False).reshape(shape)
        yield f"[{name!r}]", Array("safetensors", dtype, tuple(shape), native)


# --- archives ---------------------------------------------------------------------------------


def zip_file(path: Path) -> Node:
    """Return the members of a zip archive by name; time stamps, order and compression do not count."""
    with _open_zip(path) as archive:
        return mapping("zip", _member_fields(archive, strip=""))


def torch_file(path: Path) -> Node:
    """Return the members of a torch archive, without the folder named after the file that it was saved to."""
    with _open_zip(path) as archive:
        names = [info.filename for info in archive.infolist()]
        folder = names[0].partition("/")[0] + "/" if names else ""
        strip = folder if all(name.startswith(folder) for name in names) else ""
        return mapping("torch archive", _member_fields(archive, strip=strip))


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise NotThisFormatError from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that is neither a bomb nor ambiguous nor locked."""
    infos = archive.infolist()
    too_much = len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_UNPACKED
    repeated = len({info.filename for info in infos}) < len(infos)
    if too_much or repeated or any(info.flag_bits & 1 for info in infos):
        raise NotThisFormatError
    return infos


def _member_fields(archive: zipfile.ZipFile, *, strip: str) -> list[Field]:
    parts: list[Field] = [(".comment", archive.comment)] if archive.comment else []
    for info in _members(archive):
        try:
            with archive.open(info) as member:
                content = member.read(info.file_size + 1)  # the header's size is a promise, not a fact
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise NotThisFormatError from error
        if len(content) != info.file_size:
            raise NotThisFormatError
        parts.append((f"[{info.filename.removeprefix(strip)!r}]", bytes_node(content)))
    return parts


def bytes_node(content: bytes) -> Array:
    """Return bytes as an array, so that a difference shows where."""
    data = np.frombuffer(content, dtype=np.uint8)
    return Array("bytes", "uint8", data.shape, data, owned=True)


# --- formats that need a library --------------------------------------------------------------


def parquet_file(path: Path) -> Node:
    """Return the table of a parquet file; row groups, encodings and compression do not count."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NotThisFormatError from error
    try:
        return canonical(pq.ParquetFile(path).read())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise NotThisFormatError from error


def image_file(path: Path) -> Node:
    """Return the pixels of an image."""
    try:
        from PIL import Image
    except ImportError as error:
        raise NotThisFormatError from error
    try:
        # Only these: what else the suffix may hide, other programs are started for (Ghostscript).
        with warnings.catch_warnings(), Image.open(path, formats=("PNG", "JPEG")) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if getattr(image, "n_frames", 1) > 1 or _loses_bits(image):
                raise NotThisFormatError
            image.load()
            return canonical(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotThisFormatError from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise NotThisFormatError from error


def _loses_bits(image: Any) -> bool:
    """Return whether Pillow will keep the upper 8 bits of colours that are 16 bits deep in the file."""
    return not image.mode.startswith("I") and any(";16" in str(tile[-1]) for tile in image.tile)
