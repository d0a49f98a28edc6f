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
from pytest_repro.values.tensors import canonical as tensor_rule
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax")


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    return pytest.importorskip("keras")


@given(data=hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=4), elements=st.floats(width=32)))
@settings(max_examples=25, deadline=None)
def test_jax_array_is_its_elements(jax: Any, data: np.ndarray[Any, Any]) -> None:
    array = jax.numpy.asarray(data)
    assert_same(array, jax.numpy.asarray(data.copy()))
    assert_differ(array, data)
    assert_differ(array, array.astype(jax.numpy.float16))
    assert_differ(array, array.reshape(1, *data.shape))
    changed = data.copy()
    changed.view(np.uint32)[(0,) * data.ndim] ^= 1 << 31
    if not np.isnan(changed[(0,) * data.ndim]):
        assert_differ(array, jax.numpy.asarray(changed), "")


def test_jax_dtypes_that_numpy_lacks_are_compared_by_bits(jax: Any) -> None:
    node = canonical(jax.numpy.ones(2, "bfloat16"))
    assert isinstance(node, Array)
    assert (node.type, node.dtype, node.data.tolist()) == ("jax.Array", "bfloat16", [0x3F80, 0x3F80])
    assert_differ(jax.numpy.ones(2, "float8_e4m3fn"), jax.numpy.ones(2, "float8_e5m2"))


def test_jax_keys_are_their_data_and_kind(jax: Any) -> None:
    assert_same(jax.random.key(1), jax.random.key(1))
    assert_differ(jax.random.key(1), jax.random.key(2), ".key_data")
    assert_differ(jax.random.key(1), jax.random.key(1, impl="rbg"), ".dtype")


def test_traced_and_deleted_jax_arrays_are_refused(jax: Any) -> None:
    def record(x: Any) -> Any:
        canonical(x)
        return x

    with pytest.raises(ValueTypeError, match="record outside of jit"):
        jax.jit(record)(jax.numpy.ones(2))
    gone = jax.numpy.ones(2)
    gone.delete()
    with pytest.raises(ValueTypeError, match="donated"):
        canonical(gone)


def _model(keras: Any, seed: int = 0, units: int = 3) -> Any:
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Input((2,)), keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


def test_keras_model_is_its_class_configuration_and_weights(keras: Any) -> None:
    model, twin = _model(keras), _model(keras)
    assert model.layers[0].name != twin.layers[0].name  # keras counts names up
    assert_same(model, twin)
    assert_well_formed(canonical(model))
    assert_differ(model, _model(keras, seed=1), ".weights['sequential/dense/kernel']")
    assert_differ(model, _model(keras, units=4))
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert_differ(model, twin, ".optimizer.weights['adam/iteration']")
    assert_same(model.layers[0].kernel, model.layers[0].kernel)
    assert_differ(model.layers[0].kernel, twin.layers[0].kernel)


class _FakeGpuArray:
    """What cupy's arrays offer: elements that come over by `get`."""

    def __init__(self, data: np.ndarray[Any, Any]) -> None:
        self._data = data

    def get(self) -> np.ndarray[Any, Any]:
        return self._data


_FakeGpuArray.__module__ = "cupy"


class _FakeEagerTensor(_FakeGpuArray):
    numpy = _FakeGpuArray.get


_FakeEagerTensor.__module__, _FakeEagerTensor.__name__ = "tensorflow.python", "EagerTensor"


class _FakeGraphTensor:
    pass


_FakeGraphTensor.__module__, _FakeGraphTensor.__name__ = "tensorflow.python", "Tensor"


def _no_walk(value: object, segment: str) -> Any:
    raise AssertionError


def test_elements_on_another_device_are_fetched() -> None:
    data = np.arange(3.0)
    for value, name in ((_FakeGpuArray(data), "cupy.ndarray"),):
        node = tensor_rule(value, _no_walk)
        assert isinstance(node, Array)
        assert (node.type, node.data.tolist()) == (name, [0, 1, 2])


def test_graph_tensor_is_refused() -> None:
    with pytest.raises(ValueTypeError, match=r"tf\.function"):
        tensor_rule(_FakeGraphTensor(), _no_walk)


def test_flax_modules_and_states_are_read_by_field(jax: Any) -> None:
    linen = pytest.importorskip("flax.linen")
    nnx = pytest.importorskip("flax.nnx")
    optax = pytest.importorskip("optax")
    state = pytest.importorskip("flax.training.train_state").TrainState
    module = linen.Dense(3)

    def variables(seed: int) -> Any:
        return module.init(jax.random.key(seed), np.ones((1, 2), np.float32))

    assert_same(variables(0), variables(0))
    assert_differ(variables(0), variables(1), "['params']['kernel']")
    assert_same(linen.Dense(3), linen.Dense(3))
    assert_differ(linen.Dense(3), linen.Dense(4), ".features")
    one, two = (
        state.create(apply_fn=module.apply, params=variables(0)["params"], tx=optax.adam(1e-3)) for _ in range(2)
    )
    assert_same(one, two)
    assert_same(one.opt_state, two.opt_state)
    stepped = one.apply_gradients(grads=jax.tree_util.tree_map(jax.numpy.ones_like, one.params))
    assert_differ(one, stepped, ".step")
    assert_differ(one, stepped, ".params['kernel']")
    assert_differ(one.opt_state, stepped.opt_state, "[0].mu['bias']")
    layers = [nnx.Linear(2, 3, rngs=nnx.Rngs(seed)) for seed in (0, 0, 1)]
    assert_same(layers[0], layers[1])
    assert_differ(layers[0], layers[2], ".kernel._raw_value")
    with pytest.raises(ValueTypeError, match="weak reference"):
        canonical(module.bind(variables(0)))
