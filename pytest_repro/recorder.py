"""The object behind the ``repro`` fixture: calls of the test → a `Recording`.

Immutable scalars are only noted (about one microsecond); everything else is brought into canonical
form at once, because the test may change it later, and kept through a `Keeper`, which holds one
copy of values that are equal in several runs.
"""

from __future__ import annotations

import math
import operator
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pytest_repro.errors import RecordingError
from pytest_repro.model import Kind, Location, Node, Observation, Tolerance

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Keeper", "Recorder", "Repro"]

T = TypeVar("T")
Rule = Callable[[object], object]
Key = tuple[str, "int | None", int]

_IMMUTABLE = frozenset({float, int, bool, str, bytes, complex, type(None)})
_NO_TOLERANCE = Tolerance()


class Keeper:
    """Holds what the runs of one test recorded, each distinct value once.

    Memory is that of the reference's values and, where runs differ, of one more set: a third
    distinct version of a large array goes to a file.
    """

    def __init__(self, *, spool: Path | None = None) -> None:
        self._known: dict[Key, list[Node]] = {}
        self._spool = spool

    def keep(self, key: Key, node: Node, *, nan_payload: bool = False) -> Node:
        """Return a node equal to `node` that the user can no longer change."""
        from pytest_repro.values import freeze, identical

        known = self._known.setdefault(key, [])
        for other in known:
            if identical(other, node, nan_payload=nan_payload):
                return other
        frozen = freeze(node, spool=self._spool if len(known) > 1 else None)
        known.append(frozen)
        return frozen


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
        ledger: Callable[[], tuple[tuple[str, str], ...]] | None = None,
    ) -> None:
        self.nodeid = nodeid
        self._keeper = keeper
        self._tolerance_for = tolerance_for
        self._rules = tuple(rules)
        self._root = root
        self._ledger = ledger
        self._rows: list[tuple[str, int | None, Kind, Any, str, int, Tolerance | None, Any]] = []
        self._seen: set[tuple[str, int]] = set()
        self._styles: dict[str, bool] = {}
        self._counts: dict[str, int] = {}
        self._thread = threading.get_ident()
        self._open = True

    def close(self) -> None:
        """From now on, recording is an error."""
        self._open = False

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        name: str,
        value: object,
        *,
        step: int | None = None,
        kind: Kind,
        tolerance: Tolerance | None = None,
        frame: Any = None,
        is_file: bool = False,
    ) -> None:
        """Record one value.

        Raises:
            RecordingError: the name, the step, the value or the moment is not usable.
        """
        __tracebackhide__ = True
        if step is not None and type(step) is not int:
            step = self._whole(name, step)
        self._check(name)
        caller = frame if frame is not None else sys._getframe(1)
        ledger = () if self._ledger is None else self._ledger()
        if type(value) not in _IMMUTABLE:
            value = self._node(name, value, step=step, tolerance=tolerance, is_file=is_file)
        self._note(name, step)
        self._rows.append((name, step, kind, value, caller.f_code.co_filename, caller.f_lineno, tolerance, ledger))

    def _whole(self, name: object, step: object) -> int:
        """Integers of numpy count as integers; ``True`` and ``1.0`` are mistakes."""
        __tracebackhide__ = True
        try:
            if not isinstance(step, bool):
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
        if threading.get_ident() != self._thread:
            self._fail(
                f"{name!r} was recorded from another thread",
                "hand the value to the test's own thread and record it there: the order of threads is no order",
            )
        if not isinstance(name, str) or not name:
            self._fail(f"a name must be a non-empty string, got {name!r}", "pass the metric's name as first argument")

    def _note(self, name: str, step: int | None) -> None:
        __tracebackhide__ = True
        stepped = step is not None
        if self._styles.setdefault(name, stepped) is not stepped:
            self._fail(f"{name!r} was recorded both with a step and without one", "use one of the two ways")
        if step is not None:
            if (name, step) in self._seen:
                self._fail(f"step {step} of {name!r} was recorded twice", "give each value a step of its own")
            self._seen.add((name, step))
        else:
            self._counts[name] = self._counts.get(name, 0) + 1

    def _node(self, name: str, value: object, *, step: int | None, tolerance: Tolerance | None, is_file: bool) -> Node:
        from pytest_repro.values import canonical

        __tracebackhide__ = True
        try:
            if is_file:
                from pytest_repro.values.files import file_node

                node: Node = file_node(Path(os.fspath(value)))  # type: ignore[call-overload]
            else:
                node = canonical(value, rules=self._rules)
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
        files: dict[str, str] = {}
        tolerances: dict[str, Tolerance] = {}
        result = []
        for seq, (name, step, kind, value, file, line, tolerance, ledger) in enumerate(self._rows):
            if file not in files:
                files[file] = self._relative(file)
            if tolerance is None and name not in tolerances:
                tolerances[name] = self._tolerance_for(name)
            result.append(
                Observation(
                    seq=seq,
                    name=name,
                    step=step,
                    kind=kind,
                    value=value,
                    location=Location(files[file], line),
                    tolerance=tolerance if tolerance is not None else tolerances[name],
                    ledger=ledger,
                )
            )
        return tuple(result)

    def _relative(self, file: str) -> str:
        if self._root is not None:
            try:
                return Path(file).relative_to(self._root).as_posix()
            except ValueError:
                pass
        return file


