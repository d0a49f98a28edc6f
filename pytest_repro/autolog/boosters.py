"""xgboost, lightgbm and catboost: every trained model by its content, and what it predicts.

The scikit-learn wrappers of xgboost and lightgbm are estimators and watched as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.autolog.scikit_learn import watch_classes

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["prepare_catboost", "prepare_lightgbm", "prepare_xgboost"]


def prepare_xgboost(patches: Patches, module: Any) -> None:
    """Watch ``xgboost.train`` and what its boosters predict."""
    patches.function(module.train, _trained("xgboost"))
    patches.method(module.Booster, "predict", _predicted)
    patches.method(module.Booster, "inplace_predict", _predicted)


def prepare_lightgbm(patches: Patches, module: Any) -> None:
    """Watch ``lightgbm.train``, ``lightgbm.cv`` and what boosters predict."""
    patches.function(module.train, _trained("lightgbm"))
    patches.function(module.cv, _trained("lightgbm", verb="cv"))
    patches.method(module.Booster, "predict", _predicted)


def prepare_catboost(patches: Patches, module: Any) -> None:
    """Watch catboost's models, which are no scikit-learn estimators, and ``catboost.train``."""
    watch_classes(patches, module.CatBoost)
    patches.function(module.train, _trained("catboost"))


def _trained(library: str, *, verb: str = "train") -> After:
    def after(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del args
        name = f"{sink.count(verb)} {library}"
        history = kwargs.get("evals_result")
        if isinstance(history, dict) and history:
            sink.add(f"{name} evals_result", history, frame=frame)
        sink.add(name, result, frame=frame)

    return after


def _predicted(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
    del kwargs
    sink.add(f"{sink.count('predict')} {type(args[0]).__name__}", result, frame=frame)
