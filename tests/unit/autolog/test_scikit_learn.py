"""Estimators: outermost calls in order, readable names, state by meaning, and classes as before afterwards."""

from __future__ import annotations

import copy
import inspect
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.autolog import Autolog
from pytest_repro.model import Array, Branch
from pytest_repro.values import identical, walk_leaves
from tests.unit.autolog.support import run

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.arange(40.0).reshape(20, 2) % 7
Y = X[:, 0] * 2 + 1
LABELS = (X[:, 0] > 3).astype(int)


class Stubborn(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Holds something that has no meaning of its own."""

    def fit(self, x: Any, y: Any) -> Stubborn:
        self.rows_ = iter([1])
        self.mean_ = float(np.mean(y))
        return self


class Opaque(BaseEstimator):  # type: ignore[misc]
    def fit(self, x: Any, y: Any) -> Opaque:
        self.rows_ = iter([1])
        return self


def test_fit_predict_and_score_are_recorded_in_order() -> None:
    with run(__file__) as seen:
        model = LinearRegression().fit(X, Y)
        predicted = model.predict(X)
        model.score(X, Y)
        LinearRegression().fit(X, Y)
    assert seen.names == [
        "fit#1 LinearRegression",
        "predict#1 LinearRegression",
        "score#1 LinearRegression",
        "fit#2 LinearRegression",
    ]
    value = seen.value("predict#1 LinearRegression")
    assert isinstance(value, Array)
    assert np.array_equal(value.data, predicted)
    assert {observation.location.file for observation in seen.observations} == {__file__}


def test_state_is_read_by_field_and_large_parts_by_digest() -> None:
    with run(__file__) as seen:
        RandomForestClassifier(30, random_state=0).fit(X, LABELS)
    state = seen.value("fit#1 RandomForestClassifier")
    assert isinstance(state, Branch)
    fields = dict(walk_leaves(state))
    assert fields[".n_estimators"] == 30
    assert len(str(fields[".estimators_[29]"])) == 32
    assert len(fields) < 200


def test_state_differs_where_the_model_does() -> None:
    states = []
    for seed in (0, 0, 1):
        with run(__file__) as seen:
            RandomForestClassifier(30, random_state=seed, max_features=1).fit(X, LABELS)
        states.append(seen.observations[0].value)
    assert identical(states[0], states[1])
    assert not identical(states[0], states[2])


def test_only_the_outermost_call_counts() -> None:
    with run(__file__) as seen:
        search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]})
        search.fit(X, LABELS)
        search.predict(X)
        StandardScaler().fit_transform(X)
    assert seen.names == [
        "fit#1 GridSearchCV",
        "predict#1 GridSearchCV",
        "fit_transform#1 StandardScaler",
        "fit_transform#1 StandardScaler result",
    ]


def test_durations_of_a_search_are_no_result() -> None:
    states = []
    for _ in range(2):
        with run(__file__) as seen:
            GridSearchCV(LogisticRegression(), {"C": [1, 2]}).fit(X, LABELS)
        states.append(seen.observations[0].value)
    assert identical(states[0], states[1])


def test_call_that_raises_is_the_tests_business_and_recorded_nowhere() -> None:
    with run(__file__) as seen:
        with pytest.raises(ValueError, match="n_samples=1"):
            KMeans(5).fit(X[:1])
        LinearRegression().fit(X, Y)
    assert seen.names == ["fit#1 LinearRegression"]


def test_what_cannot_be_compared_is_left_out_and_counted() -> None:
    with run(__file__) as seen:
        Stubborn().fit(X, Y)
        Opaque().fit(X, Y)
    assert seen.names == ["fit#1 Stubborn"]
    assert seen.skipped == 1
    leaves = dict(walk_leaves(seen.observations[0].value))
    assert leaves == {".mean_": float(np.mean(Y))}


def test_classes_that_a_test_makes_are_left_out_in_every_run() -> None:
    autolog = Autolog(root=Path(__file__).parent)
    for _ in range(2):

        class Local(BaseEstimator):  # type: ignore[misc]
            def fit(self, x: Any) -> Local:
                return self

        with run(__file__, autolog=autolog) as seen:
            Local().fit(X)
        assert seen.names == []


def test_methods_look_and_work_as_before_while_watched() -> None:
    plain = inspect.signature(SGDRegressor.fit)
    with run(__file__):
        assert inspect.isfunction(SGDRegressor.fit)
        assert inspect.signature(SGDRegressor.fit) == plain
        assert not hasattr(GridSearchCV(KMeans(), {}).estimator, "predict_proba")
        copied = copy.deepcopy(SGDRegressor()).fit(X, Y)
        assert copied.coef_.shape == (2,)


def snapshot() -> dict[tuple[str, str], object]:
    names = ("fit", "predict", "transform", "score", "fit_transform", "partial_fit")
    classes = (LinearRegression, RandomForestClassifier, GridSearchCV, KMeans, StandardScaler, SGDRegressor)
    bases = {base for cls in classes for base in cls.__mro__}
    return {(base.__qualname__, name): vars(base)[name] for base in bases for name in names if name in vars(base)}


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_everything_is_as_before_on_every_way_out(error: type[BaseException] | None) -> None:
    before = snapshot()
    try:
        with run(__file__):
            assert snapshot() != before
            if error is not None:
                raise error
    except BaseException as raised:
        if error is None or not isinstance(raised, error):
            raise
    assert snapshot() == before


def test_method_that_somebody_else_replaced_meanwhile_is_left_to_them() -> None:
    def theirs(self: Any, x: Any, y: Any) -> str:
        return "theirs"

    before = vars(LinearRegression)["fit"]
    with run(__file__):
        LinearRegression.fit = theirs
    assert vars(LinearRegression)["fit"] is theirs
    LinearRegression.fit = before


def test_method_that_was_replaced_for_good_is_watched_in_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(self: Any, x: Any, y: Any) -> Any:
        self.mean_ = 1.0
        return self

    autolog = Autolog(root=Path(__file__).parent)
    with run(__file__, autolog=autolog):
        pass
    monkeypatch.setattr(Stubborn, "fit", theirs)
    with run(__file__, autolog=autolog) as seen:
        Stubborn().fit(X, Y)
    assert seen.names == ["fit#1 Stubborn"]


def test_class_that_came_between_two_runs_is_watched_in_the_second(tmp_path: Path) -> None:
    autolog = Autolog(root=Path(__file__).parent)
    with run(__file__, autolog=autolog):
        pass

    def fit(self: Any, x: Any, y: Any) -> Any:
        self.mean_ = 2.0
        return self

    newer = type("Newer", (Stubborn,), {"fit": fit})  # not of a function's: those are left out
    with run(__file__, autolog=autolog) as seen:
        newer().fit(X, Y)
    assert seen.names == ["fit#1 Newer"]


def test_method_that_was_kept_is_inert_after_the_run() -> None:
    with run(__file__) as seen:
        kept = LinearRegression.fit
    kept(LinearRegression(), X, Y)
    assert seen.names == []


def test_calls_in_other_threads_have_no_order_and_are_left_out() -> None:
    with run(__file__) as seen:
        thread = threading.Thread(target=lambda: LinearRegression().fit(X, Y))
        thread.start()
        thread.join()
    assert seen.names == []


def test_frameworks_that_were_not_asked_for_are_not_watched() -> None:
    before = snapshot()
    with run(__file__, "torch") as seen:
        assert snapshot() == before
        LinearRegression().fit(X, Y)
    assert seen.names == []


def test_callbacks_that_look_on_are_no_part_of_a_model() -> None:
    states = []
    for handle in (b"one", b"other"):
        model = LinearRegression()
        model._skl_callbacks = [handle]
        with run(__file__) as seen:
            model.fit(X, Y)
        states.append(seen.observations[0].value)
    assert identical(states[0], states[1])
