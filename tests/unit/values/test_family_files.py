from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import socket
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.errors import RecordingError
from pytest_repro.model import Branch
from pytest_repro.values import file_formats, files, fingerprint, identical, walk_leaves
from pytest_repro.values.files import file_node
from tests.unit.values.meaning import assert_well_formed, differing, notes


class Pair:
    """Two files of one name in folders of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("a", "b"):
            (root / name).mkdir()

    def nodes(self, name: str, one: bytes, two: bytes) -> tuple[Branch, Branch]:
        for folder, content in (("a", one), ("b", two)):
            (self.root / folder / name).write_bytes(content)
        return file_node(self.root / "a" / name), file_node(self.root / "b" / name)

    def same(self, name: str, one: bytes, two: bytes) -> Branch:
        x, y = self.nodes(name, one, two)
        assert identical(x, y), differing(x, y)
        assert fingerprint(x) == fingerprint(y)
        assert_well_formed(x)
        return x

    def differ(self, name: str, one: bytes, two: bytes) -> list[str]:
        x, y = self.nodes(name, one, two)
        assert not identical(x, y)
        return differing(x, y)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def form(node: Branch) -> object:
    """Return how a file was read."""
    return dict(walk_leaves(node))[".format"]


SUFFIXES = sorted({*files._READERS, ".gz", ".csv.gz", ".pkl", ".joblib", ".onnx", ".bin", ""})


@given(content=st.binary(max_size=200), suffix=st.sampled_from(SUFFIXES))
@settings(max_examples=200, deadline=None)
def test_any_bytes_under_any_suffix_have_a_form_and_a_changed_byte_shows(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    pair = Pair(tmp_path_factory.mktemp("any"))
    node = pair.same(f"f{suffix}", content, content)
    if form(node) == "bytes" and content:
        pair.differ(f"f{suffix}", content, content[:-1] + bytes([content[-1] ^ 1]))


# --- text -------------------------------------------------------------------------------------


def test_text_is_compared_by_line(pair: Pair) -> None:
    assert pair.differ("log.csv", b"a,b\n1,2\n", b"a,b\n1,3\n") == [".content[1]"]
    assert pair.differ("log.txt", b"a\n", b"a") == [".content[1]"]
    assert pair.differ("log.txt", b"a\r\nb", b"a\nb") == [".content[0]"]
    assert form(pair.same("log.md", b"\xff", b"\xff")) == "bytes"


def test_json_is_compared_by_value(pair: Pair) -> None:
    pair.same("m.json", b'{"a": 1, "b": [1.0, 2.5]}', b'{"b":[1.0,2.5],\n"a":1}')
    assert pair.differ("m.json", b'{"a": {"b": 1}}', b'{"a": {"b": 2}}') == [".content['a']['b']"]
    assert pair.differ("m.json", b"[1.0, 2.0]", b"[1.0, -0.0]") == [".content"]
    assert pair.differ("m.json", b"1", b"1.0") == [".content"]
    pair.same("m.json", b'{"a": NaN}', b'{"a":NaN}')


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"a": 1, "a": 2}', id="duplicate key"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[" * 900 + b"]" * 900 + b" ", id="deep but closed"),
        pytest.param(b"9" * 10_000, id="number of 10,000 digits"),
        pytest.param(b"{", id="cut"),
    ],
)
def test_json_that_is_not_plain_still_has_a_form(pair: Pair, content: bytes) -> None:
    pair.same("m.json", content, content)
    pair.differ("m.json", content, content + b"x")


def test_json_with_a_duplicate_key_is_not_read_as_if_it_had_one(pair: Pair) -> None:
    pair.differ("m.json", b'{"a": 1, "a": 2}', b'{"a": 3, "a": 2}')


# --- arrays -----------------------------------------------------------------------------------


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _npz(compress: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(file, **arrays)
    return file.getvalue()


def test_npy_is_its_array(pair: Pair) -> None:
    array = np.arange(6.0).reshape(2, 3)
    pair.same("w.npy", _npy(array), _npy(np.asfortranarray(array)))
    pair.same("w.npy", _npy(array), _npy(array.astype(">f8")))
    assert pair.differ("w.npy", _npy(array), _npy(array + 1)) == [".content"]
    pair.differ("w.npy", _npy(array), _npy(array.astype(np.float32)))


def test_object_arrays_are_compared_by_bytes_and_never_unpickled(pair: Pair) -> None:
    node = pair.same("w.npy", _npy(np.array([Bomb()], object)), _npy(np.array([Bomb()], object)))
    assert form(node) == "bytes"
    inside = _npz(a=np.array([Bomb()], object))
    assert form(pair.same("w.npz", inside, inside)) == "bytes"


class Bomb:
    """Shows when somebody unpickles it."""

    def __reduce__(self) -> Any:
        return sys.exit, ("unpickled",)


def test_npz_is_its_arrays_by_name(pair: Pair) -> None:
    one, two = np.arange(3), np.ones(2)
    pair.same("w.npz", _npz(a=one, b=two), _npz(compress=True, b=two, a=one))
    assert pair.differ("w.npz", _npz(a=one, b=two), _npz(a=one, b=two + 1)) == [".content['b']"]


def _safetensors(*, reverse: bool = False, **tensors: Any) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name in sorted(tensors, reverse=reverse):
        tensor = tensors[name]
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + tensor.nbytes],
        }
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_safetensors_is_its_tensors_by_name(pair: Pair) -> None:
    a, b = np.ones((2, 2), np.float32), np.zeros((0, 3), np.float32)
    node = pair.same("m.safetensors", _safetensors(a=a, b=b), _safetensors(a=a, b=b, reverse=True))
    assert form(node) == "safetensors"
    assert pair.differ("m.safetensors", _safetensors(a=a), _safetensors(a=a * 2)) == [".content['a']"]
    pair.differ("m.safetensors", _safetensors(a=a), _safetensors(b=a))


def test_safetensors_of_the_reference_writer_are_read(pair: Pair) -> None:
    torch: Any = pytest.importorskip("torch")
    writer: Any = pytest.importorskip("safetensors.torch")
    dtypes = ["float64", "float32", "float16", "bfloat16", "int64", "int8", "uint8", "bool", "float8_e4m3fn"]
    tensors = {name: torch.ones(2, 2).to(getattr(torch, name)) for name in dtypes}
    content = writer.save(tensors)
    node = pair.same("m.safetensors", content, content)
    leaves: dict[str, Any] = dict(walk_leaves(node))
    assert [leaves[f".content['{name}']"].dtype for name in dtypes] == dtypes


def _header(entry: dict[str, Any], size: int = 4) -> bytes:
    text = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(struct.pack("<Q", 2**60), id="huge header"),
        pytest.param(_header({"shape": [2**62, 4]}), id="huge shape"),
        pytest.param(_header({"shape": [-1]}), id="negative shape"),
        pytest.param(_header({"shape": [True]}), id="shape of booleans"),
        pytest.param(_header({"data_offsets": [4, 0]}), id="backward"),
        pytest.param(_header({"data_offsets": [0, 400]}), id="past the end"),
        pytest.param(_header({"data_offsets": [0]}), id="one offset"),
        pytest.param(_header({"data_offsets": None}), id="no offsets"),
        pytest.param(_header({"dtype": "X9"}), id="unknown dtype"),
        pytest.param(_header({"dtype": []}), id="dtype that is no text"),
        pytest.param(_header({}, size=8), id="bytes that belong to nothing"),
        pytest.param(struct.pack("<Q", 2) + b"[]", id="list"),
        pytest.param(struct.pack("<Q", 8) + b'{"a": 1}', id="entry that is no table"),
        pytest.param(struct.pack("<Q", 11) + b'{"a": null}', id="entry null"),
    ],
)
def test_lying_safetensors_are_compared_by_bytes(pair: Pair, content: bytes) -> None:
    assert form(pair.same("m.safetensors", content, content)) == "bytes"


# --- archives ---------------------------------------------------------------------------------


def _zip(members: dict[str, bytes], year: int = 2020, kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content, kind)
    return file.getvalue()


def test_zip_is_its_members_whatever_their_time_order_and_compression(pair: Pair) -> None:
    members = {"x.txt": b"x" * 100, "y/z.bin": b"z"}
    other = dict(reversed(members.items()))
    pair.same("m.zip", _zip(members), _zip(other, year=2021, kind=zipfile.ZIP_DEFLATED))
    assert pair.differ("m.zip", _zip(members), _zip({**members, "y/z.bin": b"a"})) == [".content['y/z.bin']"]
    pair.differ("m.zip", _zip(members), _zip({"x.txt": b"x" * 100}))


def test_zip_bombs_and_ambiguous_archives_are_compared_by_bytes(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_formats, "MAX_UNPACKED", 1000)
    bomb = _zip({"zeros": bytes(2000)}, kind=zipfile.ZIP_DEFLATED)
    assert form(pair.same("m.zip", bomb, bomb)) == "bytes"
    lying = _zip({"zeros": bytes(2000)}, kind=zipfile.ZIP_DEFLATED).replace(
        struct.pack("<L", 2000), struct.pack("<L", 20)
    )
    assert form(pair.same("m.zip", lying, lying)) == "bytes"
    monkeypatch.setattr(file_formats, "MAX_MEMBERS", 1)
    many = _zip({"a": b"", "b": b""})
    assert form(pair.same("m.zip", many, many)) == "bytes"


def test_torch_archive_does_not_depend_on_the_name_that_it_was_saved_to(pair: Pair, tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    torch.save({"w": torch.ones(3)}, tmp_path / "first.pt")
    torch.save({"w": torch.ones(3)}, tmp_path / "second.pt")
    torch.save({"w": torch.zeros(3)}, tmp_path / "third.pt")
    first, second, third = ((tmp_path / f"{name}.pt").read_bytes() for name in ("first", "second", "third"))
    assert first != second
    node = pair.same("m.pt", first, second)
    assert notes(node) == ["compared by bytes (not unpickled)"]
    assert ".content['data/0']" in pair.differ("m.pt", first, third)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".pth"])
def test_pickles_are_compared_by_bytes_and_say_so(pair: Pair, suffix: str) -> None:
    content = pickle.dumps(Bomb())
    node = pair.same(f"m{suffix}", content, content)
    assert notes(node) == ["compared by bytes (not unpickled)"]
    pair.differ(f"m{suffix}", content, content + b".")


def _gzip(content: bytes, mtime: int = 0, name: str = "a.csv", level: int = 9) -> bytes:
    file = io.BytesIO()
    with gzip.GzipFile(name, "wb", level, file, mtime=mtime) as packed:
        packed.write(content)
    return file.getvalue()


def test_gzip_time_stamp_alone_shows_as_such(pair: Pair) -> None:
    content = b"a,b\n1,2\n"
    pair.same("a.csv.gz", _gzip(content), _gzip(content))
    assert pair.differ("a.csv.gz", _gzip(content), _gzip(content, mtime=1)) == [".header mtime"]
    assert pair.differ("a.csv.gz", _gzip(content), _gzip(content, name="b.csv")) == [".header name"]
    assert pair.differ("a.csv.gz", _gzip(content), _gzip(b"a,b\n1,3\n"))[0] == ".content[1]"
    level = pair.differ("a.csv.gz", _gzip(content * 50, level=1), _gzip(content * 50, level=9))
    assert ".content" not in level


def test_gzip_bombs_and_cut_files_are_compared_by_bytes(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = _gzip(b"x" * 100)[:-4]
    assert form(pair.same("a.gz", cut, cut)) == "bytes"
    monkeypatch.setattr("pytest_repro.values.gzip_files.MAX_UNPACKED", 50)
    bomb = _gzip(bytes(100))
    assert form(pair.same("a.gz", bomb, bomb)) == "bytes"


def test_gzip_of_several_members_and_json_is_read(pair: Pair) -> None:
    two = _gzip(b'{"a": ') + _gzip(b"1}")
    assert pair.differ("a.json.gz", two, _gzip(b'{"a": ') + _gzip(b"2}"))[0] == ".content['a']"


# --- formats that need a library --------------------------------------------------------------


def test_parquet_is_its_table_whatever_its_row_groups(pair: Pair) -> None:
    pa: Any = pytest.importorskip("pyarrow")
    pq: Any = pytest.importorskip("pyarrow.parquet")

    def parquet(values: list[int], **options: Any) -> bytes:
        file = io.BytesIO()
        pq.write_table(pa.table({"x": values}), file, **options)
        return file.getvalue()

    pair.same("t.parquet", parquet([1, 2]), parquet([1, 2], row_group_size=1, compression="none"))
    assert pair.differ("t.parquet", parquet([1, 2]), parquet([1, 3])) == [".content['x'].values"]


def test_images_are_compared_by_pixels(pair: Pair) -> None:
    pil: Any = pytest.importorskip("PIL.Image")
    info: Any = pytest.importorskip("PIL.PngImagePlugin").PngInfo()
    info.add_text("Date", "today")

    def png(shade: int, **options: Any) -> bytes:
        file = io.BytesIO()
        pil.new("L", (4, 4), shade).save(file, "PNG", **options)
        return file.getvalue()

    pair.same("p.png", png(5), png(5, pnginfo=info, compress_level=1))
    assert pair.differ("p.png", png(5), png(6)) == [".content.pixels"]
    assert form(pair.same("p.png", b"\x89PNG", b"\x89PNG")) == "bytes"


# --- directories and bad input ----------------------------------------------------------------


def _tree(root: Path, change: Callable[[Path], object] = lambda _: None) -> Branch:
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("a")
    (root / "b.bin").write_bytes(b"b")
    os.symlink("b.bin", root / "link")
    change(root)
    return file_node(root)


def _relink(link: Path) -> None:
    link.unlink()
    os.symlink("nowhere", link)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param(lambda root: (root / "sub" / "a.txt").write_text("x"), "['sub/a.txt'].content[0]", id="content"),
        pytest.param(lambda root: (root / "b.bin").rename(root / "c.bin"), "['b.bin'].content", id="name"),
        pytest.param(lambda root: (root / "sub" / "empty").rmdir(), "['sub/empty/']", id="empty directory"),
        pytest.param(lambda root: _relink(root / "link"), "['link']", id="link"),
    ],
)
def test_directory_is_its_files_by_relative_path(tmp_path: Path, change: Any, path: str) -> None:
    one = _tree(tmp_path / "one")
    assert identical(one, _tree(tmp_path / "two"))
    assert_well_formed(one)
    assert path in differing(one, _tree(tmp_path / "three", change))


def test_link_to_a_file_is_followed_where_it_is_what_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    os.symlink(tmp_path / "a.txt", tmp_path / "b.txt")
    assert identical(file_node(tmp_path / "a.txt"), file_node(tmp_path / "b.txt"))


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.txt: there is no such file"):
        file_node(tmp_path / "nothing.txt")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs a special file")
def test_special_file_is_refused_inside_a_directory_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="device, socket or pipe"):
        file_node(tmp_path)
    with pytest.raises(RecordingError, match="device, socket or pipe"):
        file_node(tmp_path / "pipe")


def test_file_beyond_the_bound_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate((16 << 30) + 1)
    with pytest.raises(RecordingError, match="more than the 16 GiB"):
        file_node(path)
    with pytest.raises(RecordingError, match="more than the 16 GiB"):
        file_node(tmp_path)


def test_directory_beyond_the_bound_is_refused_as_a_whole(tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(9 << 30)
    with pytest.raises(RecordingError, match="more than the 16 GiB"):
        file_node(tmp_path)


def test_large_file_is_mapped_and_too_large_text_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAP_FROM", 4)
    monkeypatch.setattr(files, "MAX_PARSED", 4)
    (tmp_path / "a.txt").write_text("abcdef")
    leaves: dict[str, Any] = dict(walk_leaves(file_node(tmp_path / "a.txt")))
    assert leaves[".format"] == "bytes"
    assert isinstance(leaves[".content"].data, np.memmap)
    assert not leaves[".content"].owned
