"""What arrays and models of jax, keras, tensorflow and cupy consist of; with classes that look like theirs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import tensors
from pytest_repro.values.tensors import canonical
from tests.unit.values.outline import outline, seen


def like(path: str, /, *bases: type, **attributes: object) -> Any:
    """Return an object of a class that stands at `path`."""
    module, _, name = path.rpartition(".")
    value = type(name, bases, {"__module__": module})()
    for key, item in attributes.items():
        setattr(value, key, item)
    return value


def holding(data: Any) -> Any:
    """Return a method that gives elements: a copy each time."""
    return lambda: np.array(data)


def parts(value: object) -> list[str]:
    return outline(canonical(value, seen))


def refused(value: object) -> str:
    with pytest.raises(ValueTypeError) as caught:
        canonical(value, seen)
    return str(caught.value)


RECORDS = np.array([(1,)], [("a", int)])


def test_what_is_of_none_of_these_libraries_is_left_to_others() -> None:
    for path in ("here.Variable", "notkeras.Layer", "mine.tensorflow.Tensor"):
        assert canonical(like(path, numpy=holding([1])), seen) is None
    for path in ("keras.losses.Loss", "tensorflow.python.Strategy", "cupy.cuda.Device"):
        assert canonical(like(path), seen) is None


def test_an_array_of_cupy_is_its_elements() -> None:
    assert parts(like("cupy._core.core.ndarray", get=holding([1, 2]))) == ["cupy.ndarray int64 [1, 2] owned"]
    assert parts(like("cupy.ndarray", get=lambda: RECORDS)) == [
        "cupy.ndarray",
        ".shape '(1,) at .shape'",
        "['a'] \"array([1]) at ['a']\"",
    ]


def test_a_class_of_the_users_is_read_as_what_it_was_made_from() -> None:
    array = type(like("cupy.ndarray"))
    assert parts(like("mine.Array", array, get=holding([1]))) == ["cupy.ndarray int64 [1] owned"]


# --- keras ------------------------------------------------------------------------------------


def variable(name: str, *data: float, **attributes: object) -> Any:
    return like("keras.src.Variable", numpy=holding(data), path=name, **attributes)


def test_a_variable_says_whether_it_is_trained() -> None:
    assert parts(variable("a", 1.5)) == ["keras.Variable float64 [1.5]"]
    assert parts(variable("a", 1.5, trainable=False)) == ["keras.Variable float64 [1.5]"]
    assert parts(variable("a", 1.5, trainable=True)) == ["keras.Variable[trainable] float64 [1.5]"]
    assert parts(like("keras.src.KerasVariable", numpy=holding([1]))) == ["keras.Variable int64 [1]"]
    assert parts(like("keras.Variable", numpy=lambda: RECORDS))[1] == ".shape '(1,) at .shape'"
    assert canonical(like("keras.Variable"), seen) is None
    assert canonical(like("keras.Loss", numpy=holding([1])), seen) is None


def test_a_seed_generator_is_its_state_and_not_its_name() -> None:
    value = like("keras.random.SeedGenerator", name="seed_generator_3", state=variable("x", 7))
    assert parts(value) == ["keras.random.SeedGenerator", ".state keras.Variable int64 [7]"]


def test_a_history_is_its_epochs_and_what_was_measured() -> None:
    value = like("keras.callbacks.History", epoch=[0], history={"loss": [1.5]}, model=object())
    assert parts(value) == [
        "keras.callbacks.History",
        ".epoch '[0] at .epoch'",
        ".history \"{'loss': [1.5]} at .history\"",
    ]


CONFIG = {
    "name": "sequential_3",
    "layers": [
        {"name": "dense_7", "units": 2, "rate": 0.5, "use": True},
        {"name": "dense_9", "input": ["sequential_3", "dense_7"], "none": None},
        {"name": "relu", "of": ("dense_9", "dense")},
    ],
    "other": {"name": "dense_7"},
}


def test_counted_names_are_told_by_the_order_in_which_they_appear() -> None:
    value = like("keras.layers.Layer", get_config=lambda: CONFIG, weights=[])
    assert parts(value) == [
        "keras.layers.Layer",
        ".get_config() dict (mapping)",
        ".get_config()['layers'] list (sequence)",
        ".get_config()['layers'][0] dict (mapping)",
        ".get_config()['layers'][0]['name'] 'dense#1'",
        ".get_config()['layers'][0]['rate'] 0.5",
        ".get_config()['layers'][0]['units'] 2",
        ".get_config()['layers'][0]['use'] True",
        ".get_config()['layers'][1] dict (mapping)",
        ".get_config()['layers'][1]['input'] list (sequence)",
        ".get_config()['layers'][1]['input'][0] 'sequential#1'",
        ".get_config()['layers'][1]['input'][1] 'dense#1'",
        ".get_config()['layers'][1]['name'] 'dense#2'",
        ".get_config()['layers'][1]['none'] None",
        ".get_config()['layers'][2] dict (mapping)",
        ".get_config()['layers'][2]['name'] 'relu#1'",
        ".get_config()['layers'][2]['of'] list (sequence)",
        ".get_config()['layers'][2]['of'][0] 'dense#2'",
        ".get_config()['layers'][2]['of'][1] 'dense'",
        ".get_config()['name'] 'sequential#1'",
        ".get_config()['other'] dict (mapping)",
        ".get_config()['other']['name'] 'dense#1'",
    ]


def test_names_are_ranked_in_the_order_of_reading_and_only_texts_are_names() -> None:
    config = [{"b": {"name": "x_2"}, "c": {"name": "x_1"}}, [{"name": "x_3"}, {"name": 5}], {"name": 5}]
    assert tensors._given_names(config) == {"x_2": "x#1", "x_1": "x#2", "x_3": "x#3"}
    assert tensors._given_names([{"name": "x_1", "in": {"name": "x"}}]) == {"x_1": "x#1", "x": "x#2"}


def test_names_that_hold_the_sign_of_a_rank_are_told_apart() -> None:
    names = tensors._given_names([{"name": name} for name in ("y#z_1", "y#z_2", "y_1")])
    assert names == {"y#z_1": "y#z#1", "y#z_2": "y#z#2", "y_1": "y#1"}


def test_a_configuration_is_read_as_plain_data() -> None:
    plain = tensors._plain(
        {1: np.float32(0.5), "a": np.array([1, 2]), "b": np.dtype("float32"), "c": (True, b"x"), "d": len, "e": 1.5}
    )
    assert plain == {
        "1": {"dtype": "float32", "elements": 0.5},
        "a": {"dtype": "int64", "elements": [1, 2]},
        "b": "float32",
        "c": [True, "bytes"],
        "d": "builtin_function_or_method",
        "e": 1.5,
    }


def test_a_class_without_a_configuration_says_so() -> None:
    def get_config() -> Any:
        raise NotImplementedError

    for kind in ("layers.Layer", "Model"):
        value = like(f"keras.{kind}", get_config=get_config, weights=[variable("a/b", 1.5)])
        assert parts(value) == [
            f"keras.{kind} without configuration (its class has no get_config)",
            ".weights['a/b'] keras.Variable float64 [1.5]",
        ]
    for kind in ("Optimizer", "BaseOptimizer", "Metric"):
        value = like(f"keras.{kind}", get_config=get_config, variables=[])
        assert parts(value) == [f"keras.{kind} without configuration (its class has no get_config)"]


def test_weights_stand_under_their_paths_without_counted_numbers() -> None:
    weights = [
        variable("sequential_1/dense_12/kernel", 1.0),
        variable("sequential_1/dense_13/kernel", 2.0),
        like("keras.Variable", numpy=holding([3.0]), name="older_2"),
        like("keras.Variable", numpy=holding([4.0]), path=None, name="nameless"),
        like("keras.Variable", numpy=holding([5.0])),
        variable("a_1_b", 6.0),
    ]
    value = like("keras.Model", get_config=dict, weights=weights, optimizer=None)
    assert parts(value) == [
        "keras.Model",
        ".get_config() dict (mapping)",
        ".weights['sequential/dense/kernel'] keras.Variable float64 [1.0]",
        ".weights['sequential/dense/kernel'#2] keras.Variable float64 [2.0]",
        ".weights['older'] keras.Variable float64 [3.0]",
        ".weights['nameless'] keras.Variable float64 [4.0]",
        ".weights['4'] keras.Variable float64 [5.0]",
        ".weights['a_1_b'] keras.Variable float64 [6.0]",
    ]
    assert parts(like("keras.Model", get_config=dict, weights=[variable("x", 1)], optimizer="adam"))[2:] == [
        ".weights['x'] keras.Variable int64 [1]",
        ".optimizer \"'adam' at .optimizer\"",
    ]


def test_what_an_optimiser_keeps_for_a_weight_has_no_counted_numbers_within() -> None:
    for kind in ("Optimizer", "BaseOptimizer", "Metric"):
        kept = [variable("adam_2/sequential_1_dense_1_kernel_momentum", 1.5), variable("adam_2/rate_3", 2.5)]
        value = like(f"keras.{kind}", get_config=lambda: {"name": "adam_2"}, variables=kept, weights=[])
        assert parts(value) == [
            f"keras.{kind}",
            ".get_config() dict (mapping)",
            ".get_config()['name'] 'adam#1'",
            ".weights['adam/sequential_dense_kernel_momentum'] keras.Variable float64 [1.5]",
            ".weights['adam/rate'] keras.Variable float64 [2.5]",
        ]


def test_records_among_weights_are_looked_into() -> None:
    weight = like("keras.Variable", numpy=lambda: RECORDS, path="a")
    value = like("keras.Model", get_config=dict, weights=[weight])
    assert parts(value)[2:] == [
        ".weights['a'] keras.Variable",
        ".weights['a'].shape '(1,) at .shape'",
        ".weights['a']['a'] \"array([1]) at ['a']\"",
    ]
    seeds = like("keras.SeedGenerator", state=weight)
    assert parts(seeds)[2:] == [".state.shape '(1,) at .shape'", ".state['a'] \"array([1]) at ['a']\""]
    metric = like("keras.Metric", get_config=dict, variables=[weight])
    assert parts(metric)[3] == ".weights['a'].shape '(1,) at .shape'"


# --- tensorflow -------------------------------------------------------------------------------


def test_a_tensor_is_its_elements_and_whether_it_is_a_variable() -> None:
    for name, kind in (
        ("Tensor", "Tensor"),
        ("EagerTensor", "Tensor"),
        ("Variable", "Variable"),
        ("ResourceVariable", "Variable"),
        ("BaseResourceVariable", "Variable"),
    ):
        value = like(f"tensorflow.python.{name}", numpy=holding([1.5]))
        assert parts(value) == [f"tensorflow.{kind} float64 [1.5]"]
        value = like(f"tensorflow.{name}", numpy=lambda: np.array([b"a", b"bc"], object))
        assert parts(value) == [
            f"tensorflow.{kind}",
            ".dtype 'object'",
            ".shape '(2,) at .shape'",
            "[0] \"b'a' at [0]\"",
            "[1] \"b'bc' at [1]\"",
        ]


def test_what_has_no_elements_yet_is_refused_with_what_to_record() -> None:
    start, end = "cannot compare a ", ""
    assert refused(like("tensorflow.python.Tensor")) == (
        f"{start}tensorflow.python.Tensor by meaning: it is part of a graph and has no elements; "
        f"record outside of tf.function{end}"
    )
    why = "its elements are computed when they are asked for"
    assert refused(like("tensorflow.TensorArray")) == (
        f"{start}tensorflow.TensorArray by meaning: {why}; record its stack()"
    )
    dataset = type(like("tensorflow.data.DatasetV2"))
    assert refused(like("tensorflow.data.MapDataset", dataset)) == (
        f"{start}tensorflow.data.MapDataset by meaning: {why}; record list(dataset.as_numpy_iterator())"
    )


def test_a_random_generator_is_its_algorithm_and_state() -> None:
    value = like("tensorflow.random.Generator", algorithm=np.int64(1), state="s")
    assert parts(value) == ["tensorflow.random.Generator", ".algorithm 1", ".state \"'s' at .state\""]
    assert canonical(like("tensorflow.random.Generator"), seen) is None
    assert canonical(like("tensorflow.random.Other", algorithm=1, state="s"), seen) is None


def test_a_module_is_its_variables() -> None:
    assert parts(like("tensorflow.Module", variables=["a", "b"])) == [
        "tensorflow.Module without attributes that are no variables",
        ".variables[0] \"'a' at .variables[0]\"",
        ".variables[1] \"'b' at .variables[1]\"",
    ]


def test_sparse_and_ragged_tensors_are_what_they_consist_of() -> None:
    assert parts(like("tensorflow.SparseTensor", indices=1, values=2, dense_shape=3)) == [
        "tensorflow.SparseTensor",
        ".indices '1 at .indices'",
        ".values '2 at .values'",
        ".dense_shape '3 at .dense_shape'",
    ]
    assert parts(like("tensorflow.RaggedTensor", nested_row_splits=(1, 2), flat_values=3)) == [
        "tensorflow.RaggedTensor",
        ".splits list (sequence)",
        ".splits[0] '1 at .nested_row_splits[0]'",
        ".splits[1] '2 at .nested_row_splits[1]'",
        ".values '3 at .values'",
    ]


def test_types_and_shapes_are_their_text() -> None:
    for name in ("DType", "TensorShape"):
        value = like(f"tensorflow.python.{name}")
        assert parts(value) == [f"tensorflow.{name} {value}"]


# --- jax --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax")


def test_an_array_of_jax_is_its_elements_and_a_key_its_data_and_kind(jax: Any) -> None:
    assert parts(jax.numpy.asarray(np.array([1.5], np.float32))) == ["jax.Array float32 [1.5]"]
    assert parts(jax.random.key(3, impl="threefry2x32")) == [
        "jax.Array",
        ".dtype 'key<fry>'",
        ".key_data jax.Array uint32 [0, 3]",
    ]


def test_what_jax_has_traced_or_given_away_is_refused(jax: Any) -> None:
    def record(x: Any) -> Any:
        assert refused(x).endswith(
            "Tracer by meaning: it is traced and has no elements yet; record outside of jit, vmap and grad"
        )
        return x

    jax.make_jaxpr(record)(1.0)
    gone = jax.numpy.ones(2)
    gone.delete()
    assert refused(gone) == (
        f"cannot compare a {type(gone).__module__}.{type(gone).__name__} by meaning: "
        "its memory was given away (donated); record it before it is donated"
    )


def test_what_stands_in_either_package_of_jax_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_jax", lambda value, walk: walk(type(value).__name__, "here"))
    for path in ("jax._src.Key", "jaxlib._jax.Key"):
        assert parts(like(path)) == ["\"'Key' at here\""]


def test_what_of_jax_is_no_array_is_left_to_others(jax: Any) -> None:
    assert canonical(jax.numpy.dtype, seen) is None
    for path in ("jax.Odd", "jaxlib.Odd"):
        assert canonical(like(path, is_deleted=lambda: True), seen) is None
    assert canonical(SimpleNamespace(), seen) is None
