"""One change anywhere in a file of every format: never equal, and found where it is; written otherwise: equal.

As in test_single_changes, the change is drawn.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.values import fingerprint, identical
from pytest_repro.values.files import file_node
from tests.unit.values.single_changes import another, changes, drawn, elements, flipped, only, randoms

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def assert_equal_files(a: Path, b: Path) -> None:
    x, y = file_node(a), file_node(b)
    assert identical(x, y)
    assert fingerprint(x) == fingerprint(y)


def changed_byte(rng: Random, content: bytes) -> tuple[bytes, int]:
    data, (at,) = flipped(rng, np.frombuffer(content, np.uint8))
    return data.tobytes(), at


# --- archives ---------------------------------------------------------------------------------


def archive(rng: Random, members: dict[str, bytes], *, prefix: str = "") -> bytes:
    """A zip of members in any order, of any time and compression."""
    file = io.BytesIO()
    names = list(members)
    rng.shuffle(names)
    with zipfile.ZipFile(file, "w") as writer:
        for name in names:
            info = zipfile.ZipInfo(prefix + name, (rng.randint(1980, 2100), 1, 1, 0, 0, 0))
            info.compress_type = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
            writer.writestr(info, members[name])
    return file.getvalue()


@drawn
@given(rng=randoms, suffix=st.sampled_from([".zip", ".pt", ".pth"]))
def test_archive(folder: Path, rng: Random, suffix: str) -> None:
    members = {name: rng.randbytes(rng.randint(1, 40)) for name in ("data.pkl", "data/0", "data/1")}
    prefixes = ("", "") if suffix == ".zip" else ("one/", "two/")  # torch takes the name of the file
    one, two = (write(folder / f"{i}{suffix}", archive(rng, members, prefix=prefixes[i])) for i in range(2))
    assert_equal_files(one, two)
    name = rng.choice(list(members))
    content, at = changed_byte(rng, members[name])
    write(two, archive(rng, {**members, name: content}, prefix=prefixes[1]))
    assert only(one, two) == (f".content['{name}']", (at,))
    write(two, archive(rng, {key: item for key, item in members.items() if key != name}, prefix=prefixes[1]))
    assert [leaf.path for leaf in changes(one, two)] == [f".content['{name}']"]


# --- tensors ----------------------------------------------------------------------------------

KINDS = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I16": "int16", "U8": "uint8"}


def safetensors(rng: Random, tensors: dict[str, tuple[str, Any]], metadata: dict[str, str]) -> bytes:
    """A file with the tensors and the keys of its header in any order."""
    names, head, data = list(tensors), {}, b""
    rng.shuffle(names)
    for name in names:
        kind, values = tensors[name]
        head[name] = {
            "dtype": kind,
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + values.nbytes],
        }
        data += values.tobytes()
    keys = ["__metadata__", *tensors]
    rng.shuffle(keys)
    text = json.dumps({key: metadata if key == "__metadata__" else head[key] for key in keys}).encode()
    return struct.pack("<Q", len(text)) + text + data


@drawn
@given(rng=randoms)
def test_safetensors(folder: Path, rng: Random) -> None:
    kinds = {name: rng.choice(list(KINDS)) for name in "abc"}
    tensors = {name: (kind, elements(rng, KINDS[kind], (2, 3))) for name, kind in kinds.items()}
    one, two = (write(folder / f"{i}.safetensors", safetensors(rng, tensors, {"format": "pt"})) for i in range(2))
    assert_equal_files(one, two)
    name = rng.choice("abc")
    kind, values = tensors[name]
    other, index = flipped(rng, values)
    write(two, safetensors(rng, {**tensors, name: (kind, other)}, {"format": "pt"}))
    assert only(one, two) == (f".content['{name}']", index)
    write(two, safetensors(rng, {**tensors, name: (kind, values.reshape(3, 2))}, {"format": "pt"}))
    assert [leaf.what for leaf in changes(one, two)] == ["shape"]
    write(
        two, safetensors(rng, {("d" if key == name else key): item for key, item in tensors.items()}, {"format": "pt"})
    )
    assert ".content['d']" in [leaf.path for leaf in changes(one, two)]
    write(two, safetensors(rng, tensors, {"format": "np"}))
    assert only(one, two)[0] == ".content.metadata['format']"


# --- tables and images ------------------------------------------------------------------------


@drawn
@given(rng=randoms)
def test_parquet(folder: Path, rng: Random) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def written(name: str, columns: dict[str, Any]) -> Path:
        path = folder / name
        compression = rng.choice(["none", "snappy", "gzip"])
        parquet.write_table(arrow.table(columns), path, row_group_size=rng.randint(1, 5), compression=compression)
        return path

    columns: dict[str, Any] = {"a": elements(rng, "float64", (5,)), "b": list("vwxyz")}
    one = written("1.parquet", columns)
    assert_equal_files(one, written("2.parquet", columns))
    other, index = flipped(rng, columns["a"])
    path, found = only(one, written("2.parquet", {**columns, "a": other}))
    assert (path.partition("['a']")[1], found) == ("['a']", index)
    at = rng.randrange(5)
    cells = [None if i == at else cell for i, cell in enumerate(columns["b"])]
    assert all("['b']" in leaf.path for leaf in changes(one, written("2.parquet", {**columns, "b": cells})))
    assert changes(one, written("2.parquet", dict(reversed(columns.items()))))


@drawn
@given(rng=randoms, mode=st.sampled_from(["L", "RGB", "RGBA", "LA"]))
def test_png(folder: Path, rng: Random, mode: str) -> None:
    image = pytest.importorskip("PIL.Image")
    shape = (rng.randint(1, 5), rng.randint(1, 5), *([len(mode)] if len(mode) > 1 else []))

    def written(name: str, pixels: Any) -> Path:
        path: Path = folder / name
        image.fromarray(pixels, mode).save(path, compress_level=rng.randrange(10), dpi=(rng.randint(1, 99), 72))
        return path

    pixels = elements(rng, "uint8", shape)
    one = written("1.png", pixels)
    assert_equal_files(one, written("2.png", pixels))
    other, index = flipped(rng, pixels)
    assert only(one, written("2.png", other)) == (".content.pixels", index)
    image.fromarray(pixels, mode).convert(another(rng, ["L", "RGB", "RGBA", "LA"], mode)).save(folder / "2.png")
    assert ".content.mode" in [leaf.path for leaf in changes(one, folder / "2.png")]


# --- text, bytes, gzip, directories -----------------------------------------------------------


@drawn
@given(rng=randoms, suffix=st.sampled_from([".txt", ".csv", ".yaml", ".jsonl", ".md"]))
def test_text(folder: Path, rng: Random, suffix: str) -> None:
    lines = [f"{rng.randrange(10**6)},{rng.random()!r}" for _ in range(5)]
    one = write(folder / f"1{suffix}", "\n".join(lines).encode())
    at = rng.randrange(5)
    other = [line + "é" if i == at else line for i, line in enumerate(lines)]
    assert only(one, write(folder / f"2{suffix}", "\n".join(other).encode()))[0] == f".content[{at}]"
    assert changes(one, write(folder / f"2{suffix}", "\r\n".join(lines).encode()))
    assert changes(one, write(folder / f"2{suffix}", ("\n".join(lines) + "\n").encode()))


@drawn
@given(rng=randoms, suffix=st.sampled_from([".pkl", ".joblib", ".onnx", ".bin", ""]))
def test_bytes(folder: Path, rng: Random, suffix: str) -> None:
    content = rng.randbytes(rng.randint(1, 100))
    other, at = changed_byte(rng, content)
    one = write(folder / f"1{suffix}", content)
    assert_equal_files(one, write(folder / f"2{suffix}", content))
    assert only(one, write(folder / f"2{suffix}", other)) == (".content", (at,))


@drawn
@given(rng=randoms, time=st.integers(2, 2**32 - 1))
def test_gzip(folder: Path, rng: Random, time: int) -> None:
    content = rng.randbytes(rng.randint(1, 100))
    one = write(folder / "1.gz", gzip.compress(content, mtime=time))
    assert_equal_files(one, write(folder / "2.gz", gzip.compress(content, mtime=time)))
    assert only(one, write(folder / "2.gz", gzip.compress(content, mtime=time ^ 1)))[0] == ".header mtime"
    other, at = changed_byte(rng, content)
    found = {leaf.path: leaf.stats for leaf in changes(one, write(folder / "2.gz", gzip.compress(other, mtime=time)))}
    stats = found[".content"]
    assert stats is not None
    assert stats.first_index == (at,)
    assert set(found) == {".content", ".compressed sha256"}


@drawn
@given(rng=randoms)
def test_directory(tmp_path_factory: pytest.TempPathFactory, rng: Random) -> None:
    names = ["a.bin", "b/c.bin", "b/d/e.bin"]
    contents = {name: rng.randbytes(20) for name in names}

    def written(files: dict[str, bytes]) -> Path:
        root = tmp_path_factory.mktemp("root")
        for name in rng.sample(sorted(files), len(files)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write(root / name, files[name])
        return root

    one = written(contents)
    assert_equal_files(one, written(contents))
    name = rng.choice(names)
    other, at = changed_byte(rng, contents[name])
    assert only(one, written({**contents, name: other})) == (f"['{name}'].content", (at,))
    assert [leaf.path for leaf in changes(one, written({**contents, name + "x": b""}))] == [f"['{name}x']"]
    renamed = {(key + "x" if key == name else key): content for key, content in contents.items()}
    assert {leaf.path.partition("]")[0] for leaf in changes(one, written(renamed))} == {f"['{name}'", f"['{name}x'"}
