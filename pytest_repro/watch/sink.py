"""Where watchers and callbacks put what they see: names, steps, digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_repro.model import Atom, Kind

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.recorder import Recorder

__all__ = ["Callback", "Sink", "digest_of_bytes"]


class Sink:
    """Records under one name, as from one line of the user's."""

    def __init__(self, recorder: Recorder, *, name: str, file: str, line: int) -> None:
        self._recorder = recorder
        self._file = file
        self._line = line
        self.name = name
        #: name below → whole name, whether only equal bits agree
        self._known: dict[str, tuple[str, bool]] = {}

    @property
    def open(self) -> bool:
        """Whether this is the test's own thread and its run has not ended: the order of threads is no order."""
        return self._recorder.listening

    def add(self, name: str, step: int, read: Callable[[bool], Node]) -> None:
        """Record one value.

        Args:
            name: below the name of this sink.
            step: of the training.
            read: gives the value; told whether only equal bits agree, so that a digest will do.
        """
        full, exact = self._known.get(name) or self._learn(name)
        self._put(full, step, read(exact), Kind.AUTO)

    def digest(self, name: str, step: int, read: Callable[[], Node]) -> None:
        """Record a digest, unless a tolerance was asked for, which a digest knows nothing of."""
        full, exact = self._known.get(name) or self._learn(name)
        if exact:
            self._put(full, step, read(), Kind.AUTO)

    def exact(self, names: Iterable[str]) -> bool:
        """Whether only equal bits agree for all of these, so that digests will do."""
        return all((self._known.get(name) or self._learn(name))[1] for name in names)

    def digests(self, values: Iterable[tuple[str, Atom]], step: int) -> None:
        """Record digests that were taken at one moment; `exact` says whether they may be."""
        known = self._known
        named = [(known[name][0], value) for name, value in values]
        self._recorder.observe_digests(named, step=step, file=self._file, line=self._line)

    def _learn(self, name: str) -> tuple[str, bool]:
        full = f"{self.name}.{name}"
        self._known[name] = known = (full, self._recorder.tolerance_of(full).exact)
        return known

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
