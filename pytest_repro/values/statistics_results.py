"""statsmodels: models and results by their state, without work space and without what is computed when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_repro.values.family import fields, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Walk

__all__ = ["canonical"]

#: memory that nobody has filled, and compiled helpers that are made anew from the rest
_WORK_SPACE = frozenset(
    {"_tmp_like_exog", "_initializations", "_representations", "_statespaces", "_kalman_filters", "_kalman_smoothers"}
)
#: what stands there from the first time that somebody asks for it, or for a summary or a forecast
_ASKED_FOR = frozenset(
    {"_cache", "_summary_cache", "_summary_statistics_cache", "_nobs_int", "diagn", "het_scale"}
    | {"predict_dates", "predict_start", "predict_end"}
)


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a model or of results, or None if another rule applies."""
    state = None if isinstance(value, (dict, tuple, list, Exception)) else _state(value)
    if state is None:
        return None
    left_out = {name: "work space" for name in state if name in _WORK_SPACE}
    left_out |= {name: "computed when asked for" for name in state if name in _ASKED_FOR}
    kept = [(f".{name}", walk(state[name], f".{name}")) for name in sorted(state) if name not in left_out]
    notes = [f"{name} ({why})" for name, why in sorted(left_out.items())]
    return fields(type_name(type(value)), kept, notes)


def _state(value: Any) -> dict[str, Any] | None:
    """Return the attributes, as the class would have them stored if it says so."""
    own = getattr(type(value), "__getstate__", None)
    state = (
        value.__getstate__() if own is not getattr(object, "__getstate__", None) else getattr(value, "__dict__", None)
    )
    return dict(state) if isinstance(state, dict) and all(isinstance(name, str) for name in state) else None
