"""lightgbm: metrics and new trees after each iteration, as a callable for ``callbacks=``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.watch.sink import Callback, digest_of_bytes

if TYPE_CHECKING:
    from pytest_repro.watch.sink import Sink

__all__ = ["make"]


def make(lightgbm: Any, sink: Sink) -> Any:
    """Return the callback: ``lightgbm.train(..., callbacks=[repro.callback("lightgbm")])``."""
    del lightgbm
    return _ReproCallback(sink)


class _ReproCallback(Callback):
    """Records evaluation results and what the iteration added to the model."""

    #: after those that evaluate, before early stopping, which ends the loop by an exception
    order = 25
    before_iteration = False

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def __call__(self, env: Any) -> None:
        """Record one iteration; counted over all trainings."""
        results = {f"{entry[0]}.{entry[1]}": float(entry[2]) for entry in env.evaluation_result_list or ()}
        self.sink.metrics(self.step, results)
        self.sink.digest("model", self.step, lambda: digest_of_bytes("trees", _added(env.model)))
        self.step += 1


def _added(model: Any) -> bytes:
    """What the last iteration added, to every model of a cross-validation."""
    boosters = getattr(model, "boosters", None) or [model]
    return "\n".join(_newest(booster) for booster in boosters).encode()


def _newest(booster: Any) -> str:
    """The trees of the last iteration, without the parameters (they hold the number of threads)."""
    text: str = booster.model_to_string(num_iteration=1, start_iteration=booster.current_iteration() - 1)
    return text.partition("\nparameters:")[0]
