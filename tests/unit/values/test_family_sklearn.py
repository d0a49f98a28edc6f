from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_repro.values import canonical, fingerprint, identical
from pytest_repro.values.walk import MAX_DEPTH
from tests.unit.values.meaning import assert_differ, assert_same, assert_well_formed, differing, node_at, notes
from tests.unit.values.sklearn_zoo import ZOO, fitted

pytest.importorskip("sklearn")
pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.RandomState(0).rand(40, 4)
Y = (X[:, 0] > 0.5).astype(int)


@pytest.mark.parametrize("name", ZOO)
def test_estimator_equals_its_twin_and_not_one_of_other_data(name: str) -> None:
    estimator = fitted(name)
    assert_same(estimator, fitted(name))
    assert_same(estimator, copy.deepcopy(estimator))
    assert_well_formed(canonical(estimator))
    assert_differ(estimator, fitted(name, shift=1))


def test_estimators_are_equal_in_processes_with_other_hash_seeds() -> None:
    program = (
        "import json; from tests.unit.values.sklearn_zoo import ZOO, fitted; from pytest_repro.values import *;"
        "print(json.dumps({name: fingerprint(canonical(fitted(name))) for name in ZOO}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    assert json.loads(answer.stdout) == {name: fingerprint(canonical(fitted(name))) for name in ZOO}


def test_execution_knobs_are_left_out_and_said() -> None:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    other = RandomForestClassifier(3, random_state=0, n_jobs=2, verbose=0).fit(X, Y)
    assert_same(forest, other)
    assert notes(canonical(forest)) == ["n_jobs (execution)", "verbose (execution)"]
    assert_differ(forest, RandomForestClassifier(3, random_state=1).fit(X, Y), ".random_state")


def test_threads_that_histogram_boosting_has_found_are_no_result() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model, other = (HistGradientBoostingRegressor(max_iter=2, random_state=0).fit(X, Y) for _ in range(2))
    other._bin_mapper.n_threads += 3
    assert_same(model, other)
    other._bin_mapper.n_bins += 1
    assert_differ(model, other, "._bin_mapper.n_bins")


def _pipeline(c: float = 1.0) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    return Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression(C=c))]).fit(X, Y)


def test_paths_into_a_pipeline_read_as_the_user_writes_them() -> None:
    pipeline = _pipeline()
    other = copy.deepcopy(pipeline)
    other.named_steps["clf"].coef_.view(np.uint64)[0, 3] ^= np.uint64(1)
    assert differing(canonical(pipeline), canonical(other)) == [".named_steps['clf'].coef_"]
    assert_differ(_pipeline(), _pipeline(2.0), ".named_steps['clf'].C")
    swapped = copy.deepcopy(pipeline)
    swapped.steps.reverse()
    assert_differ(pipeline, swapped, ".steps[0][0]")


def test_paths_into_other_composites_name_their_parts() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    union = FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]).fit(X)
    np.testing.assert_array_equal(node_at(union, ".named_transformers['a'].mean_").data, X.mean(axis=0))
    columns = ColumnTransformer([("num", StandardScaler(), [0, 1]), ("rest", "drop", [2])]).fit(X)
    assert node_at(columns, ".named_transformers_['num'].mean_").shape == (2,)
    assert node_at(columns, ".transformers_[0][1][1]") == 1


def test_parts_of_a_vote_differ_once_and_under_their_names() -> None:
    from sklearn.ensemble import VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB

    vote = VotingClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())]).fit(X, Y)
    other = copy.deepcopy(vote)
    other.named_estimators_["lr"].coef_[0, 0] += 1
    assert differing(canonical(vote), canonical(other)) == [".named_estimators_['lr'].coef_"]
    replaced = copy.deepcopy(vote)
    replaced.estimators_[0] = LogisticRegression(C=2.0).fit(X, Y)
    assert_differ(vote, replaced)


def _search(seed: int = 0) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, KFold

    grid = {"C": [0.1, 1.0]}
    return GridSearchCV(LogisticRegression(), grid, cv=KFold(3, shuffle=True, random_state=seed)).fit(X, Y)


def test_timings_of_a_search_are_left_out_by_name_and_said() -> None:
    search = _search()
    assert_same(search, _search())
    assert "refit_time_ (timing)" in canonical(search).notes  # type: ignore[union-attr]
    assert "cv_results_['*_time'] (timing)" in canonical(search).notes  # type: ignore[union-attr]
    assert_differ(search, _search(1), ".cv_results_['mean_test_score']")
    other = copy.deepcopy(search)
    other.best_estimator_.coef_[0, 0] += 1
    assert differing(canonical(search), canonical(other)) == [".best_estimator_.coef_"]


def test_results_recorded_on_their_own_keep_their_timings() -> None:
    results = _search().cv_results_
    other = {**results, "mean_fit_time": results["mean_fit_time"] + 1}
    assert_differ(results, other, "['mean_fit_time']")


