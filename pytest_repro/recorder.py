"""The object behind the ``repro`` fixture: what a test calls → the log of its run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_repro.errors import RecordingError
from pytest_repro.keeper import Keeper
from pytest_repro.log import Recorder
from pytest_repro.model import Kind, Tolerance

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Keeper", "Recorder", "Repro", "record_result"]

T = TypeVar("T")

#: looking up a member of an enum takes a tenth of a microsecond
_METRIC, _ARTIFACT = Kind.METRIC, Kind.ARTIFACT


def _tolerance(
    recorder: Recorder,
    name: str,
    *,
    rtol: float | None,
    atol: float | None,
    ulp: int | None,
    nan_payload: bool,
) -> Tolerance:
    __tracebackhide__ = True
    for key, number in (("rtol", rtol), ("atol", atol), ("ulp", ulp)):
        numeric = isinstance(number, int if key == "ulp" else (int, float)) and not isinstance(number, bool)
        if number is not None and not (numeric and 0 <= number <= sys.float_info.max):
            kind = "a whole number" if key == "ulp" else "a finite number"
            message = f"{recorder.nodeid}: {key}={number!r} of {name!r} must be {kind} that is not negative"
            raise RecordingError(message)
    if rtol is None and atol is None and ulp is None:
        return replace(recorder.tolerance_of(name), nan_payload=True)
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
        if not self._marked:
            self._require_mark(name)
        tolerance = None
        if rtol is not None or atol is not None or ulp is not None or nan_payload:
            tolerance = _tolerance(self._recorder, name, rtol=rtol, atol=atol, ulp=ulp, nan_payload=nan_payload)
        self._recorder.add(name, value, step, _METRIC, tolerance, sys._getframe(1))  # by position: half the time

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
        if not self._marked:
            self._require_mark(name)
        tolerance = None
        if rtol is not None or atol is not None or ulp is not None or nan_payload:
            tolerance = _tolerance(self._recorder, name, rtol=rtol, atol=atol, ulp=ulp, nan_payload=nan_payload)
        self._recorder.add(name, value, step, _ARTIFACT, tolerance, sys._getframe(1), isinstance(value, os.PathLike))

    def _require_mark(self, name: object) -> None:
        __tracebackhide__ = True
        if not self._marked:
            message = (
                f"{self._recorder.nodeid}: {name!r} was recorded in a test that is not marked, so nothing would "
                "compare it; add @pytest.mark.repro to the test, or check a callable in place: repro(train, ...)"
            )
            raise RecordingError(message)

    def watch(self, target: object, name: str | None = None, *, every: int = 1) -> None:
        """Record digests of a torch module's layer outputs, gradients and parameters at each step of its optimiser.

        Args:
            target: a ``torch.nn.Module``, or a ``torch.optim.Optimizer`` for gradients and parameters only.
            name: what the values are called below; default ``model`` or ``optimizer``.
            every: record each n-th step only.

        Raises:
            RecordingError: `target` is neither.
        """
        from pytest_repro.watch import watch

        __tracebackhide__ = True
        self._require_mark("watch")
        watch(self._recorder, target, name=name, every=every, frame=sys._getframe(1))

    def callback(self, library: str, name: str | None = None) -> Any:
        """A callback of ``keras``, ``lightgbm``, ``lightning`` or ``xgboost`` that records each iteration.

        Args:
            library: whose callback it is to be.
            name: what the values are called below; default the library's name.

        Raises:
            RecordingError: there is none for `library`, or it is not installed.
        """
        from pytest_repro.watch import make_callback

        __tracebackhide__ = True
        self._require_mark("callback")
        return make_callback(self._recorder, library, name=name, frame=sys._getframe(1))

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
            recorder.add(f"{name}.{key}", value, kind=_ARTIFACT, frame=frame)
    else:
        recorder.add(name, result, kind=_ARTIFACT, frame=frame)
