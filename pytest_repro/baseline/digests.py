"""What stands for a value that is too big for text: a fingerprint, statistics, and a ladder of block digests.

The ladder tells which block of elements differs although the elements themselves are not at hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import StoredDataError
from pytest_repro.model import Array, Branch, Layout
from pytest_repro.values import describe, fingerprint, walk_leaves

if TYPE_CHECKING:
    import numpy as np

    from pytest_repro.model import Node

    AnyArray = np.ndarray[Any, np.dtype[Any]]

__all__ = ["INLINE_WEIGHT", "Digest", "column", "differing_blocks", "digest_of", "points_of", "weight"]

#: elements of a value that is kept as text
INLINE_WEIGHT = 64
#: at most so many blocks of elements, and so many of a series
BLOCKS = 64
SERIES_BLOCKS = 128
_SMALLEST_BLOCK = 100
#: block digests on one line of the file
_PER_LINE = 4
_SHORT = 16

_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Digest:
    """A big value without its elements."""

    fingerprint: str
    #: as in tables: ``float64 (512, 512)``
    kind: str
    #: what is counted: ``elements``, ``leaves``, ``characters``
    unit: str
    count: int
    #: units of one block of the ladder
    block: int
    ladder: tuple[str, ...]
    #: (name, value) for readers; never judged
    statistics: tuple[tuple[str, object], ...] = ()
    #: (type, dtype) of an array, which its file in the store does not tell
    array: tuple[str, str] | None = None


def weight(node: Node, *, limit: int = INLINE_WEIGHT) -> int:
    """Return how many elements a value has, or some number above `limit`."""
    total, pending = 0, [node]
    while pending and total <= limit:
        item = pending.pop()
        if isinstance(item, Branch):
            total += 1
            if len(item.items) > limit:
                return limit + 1
            pending.extend(item.items)
        elif isinstance(item, Array):
            # text of fixed width counts by its bytes: what `encode` would not keep in place is never small
            total += max(1, item.data.size, item.data.nbytes // 60)
        else:
            total += 1 + (len(item) // 100 if isinstance(item, (str, bytes)) else 0)
    return total


def digest_of(node: Node, *, nan_payload: bool = False, blocks: int = BLOCKS) -> Digest:
    """Return what stands for `node`."""
    if isinstance(node, Array):
        return _of_array(node, nan_payload=nan_payload, blocks=blocks)
    whole = fingerprint(node, nan_payload=nan_payload)
    if isinstance(node, (str, bytes)):
        block = _block(len(node), blocks)
        pieces = [fingerprint(node[i : i + block]) for i in range(0, len(node), block)]
        return Digest(whole, describe(node), "characters", len(node), block, _short(pieces))
    leaves = [Branch("", Layout.SEQUENCE, (), (path, leaf)) for path, leaf in walk_leaves(node)]
    block = math.ceil(len(leaves) / blocks)
    pieces = [
        fingerprint(Branch("", Layout.SEQUENCE, (), tuple(leaves[i : i + block])), nan_payload=nan_payload)
        for i in range(0, len(leaves), block)
    ]
    return Digest(whole, describe(node), "leaves", len(leaves), block, _short(pieces))


def _of_array(node: Array, *, nan_payload: bool, blocks: int) -> Digest:
    size = int(node.data.size)
    block = _block(size, blocks)
    pieces = [
        fingerprint(Array("", node.dtype, piece.shape, piece), nan_payload=nan_payload)
        for piece in _pieces(node.data, block)
    ]
    return Digest(
        fingerprint=fingerprint(node, nan_payload=nan_payload),
        kind=describe(node),
        unit="elements",
        count=size,
        block=block,
        ladder=_short(pieces),
        statistics=tuple(_statistics(node)),
        array=(node.type, node.dtype),
    )


def _block(count: int, blocks: int) -> int:
    """Return a round size of at most `blocks` blocks."""
    return max(_SMALLEST_BLOCK, math.ceil(count / blocks / _SMALLEST_BLOCK) * _SMALLEST_BLOCK)


def _pieces(data: AnyArray, block: int) -> Iterator[AnyArray]:
    """Yield `block` elements at a time, in C order, without a copy of the whole."""
    import numpy as np

    if data.flags.c_contiguous:
        flat = data.reshape(-1)
        for start in range(0, flat.size, block):
            yield flat[start : start + block]
        return
    elements = data.flat
    for start in range(0, data.size, block):
        yield np.asarray(elements[start : start + block])


def _short(digests: Sequence[str]) -> tuple[str, ...]:
    return tuple(digest[:_SHORT] for digest in digests)


def _statistics(node: Array) -> Iterator[tuple[str, object]]:
    import numpy as np

    data = node.data
    if data.dtype.kind not in "fiu" or data.dtype.name != node.dtype or not data.size:
        return
    with np.errstate(all="ignore"):
        finite = data[np.isfinite(data)] if data.dtype.kind == "f" else data
        if finite.size < data.size:
            yield "not_finite", int(data.size - finite.size)
        if finite.size:
            yield "max", _plain(finite.max())
            # more digits than this are those of the summation, which may differ between versions of numpy
            mean = float(finite.mean(dtype=np.float64))
            if math.isfinite(mean):
                yield "mean", float(f"{mean:.9g}")
            yield "min", _plain(finite.min())


def _plain(number: Any) -> object:
    """Return an element as JSON has it, by shortest round trip in its own precision."""
    return int(number) if number.dtype.kind in "iu" else float(str(number))


def differing_blocks(stored: Digest, now: Digest) -> list[range]:
    """Return the positions that may differ, adjoining blocks as one; empty where the ladders cannot be compared."""
    if (stored.unit, stored.count, stored.block, len(stored.ladder)) != (
        now.unit,
        now.count,
        now.block,
        len(now.ladder),
    ):
        return []
    found: list[range] = []
    for i, (old, new) in enumerate(zip(stored.ladder, now.ladder, strict=True)):
        if old == new:
            continue
        start, stop = i * stored.block, min((i + 1) * stored.block, stored.count)
        if found and found[-1].stop == start:
            found[-1] = range(found[-1].start, stop)
        else:
            found.append(range(start, stop))
    return found


# --- series as columns ------------------------------------------------------------------------


def column(points: Sequence[Node]) -> Array | None:
    """Return the points of a series as one array, where they are numbers of one kind; else None."""
    import numpy as np

    kinds = {(type(point), point.type, point.dtype) if isinstance(point, Array) else type(point) for point in points}
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind is float:
        data: AnyArray = np.array(points, np.float64)
        return Array("float", "float64", data.shape, data, owned=True)
    if kind is int and all(-(1 << 63) <= point < 1 << 63 for point in points):  # type: ignore[operator]
        data = np.array(points, np.int64)
        return Array("int", "int64", data.shape, data, owned=True)
    first = points[0]
    if isinstance(first, Array) and all(isinstance(point, Array) and point.shape == () for point in points):
        data = np.array([point.data for point in points], first.data.dtype)  # type: ignore[union-attr]
        return Array(first.type, first.dtype, data.shape, data, owned=True)
    return None


def points_of(array: Array) -> tuple[Node, ...]:
    """Return the points that `column` joined."""
    if array.type in ("float", "int"):
        return tuple(array.data.tolist())
    return tuple(
        Array(array.type, array.dtype, (), array.data[i : i + 1].reshape(()), owned=True)
        for i in range(len(array.data))
    )


# --- as JSON ----------------------------------------------------------------------------------


def to_json(digest: Digest) -> dict[str, object]:
    """Return `digest` as it is written; several block digests on one line."""
    lines = [" ".join(digest.ladder[i : i + _PER_LINE]) for i in range(0, len(digest.ladder), _PER_LINE)]
    body: dict[str, object] = {
        "fingerprint": digest.fingerprint,
        "kind": digest.kind,
        "unit": digest.unit,
        "count": digest.count,
        "block": digest.block,
        "ladder": lines,
    }
    if digest.statistics:
        body["statistics"] = dict(digest.statistics)
    if digest.array is not None:
        body["array"] = list(digest.array)
    return body


def from_json(body: object) -> Digest:
    """Read a digest.

    Raises:
        StoredDataError: a field is missing or of another type.
    """
    if not isinstance(body, dict):
        raise _refuse("an object", body)
    ladder = tuple(word for line in _texts(body.get("ladder"), "ladder") for word in line.split())
    array = body.get("array")
    pair = None if array is None else tuple(_texts(array, "array"))
    if pair is not None and len(pair) != 2:
        raise _refuse("array: a type and a dtype", array)
    statistics = body.get("statistics", {})
    if not isinstance(statistics, Mapping):
        raise _refuse("statistics: an object", statistics)
    digest = Digest(
        fingerprint=_hex(body.get("fingerprint"), 32),
        kind=_text(body.get("kind"), "kind"),
        unit=_text(body.get("unit"), "unit"),
        count=_count(body.get("count"), "count"),
        block=_count(body.get("block"), "block"),
        ladder=tuple(_hex(word, _SHORT) for word in ladder),
        statistics=tuple(sorted(statistics.items())),
        array=None if pair is None else (pair[0], pair[1]),
    )
    if digest.count and len(digest.ladder) != math.ceil(digest.count / max(1, digest.block)):
        raise _refuse("a ladder with a digest for every block", f"{len(digest.ladder)} digests")
    return digest


def _refuse(expected: str, found: object) -> StoredDataError:
    shown = repr(found)[:60] if isinstance(found, (str, int, float)) or found is None else type(found).__name__
    return StoredDataError(f"a digest is damaged: expected {expected}, found {shown}")


def _hex(value: object, length: int) -> str:
    if not isinstance(value, str) or len(value) != length or not _HEX.fullmatch(value):
        raise _refuse(expected=f"{length} hexadecimal digits", found=value)
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _refuse(expected=f"{name}: text", found=value)
    return value


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list):
        raise _refuse(expected=f"{name}: a list", found=value)
    return [_text(item, name) for item in value]


def _count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise _refuse(expected=f"{name}: a count", found=value)
    return value
