"""Reading ``.npy`` files: which headers are taken, what is refused and why, and when elements are mapped."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import StoredDataError
from pytest_repro.values import npy
from pytest_repro.values.npy import is_text, npy_from_bytes, read_npy


def saved(data: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, data)
    return out.getvalue()


def header(descr: str = "<i2", shape: str = "(2,)", *, fortran: str = "False", end: str = "\n") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}{end}".encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def refused(raw: bytes) -> str:
    try:
        npy_from_bytes(raw)
    except ValueError as error:
        return str(error)
    raise AssertionError("it was read")


def test_elements_are_those_that_numpy_saved() -> None:
    for data in (
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.array(1.5),
        np.array(["é", "a"]),
        np.zeros((0, 2), "i1"),
    ):
        found = npy_from_bytes(saved(data))
        assert (found.dtype, found.shape, found.tolist()) == (data.dtype, data.shape, data.tolist())


def test_a_header_of_another_writer_may_be_spaced_otherwise() -> None:
    for raw in (
        header(),
        header(end=" \n"),
        header(end="\n"),
        header(shape="(2)"),
        header(shape="(1, 2)"),
        header(shape="(1,2,)"),
    ):
        assert npy_from_bytes(raw + b"\1\0\2\1").ravel().tolist() == [1, 258]
    assert npy_from_bytes(header(shape="()") + b"\1\1").tolist() == 257


def test_columns_come_first_where_the_header_says_so() -> None:
    for fortran, expected in (("True", [[1, 3], [2, 4]]), ("False", [[1, 2], [3, 4]])):
        assert npy_from_bytes(header("|i1", "(2, 2)", fortran=fortran) + b"\1\2\3\4").tolist() == expected


NOT_WRITTEN = "its header is not one that is written for plain elements"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "it is no .npy file of version 1.0"),
        (b"\x93NUMPX" + header()[6:], "it is no .npy file of version 1.0"),
        (header()[:6] + b"\2\0" + header()[8:], "it is no .npy file of version 1.0"),
        (header()[:6] + b"\1\1" + header()[8:], "it is no .npy file of version 1.0"),
        (header(end=""), NOT_WRITTEN),
        (header(end="\n\n"), NOT_WRITTEN),
        (header("é"), NOT_WRITTEN),
        (header(shape="(-1,)"), NOT_WRITTEN),
        (header()[:9] + b"\1" + header()[10:] + b"\0" * 300, NOT_WRITTEN),
        (header("|O"), "it holds pickled objects, which are never loaded"),
        (header("<f7"), "its elements are of the unknown type '<f7'"),
        (header(shape=f"({'1, ' * 65})"), f"it says to have the shape {str((1,) * 65)[:60]}"),
        (header("<U0", shape="(1048577,)"), "it says to have the shape (1048577,)"),
        (header() + b"\1\0\2", "it has 3 bytes of elements, and its header says 4"),
        (header(shape="(2, 3000)") + b"\1\0\2\1", "it has 4 bytes of elements, and its header says 12,000"),
        (header() + bytes(2000), "it has 2,000 bytes of elements, and its header says 4"),
        (header("<U1", "(1,)") + b"\0\0\x11\0", "it holds what is no character, or no date"),
        (header("<M8", "(1,)") + b"\1" + b"\0" * 7, "it holds what is no character, or no date"),
    ],
    ids=range(18),
)  # fmt: skip
def test_what_is_refused_is_told(raw: bytes, reason: str) -> None:
    assert refused(raw) == reason


def test_just_what_is_allowed_is_read() -> None:
    assert npy_from_bytes(header(shape=f"({'1, ' * 64})") + b"\1\0").shape == (1,) * 64
    assert npy_from_bytes(header("<U0", shape="(1048576,)")).shape == (1 << 20,)
    assert npy_from_bytes(header("<U1", "(1,)") + b"\xff\xff\x10\0").tolist() == ["\U0010ffff"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.full(2, -(2**63)).view("M8"), True),
        (np.array([1], "i8").view("M8"), False),
        (np.array([1], "i8").view("M8[s]"), True),
        (np.array([1], "u4").view("U1"), True),
        (np.array([[1, 0x110000]], "u4").view("U1"), False),
        (np.array([[1, 0x110000], [1, 2]], "u4").T.copy().view("U2").T[::-1], False),
        (np.array([0x10FFFF], "u4").view("U1"), True),
        (np.array("abc"), True),
        (np.array([], "U3"), True),
        (np.array(["", ""], "U0"), True),
        (np.array([2.0**100]), True),
        (np.array([b"\xff\xff\xff\xff"]), True),
    ],
    ids=range(12),
)
def test_what_can_become_text(data: Any, expected: bool) -> None:
    assert is_text(data) is expected


def test_many_elements_are_mapped_from_the_file_and_few_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "MAPPED_BYTES", 48)
    path = tmp_path / "x.npy"
    for data, mapped in (
        (np.arange(6).reshape(2, 3), True),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), True),
        (np.arange(5), False),
        (np.array(["abcd"] * 6), False),
        (np.array(["2027"] * 6, "M8[D]"), False),
    ):
        path.write_bytes(saved(data))
        found = read_npy(path, remedy="")
        assert isinstance(found, np.memmap) is mapped
        assert (found.dtype, found.tolist()) == (data.dtype, data.tolist())
        assert not found.flags.writeable
        assert not isinstance(npy_from_bytes(path.read_bytes()), np.memmap)


def test_a_file_that_cannot_be_read_is_told_with_the_remedy(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        with pytest.raises(StoredDataError) as caught:
            read_npy(path, remedy="make it anew")
        return str(caught.value)

    path = tmp_path / "x.npy"
    path.write_bytes(header("|O"))
    assert told(path) == f"{path}: it holds pickled objects, which are never loaded; make it anew"
    assert told(tmp_path) == f"{tmp_path}: Is a directory; make it anew"
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "absent.npy", remedy="")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert told(tmp_path / "pipe") == f"{tmp_path / 'pipe'}: it is not a regular file; make it anew"


def test_a_long_reason_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise ValueError("x" * 300)

    monkeypatch.setattr(npy, "_read", refuse)
    path = tmp_path / "x.npy"
    path.write_bytes(b"")
    with pytest.raises(StoredDataError) as caught:
        read_npy(path, remedy="make it anew")
    assert str(caught.value) == f"{path}: {'x' * 200}; make it anew"
