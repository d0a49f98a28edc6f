"""tensorflow's own values, and keras on it: the real library, where it is installed."""

from __future__ import annotations

import os
import re
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, notes
from tests.unit.values.single_changes import changes, drawn, elements, flipped, only, randoms, shape_of

pytestmark = pytest.mark.filterwarnings("ignore")

DTYPES = ["float16", "float32", "float64", "int8", "int64", "uint8", "bool", "complex64"]


@pytest.fixture(scope="module")
def tf() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def keras(tf: Any) -> Any:
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("keras has another backend here")
    return keras


@given(data=st.data(), dtype=st.sampled_from(DTYPES))
@settings(max_examples=40, deadline=None)
def test_tensor_is_its_dtype_shape_and_bits(tf: Any, data: Any, dtype: str) -> None:
    elements = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=3)))
    for make in (tf.constant, tf.Variable):
        value = make(elements)
        assert_same(value, make(elements.copy()))
        assert_differ(value, elements)
        assert_differ(value, make(elements.reshape(1, *elements.shape)))
        changed = elements.copy()
        raw = changed.view(np.uint8).reshape(-1)
        raw[data.draw(st.integers(0, raw.size - 1))] ^= 1
        if not (np.isnan(elements) & np.isnan(changed)).any():
            assert_differ(value, make(changed), "")
    assert_differ(tf.constant(elements), tf.Variable(elements))
    assert_differ(tf.constant(elements), tf.cast(tf.constant(elements), "int32"))


def test_dtypes_that_numpy_lacks_are_compared_by_bits(tf: Any) -> None:
    node = canonical(tf.ones(2, tf.bfloat16))
    assert isinstance(node, Array)
    assert (node.type, node.dtype, node.data.tolist()) == ("tensorflow.Tensor", "bfloat16", [0x3F80, 0x3F80])
    small = tf.dtypes.experimental
    assert_differ(tf.cast(tf.ones(2), small.float8_e4m3fn), tf.cast(tf.ones(2), small.float8_e5m2))


