"""A short structural difference of text and nested values.

deepdiff aligns lists (an item more is one line, not one per item that follows) and tells what was
added and removed. It is given strings, lists and dicts made here, one string per leaf that is equal
exactly when the leaf is: no object of the user, and nothing that it could round or convert.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pytest_repro.compare.excerpt import both, first_difference
from pytest_repro.compare.tree import match
from pytest_repro.model import Array, Atom, Branch, Layout, MatchStatus, Tolerance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_repro.model import LeafDifference, Node

    Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"
    Path: TypeAlias = tuple["int | str", ...]

__all__ = ["structural_diff"]

#: leaves of one value, beyond which only our own walk is quick enough
MAX_LEAVES = 20_000
#: levels, beyond which deepdiff takes a second and most of the stack that Python allows
MAX_LEVELS = 50
#: items of one list (of several: the root of the sum of squares), beyond which aligning them takes too long:
#: they are compared by position then
MAX_ALIGNED = 1000
#: lines of one text that are aligned
MAX_LINES = 2000
#: lines of text that are looked at, or of either value that are shown
_WIDTH = 60
_EXACT = Tolerance()


def structural_diff(reference: Node, other: Node, *, limit: int = 8, tolerance: Tolerance = _EXACT) -> tuple[str, ...]:
    """Return at most `limit` lines on where two values differ, and one more with the count of the rest.

    Numbers that `tolerance` allows to differ are not listed.
    """
    if isinstance(reference, str) and isinstance(other, str):
        text = list(_text_lines(reference, other)) if reference != other else []
        return _with_rest(text[:limit], len(text))
    lines = _nested_lines(reference, other, tolerance)
    if lines:
        return _with_rest(lines[:limit], len(lines))
    found = match(reference, other, tolerance)
    return _with_rest([_leaf_line(leaf) for leaf in found.leaves[:limit]], found.n_leaves)


def _with_rest(shown: Sequence[str], total: int) -> tuple[str, ...]:
    return (*shown, f"... and {total - len(shown):,} more") if total > len(shown) else tuple(shown)


def _leaf_line(leaf: LeafDifference) -> str:
    if leaf.what == "missing":
        return _one_sided(leaf.path, "removed", leaf.reference)
    if leaf.what == "extra":
        return _one_sided(leaf.path, "added", leaf.other)
    note = "" if leaf.what == "value" else f"{leaf.what} "
    stats = leaf.stats
    index = f"[{', '.join(map(str, stats.first_index))}]" if stats is not None and stats.first_index else ""
    count = f"  ({stats.outside:,} of {stats.total:,} differ)" if stats is not None and stats.total > 1 else ""
    return f"{leaf.path}{index}  {note}{leaf.reference} -> {leaf.other}{count}".strip()


def _one_sided(path: str, kind: str, text: str) -> str:
    return f"{path} {kind}: {text}"


# --- nested values ----------------------------------------------------------------------------


def _nested_lines(reference: Node, other: Node, tolerance: Tolerance) -> list[str] | None:
    """Return the lines in the order of the reference; None where the values are too large for deepdiff."""
    if not all(isinstance(node, Branch) and _small(node) for node in (reference, other)):
        return None
    from deepdiff import DeepDiff

    plain = [_plain(node) for node in (reference, other)]
    diff = DeepDiff(
        *plain,
        view="tree",
        report_repetition=True,  # otherwise an item removed and one added at one index are said to be a change
        ignore_private_variables=False,
        threshold_to_diff_deeper=0,
        zip_ordered_iterables=max(map(_effort, plain)) > MAX_ALIGNED**2,
    )
    found = sorted(_changes(diff), key=_order)
    pair = _Pair(_Finder(reference), _Finder(other), tolerance)
    return [line for path, there, kind in found for line in _change_lines(path, there, kind, pair)]


def _small(root: Node) -> bool:
    left, level = MAX_LEAVES, [root]
    for _ in range(MAX_LEVELS):
        branches = [node for node in level if isinstance(node, Branch)]
        left -= sum(len(branch.items) for branch in branches)
        if left < 0:
            return False
        level = [item for branch in branches for item in branch.items]
        if not level:
            return True
    return False


def _plain(node: Node) -> Plain:
    if isinstance(node, Branch):
        if node.layout is Layout.SEQUENCE:
            return [_plain(item) for item in node.items]
        return {key: _plain(item) for key, item in zip(node.keys, node.items, strict=True)}
    if isinstance(node, (Array, Atom)):
        from pytest_repro.values import fingerprint

        return fingerprint(node)
    return hex(node) if type(node) is int else repr(node)


def _effort(plain: Plain) -> int:
    """Return the steps of aligning every list with another one of its length."""
    if isinstance(plain, str):
        return 0
    if isinstance(plain, list):
        return len(plain) ** 2 + sum(map(_effort, plain))
    return sum(map(_effort, plain.values()))


def _changes(diff: Any) -> Iterator[tuple[Path, Path, str]]:
    """Yield (path, path in the other value, kind)."""
    for report, levels in diff.items():
        kind = "added" if report.endswith("_added") else "removed" if report.endswith("_removed") else "changed"
        for level in levels:
            here, there = (level.path(output_format="list", use_t2=other) for other in (False, True))
            yield tuple(here), tuple(there), kind


def _order(change: tuple[Path, Path, str]) -> tuple[list[tuple[bool, int | str]], str]:
    """Return what changes are sorted by: their place, and their kind, whose order in deepdiff is that of a set."""
    path, _, kind = change
    return [(type(part) is str, part) for part in path], kind


class _Finder:
    """Nodes of a tree by their path."""

    def __init__(self, root: Node) -> None:
        self._root = root
        #: the places of keys, per branch: looking each up among ten thousand takes a second
        self._places: dict[int, dict[str, int]] = {}

    def at(self, path: Path) -> Node:
        node = self._root
        for part in path:
            assert isinstance(node, Branch)
            node = node.items[part if isinstance(part, int) else self._place(node, part)]
        return node

    def _place(self, branch: Branch, key: str) -> int:
        if id(branch) not in self._places:
            self._places[id(branch)] = {name: place for place, name in enumerate(branch.keys)}
        return self._places[id(branch)][key]


class _Pair(NamedTuple):
    reference: _Finder
    other: _Finder
    tolerance: Tolerance


def _change_lines(path: Path, there: Path, kind: str, pair: _Pair) -> Iterable[str]:
    if kind != "changed":
        from pytest_repro.values import render

        node = pair.other.at(there) if kind == "added" else pair.reference.at(path)
        return [_one_sided(_path_text(path), kind, render(node, width=_WIDTH))]
    a, b = pair.reference.at(path), pair.other.at(there)
    found = match(a, b, pair.tolerance)
    if found.status is MatchStatus.WITHIN:
        return []
    text = _path_text(path)
    if isinstance(a, str) and isinstance(b, str):
        if "\n" in a and "\n" in b:
            return [f"{text}  {line}" for line in _text_lines(a, b)]
        return [f"{text}  {' -> '.join(both(a, b, width=_WIDTH))}"]
    return [_leaf_line(replace(leaf, path=text + leaf.path)) for leaf in found.leaves]


def _path_text(path: Path) -> str:
    return "".join(part if isinstance(part, str) else f"[{part}]" for part in path)


# --- text -------------------------------------------------------------------------------------


def _text_lines(reference: str, other: str) -> Iterator[str]:
    a, b = reference.split("\n"), other.split("\n")
    if len(a) == len(b) == 1:
        place = f"character {first_difference(reference, other)}  " if max(len(reference), len(other)) > _WIDTH else ""
        yield place + " -> ".join(both(reference, other, width=_WIDTH))
        return
    start, end = _common(a, b)
    a_middle, b_middle = a[start : len(a) - end], b[start : len(b) - end]
    if max(len(a_middle), len(b_middle)) > MAX_LINES:
        yield from _block_lines(a_middle, b_middle, start + 1, start + 1)
        return
    blocks = difflib.SequenceMatcher(None, a_middle, b_middle).get_opcodes()
    for _, i, i_end, j, j_end in blocks:
        yield from _block_lines(a_middle[i:i_end], b_middle[j:j_end], start + i + 1, start + j + 1)


def _common(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    """Return how many lines both begin with, and end with after those."""
    shorter = min(len(a), len(b))
    start = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    end = next((i for i in range(shorter - start) if a[-1 - i] != b[-1 - i]), shorter - start)
    return start, end


def _block_lines(a: Sequence[str], b: Sequence[str], first_a: int, first_b: int) -> Iterator[str]:
    """Yield one line per line of text, numbered as in the reference, added ones as in the other."""
    from pytest_repro.values import render

    paired = min(len(a), len(b))
    for i in range(paired):
        if a[i] != b[i]:
            yield f"line {first_a + i}  {' -> '.join(both(a[i], b[i], width=_WIDTH))}"
    for i in range(paired, len(a)):
        yield f"line {first_a + i} removed: {render(a[i], width=_WIDTH)}"
    for i in range(paired, len(b)):
        yield f"line {first_b + i} added: {render(b[i], width=_WIDTH)}"