def _tolerance(
    recorder: Recorder,
    name: str,
    *,
    rtol: float | None,
    atol: float | None,
    ulp: int | None,
    nan_payload: bool,
) -> Tolerance | None:
    __tracebackhide__ = True
    if rtol is None and atol is None and ulp is None and not nan_payload:
        return None
    for key, number in (("rtol", rtol), ("atol", atol), ("ulp", ulp)):
        numeric = isinstance(number, int if key == "ulp" else (int, float)) and not isinstance(number, bool)
        if number is not None and not (numeric and number >= 0 and math.isfinite(number)):
            kind = "a whole number" if key == "ulp" else "a finite number"
            message = f"{recorder.nodeid}: {key}={number!r} of {name!r} must be {kind} that is not negative"
            raise RecordingError(message)
    return Tolerance(rtol=rtol or 0.0, atol=atol or 0.0, ulp=ulp or 0, nan_payload=nan_payload)


class Repro:
    """The ``repro`` fixture: what a test records with, and the seed it should use.

    Attributes:
        seed: the fixed seed of this test; the global generators are already set to it.
        run: number of this run, from 1.
        runs: how many runs there are.
    """

    def __init__(
        self,
        *,
        seed: int,
        run: int,
        runs: int,
        recorder: Recorder,
        marked: bool = True,
        reseed: Callable[[], None] = lambda: None,
        check: Callable[[str, Callable[[], object], Any], object] | None = None,
    ) -> None:
        self.seed = seed
        self.run = run
        self.runs = runs
        self._recorder = recorder
        self._marked = marked
        self._reseed = reseed
        self._check = check
        self._rng: np.random.Generator | None = None

    @property
    def rng(self) -> np.random.Generator:
        """A ``numpy.random.Generator`` made from the seed, one per run."""
        if self._rng is None:
            import numpy as np

            self._rng = np.random.default_rng(self.seed)
        return self._rng

    def metric(
        self,
        name: str,
        value: object,
        step: int | None = None,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        ulp: int | None = None,
        nan_payload: bool = False,
    ) -> None:
        """Record a number (or anything comparable) under `name`.

        Args:
            name: what the value is called in every output.
            value: a scalar; arrays and nested values work too.
            step: position in a series (epoch, batch, iteration). Recording one name several times
                without a step makes a series in order.
            rtol: relative tolerance for this value.
            atol: absolute tolerance for this value.
            ulp: tolerance in representable numbers for this value.
            nan_payload: count the payload bits of NaNs too.

        Raises:
            RecordingError: naming the test, the value and the remedy.
        """
        __tracebackhide__ = True
        self._require_mark(name)
        tolerance = _tolerance(self._recorder, name, rtol=rtol, atol=atol, ulp=ulp, nan_payload=nan_payload)
        self._recorder.add(name, value, step=step, kind=Kind.METRIC, tolerance=tolerance, frame=sys._getframe(1))

    def artifact(
        self,
        name: str,
        value: object,
        step: int | None = None,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        ulp: int | None = None,
        nan_payload: bool = False,
    ) -> None:
        """Record an array, frame, model, nested value, or (a ``pathlib.Path``) a file or directory by content.

        Arguments and errors are those of `metric`. A ``str`` is a value; a path must be a path object.
        """
        __tracebackhide__ = True
        self._require_mark(name)
        tolerance = _tolerance(self._recorder, name, rtol=rtol, atol=atol, ulp=ulp, nan_payload=nan_payload)
        self._recorder.add(
            name,
            value,
            step=step,
            kind=Kind.ARTIFACT,
            tolerance=tolerance,
            frame=sys._getframe(1),
            is_file=isinstance(value, os.PathLike),
        )

    def _require_mark(self, name: object) -> None:
        __tracebackhide__ = True
        if not self._marked:
            message = (
                f"{self._recorder.nodeid}: {name!r} was recorded in a test that is not marked, so nothing would "
                "compare it; add @pytest.mark.repro to the test, or check a callable in place: repro(train, ...)"
            )
            raise RecordingError(message)

    def __call__(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Run `function`, compare what it returns between the runs, return the first result.

        In a marked test the call happens once in every run and its result is recorded under the
        function's name, dicts by key. In a test without the marker it is repeated here and now, with
        the seeds reset before each repetition.

        Raises:
            RecordingError: the result cannot be compared.
        """
        name = getattr(function, "__name__", type(function).__name__)
        frame = sys._getframe(1)
        if not self._marked and self._check is not None:
            return self._check(name, lambda: function(*args, **kwargs), frame)  # type: ignore[return-value]
        self._reseed()
        result = function(*args, **kwargs)
        record_result(self._recorder, name, result, frame=frame)
        return result


def record_result(recorder: Recorder, name: str, result: object, *, frame: Any = None) -> None:
    """Record what a callable returned: a dict with text keys by key, anything else under the callable's name."""
    frame = frame if frame is not None else sys._getframe(1)
    if isinstance(result, dict) and result and all(isinstance(key, str) for key in result):
        for key, value in result.items():
            recorder.add(f"{name}.{key}", value, kind=Kind.ARTIFACT, frame=frame)
    else:
        recorder.add(name, result, kind=Kind.ARTIFACT, frame=frame)
