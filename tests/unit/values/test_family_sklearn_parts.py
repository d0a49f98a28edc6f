"""What estimators, trees and compiled helpers of scikit-learn consist of, and what of them is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Node
from pytest_repro.values.family import sequence
from tests.unit.values.outline import outline, seen

pytest.importorskip("sklearn")
estimators: Any = pytest.importorskip("pytest_repro.values.estimators")

from sklearn.base import BaseEstimator  # noqa: E402

HERE = __name__


def parts(value: object) -> list[str]:
    return outline(estimators.canonical(value, seen))


def like(path: str, /, *bases: type, **attributes: object) -> Any:
    """Return an object of a class that stands at `path`."""
    module, _, name = path.rpartition(".")
    value = type(name, bases, {"__module__": module})()
    vars(value).update(attributes)
    return value


class Model(BaseEstimator):  # type: ignore[misc]
    """Has the parameters that it is told to have."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)

    def get_params(self, deep: bool = True) -> Any:
        assert deep is False
        return {name: item for name, item in vars(self).items() if not name.endswith("_") and name[0] != "_"}


# --- estimators -------------------------------------------------------------------------------


def test_an_estimator_is_its_parameters_and_then_its_state_each_sorted() -> None:
    assert parts(Model(b=1, a=2, z_=3, y_=4)) == [
        f"{HERE}.Model",
        ".a '2 at .a'",
        ".b '1 at .b'",
        ".y_ '4 at .y_'",
        ".z_ '3 at .z_'",
    ]


def test_how_it_was_carried_out_and_how_long_it_took_is_left_out_and_said() -> None:
    model = Model(
        n_jobs=1,
        n_threads=2,
        verbose=3,
        memory=None,
        refit_time_=4,
        _n_threads=5,
        _stop_words_id=6,
        _cached_dict=7,
        C=8,
        verbose_=9,
    )
    notes = "memory (execution), n_jobs (execution), n_threads (execution), verbose (execution), _cached_dict (cache), "
    notes += "_n_threads (execution), _stop_words_id (address), refit_time_ (timing)"
    assert parts(model) == [
        f"{HERE}.Model without {notes}",
        ".C '8 at .C'",
        ".verbose_ '9 at .verbose_'",
    ]


@pytest.mark.parametrize(
    ("memory", "counts"), [(3, True), (0.5, True), ("folder", False), (None, False), (object(), False)]
)
def test_memory_counts_where_it_is_a_number(memory: object, counts: bool) -> None:
    assert (len(parts(Model(memory=memory))) == 2) is counts


def test_a_knob_is_a_parameter_and_an_attribute_of_its_name_is_none() -> None:
    class Bare(Model):
        def get_params(self, deep: bool = True) -> Any:
            return {}

    assert parts(Bare(n_jobs=1, memory=2))[1:] == [".memory '2 at .memory'", ".n_jobs '1 at .n_jobs'"]


@pytest.mark.parametrize("error", [AttributeError, RuntimeError, TypeError, NotImplementedError])
def test_an_estimator_that_breaks_the_rules_is_its_attributes(error: type[Exception]) -> None:
    class Odd(Model):
        def get_params(self, deep: bool = True) -> Any:
            raise error

    assert parts(Odd(b=1, a=2))[1:] == [".a '2 at .a'", ".b '1 at .b'"]


def test_an_estimator_is_what_its_class_would_have_stored() -> None:
    class Stored(Model):
        def __getstate__(self) -> Any:
            return {"kept": 1, 2: 3, "_sklearn_version": "1.0"}

    assert parts(Stored(a=0))[1:] == [".a '0 at .a'", ".2 '3 at .2'", ".kept '1 at .kept'"]

    class Other(Model):
        def __getstate__(self) -> Any:
            return [1]

    assert parts(Other(a=0, b_=1))[1:] == [".a '0 at .a'", ".b_ '1 at .b_'"]
    for module, expected in (("skorch.net", ["b_"]), ("skorches.net", ["kept"]), ("XXskorch.net", ["kept"])):
        own: Any = type("Net", (Model,), {"__getstate__": lambda _: {"kept": 1}})
        own.__getstate__.__module__ = module
        assert list(estimators._state(own(b_=1))) == expected


def test_an_object_that_keeps_no_attributes_has_no_state() -> None:
    class Slotted:
        __slots__ = ()
        __getstate__ = BaseEstimator.__getstate__

    assert estimators._state(Slotted()) == {}


