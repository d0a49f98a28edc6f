"""Lightning: what a trainer logged and the model after each outermost ``fit``, and what it validates and predicts.

The steps in between are those of torch's optimisers, which `pytorch.listen` hears of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["MODULES", "prepare"]

#: two packages that hold the same library, each with classes of its own; the trainer of both is loaded late
MODULES = ("lightning.pytorch.trainer.trainer", "pytorch_lightning.trainer.trainer")

_METHODS = ("fit", "validate", "test", "predict")


def prepare(patches: Patches, module: Any) -> None:
    """Watch the methods of ``Trainer``."""
    for name in _METHODS:
        if name in vars(module.Trainer):
            patches.method(module.Trainer, name, _after(name), inside=True)


def _after(method: str) -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        trainer = args[0]
        model = args[1] if len(args) > 1 else kwargs.get("model", trainer.lightning_module)
        name = f"{sink.count(method)} {type(model).__name__}"
        if method != "fit":
            sink.add(name, result, frame=frame)
            return
        sink.add(f"{name} metrics", dict(trainer.callback_metrics), frame=frame)
        sink.add(f"{name} model", model.state_dict(), frame=frame)

    return after
