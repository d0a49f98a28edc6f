"""jax, tensorflow, keras and cupy: arrays by their elements, models by class, configuration and weights.

Imports none of these libraries: they are there already when a value of theirs appears.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Atom
from pytest_repro.values.arrays import from_numpy
from pytest_repro.values.family import fields, json_node, refuse, sequence, type_name

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.family import Field, Walk

__all__ = ["canonical"]

#: the number that keras appends to a name that was given before
_COUNTED = re.compile(r"_\d+$")
#: the same within ``sequential_1_dense_1_kernel_momentum``, as optimisers name what they keep for a weight
_COUNTED_WITHIN = re.compile(r"_\d+(?=_|$)")


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of an array or model, or None if another rule applies."""
    bases = [(cls.__module__.partition(".")[0], cls.__name__) for cls in type(value).__mro__]
    libraries = {library for library, _ in bases}
    names = {name for _, name in bases}
    if libraries & {"jax", "jaxlib"}:
        return _jax(value, walk)
    if "cupy" in libraries and hasattr(value, "get"):
        return from_numpy(np.asarray(value.get()), type_name="cupy.ndarray", walk=walk, owned=True)
    if "keras" in libraries:
        return _keras(value, names, walk)
    return _tensorflow(value, names, walk) if "tensorflow" in libraries else None


# --- jax --------------------------------------------------------------------------------------


def _jax(value: Any, walk: Walk) -> Node | None:
    """Return a jax array (which device and weak typing do not count) or random key."""
    import jax

    if isinstance(value, jax.core.Tracer):
        raise refuse(value, why="it is traced and has no elements yet", instead="record outside of jit, vmap and grad")
    if not isinstance(value, jax.Array):
        return None
    if value.is_deleted():
        raise refuse(value, why="its memory was given away (donated)", instead="record it before it is donated")
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        data = from_numpy(np.asarray(jax.random.key_data(value)), type_name="jax.Array", walk=walk)
        return fields("jax.Array", [(".dtype", str(value.dtype)), (".key_data", data)])
    return from_numpy(np.asarray(value), type_name="jax.Array", walk=walk)


# --- keras and tensorflow ---------------------------------------------------------------------


def _keras(value: Any, names: set[str], walk: Walk) -> Node | None:
    """Return a keras variable, optimiser, or model or layer."""
    if {"Variable", "KerasVariable"} & names and hasattr(value, "numpy"):
        return _variable(value, walk)
    if "SeedGenerator" in names:  # its name counts how many there were
        return fields(type_name(type(value)), [(".state", _variable(value.state, walk))])
    if "History" in names:
        parts = [(f".{part}", walk(getattr(value, part), f".{part}")) for part in ("epoch", "history")]
        return fields(type_name(type(value)), parts)
    if {"Optimizer", "BaseOptimizer", "Metric"} & names:
        parts, notes = _config(value)
        return fields(type_name(type(value)), [*parts, *_weights(value.variables, walk, _COUNTED_WITHIN)], notes)
    if {"Layer", "Model"} & names:
        parts, notes = _config(value)
        parts += _weights(value.weights, walk)
        optimizer = getattr(value, "optimizer", None)
        if optimizer is not None:
            parts.append((".optimizer", walk(optimizer, ".optimizer")))
        return fields(type_name(type(value)), parts, notes)
    return None


def _variable(variable: Any, walk: Walk) -> Node:
    name = "keras.Variable[trainable]" if getattr(variable, "trainable", False) else "keras.Variable"
    return from_numpy(np.asarray(variable.numpy()), type_name=name, walk=walk)


def _config(value: Any) -> tuple[list[Field], list[str]]:
    """Return the configuration without the numbers that keras counts up in names since the process started.

    Where a class of the user's has none: nothing, and a note that says so.
    """
    try:
        config = _plain(value.get_config())
    except NotImplementedError:
        return [], ["configuration (its class has no get_config)"]
    return [(".get_config()", json_node(_renamed(config, _given_names(config))))], []


