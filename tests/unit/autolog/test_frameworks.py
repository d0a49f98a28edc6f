"""torch, xgboost, lightgbm, catboost and Keras: what they train and give, and that nothing stays changed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Branch
from pytest_repro.values import identical
from tests.unit.autolog.support import Run, run

X = (np.arange(60.0).reshape(30, 2) * 7) % 11
Y = (X[:, 0] > 5).astype(int)


def train(seed: int, optimizer: str = "SGD") -> Run:
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)
    with run(__file__, "torch") as seen:
        model = torch.nn.Linear(2, 1)
        steps = getattr(torch.optim, optimizer)(model.parameters(), lr=0.01)
        for _ in range(2):
            steps.zero_grad()
            model(torch.ones(3, 2)).sum().backward()
            steps.step()
    return seen


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_torch_records_loss_parameters_and_gradients_of_every_step(optimizer: str) -> None:
    seen = train(0, optimizer)
    assert seen.names == [
        "backward#1 loss",
        f"step#1 {optimizer} parameters",
        f"step#1 {optimizer} gradients",
        "backward#2 loss",
        f"step#2 {optimizer} parameters",
        f"step#2 {optimizer} gradients",
    ]
    assert {observation.location.file for observation in seen.observations} == {__file__}
    again, other = train(0, optimizer), train(1, optimizer)
    for one, same, different in zip(seen.observations, again.observations, other.observations, strict=True):
        assert identical(one.value, same.value)
        if "gradients" not in one.name:
            assert not identical(one.value, different.value)


def test_torch_is_as_before_afterwards() -> None:
    torch = pytest.importorskip("torch")
    from torch.optim import optimizer

    before = (vars(torch.Tensor)["backward"], torch.autograd.backward, dict(optimizer._global_optimizer_post_hooks))
    with pytest.raises(KeyError), run(__file__):  # noqa: PT012 - what holds inside is part of the test
        assert vars(torch.Tensor)["backward"] is not before[0]
        raise KeyError
    after = (vars(torch.Tensor)["backward"], torch.autograd.backward, dict(optimizer._global_optimizer_post_hooks))
    assert after == before


def test_backward_of_several_tensors() -> None:
    torch = pytest.importorskip("torch")
    weight = torch.ones(2, requires_grad=True)
    with run(__file__, "torch") as seen:
        torch.autograd.backward([(weight * 2).sum(), (weight * 3).sum()])
    assert seen.names == ["backward#1 loss"]


def test_xgboost_records_the_model_and_its_predictions() -> None:
    xgboost = pytest.importorskip("xgboost")
    values = []
    for _ in range(2):
        with run(__file__) as seen:
            history: dict[str, Any] = {}
            data = xgboost.DMatrix(X, Y)
            model = xgboost.train(
                {"nthread": 1}, data, 3, evals=[(data, "train")], evals_result=history, verbose_eval=0
            )
            model.predict(data)
            xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(X, Y)
        values.append([observation.value for observation in seen.observations])
    assert seen.names == [
        "train#1 xgboost evals_result",
        "train#1 xgboost",
        "predict#1 Booster",
        "fit#1 XGBClassifier",
    ]
    assert all(identical(one, other) for one, other in zip(*values, strict=True))


def test_lightgbm_records_the_model_and_its_predictions() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    with run(__file__) as seen:
        data = lightgbm.Dataset(X, Y, params={"min_data_in_leaf": 1, "verbose": -1})
        model = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data_in_leaf": 1}, data, 3)
        model.predict(X)
    assert seen.names == ["train#1 lightgbm", "predict#1 Booster"]
    assert isinstance(seen.observations[0].value, Branch)


def test_catboost_records_models_that_are_no_estimators() -> None:
    catboost = pytest.importorskip("catboost")
    with run(__file__) as seen:
        model = catboost.CatBoostClassifier(iterations=2, verbose=False, thread_count=1, allow_writing_files=False)
        model.fit(X, Y)
        model.predict(X)
    assert seen.names == ["fit#1 CatBoostClassifier", "predict#1 CatBoostClassifier"]


@pytest.mark.filterwarnings("ignore")  # of the libraries below
def test_keras_records_history_weights_and_results(monkeypatch: pytest.MonkeyPatch) -> None:
    if "keras" not in sys.modules:
        pytest.importorskip("torch")
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    values = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        with run(__file__, "keras") as seen:
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile(optimizer="sgd", loss="mse")
            model.fit(X, Y, epochs=2, verbose=0)
            model.predict(X, verbose=0)
            model.evaluate(X, Y, verbose=0)
        values.append([observation.value for observation in seen.observations])
    assert seen.names == [
        "fit#1 Sequential",
        "fit#1 Sequential weights",
        "predict#1 Sequential",
        "evaluate#1 Sequential",
    ]
    assert all(identical(one, other) for one, other in zip(*values, strict=True))
