"""gzip files: content and header apart, so that a time stamp that alone differs shows as such."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.values.file_formats import MAX_UNPACKED, NotThisFormatError, bytes_node, json_content, text_content

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field

__all__ = ["gzip_parts"]


def gzip_parts(path: Path) -> list[Field]:
    """Return the content of a gzip file, its header field by field, and the digest of its compressed bytes."""
    data = path.read_bytes()
    end, name = _gzip_header(data)
    content = _gunzip(data)
    inner = path.with_suffix("").suffix.lower()
    fixed = data[:4] + data[8:9] + data[10:end].replace(name, b"", 1)
    return [
        (".content", _gzip_content(content, inner)),
        (".header mtime", int.from_bytes(data[4:8], "little")),
        (".header name", name.decode("latin-1")),
        (".header os", data[9]),
        (".header other", fixed.hex()),
        (".compressed sha256", hashlib.sha256(data[end:]).hexdigest()),
    ]


def _gzip_content(content: bytes, suffix: str) -> Node:
    try:
        if suffix == ".json":
            return json_content(content)
        if suffix in (".txt", ".csv", ".tsv", ".log", ".jsonl"):
            return text_content(content)
    except NotThisFormatError:
        pass
    return bytes_node(content)


def _gzip_header(data: bytes) -> tuple[int, bytes]:
    """Return where the first member's header ends, and the file name in it (RFC 1952, section 2.3)."""
    if len(data) < 18 or data[:3] != b"\x1f\x8b\x08":
        raise NotThisFormatError
    flags, position, name = data[3], 10, b""
    if flags & 4:
        position += 2 + int.from_bytes(data[position : position + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            stop = data.find(b"\0", position)
            if stop < 0:
                raise NotThisFormatError
            name = data[position:stop] if flag == 8 else name
            position = stop + 1
    return position + (2 if flags & 2 else 0), name


def _gunzip(data: bytes) -> bytes:
    """Return what all members of a gzip file decompress to, within bounds."""
    pieces: list[bytes] = []
    room = MAX_UNPACKED
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            pieces.append(member.decompress(data, room + 1))
        except zlib.error as error:
            raise NotThisFormatError from error
        room -= len(pieces[-1])
        if room < 0 or not member.eof:
            raise NotThisFormatError
        data = member.unused_data.lstrip(b"\0")
    return b"".join(pieces)
