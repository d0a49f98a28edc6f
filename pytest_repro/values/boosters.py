"""xgboost, lightgbm and catboost: boosters by the content of their model.

What only says how a model was made (threads, time of training, a random model id) is not part of
it. The scikit-learn wrappers are compared as estimators that hold a booster.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Array
from pytest_repro.values.family import fields, json_node, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Branch, Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]

#: parameters that say how to carry out, not what; each library has its own words
_KNOBS = frozenset(
    {"n_jobs", "nthread", "num_threads", "thread_count", "used_ram_limit", "allow_writing_files", "train_dir"}
    | {"verbose", "verbosity", "silent", "logging_level"}
)
#: catboost's own record of a training: when, under which id, with which settings
_CATBOOST_MADE_BY = ("model_guid", "train_finish_time", "params", "training", "output_options", "catboost_version_info")
_NUMBERS = re.compile(r"(-?(\d|inf|nan)[^ ]*)( -?(\d|inf|nan)[^ ]*)*")


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a booster or its wrapper, or None if another rule applies."""
    names = [type_name(cls) for cls in type(value).__mro__]
    if "xgboost.core.Booster" in names:
        return _xgboost(value)
    if "lightgbm.basic.Booster" in names:
        return _lightgbm(value, walk)
    if "catboost.core.CatBoost" in names:
        return _catboost(value, walk)
    if any(name in names for name in ("xgboost.sklearn.XGBModel", "lightgbm.sklearn.LGBMModel")):
        from pytest_repro.values.estimators import estimator_node

        return estimator_node(value, walk, knobs=_KNOBS)
    return None


def _xgboost(booster: Any) -> Branch:
    """Return an xgboost booster as the model that it would save, without the version that saved it."""
    model = json.loads(bytes(booster.save_raw(raw_format="json")))
    parts = [(f".{key}", json_node(model[key])) for key in sorted(model) if key != "version"]
    return fields(type_name(type(booster)), parts, ["version (of the library)"])


# --- lightgbm ---------------------------------------------------------------------------------


def _lightgbm(booster: Any, walk: Walk) -> Branch:
    """Return a lightgbm booster as the text model that it would save, without its training parameters."""
    text = booster.model_to_string(num_iteration=-1).partition("\nparameters:")[0]
    head, *blocks = re.split(r"\n(?=Tree=\d+\n)", text)
    trees, _, tail = blocks[-1].partition("\nend of trees") if blocks else ("", "", "")
    if blocks:
        blocks[-1] = trees
    parts: list[Field] = [
        (".header", _assignments(head)),
        (".trees", sequence("list", (_assignments(block) for block in blocks))),
        (".footer", _assignments(tail)),
        # 0 or -1: no round was found to be the best
        (".best_iteration", max(0, int(booster.best_iteration))),
        (".pandas_categorical", walk(booster.pandas_categorical, ".pandas_categorical")),
    ]
    return fields(type_name(type(booster)), parts, ["parameters (how it was trained)"])


def _assignments(block: str) -> Branch:
    """Return lines of ``key=value`` by key, lists of numbers as arrays; tree sizes are lengths of this text."""
    lines = [line.partition("=") for line in block.splitlines() if line.strip()]
    kept = [(key, value if sign else None) for key, sign, value in lines if key != "tree_sizes"]
    return fields("lightgbm", ((f".{key}", None if value is None else _numbers(value)) for key, value in kept))


def _numbers(text: str) -> Node:
    """Return space-separated numbers as an array, other text as it is."""
    if not _NUMBERS.fullmatch(text):
        return text
    try:
        data = np.array([float(word) for word in text.split(" ")], dtype=np.float64)
    except ValueError:
        return text
    return Array("list", "float64", data.shape, data, owned=True)


# --- catboost ---------------------------------------------------------------------------------


def _catboost(model: Any, walk: Walk) -> Branch:
    """Return a catboost model by parameters and, once fitted, the model that it would save as JSON."""
    params = dict(sorted(model.get_params(deep=False).items()))
    parts = [(f".{name}", walk(item, f".{name}")) for name, item in params.items() if name not in _KNOBS]
    notes = [f"{name} (execution)" for name in params if name in _KNOBS]
    if not model.is_fitted():
        return fields(type_name(type(model)), parts, notes)
    notes += ["model_guid (random)", "train_finish_time (timing)", "params in the model (how it was trained)"]
    return fields(
        type_name(type(model)), [*parts, (".model", json_node(_catboost_json(model), one_number=True))], notes
    )


def _catboost_json(model: Any) -> dict[str, Any]:
    """Return what catboost saves of a model, without the record of its training."""
    with tempfile.TemporaryDirectory(prefix="pytest-repro-") as folder:
        path = Path(folder) / "model.json"
        try:
            model.save_model(str(path), format="json")
        except Exception as error:  # catboost has one error class for all; features it cannot export among them
            raise refuse(
                model, why=f"it cannot be saved as JSON ({error})", instead="record its predictions"
            ) from error
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    info = saved.get("model_info", {})
    saved["model_info"] = {key: item for key, item in info.items() if key not in _CATBOOST_MADE_BY}
    return saved
