"""scikit-learn: any estimator by its parameters and fitted state, trees by their nodes.

How an estimator is carried out (``n_jobs``, ``verbose``, ``memory``) and how long it took
(``refit_time_``) is not part of it. A ``cv_results_`` that is recorded on its own is a plain dict:
nothing is left out of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree
from sklearn.utils import Bunch

from pytest_repro.model import Branch
from pytest_repro.values.family import fields, numpy_node, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical", "estimator_node"]

#: parameters that say how to carry out, not what; ``n_threads`` is that of the binning inside of histogram boosting
_KNOBS = frozenset({"n_jobs", "n_threads", "verbose", "memory"})
#: attributes that hold measured durations
_TIMINGS = frozenset({"refit_time_"})
#: attributes that say how many threads there were; k-means keeps it
_THREADS = frozenset({"_n_threads"})
#: attributes that hold an address, or what was worked out when it was first asked for
_FLEETING = {"_stop_words_id": "address", "_cached_dict": "cache"}
#: attributes in which the wrappers of boosters keep further parameters
_MORE_PARAMS = frozenset({"_other_params", "kwargs"})
#: keys of ``cv_results_`` that hold measured durations
_TIMING_KEY = re.compile(r"(mean|std|split\d+)_(fit|score)_time")
#: composite class -> (attribute with (name, part, ...) tuples, how the user reaches a part)
_NAMED_PARTS = {
    "sklearn.pipeline.Pipeline": ("steps", "named_steps"),
    "sklearn.pipeline.FeatureUnion": ("transformer_list", "named_transformers"),
    "sklearn.compose._column_transformer.ColumnTransformer": ("transformers_", "named_transformers_"),
}


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a scikit-learn value, or None if another rule applies."""
    if isinstance(value, BaseEstimator):
        return estimator_node(value, walk)
    if isinstance(value, Tree):
        return _tree(value, walk)
    if isinstance(value, Bunch):
        return _bunch(value, walk)
    if type_name(type(value)) == "sklearn.cluster._birch._CFNode":
        return _birch_node(value, walk)
    if hasattr(value, "get_arrays") and hasattr(value, "get_n_calls"):
        return _neighbour_tree(value, walk)
    if type(value).__module__.startswith("sklearn.") and not hasattr(value, "__dict__"):
        return _compiled(value, walk)
    return None


# --- estimators -------------------------------------------------------------------------------


def estimator_node(value: Any, walk: Walk, *, knobs: frozenset[str] = _KNOBS) -> Branch:
    """Return an estimator by class, parameters without `knobs`, and fitted state."""
    params = _params(value)
    state = _state(value)
    names = sorted(params) + sorted(name for name in state if name not in params)
    parts: list[Field] = []
    notes: list[str] = []
    named = dict(_NAMED_PARTS[key] for key in map(type_name, type(value).__mro__) if key in _NAMED_PARTS)
    for name in names:
        reason = _left_out(name, params, knobs)
        if reason:
            notes.append(f"{name} ({reason})")
            continue
        item = params[name] if name in params else state[name]
        if name in _MORE_PARAMS and isinstance(item, dict):
            item = {key: argument for key, argument in item.items() if key not in knobs}
        if name in named and isinstance(item, (list, tuple)):
            parts += _named_parts(name, named[name], item, walk)
        else:
            parts += _attribute(value, name, item, walk, notes)
    return fields(type_name(type(value)), parts, notes)


def _params(value: Any) -> dict[str, Any]:
    """Return the parameters of an estimator; its attributes alone where it breaks the rules for them."""
    try:
        return dict(value.get_params(deep=False))
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return {}


def _state(value: Any) -> dict[str, Any]:
    """Return the attributes of an estimator, as its class would have them stored if it says so.

    skorch's nets are not asked: they would pickle modules and optimisers, and the pickle holds addresses.
    """
    stored = type(value).__getstate__
    if stored is not BaseEstimator.__getstate__ and not stored.__module__.startswith("skorch."):
        state = value.__getstate__()
        if isinstance(state, dict):
            return {str(key): item for key, item in state.items() if key != "_sklearn_version"}
    return dict(getattr(value, "__dict__", {}))


def _left_out(name: str, params: dict[str, Any], knobs: frozenset[str]) -> str:
    """Return why an attribute is not part of the value, or an empty text."""
    if name == "memory" and isinstance(params.get(name), (int, float)):  # of a class of the user's: not a cache
        return ""
    if (name in knobs and name in params) or name in _THREADS:
        return "execution"
    if name in _TIMINGS:
        return "timing"
    return _FLEETING.get(name, "")


