"""Two canonical values against each other, leaf by leaf."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from pytest_repro.model import Array, Atom, Branch, Layout, Match, MatchStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_repro.model import Node, Tolerance

    Step: TypeAlias = tuple[Node, Node, "Path"]

__all__ = ["differences", "match"]

#: (path of the parent, segment): joined to text only for leaves that differ
Path: TypeAlias = "tuple[Path, str | int] | None"

#: from here on, packing floats into arrays is quicker than looking at each
_PACK_FROM = 256
_DOUBLE = struct.Struct("=d").pack


def match(reference: Node, other: Node, tolerance: Tolerance) -> Match:
    """Compare two canonical values; the leaves that differ come in field order.

    EQUAL exactly when all bits are, NaNs aside; WITHIN when every difference is one of numbers that
    the tolerance allows. ``leaves`` are those beyond the tolerance, ``stats`` count all unequal numbers.
    Statistics total the numbers of the leaves that differ.
    """
    from pytest_repro.values import identical

    if identical(reference, other, nan_payload=tolerance.nan_payload):
        return Match(MatchStatus.EQUAL)
    return differences(reference, other, tolerance)


def differences(reference: Node, other: Node, tolerance: Tolerance) -> Match:
    """What `match` gives for two values that are not identical."""
    walk = _Walk(tolerance)
    walk.run(reference, other)
    return walk.found.result()


class _Walk:
    """One walk over two trees; an explicit stack, since values may be nested deeper than Python's own."""

    def __init__(self, tolerance: Tolerance) -> None:
        from pytest_repro.compare.leaves import LeafList  # here: where all is equal, nobody needs it

        self.tolerance = tolerance
        #: nothing but numbers that are equal, and NaNs, agree
        self.plain = tolerance.exact and not tolerance.nan_payload
        self.found = LeafList()

    def run(self, reference: Node, other: Node) -> None:
        stack: list[Iterator[Step]] = [iter([(reference, other, None)])]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif (children := self.visit(*step)) is not None:
                stack.append(children)

    def visit(self, a: Node, b: Node, path: Path) -> Iterator[Step] | None:
        """Compare one pair of nodes; return the pairs below it, if any."""
        if a is b:
            return None
        if _type_of(a) != _type_of(b):
            self.found.add(path, "type", _kind(a), _kind(b))
        elif isinstance(a, Branch) and isinstance(b, Branch):
            return self.children(a, b, path)
        elif isinstance(a, Array) and isinstance(b, Array):
            self.arrays(a, b, path)
        elif isinstance(a, (int, float, complex)) and isinstance(b, (int, float, complex)) and type(a) is not bool:
            self.scalars(a, b, path)
        elif a != b:
            self.found.values(path, a, b)
        return None

    def scalars(self, a: complex, b: complex, path: Path) -> None:
        from pytest_repro.compare.scalars import scalar_stats

        stats, outside = scalar_stats(a, b, self.tolerance)
        if stats is not None:
            self.found.numbers(path, stats, outside, lambda: (*_texts(a, b), stats.max_ulp))

    def arrays(self, a: Array, b: Array, path: Path) -> None:
        if a.dtype != b.dtype:
            same = a.shape == b.shape
            texts = (x.dtype if same else f"{x.dtype} {x.shape}" for x in (a, b))
            self.found.add(path, "dtype", *texts)
        elif a.shape != b.shape:
            self.found.add(path, "shape", str(a.shape), str(b.shape))
        else:
            from pytest_repro.compare.numbers import element_texts, number_stats

            stats, outside = number_stats(a, b, self.tolerance)
            if stats is not None:
                self.found.numbers(path, stats, outside, lambda: element_texts(a, b, stats.first_index))

    # --- containers -------------------------------------------------------------------------

    def children(self, a: Branch, b: Branch, path: Path) -> Iterator[Step]:
        if a.layout is Layout.SEQUENCE:
            return self.sequence(a, b, path)
        if a.keys == b.keys:
            return self.aligned(a, b, path)
        return self.by_key(a, b, path)

    def aligned(self, a: Branch, b: Branch, path: Path) -> Iterator[Step]:
        """Yield the pairs that need a closer look, items being as many and of one meaning on both sides."""
        if _surely_same(a.items, b.items):
            return
        together = self.plain and self.found.full
        if (together or len(a.items) >= _PACK_FROM) and _all_floats(a) and _all_floats(b):
            if together:
                self.found.count_floats(a.items, b.items)  # type: ignore[arg-type]  # see _all_floats
            else:
                self.packed(a, b, path)
            return
        keys: Sequence[str | int] = a.keys or range(len(a.items))
        for key, x, y in zip(keys, a.items, b.items, strict=True):
            # the common cases, inlined: the same object, equal floats that are not zero, floats beyond the list
            if x is y:
                continue
            if type(x) is float and type(y) is float:
                if x == y != 0.0:
                    continue
                if self.plain and self.found.full:
                    self.found.count_floats((x,), (y,))
                    continue
            yield x, y, (path, key)

    def packed(self, a: Branch, b: Branch, path: Path) -> None:
        """Compare many floats at once; look one by one only at as many as are listed."""
        from pytest_repro.compare.leaves import packed

        x, y = packed(a.items), packed(b.items)
        outside = self.found.tally_packed(x, y, self.tolerance)
        last = self.found.n_leaves + outside
        for i in (x.data.view("i8") != y.data.view("i8")).nonzero()[0].tolist() if outside else ():
            if self.found.full or self.found.n_leaves == last:
                break
            self.packed_leaf(a.items[i], b.items[i], (path, a.keys[i] if a.keys else i))
        self.found.skip(last - self.found.n_leaves)

    def packed_leaf(self, a: Node, b: Node, path: Path) -> None:
        from pytest_repro.compare.scalars import scalar_stats

        assert isinstance(a, float)
        assert isinstance(b, float)
        stats, outside = scalar_stats(a, b, self.tolerance)
        if stats is not None and outside:
            self.found.number_leaf(path, stats, lambda: (*_texts(a, b), stats.max_ulp))

    def sequence(self, a: Branch, b: Branch, path: Path) -> Iterator[Step]:
        if len(a.items) == len(b.items):
            yield from self.aligned(a, b, path)
            return
        self.found.add(path, "length", f"{len(a.items)} items", f"{len(b.items)} items")
        # one item more shifts all that follow: only the first that differs says something
        before = self.found.n_leaves
        for i, (x, y) in enumerate(zip(a.items, b.items, strict=False)):
            yield x, y, (path, i)
            if self.found.n_leaves > before:
                return
        self.surplus(a, b, path)

    def surplus(self, a: Branch, b: Branch, path: Path) -> None:
        end = min(len(a.items), len(b.items))
        if len(a.items) > end:
            self.found.one_sided((path, end), "missing", a.items[end])
        else:
            self.found.one_sided((path, end), "extra", b.items[end])

    def by_key(self, a: Branch, b: Branch, path: Path) -> Iterator[Step]:
        others = dict(zip(b.keys, b.items, strict=True))
        for key, item in zip(a.keys, a.items, strict=True):
            if key in others:
                yield item, others.pop(key), (path, key)
            else:
                self.found.one_sided((path, key), "missing", item)
        for key, item in others.items():
            self.found.one_sided((path, key), "extra", item)
        if set(a.keys) == set(b.keys):  # only objects can get here: the order of fields is part of the value
            self.found.add(path, "value", f"fields {', '.join(a.keys)}", f"fields {', '.join(b.keys)}")


