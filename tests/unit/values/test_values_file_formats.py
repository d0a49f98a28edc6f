"""Readers of file formats: what each gives of a good file, and that a bad one is told by one error."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Branch, Node
from pytest_repro.values import file_formats as formats
from pytest_repro.values.file_formats import NotThisFormatError


def shown(node: Node) -> Any:
    if isinstance(node, Array):
        return f"{node.type} {node.dtype}{list(node.shape)} {node.data.tolist()}"
    if isinstance(node, Branch):
        items = [shown(item) for item in node.items]
        return {"": node.type, **dict(zip(node.keys, items, strict=True))} if node.keys else (node.type, items)
    return node


def is_mapped(data: Any) -> bool:
    while isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
        data = data.base
    return isinstance(data, np.memmap)


def refused(read: Callable[[Path], Node], path: Path) -> bool:
    with pytest.raises(NotThisFormatError):
        read(path)
    return True


def test_bytes_are_an_array_that_nobody_else_can_change() -> None:
    node = formats.bytes_node(b"ab")
    assert (shown(node), node.owned) == ("bytes uint8[2] [97, 98]", True)


def test_text_is_its_lines() -> None:
    assert shown(formats.text_content("a\né".encode())) == ("lines", ["a", "é"])
    with pytest.raises(NotThisFormatError):
        formats.text_content(b"\xff")


# --- arrays -----------------------------------------------------------------------------------


def test_an_npy_file_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(2.0))
    node = formats.npy_file(tmp_path / "x.npy")
    assert shown(node) == "numpy.ndarray float64[2] [0.0, 1.0]"
    assert isinstance(node, Array)
    assert is_mapped(node.data)
    np.save(tmp_path / "o.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-1])
    (tmp_path / "zip.npy").write_bytes(zipped({"a": b""}))
    assert all(refused(formats.npy_file, tmp_path / f"{name}.npy") for name in ("o", "cut", "zip"))


def test_an_npz_file_is_its_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", b=np.arange(2), a=np.array(1.5))
    assert shown(formats.npz_file(tmp_path / "x.npz")) == {
        "": "npz",
        "['a']": "numpy.ndarray float64[] 1.5",
        "['b']": "numpy.ndarray int64[2] [0, 1]",
    }
    np.savez(tmp_path / "o.npz", a=np.array([None]))
    (tmp_path / "z.npz").write_bytes(zipped({"a.npy": b"x", "b": b""}))
    (tmp_path / "two.npz").write_bytes(zipped({"a": b"", "a.npy": b""}))
    assert all(refused(formats.npz_file, tmp_path / f"{name}.npz") for name in ("o", "two"))


def tensors(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


TWICE = b'{"__metadata__": 1, "__metadata__": 2}'


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": offsets}


def test_a_safetensors_file_is_its_tensors_and_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    header = {
        "b": entry("I16", (1, 2), (4, 8)),
        "__metadata__": {"format": "pt"},
        "a": entry(),
        "c": entry("BF16", (0, 3), (8, 8)),
        "d": entry("BOOL", (), (8, 9)),
    }
    path.write_bytes(tensors(header, np.float32(1.5).tobytes() + np.array([1, 2], "<i2").tobytes() + b"\1"))
    node = formats.safetensors_file(path)
    assert shown(node) == {
        "": "safetensors",
        ".metadata": {"": "dict", "['format']": "pt"},
        "['a']": "safetensors float32[1] [1.5]",
        "['b']": "safetensors int16[1, 2] [[1, 2]]",
        "['c']": "safetensors bfloat16[0, 3] []",
        "['d']": "safetensors bool[] True",
    }
    assert isinstance(node, Branch)
    found = dict(zip(node.keys, node.items, strict=True))
    for name, dtype in (("['a']", "float32"), ("['b']", "int16"), ("['c']", "uint16"), ("['d']", "bool")):
        part = found[name]
        assert isinstance(part, Array)
        assert part.data.dtype == np.dtype(dtype)
        assert is_mapped(part.data)
        assert not part.owned
        assert not part.data.flags.writeable


def test_an_empty_safetensors_file_has_no_tensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(tensors({}))
    assert shown(formats.safetensors_file(path)) == {"": "safetensors", ".metadata": ("dict", [])}
    path.write_bytes(tensors({"a": entry("F32", (0,), (0, 0))}))
    assert "['a']" in shown(formats.safetensors_file(path))
    path.write_bytes(tensors({"a": entry("U8", (1,), (0, 1))}, b"\7"))
    assert shown(formats.safetensors_file(path))["['a']"] == "safetensors uint8[1] [7]"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(struct.pack("<Q", 1) + b"1", id="one byte"),
        pytest.param(struct.pack("<Q", 3) + b"{}", id="longer than the file"),
        pytest.param(tensors([]), id="no table"),
        pytest.param(struct.pack("<Q", 2) + b"{x", id="no JSON"),
        pytest.param(struct.pack("<Q", len(TWICE)) + TWICE, id="repeated key"),
        pytest.param(tensors({"a": entry(offsets=(False, 4))}, bytes(4)), id="offset that is no int"),
        pytest.param(tensors({"a": entry(offsets=(0.0, 4))}, bytes(4)), id="offset that is a float"),
        pytest.param(tensors({"a": entry(offsets=(0, 2, 2, 4))}, bytes(4)), id="four offsets"),
        pytest.param(tensors({"a": entry(offsets=(0,))}, bytes(4)), id="one offset"),
        pytest.param(tensors({"a": entry(offsets=None)}, bytes(4)), id="no offsets"),
        pytest.param(tensors({"a": {}}, bytes(4)), id="nothing"),
        pytest.param(tensors({"a": entry(), "b": entry()}, bytes(4)), id="overlap"),
        pytest.param(tensors({"a": entry(), "b": entry(offsets=(5, 9))}, bytes(9)), id="gap"),
        pytest.param(tensors({"a": entry()}, bytes(5)), id="rest"),
        pytest.param(tensors({"a": entry(offsets=(4, 0))}, bytes(4)), id="backward"),
        pytest.param(tensors({"a": entry("F33")}, bytes(4)), id="unknown type"),
        pytest.param(tensors({"a": entry([])}, bytes(4)), id="type that is a list"),
        pytest.param(tensors({"a": entry(shape=1)}, bytes(4)), id="shape that is a number"),
        pytest.param(tensors({"a": entry(shape=None)}, bytes(4)), id="no shape"),
        pytest.param(tensors({"a": entry(shape=(True,))}, bytes(4)), id="shape of truth values"),
        pytest.param(tensors({"a": entry(shape=(-1, -1))}, bytes(4)), id="negative shape"),
        pytest.param(tensors({"a": entry(shape=(2,))}, bytes(4)), id="larger shape"),
    ],
)
def test_a_safetensors_file_that_lies_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert refused(formats.safetensors_file, tmp_path / "x")


def test_a_header_of_just_the_largest_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(tensors({}))
    for bound, read in ((2, True), (1, False)):
        monkeypatch.setattr(formats, "_MAX_SAFETENSORS_HEADER", bound)
        assert (
            (formats.safetensors_file(tmp_path / "x") is not None)
            if read
            else refused(formats.safetensors_file, tmp_path / "x")
        )


# --- archives ---------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], comment: bytes = b"", flags: int = 0) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = comment
    data = file.getvalue()
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(mark)
        if flags and at >= 0:
            data = data[: at + offset] + bytes([flags]) + data[at + offset + 1 :]
    return data


def member(content: bytes) -> str:
    return f"bytes uint8[{len(content)}] {list(content)}"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (zipped({"b": b"x", "a/c": b""}), {"['a/c']": member(b""), "['b']": member(b"x")}),
        (zipped({"XXXXa": b"x"}), {"['XXXXa']": member(b"x")}),
        (zipped({"a": b"x"}, comment=b"note"), {".comment": b"note", "['a']": member(b"x")}),
        (zipped({"a": b"x"}, flags=2), {"['a']": member(b"x")}),
    ],
)
def test_a_zip_file_is_its_members(tmp_path: Path, data: bytes, expected: dict[str, object]) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    assert shown(formats.zip_file(tmp_path / "x.zip")) == {"": "zip", **expected}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["model/data/0", "model/version"], ["['data/0']", "['version']"]),
        (["model/version"], ["['version']"]),
        (["a/x", "b/y"], ["['a/x']", "['b/y']"]),
        (["a/x", "ab"], ["['a/x']", "['ab']"]),
        (["XXXXa", "b/y"], ["['XXXXa']", "['b/y']"]),
        ([], []),
    ],
)
def test_a_torch_archive_is_its_members_without_their_folder(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    (tmp_path / "x.pt").write_bytes(zipped(dict.fromkeys(names, b"x")))
    node = formats.torch_file(tmp_path / "x.pt")
    assert isinstance(node, Branch)
    assert (node.type, list(node.keys)) == ("torch archive", expected)


def test_archives_that_are_bombs_or_ambiguous_or_locked_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"a": b"xy", "b": b"z"}))
    for name, bound in (("MAX_MEMBERS", 2), ("MAX_UNPACKED", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(formats, name, bound)
            formats.zip_file(path)
            patch.setattr(formats, name, bound - 1)
            assert refused(formats.zip_file, path)
    path.write_bytes(zipped({"a": b"x"}, flags=1))
    assert refused(formats.zip_file, path)
    path.write_bytes(zipped({"a": b"x", "b": b"y"}).replace(b"b", b"a"))
    assert refused(formats.zip_file, path)
    path.write_bytes(zipped({"a": b"xy"}).replace(b"xy", b"xz"))  # its sum does not fit
    assert refused(formats.zip_file, path)
    path.write_bytes(b"PK")
    assert refused(formats.zip_file, path)


# --- images -----------------------------------------------------------------------------------


def test_images_of_both_formats_and_of_deep_grey_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pil: Any = pytest.importorskip("PIL.Image")
    images = {
        "a.png": pil.new("RGB", (2, 1), (1, 2, 3)),
        "b.jpg": pil.new("L", (2, 1), 5),
        "c.png": pil.new("I;16", (2, 1), 300),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
    load = pil.Image.load

    def warn(self: Any) -> Any:
        warnings.warn("of something else", UserWarning, stacklevel=1)
        return load(self)

    for name in images:
        assert isinstance(formats.image_file(tmp_path / name), Branch)
    monkeypatch.setattr(pil.Image, "load", warn)
    with pytest.warns(UserWarning, match="of something else"):
        formats.image_file(tmp_path / "c.png")
