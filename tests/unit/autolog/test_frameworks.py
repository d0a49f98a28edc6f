"""torch, xgboost, lightgbm, catboost and Keras: what they train and give, and that nothing stays changed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Branch
from pytest_repro.values import identical, walk_leaves
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


def test_boosters_tell_the_first_tree_that_differs() -> None:
    xgboost = pytest.importorskip("xgboost")
    states = []
    for rounds in (60, 61):
        with run(__file__, "xgboost") as seen:
            xgboost.train({"nthread": 1}, xgboost.DMatrix(X, Y), rounds)
        states.append(dict(walk_leaves(seen.observations[0].value)))
    one, other = states
    trees = [path for path in other if "['trees'][" in path]
    assert len(trees) == 61
    assert all(one[path] == other[path] for path in trees[:60])
    assert one[trees[0]] != one[trees[1]]


def _lightning_run(lightning: Any, seed: int, *frameworks: str) -> Run:
    import torch

    class Line(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = ((self.layer(batch[0])[:, 0] - batch[1]) ** 2).mean()
            self.log("loss", loss)
            return loss

        def test_step(self, batch: Any, index: int) -> None:
            self.log("score", self.layer(batch[0]).mean())

        def predict_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch[0])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=1e-3)

    torch.manual_seed(seed)
    data = torch.utils.data.TensorDataset(torch.tensor(X).float(), torch.tensor(Y).float())
    loader = torch.utils.data.DataLoader(data, batch_size=15)
    with run(__file__, *frameworks) as seen:
        trainer = lightning.Trainer(
            max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, accelerator="cpu",
        )  # fmt: skip
        model = Line()
        trainer.fit(model, loader)
        trainer.test(model, loader, verbose=False)
        trainer.predict(model, loader)
    return seen


@pytest.mark.filterwarnings("ignore")  # of the library
@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning_records_every_step_and_the_model_at_the_end(package: str) -> None:
    lightning = pytest.importorskip(package)
    seen, again, other = (_lightning_run(lightning, seed, "lightning") for seed in (0, 0, 1))
    steps = [f"step#{number} SGD {what}" for number in (1, 2) for what in ("parameters", "gradients")]
    assert seen.names == [*steps, "fit#1 Line metrics", "fit#1 Line model", "test#1 Line", "predict#1 Line"]
    assert seen.skipped == 0
    assert {observation.location.file for observation in seen.observations} == {__file__}
    assert all(identical(one.value, two.value) for one, two in zip(seen.observations, again.observations, strict=True))
    assert not any(
        identical(one.value, two.value) for one, two in zip(seen.observations, other.observations, strict=True)
    )
    with_torch = _lightning_run(lightning, 0, "lightning", "torch")
    assert with_torch.names == [
        "backward#1 loss", *steps[:2], "backward#2 loss", *steps[2:], *seen.names[4:],
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of the library
def test_lightning_is_as_before_afterwards_on_every_path() -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    before = {name: vars(lightning.Trainer)[name] for name in ("fit", "validate", "test", "predict")}
    with pytest.raises(KeyError), run(__file__, "lightning") as seen:  # noqa: PT012 - what holds inside is part of the test
        assert vars(lightning.Trainer)["fit"] is not before["fit"]
        trainer = lightning.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
        with pytest.raises(TypeError):
            trainer.fit("no module")
        raise KeyError
    assert {name: vars(lightning.Trainer)[name] for name in before} == before
    assert seen.names == []


@pytest.mark.filterwarnings("ignore")  # of the library
def test_statsmodels_records_the_course_and_the_estimate_of_every_outermost_fit() -> None:
    api = pytest.importorskip("statsmodels.api")
    values = []
    for shift in (0.0, 0.0, 1e-12):
        with run(__file__, "statsmodels") as seen:
            fitted = api.OLS(X[:, 0] + shift, X).fit()
            fitted.predict(X)
            api.GLM(Y, X, family=api.families.Binomial()).fit()
            api.Logit(Y, X / (10 + shift)).fit_regularized(disp=0, maxiter=3)
        values.append([observation.value for observation in seen.observations])
    assert seen.names == [
        "fit#1 OLS params",
        "predict#1 OLSResults",
        "fit#2 GLM fit_history",
        "fit#2 GLM params",
        "fit_regularized#1 Logit mle_retvals",
        "fit_regularized#1 Logit params",
    ]
    assert seen.skipped == 0
    assert any(path.startswith("['deviance']") for path, _ in walk_leaves(values[0][2]))
    same = [identical(one, two) for one, two in zip(values[0], values[1], strict=True)]
    other = [identical(one, two) for one, two in zip(values[0], values[2], strict=True)]
    assert (all(same), other[0], other[1]) == (True, False, False)


@pytest.mark.filterwarnings("ignore")  # of the library
def test_statsmodels_computes_nothing_that_the_test_does_not_ask_for() -> None:
    api = pytest.importorskip("statsmodels.api")
    plain = sorted(vars(api.OLS(X[:, 0], X).fit()._results))
    cached = sorted(api.OLS(X[:, 0], X).fit()._results._cache)
    with run(__file__, "statsmodels"):
        fitted = api.OLS(X[:, 0], X).fit()._results
    assert (sorted(vars(fitted)), sorted(fitted._cache)) == (plain, cached)
