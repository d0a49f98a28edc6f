"""scikit-learn and what is built on it: every outermost fit, prediction, transformation and score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["MODULE", "loaded_subclasses", "prepare", "watch_classes"]

#: what must be loaded for this to have any use
MODULE = "sklearn.base"

#: methods that leave a fitted estimator behind
_FITS = ("fit", "partial_fit")
#: methods whose result is what counts
_RESULTS: tuple[str, ...] = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "inverse_transform",
)
_RESULTS += ("score", "score_samples")
#: methods that do both
_BOTH = ("fit_predict", "fit_transform")


def prepare(patches: Patches, module: Any) -> None:
    """Watch the methods of every estimator class that is loaded by now."""
    watch_classes(patches, module.BaseEstimator)


def watch_classes(patches: Patches, base: type) -> None:
    """Watch the methods of `base`, of every class built on it, and of what those inherit from besides."""
    built = [base, *_subclasses(base)]
    if patches.knows(built):
        return
    for cls in _lasting(built):
        for name in (*_FITS, *_BOTH, *_RESULTS):
            if name in vars(cls):
                patches.method(cls, name, _after(name))


def loaded_subclasses(base: type) -> list[type]:
    """Return `base`, every class built on it, and what those inherit from besides; none that a function made."""
    return _lasting([base, *_subclasses(base)])


def _lasting(built: Iterable[type]) -> list[type]:
    classes = {each: None for cls in built for each in cls.__mro__ if each is not object}
    # a class that a test makes anew in every run would be seen in some runs only
    return [cls for cls in classes if "<locals>" not in cls.__qualname__]


def _subclasses(cls: type) -> Iterator[type]:
    seen: set[type] = set()
    pending: list[type] = [cls]
    while pending:
        children: list[type] = type.__subclasses__(pending.pop())
        for child in children:
            if child not in seen:
                seen.add(child)
                pending.append(child)
                yield child


def _after(method: str) -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del kwargs
        name = f"{sink.count(method)} {type(args[0]).__name__}"
        if method in _RESULTS:
            sink.add(name, result, frame=frame)
            return
        sink.add(name, args[0], frame=frame, state=True)
        if method in _BOTH:
            sink.add(f"{name} result", result, frame=frame)

    return after