def _attribute(value: Any, name: str, item: Any, walk: Walk, notes: list[str]) -> Iterable[Field]:
    """Return the fields for one attribute."""
    if name == "cv_results_" and isinstance(item, dict):
        kept = {key: column for key, column in item.items() if not _TIMING_KEY.fullmatch(str(key))}
        if len(kept) < len(item):
            notes.append("cv_results_['*_time'] (timing)")
        item = kept
    if name == "estimators_" and _all_named(item, getattr(value, "named_estimators_", None)):
        return []
    return [(f".{name}", walk(item, f".{name}"))]


def _all_named(parts: Any, named: Any) -> bool:
    """Return whether all parts of a vote or stack are compared under their names already."""
    if not isinstance(named, dict) or not isinstance(parts, list):
        return False
    known = {id(part) for part in named.values()}
    return all(id(part) in known for part in parts)


def _named_parts(name: str, accessor: str, entries: Iterable[tuple[Any, ...]], walk: Walk) -> list[Field]:
    """Return (name, part, ...) tuples: their order and extras, then each part under its name."""
    rows = list(entries)
    order = [(row[0], *row[2:]) for row in rows]
    parts: list[Field] = [(f".{name}", walk(order, f".{name}"))]
    for row in rows:
        segment = f".{accessor}[{row[0]!r}]"
        parts.append((segment, walk(row[1], segment)))
    return parts


# --- trees and compiled helpers ---------------------------------------------------------------


def _tree(tree: Any, walk: Walk) -> Branch:
    """Return a decision tree by its node arrays, field by field: padding between fields is not compared."""
    state = tree.__getstate__()
    parts: list[Field] = [(".max_depth", int(state["max_depth"])), (".node_count", int(state["node_count"]))]
    parts += [(f".{name}", walk(getattr(tree, name), f".{name}")) for name in ("n_features", "n_outputs", "n_classes")]
    nodes = state["nodes"]
    for name in nodes.dtype.names:
        parts.append((f".{name}", numpy_node("numpy.ndarray", nodes[name], walk, f".{name}")))
    return fields(type_name(type(tree)), [*parts, (".value", walk(state["values"], ".value"))])


def _bunch(value: Any, walk: Walk) -> Branch:
    """Return a bunch by its keys: what it knows besides them (deprecated names) is lost by a copy."""
    items = walk(dict(value), "")
    assert isinstance(items, Branch)
    return replace(items, type=type_name(type(value)))


def _compiled(value: Any, walk: Walk) -> Branch:
    """Return an object of a compiled class by what pickle would keep of it."""
    reduced = value.__reduce_ex__(2)
    if isinstance(reduced, str):
        return fields(type_name(type(value)), [(".name", reduced)])
    arguments = [item for item in reduced[1] if item is not type(value)]
    rebuilt = [walk(item, f".args[{i}]") for i, item in enumerate(arguments)]
    parts: list[Field] = [(".args", sequence("tuple", rebuilt))]
    if len(reduced) > 2 and reduced[2] is not None:
        parts.append((".state", walk(reduced[2], ".state")))
    return fields(type_name(type(value)), parts)


def _birch_node(value: Any, walk: Walk) -> Branch:
    """Return a node of Birch's tree without the links from leaf to leaf, which nest as deep as there are leaves.

    Their order is that of the estimator's ``subcluster_centers_``.
    """
    kept = {name: item for name, item in sorted(vars(value).items()) if name not in ("prev_leaf_", "next_leaf_")}
    return fields(type_name(type(value)), [(f".{name}", walk(item, f".{name}")) for name, item in kept.items()])


def _neighbour_tree(value: Any, walk: Walk) -> Branch:
    """Return a k-d or ball tree by its arrays and metric; counters of past queries are not compared."""
    names = ("data", "idx_array", "node_data", "node_bounds")
    arrays = zip(names, value.get_arrays(), strict=True)
    parts = [(f".{name}", walk(np.asarray(array), f".{name}")) for name, array in arrays]
    metric = next((item for item in value.__getstate__() if "Metric" in type(item).__name__), None)
    weights = value.__getstate__()[-1]
    return fields(
        type_name(type(value)),
        [*parts, (".dist_metric", walk(metric, ".dist_metric")), (".sample_weight", walk(weights, ".sample_weight"))],
        ["query counters (not part of a tree)"],
    )
