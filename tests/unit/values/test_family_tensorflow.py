"""tensorflow's own values, and keras on it: the real library, where it is installed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_repro.errors import ValueTypeError
from pytest_repro.model import Array
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed

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


def test_sparse_tensor_is_its_indices_values_and_shape(tf: Any) -> None:
    def sparse(indices: Any = ((0, 1), (1, 0)), values: Any = (1.0, 2.0), shape: Any = (2, 2)) -> Any:
        return tf.sparse.SparseTensor(indices, list(values), shape)

    assert_same(sparse(), sparse())
    assert_differ(sparse(), sparse(values=(1.0, 3.0)), ".values")
    assert_differ(sparse(), sparse(indices=((0, 0), (1, 0))), ".indices")
    assert_differ(sparse(), sparse(shape=(2, 3)), ".dense_shape")


def test_generator_is_what_it_draws_next(tf: Any) -> None:
    one, other = tf.random.Generator.from_seed(1), tf.random.Generator.from_seed(1)
    assert_same(one, other)
    other.normal([2])
    assert_differ(one, other, ".state")
    one.normal([2])
    assert_same(one, other)
    assert_differ(one, tf.random.Generator.from_seed(1, alg="threefry"), ".algorithm")


def test_module_is_its_class_and_variables(tf: Any) -> None:
    class Model(tf.Module):  # type: ignore[misc]
        def __init__(self, *weights: float) -> None:
            super().__init__()
            self.first = tf.Variable(weights[0])
            self.rest = [tf.Variable(weight) for weight in weights[1:]]

    class Other(Model):
        pass

    assert_same(Model(1.0, 2.0, 3.0), Model(1.0, 2.0, 3.0))
    assert_differ(Model(1.0, 2.0, 3.0), Model(1.0, 2.0, 4.0), ".variables[2]")
    assert_differ(Model(1.0, 2.0), Model(1.0, 2.0, 3.0), ".variables[2]")
    assert_differ(Model(1.0), Other(1.0))


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
