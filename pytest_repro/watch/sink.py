"""Where watchers and callbacks put what they see: names, steps, digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_repro.model import Atom, Kind

if TYPE_CHECKING:
    from pytest_repro.log import Digest
    from pytest_repro.model import Node
    from pytest_repro.recorder import Recorder

__all__ = ["Callback", "Name", "Sink", "digest_of_bytes"]


class Name(NamedTuple):
    """What a value is recorded under."""

    full: str
    #: only equal bits agree, so that a digest will do
    exact: bool


class Sink:
    """Records under one name, as from one line of the user's."""

    def __init__(self, recorder: Recorder, *, name: str, file: str, line: int) -> None:
        self._recorder = recorder
        self._file = file
        self._line = line
        self.name = name
        self._known: dict[str, Name] = {}

    @property
    def open(self) -> bool:
        """Whether this is the test's own thread and its run has not ended: the order of threads is no order."""
        return self._recorder.listening

    def name_of(self, name: str) -> Name:
        """What is called `name` below the name of this sink."""
        if name not in self._known:
            full = f"{self.name}.{name}"
            self._known[name] = Name(full, self._recorder.tolerance_of(full).exact)
        return self._known[name]

    def add(self, name: Name, step: int, read: Callable[[bool], Node]) -> None:
        """Record one value.

        Args:
            name: made by `name_of`.
            step: of the training.
            read: gives the value; told whether only equal bits agree, so that a digest will do.
        """
        self._put(name.full, step, read(name.exact), Kind.AUTO)

    def put(self, name: str, digest: Digest | Node, step: int) -> None:
        """Record a digest, or several as one value, under a full name that is exact."""
        self._recorder.observe_digest(name, digest, step, self._file, self._line)

    def put_all(self, names: Iterable[str], digests: Iterable[Digest], step: int) -> None:
        """Record digests that were taken at one moment, under full names that are exact."""
        self._recorder.observe_digests(names, digests, step=step, file=self._file, line=self._line)

    def digest(self, name: str, step: int, read: Callable[[], Node]) -> None:
        """Record a digest, unless a tolerance was asked for, which a digest knows nothing of."""
        full, exact = self.name_of(name)
        if exact:
            self._put(full, step, read(), Kind.AUTO)

    def metrics(self, step: int, values: Mapping[str, Any]) -> None:
        """Record one iteration's metrics, each as a point of its series."""
        for name, value in values.items():
            self._put(f"{self.name}.{name}", step, value, Kind.METRIC)

    def _put(self, name: str, step: int, value: object, kind: Kind) -> None:
        self._recorder.observe(name, value, step=step, kind=kind, file=self._file, line=self._line)


class Callback:
    """What the callbacks of all libraries have: a sink and a count of iterations.

    Copies are the same object, because libraries copy the callbacks of an estimator that is cloned.
    """

    sink: Sink
    #: iterations so far: goes on where the same callback serves a second training
    step: int = 0

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: object) -> Any:
        return self


def digest_of_bytes(kind: str, data: bytes | bytearray) -> Atom:
    """Return a digest that reads as what it stands for."""
    return Atom(kind, hashlib.sha256(data).hexdigest()[:16])