def test_tree_is_its_nodes_field_by_field() -> None:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(random_state=0).fit(X, Y)
    other = copy.deepcopy(tree)
    other.tree_.threshold[0] += 1e-9
    assert differing(canonical(tree), canonical(other)) == [".tree_.threshold"]
    other = copy.deepcopy(tree)
    other.tree_.value[0, 0, 0] += 1
    assert differing(canonical(tree), canonical(other)) == [".tree_.value"]


def test_queries_do_not_change_a_neighbour_tree() -> None:
    from sklearn.neighbors import BallTree, KDTree

    kinds: list[Callable[..., Any]] = [KDTree, BallTree]
    for kind in kinds:
        tree = kind(X)
        before = canonical(tree)
        tree.query(X, k=2)
        assert identical(before, canonical(tree))
        assert_differ(kind(X), kind(X, metric="manhattan"))
        assert_differ(kind(X), kind(X[::-1]))


def test_random_state_of_an_estimator_counts_by_its_state() -> None:
    from sklearn.linear_model import SGDClassifier

    def classifier(draws: int) -> Any:
        state = np.random.RandomState(0)
        state.rand(draws)
        return SGDClassifier(random_state=state)

    assert_same(classifier(1), classifier(1))
    assert_differ(classifier(1), classifier(2))


def test_draws_from_the_global_state_after_a_fit_do_not_change_an_estimator() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor

    estimator = GaussianProcessRegressor().fit(X, Y)
    before = canonical(estimator)
    np.random.rand()
    assert identical(before, canonical(estimator))


def test_user_estimators_are_understood_even_where_they_break_the_rules() -> None:
    from sklearn.base import BaseEstimator

    class Odd(BaseEstimator):  # type: ignore[misc]
        def __init__(self, *layers: int) -> None:
            self.layers = layers
            self.handle = open(os.devnull)  # noqa: SIM115  what cannot be pickled

        def __getstate__(self) -> dict[str, object]:
            return {"layers": self.layers}

    assert_same(Odd(1, 2), Odd(1, 2))
    assert_differ(Odd(1, 2), Odd(1, 3), ".layers[1]")


def test_threads_that_k_means_has_found_are_no_result() -> None:
    from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans

    for make in (KMeans, BisectingKMeans, MiniBatchKMeans):
        model = make(2, n_init=1, random_state=0).fit(X)
        other = copy.deepcopy(model)
        other._n_threads += 3
        assert_same(model, other)
        assert "_n_threads (execution)" in notes(canonical(model))
        other.cluster_centers_[0, 0] += 1
        assert_differ(model, other, ".cluster_centers_")


def test_a_tree_with_more_leaves_than_levels_may_nest_is_read() -> None:
    from sklearn.cluster import Birch

    def tree(shift: float = 0.0) -> Any:
        points = np.random.RandomState(0).rand(500, 2)
        points[3] += shift
        return Birch(threshold=1e-6, branching_factor=3, n_clusters=None).fit(points)

    one = tree()
    assert len(list(one._get_leaves())) > MAX_DEPTH
    assert_same(one, tree())
    assert_differ(one, tree(0.25), ".subcluster_centers_")


def test_use_does_not_change_an_estimator() -> None:
    from sklearn.preprocessing import MultiLabelBinarizer

    labels = MultiLabelBinarizer().fit([{"a", "b"}, {"c"}])
    before = canonical(labels)
    labels.transform([{"a"}])
    assert not differing(before, canonical(labels))
    assert "_cached_dict (cache)" in notes(canonical(labels))


def test_memory_that_is_a_number_is_a_parameter() -> None:
    from sklearn.base import BaseEstimator

    class Network(BaseEstimator):  # type: ignore[misc]
        def __init__(self, memory: object = None) -> None:
            self.memory = memory

    assert_differ(Network(3), Network(4), ".memory")
    assert_same(Network("one folder"), Network("another"))


def test_net_of_skorch_is_read_and_not_pickled() -> None:
    """Its pickle holds the addresses of tensors, and is one value without places."""
    skorch = pytest.importorskip("skorch")
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)

    def net(rate: float) -> Any:
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softmax(dim=-1))
        made = skorch.NeuralNetClassifier(module, max_epochs=1, lr=rate, verbose=0, callbacks="disable")
        return made.fit(X, (X[:, 0] > 0).astype(np.int64))

    assert_same(net(0.1), net(0.1))
    assert any("[0].weight" in path for path in differing(canonical(net(0.1)), canonical(net(0.2))))


def test_estimator_that_skorch_has_stored_as_a_pickle_is_read_by_its_attributes() -> None:
    """Where skorch is not installed, what it does: its `__getstate__` gives bytes that are never the same."""
    from sklearn.base import BaseEstimator

    class Net(BaseEstimator):  # type: ignore[misc]
        def __init__(self, lr: float = 0.1) -> None:
            self.lr = lr

        def __getstate__(self) -> dict[str, object]:
            return {"__cuda_dependent_attributes__": os.urandom(8)}

    Net.__getstate__.__module__ = "skorch.net"
    assert_same(Net(), Net())
    assert_differ(Net(), Net(0.2))
