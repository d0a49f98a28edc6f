"""Where automatic observations of one run go: counted, named, cleaned, and never an error."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_repro.autolog.compact import compact
from pytest_repro.autolog.meaning import read

if TYPE_CHECKING:
    from types import FrameType

    from pytest_repro.autolog.noise import Noise
    from pytest_repro.entropy import UserCode
    from pytest_repro.model import Node
    from pytest_repro.recorder import Recorder

__all__ = ["Sink", "Switch"]


class Switch:
    """What every replaced function asks first: whether a run is going on, and whose."""

    __slots__ = ("sink",)

    def __init__(self) -> None:
        self.sink: Sink | None = None


class Sink:
    """The automatic observations of one run."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        file: str,
        user: UserCode,
        noise: Noise,
        rules: Sequence[Callable[[object], object]] = (),
    ) -> None:
        self._recorder = recorder
        self._file = file
        self._user = user
        self._noise = noise
        self._rules = tuple(rules)
        self._counts: dict[str, int] = {}
        self._thread = threading.get_ident()
        self._busy = False
        #: values that could not be compared by meaning
        self.skipped = 0

    # --- only the outermost call counts -------------------------------------------------------

    def enter(self) -> bool:
        """Begin an outermost call; False inside of another one, and in any thread but the test's own."""
        if self._busy or threading.get_ident() != self._thread:
            return False
        self._busy = True
        return True

    def leave(self) -> None:
        """End what `enter` began."""
        self._busy = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take everything for part of an outermost call until the block ends."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    # --- recording ----------------------------------------------------------------------------

    def count(self, verb: str) -> str:
        """``fit#2`` for the second fit of the run."""
        self._counts[verb] = number = self._counts.get(verb, 0) + 1
        return f"{verb}#{number}"

    def add(self, name: str, value: object, *, frame: FrameType | None, state: bool = False) -> None:
        """Record `value` under `name`, or count it as skipped.

        Args:
            name: readable, and the same in every run.
            value: of any type.
            frame: from which the user's line is looked for.
            state: the value is a model whose fields may be read one by one.
        """
        self._busy = True  # reading a value may call what is watched
        try:
            file, line = self._line(frame)
            self._recorder.add_automatic(self._noise.text(name), self._node(value, state=state), file=file, line=line)
        except Exception:  # noqa: BLE001 - whatever a value does when it is read must not reach the test
            self.skipped += 1
        finally:
            self._busy = False

    def _node(self, value: object, *, state: bool) -> Node:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a test may count its warnings
            node = read(value, rules=self._rules, state=state)
        return compact(self._noise.clean(node))

    def place(self, frame: FrameType | None) -> str:
        """``test_forest.py:41``, the user's line as names show it."""
        file, line = self._line(frame)
        return f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}"

    def _line(self, frame: FrameType | None) -> tuple[str, int]:
        """The nearest line of the test's own file or of other code of the user's."""
        outer: Any = frame
        while outer is not None:
            name = outer.f_code.co_filename
            if name == self._file or self._user.owns(name):
                return name, outer.f_lineno
            outer = outer.f_back
        return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else (self._file, 0)
