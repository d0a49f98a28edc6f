"""Files and directories: the form of each, what is refused and how, and the sizes that change how a file is read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import RecordingError
from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values import files
from pytest_repro.values.files import file_node

NOT_UNPICKLED = ("compared by bytes (not unpickled)",)


def form(node: Node) -> Any:
    """Parts by name, arrays as lists."""
    if isinstance(node, Array):
        return (node.type, node.dtype, node.data.tolist())
    if isinstance(node, Branch):
        if node.layout is Layout.SEQUENCE:
            return [form(item) for item in node.items]
        return {"": node.type, **dict(zip(node.keys, map(form, node.items), strict=True))}
    return node


def written(path: Path, content: bytes = b"ab") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        file_node(path)
    return str(caught.value)


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


BYTES = ("bytes", "uint8", [97, 98])


@pytest.mark.parametrize(
    ("name", "format_", "content", "notes"),
    [
        ("x.bin", "bytes", BYTES, ()),
        ("x", "bytes", BYTES, ()),
        ("x.txt", "text", ["ab"], ()),
        ("x.TXT", "text", ["ab"], ()),
        ("x.json", "bytes", BYTES, ()),
        ("x.npy", "bytes", BYTES, ()),
        ("x.pkl", "bytes", BYTES, NOT_UNPICKLED),
        ("x.Joblib", "bytes", BYTES, NOT_UNPICKLED),
        ("x.pt", "bytes", BYTES, NOT_UNPICKLED),
    ],
)
def test_a_file_is_its_format_and_its_content(
    tmp_path: Path, name: str, format_: str, content: object, notes: tuple[str, ...]
) -> None:
    node = file_node(written(tmp_path / name))
    assert form(node) == {"": "file", ".format": format_, ".content": content}
    assert (node.layout, node.notes) == (Layout.OBJECT, notes)


def test_a_file_of_a_known_format_is_what_it_means(tmp_path: Path) -> None:
    assert form(file_node(written(tmp_path / "x.json", b'{"a": [1]}'))) == {
        "": "file", ".format": "json", ".content": {"": "dict", "['a']": ("list", "int64", [1])},
    }  # fmt: skip
    np.save(tmp_path / "x.npy", np.arange(2.0))
    assert form(file_node(tmp_path / "x.npy"))[".format"] == "npy"


def test_a_gzip_file_is_its_content_and_its_header(tmp_path: Path) -> None:
    node = file_node(written(tmp_path / "x.txt.GZ", gzip.compress(b"ab", mtime=0)))
    found = form(node)
    assert (found[""], found[".format"], found[".content"]) == ("file", "gzip", ["ab"])
    assert node.keys[0] == ".format"
    assert node.notes == ("where only .header differs, the decompressed content is equal",)
    broken = file_node(written(tmp_path / "y.gz"))
    assert (form(broken), broken.notes) == ({"": "file", ".format": "bytes", ".content": BYTES}, ())


# --- sizes ------------------------------------------------------------------------------------


def test_a_file_of_just_the_parsed_size_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, packed = written(tmp_path / "x.txt"), written(tmp_path / "x.gz", gzip.compress(b"ab", mtime=0))
    np.save(tmp_path / "x.npy", np.arange(2.0))
    for path, format_ in ((text, "text"), (packed, "gzip")):
        size = path.stat().st_size
        monkeypatch.setattr(files, "MAX_PARSED", size)
        assert form(file_node(path))[".format"] == format_
        monkeypatch.setattr(files, "MAX_PARSED", size - 1)
        assert form(file_node(path))[".format"] == "bytes"
        assert form(file_node(path))[".content"][2] == list(path.read_bytes())
    assert form(file_node(tmp_path / "x.npy"))[".format"] == "npy"  # it is mapped, whatever its size


def test_a_file_of_the_mapped_size_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.bin")
    for bound, mapped in ((3, False), (2, True)):
        monkeypatch.setattr(files, "MAP_FROM", bound)
        node = file_node(path).items[1]
        assert isinstance(node, Array)
        assert form(node) == BYTES
        assert node.shape == (2,)
        assert isinstance(node.data, np.memmap) is mapped
        assert node.owned is not mapped
        assert not node.data.flags.writeable


def test_what_is_too_large_is_refused_with_its_size(tmp_path: Path) -> None:
    for size, told in ((16.5, "16.5"), (17, "17.0")):
        path = sparse(tmp_path / "x.bin", int(size * (1 << 30)))
        assert refused(path) == (
            f"cannot record {path}: {told} GiB is more than the 16 GiB that one value may have; record its parts,"
            " or its digest as text"
        )
    files._check_size(path, 16 << 30)
    path.unlink()
    for name in "abc":
        sparse(tmp_path / name, 6 << 30)
    assert refused(tmp_path).startswith(f"cannot record {tmp_path}: 18.0 GiB is more")


def test_a_directory_of_just_the_largest_size_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "a")
    written(tmp_path / "b")
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    assert len(file_node(tmp_path).items) == 2
    monkeypatch.setattr(files, "MAX_BYTES", 3)
    assert "GiB is more than" in refused(tmp_path)


# --- directories ------------------------------------------------------------------------------


def test_a_directory_is_what_is_in_it_by_relative_path(tmp_path: Path) -> None:
    root = tmp_path / "root"
    written(root / "b.txt")
    written(root / "sub" / "deep" / "a.txt")
    (root / "sub" / "empty").mkdir()
    (root / "sub" / "to").symlink_to("deep")
    (root / "out").symlink_to("/elsewhere/x")
    (root / "sub" / "in").symlink_to(root / "b.txt")
    text = {"": "file", ".format": "text", ".content": ["ab"]}
    node = file_node(root)
    assert form(node) == {
        "": "directory",
        "['b.txt']": text,
        "['out']": Atom("symlink", "/elsewhere/x"),
        "['sub/deep/a.txt']": text,
        "['sub/empty/']": {"": "directory"},
        "['sub/in']": Atom("symlink", "../b.txt"),
        "['sub/to']": Atom("symlink", "deep"),
    }
    assert (node.layout, node.notes) == (Layout.MAPPING, ())
    assert isinstance(node.items[3], Branch)
    assert node.items[3].layout is Layout.MAPPING
    (tmp_path / "link").symlink_to(root)
    assert form(file_node(tmp_path / "link")).keys() == form(node).keys()


def test_entries_come_by_name_and_a_directory_only_where_it_is_empty(tmp_path: Path) -> None:
    for name in ("c", "a", "d/y", "d/x"):
        written(tmp_path / name)
    (tmp_path / "b").mkdir()
    assert [path for path, _ in files._entries(tmp_path)] == ["a", "b/", "c", "d/x", "d/y"]


# --- what cannot be read ----------------------------------------------------------------------


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nothing"
    assert refused(path) == (
        f"cannot record {path}: there is no such file or directory; record it after it was written"
    )


def test_what_cannot_be_read_is_told_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x") / "below"
    assert refused(path) == f"cannot record {path}: Not a directory; make it readable before recording it"

    def odd(*_: object, **__: object) -> Any:
        raise OSError("odd")

    monkeypatch.setattr(Path, "stat", odd)
    assert refused(path) == f"cannot record {path}: odd; make it readable before recording it"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    assert refused(path) == (
        f"cannot record {path}: it is a device, socket or pipe; record what was read from it instead"
    )
