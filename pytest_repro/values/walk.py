"""The walk from any value to its canonical form: who is asked about a value, in which order, within which bounds.

Order: plain scalars and exact builtin containers, the user's rules, the standard library's types, the
families of installed libraries, and last the fields of whatever else it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import ReproError, ValueTypeError
from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values import containers, objects, scalars
from pytest_repro.values.registry import families_of, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_repro.model import Node

    Reader = Callable[[Any, "Walker"], Node | None]
    Rule = Callable[[object], object | None]

__all__ = ["Walker", "canonical"]

MAX_DEPTH = 200
MAX_NODES = 5_000_000
#: bytes of an array that is broadcast
MAX_REPEATED = 4 << 30
HOOK = "pytest_repro_canonical"


def canonical(value: object, *, rules: Sequence[Rule] = ()) -> Node:
    """Return the canonical form of `value`."""
    return Walker(rules).walk(value, "")


class Walker:
    """One walk over one value: the path so far, what is open, and how much has been seen."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._path: list[str] = []
        #: id of every value between the root and here -> how many steps of the path lead to it
        self._open: dict[int, int] = {}
        self._readers: dict[type, list[Reader]] = {}
        self._nodes = 0
        #: keys of mappings seen so far -> their path segments
        self.layouts: dict[tuple[str, ...], containers.KeyLayout] = {}

    @property
    def at_root(self) -> bool:
        """Whether the value being read is the one that was recorded, not a part of it."""
        return len(self._path) <= 1

    def count(self, nodes: int) -> None:
        """Take note of `nodes` more nodes; refuse beyond the bound."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            why = f"it has more than {MAX_NODES:,} parts; record a summary or an array instead"
            raise self.refusal(why)

    def refusal(self, why: str, value: object = None) -> ValueTypeError:
        """Return the error for the value being read (or for `value`, part of it)."""
        kind = f"a {_kind(value)}" if value is not None else "the value"
        path = "".join(self._path)
        place = f" at {path}" if path else ""
        remedy = f"; or teach the type with the hook {HOOK}" if value is not None else ""
        return ValueTypeError(f"cannot compare {kind}{place} by meaning: {why}{remedy}")

    def walk(self, value: object, segment: str) -> Node:
        """Return the canonical form of a child, reached by `segment`."""
        if type(value) in scalars.PLAIN:
            return value  # type: ignore[return-value]
        key = id(value)
        seen = self._open.get(key)
        if seen is not None:
            return Atom("cycle", "".join(self._path[:seen]))
        self._path.append(segment)
        try:
            if len(self._path) > MAX_DEPTH:
                raise self._too_deep()
            self._open[key] = len(self._path)
            builtin = containers.EXACT.get(type(value))
            if builtin is not None:  # here, not in a function of its own: nesting costs stack frames
                return builtin(value, self)
            return self._read(value)
        except (ReproError, MemoryError):
            raise
        except RecursionError:
            raise self._too_deep() from None
        except Exception as error:  # the user's own __array__, __eq__, __getstate__, property, rule
            why = f"reading it raised {type(error).__name__}: {error}"
            raise self.refusal(why, value) from error
        finally:
            self._open.pop(key, None)
            self._path.pop()

    def _too_deep(self) -> ValueTypeError:
        shown = "".join(self._path[:4])
        return ValueTypeError(
            f"cannot compare the value by meaning: it is nested deeper than {MAX_DEPTH} levels or than Python's"
            f" recursion limit allows (starting {shown}...); record a flatter form of it"
        )

    def _read(self, value: object) -> Node:
        self.count(1)
        for rule in self._rules:
            ruled = rule(value)
            if ruled is not None and ruled is not value:
                return named(self.walk(ruled, ""), type_name(type(value)))
        for reader in self._readers_of(type(value)):
            node = reader(value, self)
            if node is not None:
                if type(node) is Array and _repeats_too_much(node):
                    why = f"it repeats a smaller array up to {node.data.nbytes >> 30} GiB; record the smaller one"
                    raise self.refusal(why, value)
                return node
        raise self.refusal("its parts are out of Python's sight", value)

    def _readers_of(self, cls: type) -> list[Reader]:
        readers = self._readers.get(cls)
        if readers is None:
            readers = self._readers[cls] = [scalars.read, *map(_family_reader, families_of(cls))]
            readers += [containers.read, objects.read]
        return readers


def _kind(value: object) -> str:
    """Return the name of a type whose metaclass may refuse to say it."""
    try:
        return type_name(type(value))
    except Exception:  # noqa: BLE001  the user's own code
        return object.__repr__(type(value)).partition(" object at")[0].lstrip("<")


def _repeats_too_much(node: Array) -> bool:
    """Return whether to keep an array would take far more memory than it has: a broadcast one is kept in full."""
    data = node.data
    return data.nbytes > MAX_REPEATED and any(
        step == 0 and extent > 1 for step, extent in zip(data.strides, data.shape, strict=True)
    )


def _family_reader(family: Any) -> Reader:
    def read(value: object, walker: Walker) -> Node | None:
        node: Node | None = family.canonical(value, walker.walk)
        return node

    return read


def named(node: Node, type_: str) -> Node:
    """Return `node` under another type name."""
    if isinstance(node, (Array, Atom, Branch)):
        return replace(node, type=type_)
    return Branch(type_, Layout.OBJECT, ("",), (node,))
