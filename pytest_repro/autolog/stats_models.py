"""statsmodels: what every outermost fit estimated and how it got there, and what results predict.

A results object holds its model with the data, and computes most of itself when it is asked for;
what is read here is there already, so that nothing is computed that the test does not compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.autolog.scikit_learn import loaded_subclasses

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["MODULE", "prepare"]

#: has the base classes of all models and results
MODULE = "statsmodels.base.model"

_FITS = ("fit", "fit_regularized", "fit_constrained")
_RESULTS = ("predict", "forecast")
#: the course of an optimiser: iterations, whether it converged, the function's value and gradient
_COURSE = ("mle_retvals", "fit_history")


def prepare(patches: Patches, module: Any) -> None:
    """Watch the methods of every model and results class that is loaded by now."""
    for cls in loaded_subclasses(module.Model):
        for name in _FITS:
            patches.method(cls, name, _fitted(name))
    for cls in loaded_subclasses(module.Results):
        for name in _RESULTS:
            patches.method(cls, name, _predicted(name))


def _fitted(method: str) -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del kwargs
        name = f"{sink.count(method)} {type(args[0]).__name__}"
        inner = getattr(result, "_results", result)  # a wrapper labels what it hands out
        held = getattr(inner, "__dict__", {})
        for course in _COURSE:
            if held.get(course):
                sink.add(f"{name} {course}", dict(held[course]), frame=frame)
        if "params" in held:
            sink.add(f"{name} params", held["params"], frame=frame)

    return after


def _predicted(method: str) -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del kwargs
        sink.add(f"{sink.count(method)} {type(args[0]).__name__}", result, frame=frame)

    return after