def _type_of(node: Node) -> object:
    if isinstance(node, Branch):
        return node.type, node.layout
    return node.type if isinstance(node, (Array, Atom)) else type(node)


def _kind(node: Node) -> str:
    if isinstance(node, (Branch, Array, Atom)):
        return node.type
    return type(node).__name__


def _texts(a: complex, b: complex) -> tuple[str, str]:
    x, y = _number_text(a), _number_text(b)
    if x == y:  # NaNs that differ in their payload
        return tuple(f"{x} (0x{_DOUBLE(v)[::-1].hex()})" for v in (a, b)) if isinstance(a, float) else (x, y)  # type: ignore[return-value]
    return x, y


def _number_text(number: complex) -> str:
    if type(number) is int:
        return repr(number) if number.bit_length() < 1000 else hex(number)  # printing has a limit of digits
    return repr(number)


def _surely_same(xs: tuple[Node, ...], ys: tuple[Node, ...]) -> bool:
    """Return whether items are the same without a closer look, at the speed of C; False where one is needed.

    Python's equality is blind to types (1 == True) and to the sign of zero. Branches and arrays are
    equal to themselves only.
    """
    types = list(map(type, xs))
    return types == list(map(type, ys)) and xs == ys and complex not in types and 0.0 not in xs


def _all_floats(branch: Branch) -> bool:
    return set(map(type, branch.items)) == {float}
