"""Training seen from inside: each step of a model or each iteration of a library's own loop.

What is recorded are digests, so that the first divergence names the layer and the step at which
runs parted, long before a metric shows it. The library is imported only when it is asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Mapping
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import RecordingError
from pytest_repro.watch.sink import Sink

if TYPE_CHECKING:
    from pytest_repro.recorder import Recorder

__all__ = ["CALLBACKS", "make_callback", "watch"]

#: name → (modules that may provide it, the module here that makes the callback)
CALLBACKS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "keras": (("keras",), "keras_fit"),
        "lightgbm": (("lightgbm",), "lightgbm_train"),
        "lightning": (("lightning.pytorch", "pytorch_lightning"), "lightning_fit"),
        "xgboost": (("xgboost",), "xgboost_train"),
    }
)


def watch(recorder: Recorder, target: object, *, name: str | None, every: int, frame: FrameType) -> None:
    """Record digests of a torch module or optimiser each step until the run ends.

    Raises:
        RecordingError: `target` is neither, or an argument is not usable.
    """
    __tracebackhide__ = True
    torch = sys.modules.get("torch")
    is_model = torch is not None and isinstance(target, torch.nn.Module)
    if not is_model and not (torch is not None and isinstance(target, torch.optim.Optimizer)):
        _refuse(
            recorder,
            f"watch() takes a torch.nn.Module or a torch.optim.Optimizer, got {type(target).__name__}",
            f"for other libraries use repro.callback(); there are: {', '.join(CALLBACKS)}",
        )
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        _refuse(
            recorder, f"every={every!r} of watch() must be a whole number from 1", "every=10 records each 10th step"
        )
    from pytest_repro.watch.torch_watch import follow

    sink = _sink(recorder, name, "model" if is_model else "optimizer", frame)
    recorder.at_end(follow(target, sink=sink, every=every))


def make_callback(recorder: Recorder, library: str, *, name: str | None, frame: FrameType) -> Any:
    """Return a callback of `library` that records each iteration's metrics and a digest of the model.

    Raises:
        RecordingError: there is no such callback, or the library is not installed.
    """
    __tracebackhide__ = True
    if library not in CALLBACKS:
        there_are = ", ".join(CALLBACKS)
        _refuse(recorder, f"there is no callback for {library!r}", f"there are: {there_are}; torch: repro.watch(model)")
    providers, maker = CALLBACKS[library]
    provider = _provider(providers)
    if provider is None:
        _refuse(recorder, f"callback({library!r}) needs {providers[0]}, which cannot be imported", f"install {library}")
    module = importlib.import_module(f"pytest_repro.watch.{maker}")
    return module.make(provider, _sink(recorder, name, library, frame))


def _provider(names: tuple[str, ...]) -> Any:
    """The first module that can be had; one that the test has imported goes before all others."""
    for name in sorted(names, key=lambda name: name not in sys.modules):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    return None


def _sink(recorder: Recorder, name: str | None, default: str, frame: FrameType) -> Sink:
    __tracebackhide__ = True
    if name is not None and (not isinstance(name, str) or not name):
        _refuse(recorder, f"a name must be a non-empty string, got {name!r}", "leave it out, or name the model")
    file, line = frame.f_code.co_filename, frame.f_lineno
    return Sink(recorder, name=recorder.unused(name or default), file=file, line=line)


def _refuse(recorder: Recorder, what: str, remedy: str) -> None:
    __tracebackhide__ = True
    message = f"{recorder.nodeid}: {what}; {remedy}"
    raise RecordingError(message)
