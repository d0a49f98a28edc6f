"""The store of values that are too big for text: one file per value, named by its fingerprint.

An array is an ``.npy``; anything else is JSON whose big arrays are ``.npy`` files of their own. Files are
never changed: what is in the store is what its name says, and reading verifies that.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array
from pytest_repro.storage import MAX_JSON_BYTES, canonical_json, check_schema, read_json, write_atomically
from pytest_repro.values import decode, encode, fingerprint

if TYPE_CHECKING:
    import numpy as np

    from pytest_repro.model import Node

    AnyArray = np.ndarray[Any, np.dtype[Any]]

__all__ = ["STORE", "ObjectStore", "references"]

#: under the root of the session, ignored by git
STORE = ".repro"

_SCHEMA = "pytest-repro/value"
_VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{32}")
_REMEDY = "remove it; it is only needed to show elements, and --repro-update writes it anew"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Values by fingerprint, under one folder."""

    folder: Path
    #: write a .gitignore into `folder`'s parent
    ignored: bool = False

    def path(self, digest: str, suffix: str) -> Path:
        """Return the file of a value.

        Raises:
            StoredDataError: `digest` is no fingerprint, so that it could lead anywhere.
        """
        if not _DIGEST.fullmatch(digest):
            msg = f"{digest[:60]!r} in a stored file is no digest of a value; write the file anew"
            raise StoredDataError(msg)
        return self.folder / digest[:2] / f"{digest[2:]}{suffix}"

    def has(self, digest: str) -> bool:
        """Whether the value is here."""
        return any(self.path(digest, suffix).is_file() for suffix in (".npy", ".json"))

    def put(self, node: Node, *, nan_payload: bool = True) -> str:
        """Store a value and return its fingerprint; nothing is written that is here already.

        Raises:
            SettingsError: the store cannot be written.
        """
        digest = fingerprint(node, nan_payload=nan_payload)
        if self.has(digest):
            return digest
        self._ignore()
        if isinstance(node, Array):
            write_atomically(self.path(digest, ".npy"), _npy(node.data))
            return digest
        body = {"schema": f"{_SCHEMA}@{_VERSION}", "value": encode(node, put=self.put_array)}
        write_atomically(self.path(digest, ".json"), canonical_json(body))
        return digest

    def put_array(self, data: AnyArray) -> object:
        """Store the elements of an array and return a reference: what `values.encode` asks for."""
        return self.put(_bare(data))

    def get_array(self, ref: object) -> AnyArray:
        """Return the elements of a stored array: what `values.decode` asks for."""
        if not isinstance(ref, str):
            msg = f"a reference to a stored array is {type(ref).__name__}, expected text; write the file anew"
            raise StoredDataError(msg)
        from pytest_repro.values.npy import read_npy

        path = self.path(ref, ".npy")
        data = read_npy(path, remedy=_REMEDY)
        if fingerprint(_bare(data), nan_payload=True) != ref:
            raise _forged(path)
        return data

    def get(self, digest: str, *, array: tuple[str, str] | None = None) -> Node:
        """Return a stored value.

        Args:
            digest: its fingerprint.
            array: for an array, its type and dtype, which its file does not tell.

        Raises:
            FileNotFoundError: it is not here.
            StoredDataError: its file is not what its name says.
        """
        path = self.path(digest, ".npy" if array is not None else ".json")
        node: Node
        if array is not None:
            from pytest_repro.values.npy import read_npy

            data = _as(read_npy(path, remedy=_REMEDY), array[1], path)
            node = Array(array[0], array[1], data.shape, data, owned=True)
        else:
            body = read_json(path, remedy=_REMEDY, limit=16 * MAX_JSON_BYTES)
            check_schema(body, path, name=_SCHEMA, version=_VERSION, remedy=_REMEDY)
            try:
                node = decode(body.get("value"), get=self.get_array)
            except FileNotFoundError:
                raise
            except StoredDataError as error:
                msg = f"{path}: {error}"
                raise StoredDataError(msg) from None
        if digest not in (fingerprint(node), fingerprint(node, nan_payload=True)):
            raise _forged(path)
        return node

    def _ignore(self) -> None:
        if self.ignored:
            note = self.folder.parent / ".gitignore"
            if not note.exists():
                write_atomically(note, "# made by pytest-repro: elements of big arrays, needed only to show them\n*\n")


def _forged(path: Path) -> StoredDataError:
    return StoredDataError(f"{path}: it is not the value that its name says; {_REMEDY}")


def _bare(data: AnyArray) -> Array:
    """Return elements that belong to no value of their own."""
    from pytest_repro.values.bits import dtype_name

    return Array("numpy.ndarray", dtype_name(data.dtype), data.shape, data, owned=True)


def _npy(data: AnyArray) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(data), allow_pickle=False)
    return buffer.getvalue()


def _as(data: AnyArray, dtype: str, path: Path) -> AnyArray:
    """Return `data` in this machine's byte order, if elements of `dtype` are kept in this way."""
    from pytest_repro.values.bits import storage_dtype

    native = data.dtype.newbyteorder("=")
    own = storage_dtype(dtype)
    if native != own if own is not None else native.kind != "u":
        msg = f"{path}: its elements are {native.name}, expected {dtype}; {_REMEDY}"
        raise StoredDataError(msg)
    return data if data.dtype.isnative else data.astype(native)


def references(value: object) -> Iterator[str]:
    """Yield every digest that a stored file refers to: objects that must not be pruned while it is there."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str) and _DIGEST.fullmatch(item):
            yield item
