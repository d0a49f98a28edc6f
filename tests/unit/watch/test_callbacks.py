"""Callbacks of training libraries: each iteration's metrics as series, and a digest of the model."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest

from pytest_repro.errors import RecordingError
from pytest_repro.model import Atom, Kind, Observation, Tolerance
from pytest_repro.recorder import Keeper, Recorder, Repro

np = pytest.importorskip("numpy")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] + 0.1 * X[:, 1] > 0).astype(float)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(nodeid="test_x.py::test_x", keeper=Keeper(), tolerance_for=lambda _: Tolerance())


@pytest.fixture
def repro(recorder: Recorder) -> Repro:
    return Repro(seed=0, run=1, runs=3, recorder=recorder)


def series(recorder: Recorder) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for observation in recorder.observations():
        found.setdefault(observation.name, []).append(observation)
    return found


def check(recorder: Recorder, *, metrics: dict[str, int], model: str, steps: int) -> None:
    """Every metric is a series of numbers, and the model has another digest at every step."""
    found = series(recorder)
    assert set(found) == {*metrics, model}
    for name, count in metrics.items():
        assert {o.kind for o in found[name]} == {Kind.METRIC}
        assert [o.step for o in found[name]] == list(range(count))
        assert all(isinstance(o.value, float) for o in found[name])
    digests = [o.value for o in found[model]]
    assert all(isinstance(value, Atom) for value in digests)
    assert len(set(map(str, digests))) == len(digests) == steps
    assert {o.kind for o in found[model]} == {Kind.AUTO}
    assert {o.location.file for o in recorder.observations()} == {__file__}


def boost(xgboost: Any, callback: Any, rounds: int = 3, **parameters: Any) -> None:
    data = xgboost.DMatrix(X, Y)
    settings = {"nthread": 1, **parameters}
    xgboost.train(settings, data, rounds, evals=[(data, "train")], callbacks=[callback], verbose_eval=False)


def test_xgboost(repro: Repro, recorder: Recorder) -> None:
    boost(pytest.importorskip("xgboost"), repro.callback("xgboost"))
    check(recorder, metrics={"xgboost.train.rmse": 3}, model="xgboost.model", steps=3)


def test_xgboost_without_trees(repro: Repro, recorder: Recorder) -> None:
    boost(pytest.importorskip("xgboost"), repro.callback("xgboost"), booster="gblinear")
    check(recorder, metrics={"xgboost.train.rmse": 3}, model="xgboost.model", steps=3)


def test_xgboost_cross_validation_and_a_second_training_go_on_counting(repro: Repro, recorder: Recorder) -> None:
    xgboost = pytest.importorskip("xgboost")
    pytest.importorskip("pandas")
    callback = repro.callback("xgboost", "cv")
    for _ in range(2):
        xgboost.cv({"nthread": 1}, xgboost.DMatrix(X, Y), 2, nfold=2, callbacks=[callback])
    steps = {name: [o.step for o in found] for name, found in series(recorder).items()}
    assert set(steps) == {"cv.train.rmse", "cv.test.rmse", "cv.model"}
    assert all(found == [0, 1, 2, 3] for found in steps.values())


def test_xgboost_estimators_that_are_cloned_record_to_the_same_run(repro: Repro, recorder: Recorder) -> None:
    xgboost = pytest.importorskip("xgboost")
    clone = pytest.importorskip("sklearn.base").clone
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, callbacks=[repro.callback("xgboost")])
    clone(model).fit(X, Y, eval_set=[(X, Y)], verbose=False)
    check(recorder, metrics={"xgboost.validation_0.logloss": 2}, model="xgboost.model", steps=2)


def test_lightgbm(repro: Repro, recorder: Recorder) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    data = lightgbm.Dataset(X, Y)
    parameters = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    lightgbm.train(parameters, data, 3, valid_sets=[data], callbacks=[repro.callback("lightgbm")])
    check(recorder, metrics={"lightgbm.training.l2": 3}, model="lightgbm.model", steps=3)


def test_lightgbm_cross_validation(repro: Repro, recorder: Recorder) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    parameters = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    lightgbm.cv(parameters, lightgbm.Dataset(X, Y), 2, nfold=2, callbacks=[repro.callback("lightgbm")])
    check(recorder, metrics={"lightgbm.valid.l2": 2}, model="lightgbm.model", steps=2)


@pytest.mark.filterwarnings("ignore")
def test_lightning(repro: Repro, recorder: Recorder, tmp_path: object) -> None:
    lightning = pytest.importorskip("lightning")
    torch = pytest.importorskip("torch")

    class Line(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]).squeeze(), batch[1])
            self.log("train", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.TensorDataset(torch.tensor(X).float(), torch.tensor(Y).float())
    quiet = dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary", "logger"), False)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", default_root_dir=tmp_path, callbacks=[repro.callback("lightning")], **quiet
    )
    trainer.fit(Line(), torch.utils.data.DataLoader(data, 30))
    check(recorder, metrics={"lightning.loss": 4, "lightning.epoch.train": 2}, model="lightning.model", steps=4)


@pytest.mark.filterwarnings("ignore")
def test_keras(repro: Repro, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", exc_type=ImportError)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = repro.callback("keras", "net")
    for _ in range(2):
        model.fit(X, Y, epochs=1, verbose=0, validation_data=(X, Y), callbacks=[callback])
    check(recorder, metrics={"net.loss": 2, "net.val_loss": 2}, model="net.model", steps=2)


def test_a_digest_is_left_out_where_a_tolerance_is_asked_for() -> None:
    recorder = Recorder(nodeid="t", keeper=Keeper(), tolerance_for=lambda _: Tolerance(rtol=1e-6))
    repro = Repro(seed=0, run=1, runs=1, recorder=recorder)
    boost(pytest.importorskip("xgboost"), repro.callback("xgboost"))
    assert set(series(recorder)) == {"xgboost.train.rmse"}


def test_nothing_is_recorded_when_the_run_has_ended(repro: Repro, recorder: Recorder) -> None:
    xgboost = pytest.importorskip("xgboost")
    callback = repro.callback("xgboost")
    recorder.close()
    boost(xgboost, callback)
    assert not recorder.observations()
    assert copy.deepcopy(callback) is copy.copy(callback) is callback


def test_an_unknown_library_is_refused_with_those_there_are(repro: Repro) -> None:
    with pytest.raises(RecordingError, match="'fastai'; there are: keras, lightgbm, lightning, xgboost; torch: repro"):
        repro.callback("fastai")


def test_a_library_that_is_not_installed_is_named(repro: Repro, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(RecordingError, match="needs lightgbm, which cannot be imported; install lightgbm"):
        repro.callback("lightgbm")


def test_a_test_without_the_marker_is_told_so(recorder: Recorder) -> None:
    repro = Repro(seed=0, run=1, runs=1, recorder=recorder, marked=False)
    for call in (lambda: repro.watch(object()), lambda: repro.callback("keras")):
        with pytest.raises(RecordingError, match=r"add @pytest\.mark\.repro"):
            call()