def _plain(config: Any) -> Any:
    """Return a configuration as JSON-like data."""
    if isinstance(config, dict):
        return {str(key): _plain(item) for key, item in config.items()}
    if isinstance(config, (list, tuple)):
        return [_plain(item) for item in config]
    if isinstance(config, (np.ndarray, np.generic)):
        return {"dtype": config.dtype.name, "elements": config.tolist()}
    if config is None or isinstance(config, (bool, int, float, str)):
        return config
    return str(config) if isinstance(config, np.dtype) else type_name(type(config))


def _given_names(config: Any) -> dict[str, str]:
    """Return for each counted name (``dense_7``) in a configuration its rank of appearance (``dense#2``)."""
    names: dict[str, str] = {}
    pending = [config]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            name = part.get("name")
            if isinstance(name, str) and name not in names:
                base = _COUNTED.sub("", name)
                names[name] = f"{base}#{sum(1 for given in names.values() if given.rpartition('#')[0] == base) + 1}"
            pending.extend(reversed(list(part.values())))
        elif isinstance(part, list):
            pending.extend(reversed(part))
    return names


def _renamed(config: Any, names: dict[str, str]) -> Any:
    if isinstance(config, dict):
        return {key: _renamed(item, names) for key, item in config.items()}
    if isinstance(config, list):
        return [_renamed(item, names) for item in config]
    return names.get(config, config)


def _weights(variables: Any, walk: Walk, counted: re.Pattern[str] = _COUNTED) -> list[Field]:
    """Return variables under their paths, without counted numbers; equal paths keep their order."""
    parts: list[Field] = []
    for position, variable in enumerate(variables):
        name = str(getattr(variable, "path", None) or getattr(variable, "name", position))
        path = "/".join(counted.sub("", part) for part in name.split("/"))
        parts.append((f".weights[{path!r}]", _variable(variable, walk)))
    return parts


#: what holds values that only tensorflow can take out, and how the user does
_TAKE_OUT = {"TensorArray": "record its stack()", "DatasetV2": "record list(dataset.as_numpy_iterator())"}


def _tensorflow(value: Any, names: set[str], walk: Walk) -> Node | None:
    """Return a tensorflow tensor or variable, dense, ragged or sparse, a module or a random generator."""
    for name in _TAKE_OUT.keys() & names:
        raise refuse(value, why="its elements are computed when they are asked for", instead=_TAKE_OUT[name])
    if "Generator" in names and hasattr(value, "algorithm"):
        return fields(
            "tensorflow.random.Generator",
            [(".algorithm", int(value.algorithm)), (".state", walk(value.state, ".state"))],
        )
    if "Module" in names:
        variables = [(f".variables[{i}]", walk(item, f".variables[{i}]")) for i, item in enumerate(value.variables)]
        return fields(type_name(type(value)), variables, ["attributes that are no variables"])
    if "SparseTensor" in names:
        parts = [(f".{part}", walk(getattr(value, part), f".{part}")) for part in ("indices", "values", "dense_shape")]
        return fields("tensorflow.SparseTensor", parts)
    if "RaggedTensor" in names:
        splits = sequence(
            "list", (walk(item, f".nested_row_splits[{i}]") for i, item in enumerate(value.nested_row_splits))
        )
        return fields("tensorflow.RaggedTensor", [(".splits", splits), (".values", walk(value.flat_values, ".values"))])
    if "DType" in names or "TensorShape" in names:
        return Atom(f"tensorflow.{type(value).__name__}", str(value))
    if not ({"Tensor", "EagerTensor", "Variable", "ResourceVariable", "BaseResourceVariable"} & names):
        return None
    if not hasattr(value, "numpy"):
        raise refuse(value, why="it is part of a graph and has no elements", instead="record outside of tf.function")
    kind = "Variable" if any("Variable" in name for name in names) else "Tensor"
    return from_numpy(np.asarray(value.numpy()), type_name=f"tensorflow.{kind}", walk=walk)
