"""Files that are damaged, or not what their suffix says: always a canonical form, never one that loses content.

``PYTEST_REPRO_NIGHTLY=1`` damages each a thousand times.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Branch
from pytest_repro.values import fingerprint, identical
from pytest_repro.values.files import file_node

TIMES = 1000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 30


def zipped(compression: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("a/b", b"hello" * 50)
    return file.getvalue()


def saved(write: Callable[..., object], **arrays: Any) -> bytes:
    file = io.BytesIO()
    write(file, **arrays)
    return file.getvalue()


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def image(mode: str, kind: str, **arguments: Any) -> bytes:
    pil = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    pil.new(mode, (5, 4)).save(file, kind, **arguments)
    return file.getvalue()


def parquet() -> bytes:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    file = io.BytesIO()
    writer.write_table(arrow.table({"a": [1, 2], "b": ["x", None]}), file)
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "deflated.zip": lambda: zipped(zipfile.ZIP_DEFLATED),
    "lzma.zip": lambda: zipped(zipfile.ZIP_LZMA),
    "bzip2.zip": lambda: zipped(zipfile.ZIP_BZIP2),
    "stored.pt": lambda: zipped(zipfile.ZIP_STORED),
    "arrays.npz": lambda: saved(np.savez_compressed, a=np.eye(3), b=np.arange(3)),
    "archive.npy": lambda: saved(np.savez, a=np.eye(3)),
    "plain.npy": lambda: saved(np.save, arr=np.eye(3)),
    "structured.npy": lambda: saved(np.save, arr=np.zeros(3, [("a", "i4")])),
    "rgb.png": lambda: image("RGB", "png"),
    "palette.png": lambda: image("P", "png"),
    "jpeg.png": lambda: image("RGB", "jpeg"),
    "gif.png": lambda: image("L", "gif"),
    "grey.jpg": lambda: image("L", "jpeg"),
    "tensors.safetensors": lambda: safetensors({"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}, b"ab"),
    "text.gz": lambda: gzip.compress(b"hello" * 10, mtime=0),
    "value.json": lambda: b'{"a": [1, 2.5, "x"]}',
    "table.parquet": parquet,
}


def damaged(random: Random, content: bytes) -> bytes:
    """Return `content` with a few bytes changed, lost or added."""
    data = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        choice = random.randrange(3)
        if choice == 0:
            data[at] ^= 1 << random.randrange(8)
        elif choice == 1 and len(data) > 20:
            del data[at : at + random.randint(1, 8)]
        else:
            data[at:at] = random.randbytes(random.randint(1, 4))
    return bytes(data)


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_has_a_form_that_equal_bytes_share(name: str, tmp_path: Path) -> None:
    random, whole = Random(name), WHOLE[name]()
    for content in [whole, *(damaged(random, whole) for _ in range(TIMES))]:
        nodes = []
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            path = tmp_path / folder / name
            path.write_bytes(content)
            nodes.append(file_node(path))
        assert identical(*nodes)
        assert fingerprint(nodes[0]) == fingerprint(nodes[1])


def form(path: Path, content: bytes) -> Branch:
    path.write_bytes(content)
    return file_node(path)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"dtype": "F64", "shape": [0], "data_offsets": [0, 0, 0, 0]}, id="four offsets"),
        pytest.param({"dtype": "F64", "shape": [1] * 100 + [0], "data_offsets": [0, 0]}, id="a hundred dimensions"),
        pytest.param({"dtype": "F64", "shape": [0, 2**70], "data_offsets": [0, 0]}, id="a shape beyond all memory"),
        pytest.param([], id="no object"),
    ],
)
def test_tensors_that_cannot_be_are_compared_by_bytes(header: object, tmp_path: Path) -> None:
    assert form(tmp_path / "x.safetensors", safetensors({"a": header})).items[0] == "bytes"


def test_an_archive_under_the_suffix_of_an_array_is_compared_by_bytes(tmp_path: Path) -> None:
    assert form(tmp_path / "x.npy", WHOLE["archive.npy"]()).items[0] == "bytes"


def _png(colours: list[int], depth: int, kind: int, width: int = 1) -> bytes:
    """Return a PNG of one row (https://www.w3.org/TR/png-3/, sections 5.3 and 11.2)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + np.array(colours, ">u2" if depth == 16 else ">u1").tobytes()
    head = struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_the_lower_bits_of_deep_colours_count(kind: int, channels: int, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    one, other = (form(tmp_path / "x.png", _png([256 + low] * channels, 16, kind)) for low in (1, 2))
    assert not identical(one, other)
    shallow = form(tmp_path / "x.png", _png([1] * channels, 8, kind))
    assert shallow.items[0] == "image"


def test_every_frame_of_an_animation_counts(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")

    def animation(last: int) -> bytes:
        return image("L", "png", save_all=True, append_images=[pil.new("L", (5, 4), last)])

    one, other = (form(tmp_path / "x.png", animation(last)) for last in (1, 2))
    assert not identical(one, other)


def test_no_other_program_is_started_for_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started"))
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 4\n%%EndComments\nshowpage\n"
    assert form(tmp_path / "x.png", drawing).items[0] == "bytes"


def test_a_link_into_its_own_directory_means_the_same_wherever_that_stands(tmp_path: Path) -> None:
    nodes = []
    for name in ("run 1", "another run"):
        root = tmp_path / name
        (root / "models").mkdir(parents=True)
        (root / "models" / "3.txt").write_text("x")
        (root / "models" / "last").symlink_to(root / "models" / "3.txt")
        (root / "best").symlink_to(root / "models" / "3.txt")
        (root / "self").symlink_to(root)
        nodes.append(file_node(root))
    assert identical(*nodes)
    (tmp_path / "run 1" / "best").unlink()
    (tmp_path / "run 1" / "best").symlink_to(tmp_path / "run 1" / "models")
    assert not identical(file_node(tmp_path / "run 1"), nodes[1])