def test_further_parameters_of_boosters_are_read_without_knobs() -> None:
    for name in ("_other_params", "kwargs"):
        model = Model(**{name: {"n_jobs": 1, "depth": 2}, "other_": {"n_jobs": 1}})
        assert parts(model)[1:] == [f".{name} \"{{'depth': 2}} at .{name}\"", ".other_ \"{'n_jobs': 1} at .other_\""]
        assert parts(Model(**{name: [1]}))[1:] == [f".{name} '[1] at .{name}'"]
    model = Model(kwargs={"n_jobs": 1, "threads": 2}, n_jobs=3, threads=4)
    assert outline(estimators.estimator_node(model, seen, knobs=frozenset({"threads"}))) == [
        f"{HERE}.Model without threads (execution)",
        ".kwargs \"{'n_jobs': 1} at .kwargs\"",
        ".n_jobs '3 at .n_jobs'",
    ]


def test_measured_durations_of_a_search_are_left_out_and_said() -> None:
    results: dict[object, int] = {
        **dict.fromkeys(["mean_fit_time", "std_score_time", "split12_fit_time"], 0),
        **dict.fromkeys(["mean_test_score", "param_mean_fit_time", "mean_fit_times", 7], 1),
    }
    assert parts(Model(cv_results_=results)) == [
        f"{HERE}.Model without cv_results_['*_time'] (timing)",
        ".cv_results_ \"{'mean_test_score': 1, 'param_mean_fit_time': 1, 'mean_fit_times': 1, 7: 1} at .cv_results_\"",
    ]
    assert parts(Model(cv_results_={"a": 1})) == [f"{HERE}.Model", ".cv_results_ \"{'a': 1} at .cv_results_\""]
    assert parts(Model(cv_results_=[1]))[1:] == [".cv_results_ '[1] at .cv_results_'"]
    assert parts(Model(results_={"mean_fit_time": 1}))[1:] == [".results_ \"{'mean_fit_time': 1} at .results_\""]


def test_parts_that_are_compared_under_their_names_are_not_compared_twice() -> None:
    one, two = object(), object()

    def names(**attributes: object) -> list[str]:
        return [line.partition(" ")[0] for line in parts(Model(**attributes))[1:]]

    assert names(estimators_=[one, two], named_estimators_={"a": one, "b": two}) == [".named_estimators_"]
    assert names(estimators_=[one], named_estimators_={"a": one, "b": two}) == [".named_estimators_"]
    assert names(others_=[one], named_estimators_={"a": one}) == [".named_estimators_", ".others_"]
    for estimators_, named in (([one, two], {"a": one}), ([one], [one]), ((one,), {"a": one}), ([one], None)):
        assert names(estimators_=estimators_, named_estimators_=named) == [".estimators_", ".named_estimators_"]
    assert names(estimators_=[one]) == [".estimators_"]
    assert names(estimators_=[]) == [".estimators_"]


@pytest.mark.parametrize(
    ("path", "name", "accessor"),
    [
        ("sklearn.pipeline.Pipeline", "steps", "named_steps"),
        ("sklearn.pipeline.FeatureUnion", "transformer_list", "named_transformers"),
        ("sklearn.compose._column_transformer.ColumnTransformer", "transformers_", "named_transformers_"),
    ],
)
def test_named_parts_are_their_order_and_extras_and_then_each_under_its_name(
    path: str, name: str, accessor: str
) -> None:
    composite = type(like(path, Model))
    mine: Any = type("Mine", (composite,), {})
    for cls in (composite, mine):
        rows = [("b", 1, [0], "x"), ("a", 2)]
        for entries in (rows, tuple(rows)):
            assert parts(cls(**{name: entries, "a": 1}))[1:] == [
                ".a '1 at .a'",
                f".{name} \"[('b', [0], 'x'), ('a',)] at .{name}\"",
                f".{accessor}['b'] \"1 at .{accessor}['b']\"",
                f".{accessor}['a'] \"2 at .{accessor}['a']\"",
            ]
        assert parts(cls(other=rows))[1:] == [f'.other "{rows!r} at .other"']
        assert parts(cls(**{name: "passthrough"}))[1:] == [f".{name} \"'passthrough' at .{name}\""]


# --- trees and compiled helpers ---------------------------------------------------------------


def test_a_tree_is_its_nodes_field_by_field() -> None:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0]).tree_
    lines = parts(tree)
    assert lines[:6] == [
        "sklearn.tree._tree.Tree",
        ".max_depth 1",
        ".node_count 3",
        ".n_features '1 at .n_features'",
        ".n_outputs '1 at .n_outputs'",
        f".n_classes '{tree.n_classes!r} at .n_classes'",
    ]
    assert lines[6:11] == [
        ".left_child numpy.ndarray int64 [1, -1, -1]",
        ".right_child numpy.ndarray int64 [2, -1, -1]",
        ".feature numpy.ndarray int64 [0, -2, -2]",
        ".threshold numpy.ndarray float64 [0.5, -2.0, -2.0]",
        ".impurity numpy.ndarray float64 [0.25, 0.0, 0.0]",
    ]
    assert len(lines) == 7 + len(tree.__getstate__()["nodes"].dtype.names)
    assert lines[-1] == f".value {seen(tree.__getstate__()['values'], '.value')!r}"


