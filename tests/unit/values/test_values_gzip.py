"""gzip files by header field and content, member by member, and what is no gzip file."""

from __future__ import annotations

import hashlib
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.model import Array, Branch, Node
from pytest_repro.values import gzip_files
from pytest_repro.values.file_formats import NotThisFormatError
from pytest_repro.values.gzip_files import gzip_parts


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(content) + packer.flush()
    return body + zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")


def head(flags: int = 0, *, mtime: int = 0, extra: int = 2, system: int = 255) -> bytes:
    return b"\x1f\x8b\x08" + bytes([flags]) + mtime.to_bytes(4, "little") + bytes([extra, system])


def parts(tmp_path: Path, data: bytes, name: str = "x.txt.gz") -> dict[str, Any]:
    path = tmp_path / name
    path.write_bytes(data)
    found = gzip_parts(path)
    assert [key for key, _ in found] == [
        ".content",
        ".header mtime",
        ".header name",
        ".header os",
        ".header other",
        ".compressed sha256",
    ]
    return dict(found)


def shown(node: Node) -> object:
    if isinstance(node, Array):
        return bytes(node.data)
    return list(node.items) if isinstance(node, Branch) else node


def test_the_fields_of_a_header_are_apart(tmp_path: Path) -> None:
    body = deflated(b"ab")
    found = parts(tmp_path, head(mtime=0x01020304, system=3) + body)
    assert shown(found.pop(".content")) == ["ab"]
    assert found == {
        ".header mtime": 0x01020304,
        ".header name": "",
        ".header os": 3,
        ".header other": "1f8b080002",
        ".compressed sha256": hashlib.sha256(body).hexdigest(),
    }


@pytest.mark.parametrize(
    ("flags", "optional", "name", "other"),
    [
        (1, b"", "", ""),
        (8, b"x\xe9.txt\0", "xé.txt", "00"),
        (8, b"\0", "", "00"),
        (16, b"note\0", "", "6e6f746500"),
        (24, b"n\0note\0", "n", "006e6f746500"),
        (4, b"\3\0abc", "", "0300616263"),
        (4, b"\0\1" + b"a" * 256, "", "0001" + "61" * 256),
        (2, b"\x11\x22", "", "1122"),
        (12, b"\1\0an\0", "n", "01006100"),
        (30, b"\1\0an\0c\0\x11\x22", "n", "0100610063001122"),
    ],
)
def test_optional_fields_end_where_they_say(tmp_path: Path, flags: int, optional: bytes, name: str, other: str) -> None:
    body = deflated(b"ab")
    start = head(flags) + optional
    if flags & 2:  # zlib checks it
        start = start[:-2] + (zlib.crc32(start[:-2]) & 0xFFFF).to_bytes(2, "little")
        other = other[:-4] + start[-2:].hex()
    found = parts(tmp_path, start + body)
    assert found[".header name"] == name
    assert found[".compressed sha256"] == hashlib.sha256(body).hexdigest()
    assert found[".header other"] == f"1f8b08{flags:02x}02" + other
    assert shown(found[".content"]) == ["ab"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.json.gz", b"[null]", [None]),
        ("x.JSON.gz", b"[null]", [None]),
        ("x.json.gz", b"[", b"["),
        *[(f"x.{kind}.gz", b"a\nb", ["a", "b"]) for kind in ("txt", "csv", "tsv", "log", "jsonl")],
        ("x.csv.gz", b"\xff", b"\xff"),
        ("x.bin.gz", b"ab", b"ab"),
        ("x.gz", b"ab", b"ab"),
    ],
)
def test_content_is_read_by_the_inner_suffix(tmp_path: Path, name: str, content: bytes, expected: object) -> None:
    assert shown(parts(tmp_path, head() + deflated(content), name)[".content"]) == expected


def test_members_follow_each_other_with_zeros_between_them(tmp_path: Path) -> None:
    one, two = head() + deflated(b"a"), head(mtime=5) + deflated(b"b")
    found = parts(tmp_path, one + b"\0\0\0" + two + b"\0")
    assert shown(found[".content"]) == ["ab"]
    assert found[".header mtime"] == 0


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param((head() + deflated(b""))[:17], id="short"),
        pytest.param(b"\x1f\x8b\x07" + (head() + deflated(b"ab"))[3:], id="method"),
        pytest.param(b"\x1f\x8c" + (head() + deflated(b"ab"))[2:], id="magic"),
        pytest.param(head(8) + b"x" * 20, id="name without an end"),
        pytest.param(head() + deflated(b"ab")[:-1], id="cut"),
        pytest.param(head() + deflated(b"ab")[:-1] + b"x", id="length"),
        pytest.param(head() + deflated(b"ab") + b"x", id="rest"),
        pytest.param(head() + deflated(b"ab") + b"X", id="rest, large"),
        pytest.param(head() + deflated(b"ab") + zlib.compress(b"ab"), id="member of another format"),
        pytest.param(head()[:3], id="three bytes"),
    ],
)
def test_what_is_no_gzip_file_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(data)
    with pytest.raises(NotThisFormatError):
        gzip_parts(tmp_path / "x.gz")


def test_the_smallest_file_is_read(tmp_path: Path) -> None:
    data = head() + b"\3\0" + bytes(8)
    assert len(data) == 20
    assert shown(parts(tmp_path, data)[".content"]) == [""]
    assert gzip_files._gzip_header(data[:18]) == (10, b"")


def test_all_members_together_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_files, "MAX_UNPACKED", 5)
    member = head() + deflated(b"ab")
    assert shown(parts(tmp_path, member * 2)[".content"]) == ["abab"]
    assert shown(parts(tmp_path, head() + deflated(b"abcde"))[".content"]) == ["abcde"]
    for data in (member * 3, head() + deflated(b"abcdef")):
        with pytest.raises(NotThisFormatError):
            parts(tmp_path, data)


def test_a_bomb_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_files, "MAX_UNPACKED", 1000)
    (tmp_path / "x.gz").write_bytes(head() + deflated(bytes(5_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(NotThisFormatError):
            gzip_parts(tmp_path / "x.gz")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
