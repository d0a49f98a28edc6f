"""Keras: the history and the weights of every outermost ``fit``, and what models predict and score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["prepare"]

_METHODS = ("fit", "train_on_batch", "evaluate", "predict", "predict_on_batch")


def prepare(patches: Patches, module: Any) -> None:
    """Watch the methods of ``keras.Model``, where its class or a base of it defines them."""
    for name in _METHODS:
        owner = next((cls for cls in module.Model.__mro__ if name in vars(cls)), None)
        if owner is not None:
            patches.method(owner, name, _after(name))


def _after(method: str) -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del kwargs
        name = f"{sink.count(method)} {type(args[0]).__name__}"
        sink.add(name, getattr(result, "history", result), frame=frame)
        if method in ("fit", "train_on_batch"):
            weights = {f"w{number}": weight for number, weight in enumerate(args[0].get_weights())}
            sink.add(f"{name} weights", weights, frame=frame)

    return after