def test_whole_numbers_of_a_tree_are_numbers_of_python() -> None:
    state = {"max_depth": np.int64(1), "node_count": np.int64(0), "nodes": np.zeros(0, [("a", "O")]), "values": 2}
    tree = SimpleNamespace(n_features=1, n_outputs=1, n_classes=1, __getstate__=lambda: state)
    lines = outline(estimators._tree(tree, seen))
    assert lines[1:3] == [".max_depth 1", ".node_count 0"]
    assert lines[-2:] == [".a 'array([], dtype=object) at .a'", ".value '2 at .value'"]


def test_a_bunch_is_its_keys() -> None:
    from sklearn.utils import Bunch

    def walk(part: Any, segment: str) -> Node:
        assert (part, type(part), segment) == ({"a": 1}, dict, "")
        return sequence("dict", [1])

    assert outline(estimators.canonical(Bunch(a=1), walk)) == [
        f"{Bunch.__module__}.Bunch (sequence)",
        "[0] 1",
    ]


class Compiled:
    """As a class that Cython made."""

    __slots__ = ("reduced",)

    def __init__(self, reduced: object) -> None:
        self.reduced = reduced

    def __reduce_ex__(self, protocol: Any) -> Any:
        assert protocol == 2
        return self.reduced


Compiled.__module__ = "sklearn.compiled"


def test_a_compiled_helper_is_what_would_rebuild_it() -> None:
    assert parts(Compiled("name")) == ["sklearn.compiled.Compiled", ".name 'name'"]
    assert parts(Compiled((len, (Compiled, 1, 2)))) == [
        "sklearn.compiled.Compiled",
        ".args tuple (sequence)",
        ".args[0] '1 at .args[0]'",
        ".args[1] '2 at .args[1]'",
    ]
    for state, expected in ((None, []), (0, [".state '0 at .state'"])):
        assert parts(Compiled((len, (), state)))[2:] == expected
    assert parts(Compiled((len, (), 1, None)))[2:] == [".state '1 at .state'"]


def test_what_is_not_compiled_or_not_of_scikit_learn_is_left_to_others() -> None:
    class Elsewhere(Compiled):
        __slots__ = ()

    assert estimators.canonical(Elsewhere("name"), seen) is None
    assert estimators.canonical(like("sklearn.x.Open", a=1), seen) is None
    assert estimators.canonical(like("sklearns.Open"), seen) is None
    assert estimators.canonical(SimpleNamespace(get_arrays=1), seen) is None
    assert estimators.canonical(SimpleNamespace(get_n_calls=1), seen) is None


def test_a_node_of_birch_is_its_attributes_without_links_to_other_leaves() -> None:
    node = like("sklearn.cluster._birch._CFNode", b=1, a=2, prev_leaf_=3, next_leaf_=4)
    assert parts(node) == ["sklearn.cluster._birch._CFNode", ".a '2 at .a'", ".b '1 at .b'"]


class EuclideanMetric:
    def __repr__(self) -> str:
        return "metric"


class Neighbours:
    """As a k-d tree."""

    def __init__(self, state: tuple[object, ...]) -> None:
        self.state = state

    def get_n_calls(self) -> int:
        return 7

    def get_arrays(self) -> Any:
        return ([0.5], [1], [2], [3])

    def __getstate__(self) -> Any:
        return self.state


def test_a_neighbour_tree_is_its_arrays_metric_and_weights() -> None:
    expected = [
        f"{HERE}.Neighbours without query counters (not part of a tree)",
        ".data 'array([0.5]) at .data'",
        ".idx_array 'array([1]) at .idx_array'",
        ".node_data 'array([2]) at .node_data'",
        ".node_bounds 'array([3]) at .node_bounds'",
    ]
    assert parts(Neighbours((0, EuclideanMetric(), None))) == [
        *expected,
        ".dist_metric 'metric at .dist_metric'",
        ".sample_weight 'None at .sample_weight'",
    ]
    assert parts(Neighbours((0, [1.5])))[5:] == [
        ".dist_metric 'None at .dist_metric'",
        ".sample_weight '[1.5] at .sample_weight'",
    ]


def test_a_neighbour_tree_of_other_arrays_is_not_read_by_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Neighbours, "get_arrays", lambda _: ([0.5], [1], [2], [3], [4]))
    with pytest.raises(ValueError, match="longer"):
        parts(Neighbours((0, None)))
