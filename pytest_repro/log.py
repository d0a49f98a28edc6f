"""The log of one run: every value that is recorded, in execution order.

Immutable scalars are only noted (about one microsecond); everything else is brought into canonical
form at once, because the test may change it later, and kept through a `Keeper`, which holds one
copy of values that are equal in several runs.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from pathlib import Path
from threading import get_ident
from types import CodeType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from pytest_repro.errors import RecordingError
from pytest_repro.model import Kind, Location, Observation
from pytest_repro.streams import Streams

if TYPE_CHECKING:
    from pytest_repro.keeper import Keeper
    from pytest_repro.model import Atom, Node, Tolerance
    from pytest_repro.streams import Position

__all__ = ["Digest", "Recorder", "atom_of"]

Rule = Callable[[object], object]
#: (type, text, number that completes the text): a watcher has no time for more, the `Atom` is made at the end
Digest: TypeAlias = "tuple[str, str, int | None]"

_AUTO = Kind.AUTO
_NOWHERE: Position = ((), ())
_IMMUTABLE = frozenset({float, int, bool, str, bytes, complex, type(None)})


def _nowhere() -> Position:
    return _NOWHERE


class Recorder:
    """The log of one run."""

    def __init__(
        self,
        *,
        nodeid: str,
        keeper: Keeper,
        tolerance_for: Callable[[str], Tolerance],
        rules: Sequence[Rule] = (),
        root: Path | None = None,
        streams: Streams | None = None,
    ) -> None:
        self.nodeid = nodeid
        self._keeper = keeper
        self._tolerance_for = tolerance_for
        self.rules = tuple(rules)
        self._prefix = "" if root is None else os.path.join(root, "")  # noqa: PTH118 - as text
        self._streams = streams
        self._position = _nowhere if streams is None else streams.position
        #: name, step, kind, value, code and instruction (or file and line), tolerance, position of the streams
        self._rows: list[tuple[str, int | None, Kind, Any, CodeType | str, int, Tolerance | None, Position]] = []
        #: of each name with steps, those that were recorded; of each without, how often it was
        self._steps: dict[str, set[int]] = {}
        self._counts: dict[str, int] = {}
        self._thread = get_ident()
        self._open = True
        self._endings: list[Callable[[], None]] = []
        self._names: dict[str, int] = {}

    def close(self) -> None:
        """From now on, recording is an error; whatever watches for this run stops."""
        self._open = False
        while self._endings:
            self._endings.pop()()

    def at_end(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the run ends, on every path."""
        self._endings.append(stop)

    @property
    def listening(self) -> bool:
        """Whether what a watcher sees now belongs to this run: it goes on, and this is the test's own thread."""
        return self._open and get_ident() == self._thread

    def unused(self, name: str) -> str:
        """`name` for the first watcher that asks for it, ``name#2`` for the second."""
        self._names[name] = count = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def tolerance_of(self, name: str) -> Tolerance:
        """How far values of this name may lie apart, unless a call says otherwise."""
        return self._tolerance_for(name)

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        name: str,
        value: object,
        step: int | None = None,
        kind: Kind = Kind.METRIC,
        tolerance: Tolerance | None = None,
        frame: Any = None,
        is_file: bool = False,
    ) -> None:
        """Record one value.

        Raises:
            RecordingError: the name, the step, the value or the moment is not usable.
        """
        __tracebackhide__ = True
        position = self._position()
        if step is not None and type(step) is not int:
            step = self._whole(name, step)
        if not self._open or get_ident() != self._thread or type(name) is not str or not name:
            self._check(name)
        if frame is None:
            frame = sys._getframe(1)
        if type(value) not in _IMMUTABLE:
            value = self._node(name, value, step=step, tolerance=tolerance, is_file=is_file)
        steps = self._steps.get(name)
        if steps is None or step is None or step in steps:
            self._note(name, step)
        else:
            steps.add(step)
        # the line is looked up at the end: f_lineno takes half a microsecond
        self._rows.append((name, step, kind, value, frame.f_code, frame.f_lasti, tolerance, position))

    def add_automatic(self, name: str, node: Node, *, file: str, line: int) -> None:
        """Note a canonical value that the test did not ask to record; too late, or in another thread, is no error.

        Args:
            name: told apart from every other one of the run by its number.
            node: the value.
            file: of the user's line.
            line: that line.
        """
        if not self.listening:
            return
        position = self._position()
        if type(node) not in _IMMUTABLE:
            node = self._keeper.keep((name, None, self._counts.get(name, 0)), node)
        self._note(name, None)
        self._rows.append((name, None, Kind.AUTO, node, file, line, None, position))

    def observe(self, name: str, value: object, *, step: int, kind: Kind, file: str, line: int) -> None:
        """Record what a watcher saw; a step may come again. Nothing happens outside of the run and its thread.

        Args:
            name: of the value.
            value: canonical already where `kind` is automatic, anything else where it is not.
            step: of the training.
            kind: of the observation.
            file: of the line that asked for the watcher.
            line: that line.
        """
        if not self.listening:
            return
        position = self._position()
        if type(value) not in _IMMUTABLE:
            from pytest_repro.model import Array, Atom, Branch

            if isinstance(value, Array | Branch):
                value = self._keeper.keep((name, step, 0), value)
            elif not isinstance(value, Atom):
                value = self._node(name, value, step=step, tolerance=None, is_file=False)
        self._rows.append((name, step, kind, value, file, line, None, position))

    def observe_digest(self, name: str, digest: Digest | Node, step: int, file: str, line: int) -> None:
        """Record what a watcher saw of one thing: a digest, or a value made of digests; see `observe`."""
        if self._open and get_ident() == self._thread:
            self._rows.append((name, step, _AUTO, digest, file, line, None, self._position()))

    def observe_digests(
        self, names: Iterable[str], digests: Iterable[Digest], *, step: int, file: str, line: int
    ) -> None:
        """Record what a watcher saw of many things at one moment, one digest for each name; see `observe`."""
        if not self.listening:
            return
        where = repeat(file), repeat(line), repeat(None), repeat(self._position())
        self._rows.extend(zip(names, repeat(step), repeat(_AUTO), digests, *where))

    def _whole(self, name: object, step: object) -> int:
        """Integers of numpy count as integers; ``True`` and ``1.0`` are mistakes."""
        __tracebackhide__ = True
        try:
            if type(step).__name__ not in ("bool", "bool_"):  # numpy's, too, which older versions count as an index
                return operator.index(step)  # type: ignore[arg-type]
        except TypeError:
            pass
        return self._fail(
            f"the step of {name!r} must be an integer, got {step!r} ({type(step).__name__})",
            "count epochs or batches: step=0, 1, 2, ...",
        )

    def _check(self, name: object) -> None:
        __tracebackhide__ = True
        if not self._open:
            self._fail(f"{name!r} was recorded after the test had ended", "record it inside the test function")
        if get_ident() != self._thread:
            self._fail(
                f"{name!r} was recorded from another thread",
                "hand the value to the test's own thread and record it there: the order of threads is no order",
            )
        if not isinstance(name, str) or not name:
            self._fail(f"a name must be a non-empty string, got {name!r}", "pass the metric's name as first argument")

    def _note(self, name: str, step: int | None) -> None:
        __tracebackhide__ = True
        if (name in self._steps) if step is None else (name in self._counts):
            self._fail(f"{name!r} was recorded both with a step and without one", "use one of the two ways")
        if step is None:
            self._counts[name] = self._counts.get(name, 0) + 1
            return
        steps = self._steps.setdefault(name, set())
        if step in steps:
            self._fail(f"step {step} of {name!r} was recorded twice", "give each value a step of its own")
        steps.add(step)

    def _node(self, name: str, value: object, *, step: int | None, tolerance: Tolerance | None, is_file: bool) -> Node:
        from pytest_repro.values import canonical

        __tracebackhide__ = True
        try:
            if is_file:
                from pytest_repro.values.files import file_node

                node: Node = file_node(Path(os.fspath(value)))  # type: ignore[call-overload]
            else:
                node = canonical(value, rules=self.rules)
        except RecordingError as error:
            message = f"{self.nodeid}: cannot record {name!r}: {error}"
            raise type(error)(message) from error.__cause__
        effective = tolerance or self._tolerance_for(name)
        return self._keeper.keep((name, step, self._counts.get(name, 0)), node, nan_payload=effective.nan_payload)

    def _fail(self, what: str, remedy: str) -> NoReturn:
        __tracebackhide__ = True
        message = f"{self.nodeid}: {what}; {remedy}"
        raise RecordingError(message)

    def observations(self) -> tuple[Observation, ...]:
        """Everything that was recorded, in execution order."""
        places: dict[tuple[CodeType | str, int], Location] = {}
        tolerances: dict[str, Tolerance] = {}
        ledger: tuple[int, ...] = ()
        last = _NOWHERE
        result = []
        for seq, (name, step, kind, value, code, at, tolerance, position) in enumerate(self._rows):
            if position is not last:
                last, ledger = position, Streams.digests(position)
            if (code, at) not in places:
                places[code, at] = self._place(code, at)
            if tolerance is None and name not in tolerances:
                tolerances[name] = self._tolerance_for(name)
            result.append(
                Observation(
                    seq=seq,
                    name=name,
                    step=step,
                    kind=kind,
                    value=atom_of(value) if type(value) is tuple else value,
                    location=places[code, at],
                    tolerance=tolerance if tolerance is not None else tolerances[name],
                    ledger=ledger,
                )
            )
        return tuple(result)

    @property
    def stream_names(self) -> tuple[str, ...]:
        """What the numbers of each observation's ledger stand for."""
        return () if self._streams is None else self._streams.names

    def _place(self, code: CodeType | str, at: int) -> Location:
        file, line = (code, at) if isinstance(code, str) else (code.co_filename, line_of(code, at))
        # as text: pathlib takes longer than all else that a small run needs
        if self._prefix and file.startswith(self._prefix):
            file = file[len(self._prefix) :].replace(os.sep, "/")
        return Location(file, line)


def atom_of(digest: Digest) -> Atom:
    """Return a digest as a value."""
    from pytest_repro.model import Atom

    kind, text, number = digest
    return Atom(kind, text if number is None else f"{text}{number:08x}")


def line_of(code: CodeType, instruction: int) -> int:
    """Return what ``f_lineno`` of a frame at this instruction is."""
    for start, end, line in code.co_lines():
        if start <= instruction < end:
            return line or code.co_firstlineno
    return code.co_firstlineno
