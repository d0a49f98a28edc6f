"""xgboost: metrics and new trees after each iteration, as an ``xgboost.callback.TrainingCallback``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.watch.sink import Callback, digest_of_bytes

if TYPE_CHECKING:
    from pytest_repro.watch.sink import Sink

__all__ = ["make"]


def make(xgboost: Any, sink: Sink) -> Any:
    """Return the callback: ``xgboost.train(..., callbacks=[repro.callback("xgboost")])``."""

    class ReproCallback(Callback, xgboost.callback.TrainingCallback):  # type: ignore[misc]
        """Records evaluation results and what the iteration added to the model."""

        def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> bool:
            """Record one iteration; counted over all trainings. Never stops the training."""
            del epoch
            results = {f"{data}.{name}": _last(log) for data, logs in evals_log.items() for name, log in logs.items()}
            self.sink.metrics(self.step, results)
            self.sink.digest("model", self.step, lambda: digest_of_bytes("trees", _added(xgboost, model)))
            self.step += 1
            return False

    callback = ReproCallback()
    callback.sink = sink
    return callback


def _last(log: list[Any]) -> float:
    last = log[-1]
    return float(last[0] if isinstance(last, tuple) else last)  # cross-validation gives mean and deviation


def _added(xgboost: Any, model: Any) -> bytes:
    """What the last iteration added, to every model of a cross-validation."""
    boosters = [fold.bst for fold in model.cvfolds] if hasattr(model, "cvfolds") else [model]
    return b"".join(_newest(xgboost, booster) for booster in boosters)


def _newest(xgboost: Any, booster: Any) -> bytes:
    """The trees of the last iteration; the whole model where its kind cannot be cut."""
    rounds = booster.num_boosted_rounds()
    try:
        return bytes(booster[rounds - 1 : rounds].save_raw("ubj"))
    except (xgboost.core.XGBoostError, ValueError, IndexError):
        return bytes(booster.save_raw("ubj"))