@given(texts=st.lists(st.binary(max_size=3), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_tensor_of_text_is_its_elements(tf: Any, texts: list[bytes]) -> None:
    assert_same(tf.constant(texts), tf.constant(list(texts)))
    assert_differ(tf.constant(texts), tf.constant([*texts[:-1], texts[-1] + b"x"]), f"[{len(texts) - 1}]")


@given(rows=st.lists(st.lists(st.integers(-3, 3), max_size=3), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_ragged_tensor_is_its_rows(tf: Any, rows: list[list[int]]) -> None:
    value = tf.ragged.constant(rows, dtype="int32", ragged_rank=1)
    assert_same(value, tf.ragged.constant([list(row) for row in rows], dtype="int32", ragged_rank=1))
    assert_differ(value, tf.ragged.constant([*rows, [1]], dtype="int32", ragged_rank=1), ".values")
    assert_differ(value, tf.ragged.constant([*rows, []], dtype="int32", ragged_rank=1), ".splits[0]")


@drawn
@given(rng=randoms)
def test_sparse_tensor_is_its_indices_values_and_shape(tf: Any, rng: Random) -> None:
    def sparse(indices: Any, values: Any, shape: tuple[int, int] = (4, 5)) -> Any:
        cells = [divmod(cell, 5) for cell in sorted(indices)]
        return tf.sparse.SparseTensor(cells, values, shape)

    cells, values = rng.sample(range(20), 4), elements(rng, "float32", (4,))
    other, index = flipped(rng, values)
    assert_same(sparse(cells, values), sparse(cells, values.copy()))
    assert only(sparse(cells, values), sparse(cells, other)) == (".values", index)
    assert_differ(sparse(cells, values), sparse(cells, values, (4, 6)), ".dense_shape")
    moved = [*cells[1:], rng.choice([cell for cell in range(20) if cell not in cells])]
    assert_differ(sparse(cells, values), sparse(moved, values), ".indices")


@drawn
@given(seed=st.integers(0, 2**31), draws=st.integers(1, 3))
def test_generator_is_what_it_draws_next(tf: Any, seed: int, draws: int) -> None:
    one, other = tf.random.Generator.from_seed(seed), tf.random.Generator.from_seed(seed)
    assert_same(one, other)
    for _ in range(draws):
        other.normal([2])
    assert only(one, other, copied=False)[0] == ".state"
    for _ in range(draws):
        one.normal([2])
    assert_same(one, other)
    assert_differ(one, tf.random.Generator.from_seed(seed + 1), ".state")
    assert_differ(one, tf.random.Generator.from_seed(seed, alg="threefry"), ".algorithm")


@drawn
@given(rng=randoms)
def test_module_is_its_class_and_variables(tf: Any, rng: Random) -> None:
    class Model(tf.Module):  # type: ignore[misc]
        def __init__(self, *weights: Any) -> None:
            super().__init__()
            self.first = tf.Variable(weights[0])
            self.rest = [tf.Variable(weight) for weight in weights[1:]]

    class Other(Model):
        pass

    weights = [elements(rng, "float32", shape_of(rng)) for _ in range(3)]
    at = rng.randrange(3)
    changed, index = flipped(rng, weights[at])
    assert_same(Model(*weights), Model(*weights))
    other = Model(*[changed if i == at else weight for i, weight in enumerate(weights)])
    assert only(Model(*weights), other, copied=False) == (f".variables[{at}]", index)
    assert_differ(Model(*weights), Model(*weights[:2]), ".variables[2]")
    assert_differ(Model(*weights), Other(*weights))
    assert notes(canonical(other)) == ["attributes that are no variables"]


def test_symbolic_tensor_is_refused(tf: Any) -> None:
    seen: list[str] = []

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def record(x: Any) -> Any:
        with pytest.raises(ValueTypeError, match=r"record outside of tf\.function") as error:
            canonical(x)
        seen.append(str(error.value))
        return x

    record(tf.constant(1.0))
    assert len(seen) == 1


@pytest.mark.parametrize(("name", "remedy"), [("array", r"stack\(\)"), ("dataset", r"as_numpy_iterator")])
def test_what_is_computed_when_asked_for_is_refused(tf: Any, name: str, remedy: str) -> None:
    value = {"array": lambda: tf.TensorArray(tf.float32, 2), "dataset": lambda: tf.data.Dataset.range(3)}[name]()
    with pytest.raises(ValueTypeError, match=remedy):
        canonical({"part": value})


def _trained(keras: Any, seed: int = 0, units: int = 2) -> tuple[Any, Any]:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(units, name="hidden"), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model, model.fit(np.ones((6, 3)), np.arange(6.0), epochs=2, verbose=0)


@pytest.fixture(scope="module")
def twins(keras: Any) -> list[Any]:
    return [_trained(keras)[0] for _ in range(2)]


@drawn
@given(rng=randoms)
def test_any_weight_of_a_keras_model_and_of_its_optimizer(twins: list[Any], rng: Random) -> None:
    model, other = twins
    variable = rng.choice([*other.weights, *other.optimizer.variables])
    before = np.asarray(variable.numpy())
    after, index = flipped(rng, before)
    try:
        variable.assign(after)
        assert np.asarray(variable.numpy()).tobytes() == after.tobytes()
        found = {leaf.path: leaf.stats.first_index for leaf in changes(model, other, copied=False) if leaf.stats}
    finally:
        variable.assign(before)
    name = re.sub(r"_\d+(?=[_/]|$)", "", variable.path)  # keras counts the models and layers in its names
    owner = ".optimizer" if name.startswith("adam/") else ""
    assert found.pop(f"{owner}.weights['{name}']") == index
    assert set(found) <= {".optimizer.get_config()['learning_rate']"}
    assert_same(model, other)


#: what a layer is made of -> another value for it, and where that shows
LAYER: dict[str, tuple[Any, str]] = {
    "units": (5, ".get_config()['units']"),
    "activation": ("tanh", ".get_config()['activation']"),
    "use_bias": (False, ".get_config()['use_bias']"),
    "name": ("other", ".get_config()['name']"),
    "dtype": ("float16", ".get_config()['dtype']['config']['name']"),
    "bias_initializer": ("ones", ".get_config()['bias_initializer']['class_name']"),
    "trainable": (False, ".get_config()['trainable']"),
}


@pytest.mark.parametrize("setting", LAYER)
def test_any_setting_of_a_keras_layer(keras: Any, setting: str) -> None:
    start = {"units": 3, "activation": "relu", "name": "hidden"}
    value, path = LAYER[setting]
    one, twin = (keras.layers.Dense(**start) for _ in range(2))
    assert_same(one, twin)
    assert_differ(one, keras.layers.Dense(**{**start, setting: value}), path)


@drawn
@given(rng=randoms)
def test_arrays_and_numbers_of_numpy_in_a_configuration_count(keras: Any, rng: Random) -> None:
    class Scaled(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, by: Any) -> None:
            super().__init__(name="scaled")
            self.by = by

        def get_config(self) -> Any:
            return {**super().get_config(), "by": self.by}

    for shape in ((), (3,)):
        by = elements(rng, "float32", shape)
        other, _ = flipped(rng, by)
        assert_same(Scaled(by[()]), Scaled(by.copy()[()]))
        assert any("['by']" in leaf.path for leaf in changes(Scaled(by[()]), Scaled(other[()]), copied=False))


def test_a_keras_model_whose_class_has_no_configuration_is_its_weights(keras: Any) -> None:
    class Model(keras.Model):  # type: ignore[misc]
        def __init__(self, parts: Any) -> None:
            super().__init__(name="model")
            self.parts = parts

        def call(self, x: Any) -> Any:
            for part in self.parts:
                x = part(x)
            return x

    def built(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        model = Model([keras.layers.Dense(2, name="a"), keras.layers.Dense(1, name="b")])
        model(np.ones((1, 3), "float32"))
        return model

    assert_same(built(0), built(0))
    assert_differ(built(0), built(1), ".weights['model/a/kernel']")
    assert "configuration (its class has no get_config)" in notes(canonical(built(0)))


def test_keras_model_trained_on_tensorflow(keras: Any) -> None:
    (model, history), (twin, same_history) = _trained(keras), _trained(keras)
    assert_same(model, twin)
    assert model.optimizer.variables[2].path != twin.optimizer.variables[2].path  # keras counts the layers in them
    assert_same(history, same_history)
    assert_well_formed(canonical(model))
    other, other_history = _trained(keras, seed=1)
    assert_differ(model, other, ".weights['sequential/hidden/kernel']")
    assert_differ(history, other_history, ".history['loss'][0]")
    assert_differ(model, _trained(keras, units=3)[0])
    frozen = _trained(keras)[0]
    frozen.layers[0].trainable = False
    assert_differ(model, frozen)


def test_keras_seed_generator_and_metric_are_their_state(keras: Any) -> None:
    one, other = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)
    assert one.name != other.name  # keras counts them
    assert_same(one, other)
    other.next()
    assert_differ(one, other, ".state")
    metrics = [keras.metrics.Mean(name="m") for _ in range(2)]
    for metric in metrics:
        metric.update_state([1.0, 2.0])
    assert_same(metrics[0], metrics[1])
    metrics[1].update_state([4.0])
    assert_differ(metrics[0], metrics[1], ".weights['m/total']")
