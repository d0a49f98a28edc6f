from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, differing, notes

X = np.random.RandomState(0).rand(60, 3)
Y = (X[:, 0] > 0.5).astype(int)
pytestmark = pytest.mark.filterwarnings("ignore")


def _xgboost(threads: int = 1, seed: int = 0) -> Any:
    library = pytest.importorskip("xgboost")
    return library.XGBClassifier(n_estimators=3, n_jobs=threads, random_state=seed, subsample=0.5).fit(X, Y)


def _lightgbm(threads: int = 1, seed: int = 0) -> Any:
    library = pytest.importorskip("lightgbm")
    arguments = {"n_estimators": 3, "min_child_samples": 5, "subsample": 0.5, "subsample_freq": 1, "verbose": -1}
    return library.LGBMClassifier(n_jobs=threads, random_state=seed, **arguments).fit(X, Y)


def _catboost(threads: int = 1, seed: int = 0) -> Any:
    library = pytest.importorskip("catboost")
    arguments = {"iterations": 3, "verbose": 0, "allow_writing_files": False}
    return library.CatBoostClassifier(thread_count=threads, random_seed=seed, **arguments).fit(X, Y)


MAKERS: dict[str, Callable[..., Any]] = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_model_is_its_content_whatever_the_threads(make: Callable[..., Any]) -> None:
    assert_same(make(), make(threads=2))
    assert_same(make(), copy.deepcopy(make()))
    assert_differ(make(), make(seed=1))
    assert_well_formed(canonical(make()))
    assert any("(execution)" in note for note in notes(canonical(make())))


def test_xgboost_booster_differs_by_leaf_and_keeps_its_attributes() -> None:
    booster, other = _xgboost().get_booster(), _xgboost(seed=1).get_booster()
    assert_same(booster, booster.copy())
    assert any("['trees'][0]['split_conditions']" in path for path in differing(canonical(booster), canonical(other)))
    noted = booster.copy()
    noted.set_attr(purpose="test")
    assert_differ(booster, noted, ".learner['attributes']['purpose']")


def test_lightgbm_booster_differs_by_leaf_and_ignores_how_it_was_trained() -> None:
    booster, other = _lightgbm().booster_, _lightgbm(seed=1).booster_
    assert ".trees[1].leaf_value" in differing(canonical(booster), canonical(other))
    threads = _lightgbm(threads=2).booster_
    assert booster.model_to_string() != threads.model_to_string()
    assert_same(booster, threads)


def test_lightgbm_booster_keeps_what_comes_after_the_parameters() -> None:
    pd = pytest.importorskip("pandas")
    library = pytest.importorskip("lightgbm")

    def booster(categories: list[str]) -> Any:
        column = pd.Categorical.from_codes((X[:, 0] * 2).astype(int), categories)
        frame = pd.DataFrame({"a": column, "b": X[:, 1]})
        return library.train({"verbose": -1, "num_threads": 1}, library.Dataset(frame, Y), num_boost_round=2)

    assert_same(booster(["u", "v"]), booster(["u", "v"]))
    assert_differ(booster(["u", "v"]), booster(["u", "w"]), ".pandas_categorical[0][1]")


def test_catboost_model_ignores_its_random_id_and_time_of_training() -> None:
    model = _catboost()
    assert "model_guid (random)" in notes(canonical(model))
    paths = differing(canonical(model), canonical(_catboost(seed=1)))
    assert ".model['oblivious_trees'][0]['leaf_values']" in paths
    unfitted = pytest.importorskip("catboost").CatBoostClassifier(iterations=3)
    assert_same(unfitted, copy.copy(unfitted))
    assert_differ(unfitted, model)


def test_unfitted_wrappers_are_their_parameters() -> None:
    library = pytest.importorskip("xgboost")
    assert_same(library.XGBRegressor(max_depth=2, n_jobs=1), library.XGBRegressor(max_depth=2, n_jobs=3))
    assert_differ(library.XGBRegressor(max_depth=2), library.XGBRegressor(max_depth=3), ".max_depth")
