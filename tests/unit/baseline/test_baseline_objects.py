from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array
from pytest_repro.values import canonical, fingerprint, identical


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / ".repro" / "objects", ignored=True)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6, dtype=">i4"),
        np.array(["a", "bc" * 5000]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array("x" * 9000),
        {"a": np.arange(10_000), "b": "text"},
        "x" * 100_000,
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_value_comes_back_by_its_digest(store: ObjectStore, value: object) -> None:
    node = canonical(value)
    digest = store.put(node)
    array = (node.type, node.dtype) if isinstance(node, Array) else None
    assert identical(store.get(digest, array=array), node)
    assert store.put(node) == digest


def test_bfloat16_comes_back(store: ObjectStore) -> None:
    node = Array("torch.Tensor", "bfloat16", (3,), np.array([1, 2, 3], "u2"), owned=True)
    assert identical(store.get(store.put(node), array=("torch.Tensor", "bfloat16")), node)


def test_store_is_ignored_by_git(store: ObjectStore) -> None:
    store.put(canonical(np.arange(3)))
    assert "*" in (store.folder.parent / ".gitignore").read_text().splitlines()


def test_stored_value_is_not_written_again(store: ObjectStore) -> None:
    digest = store.put(canonical(np.arange(3)))
    before = store.path(digest, ".npy").stat().st_mtime_ns
    store.put(canonical(np.arange(3)))
    assert store.path(digest, ".npy").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "digest", ["../../../etc/passwd", "", "a", "A" * 32, "0" * 31 + "/", "0" * 33, "0" * 32 + "\n"]
)
def test_digest_that_is_none_leads_nowhere(store: ObjectStore, digest: str) -> None:
    with pytest.raises(StoredDataError, match="no digest"):
        store.get(digest, array=("numpy.ndarray", "float64"))


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('executed')",))


def hostile(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "object array":
        np.save(path, np.array([Bomb()], object), allow_pickle=True)
    elif kind == "10 GB shape":
        header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1342177280,), }"
        path.write_bytes(
            b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117).encode() + b"\n" + b"\0" * 8
        )
    elif kind == "negative shape":
        header = "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"
        path.write_bytes(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117).encode() + b"\n")
    elif kind == "code in the header":
        header = "__import__('os').abort()"
        path.write_bytes(b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117).encode() + b"\n")
    elif kind == "truncated":
        np.save(path, np.arange(1000.0))
        path.write_bytes(path.read_bytes()[:500])
    elif kind == "other elements":
        np.save(path, np.arange(1000.0) + 1)
    elif kind == "other dtype":
        np.save(path, np.arange(1000))
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize(
    "kind",
    [
        "pickle",
        "object array",
        "10 GB shape",
        "negative shape",
        "code in the header",
        "truncated",
        "other elements",
        "other dtype",
        "empty",
    ],
)
def test_hostile_npy_is_refused_by_name_and_nothing_is_executed(store: ObjectStore, kind: str) -> None:
    digest = fingerprint(canonical(np.arange(1000.0)))
    path = store.path(digest, ".npy")
    hostile(path, kind)
    with pytest.raises(StoredDataError, match=rf"{digest[2:]}\.npy: "):
        store.get(digest, array=("numpy.ndarray", "float64"))
    with pytest.raises(StoredDataError, match=rf"{digest[2:]}\.npy: "):
        store.get_array(digest)


def test_missing_value_is_told_apart_from_a_damaged_one(store: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.get("0" * 32, array=("numpy.ndarray", "float64"))
    with pytest.raises(FileNotFoundError):
        store.get("0" * 32)
