"""One change anywhere in a booster or a figure, or in elements on another device: never equal, and found where it is.

As in test_single_changes, the change is drawn. cupy needs a GPU: a stand-in offers what its arrays offer.
"""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.values.meaning import assert_same
from tests.unit.values.single_changes import (
    NUMBERS,
    another,
    changes,
    drawn,
    elements,
    flipped,
    only,
    randoms,
    shape_of,
)

pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.RandomState(0).rand(60, 3)
Y = X[:, 0] + X[:, 1] ** 2


def nearby(rng: Random, data: Any) -> tuple[Any, tuple[int, ...]]:
    """A copy of an array with one bit changed that keeps the number in what every library can write, and where."""
    while True:
        other, index = flipped(rng, data)
        if np.isfinite(other[index]) and 1e-6 < abs(other[index]) < 1e6:
            return other, index


# --- xgboost ----------------------------------------------------------------------------------

NODE_NUMBERS = ["base_weights", "split_conditions", "loss_changes", "sum_hessian"]
NODE_COUNTS = ["split_indices", "default_left", "left_children"]


@pytest.fixture(scope="module")
def xgboost() -> Any:
    library = pytest.importorskip("xgboost")
    data = library.DMatrix(X, Y, feature_names=["a", "b", "c"])
    return library, library.train({"max_depth": 2, "nthread": 1}, data, 3)


@drawn
@given(rng=randoms, field=st.sampled_from(NODE_NUMBERS + NODE_COUNTS))
def test_xgboost_booster(rng: Random, field: str, xgboost: Any) -> None:
    library, booster = xgboost

    def loaded(model: Any) -> Any:
        return library.Booster(model_file=bytearray(json.dumps(model).encode()))

    model = json.loads(bytes(booster.save_raw("json")))
    assert_same(booster, loaded(model))
    at = rng.randrange(3)
    path = f".learner['gradient_booster']['model']['trees'][{at}]['{field}']"
    values = model["learner"]["gradient_booster"]["model"]["trees"][at][field]
    if field in NODE_NUMBERS:
        other, index = nearby(rng, np.array(values, np.float32))
        values[index[0]] = float(other[index])
    else:
        index = (rng.randrange(len(values)),)
        values[index[0]] = 1 - values[index[0]] if field == "default_left" else values[index[0]] + 1
    assert only(booster, loaded(model)) == (path, index)


@drawn
@given(rng=randoms)
def test_label_and_attribute_of_an_xgboost_booster(rng: Random, xgboost: Any) -> None:
    _, booster = xgboost
    named, noted = booster.copy(), booster.copy()
    at = rng.randrange(3)
    named.feature_names = ["other" if i == at else name for i, name in enumerate(booster.feature_names)]
    assert only(booster, named)[0] == f".learner['feature_names'][{at}]"
    noted.set_attr(**{f"key{at}": "x"})
    assert only(booster, noted)[0] == f".learner['attributes']['key{at}']"


# --- lightgbm ---------------------------------------------------------------------------------


def _lightgbm(names: list[str], threads: int = 1) -> Any:
    library = pytest.importorskip("lightgbm")
    arguments = {"verbose": -1, "min_data_in_leaf": 5, "num_threads": threads}
    return library.train(arguments, library.Dataset(X, Y, feature_name=names), 3)


@pytest.fixture(scope="module")
def lightgbm() -> Any:
    return _lightgbm(["a", "b", "c"])


@drawn
@given(rng=randoms)
def test_lightgbm_booster(rng: Random, lightgbm: Any) -> None:
    tree = rng.randrange(3)
    leaves = lightgbm.dump_model()["tree_info"][tree]["num_leaves"]
    values = np.array([lightgbm.get_leaf_output(tree, leaf) for leaf in range(leaves)])
    changed, (leaf,) = nearby(rng, values)
    other = copy.deepcopy(lightgbm)
    other.set_leaf_output(tree, leaf, float(changed[leaf]))
    assert only(lightgbm, other) == (f".trees[{tree}].leaf_value", (leaf,))


@drawn
@given(rng=randoms, threads=st.integers(1, 2))
def test_label_of_a_lightgbm_booster(rng: Random, threads: int, lightgbm: Any) -> None:
    assert_same(lightgbm, _lightgbm(["a", "b", "c"], threads))
    names = ["a", "b", "c"]
    names[rng.randrange(3)] = "other"
    assert ".header.feature_names" in [leaf.path for leaf in changes(lightgbm, _lightgbm(names))]


# --- catboost ---------------------------------------------------------------------------------


def _catboost() -> Any:
    library = pytest.importorskip("catboost")
    arguments = {"iterations": 3, "depth": 2, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    return library.CatBoostRegressor(**arguments).fit(X, Y)


@pytest.fixture(scope="module")
def catboost() -> Any:
    return _catboost()


@drawn
@given(rng=randoms)
def test_catboost_model(rng: Random, catboost: Any) -> None:
    valued, scaled, named = (_catboost() for _ in range(3))  # only a model that was fitted here can be changed
    assert_same(catboost, valued)
    values, (at,) = nearby(rng, np.array(catboost.get_leaf_values()))
    valued.set_leaf_values(values)
    tree, leaf = divmod(at, 4)
    assert only(catboost, valued) == (f".model['oblivious_trees'][{tree}]['leaf_values']", (leaf,))
    (scale, bias), part = catboost.get_scale_and_bias(), rng.randrange(2)
    numbers, _ = nearby(rng, np.array([[scale, bias][part]]))
    scaled.set_scale_and_bias(*((numbers[0], bias) if part == 0 else (scale, numbers[0])))
    assert [leaf.path[:24] for leaf in changes(catboost, scaled)] == [".model['scale_and_bias']"]
    at = rng.randrange(3)
    named.set_feature_names(["other" if i == at else str(i) for i in range(3)])
    paths = [leaf.path for leaf in changes(catboost, named)]
    assert f".model['features_info']['float_features'][{at}]['feature_id']" in paths


# --- wrappers ---------------------------------------------------------------------------------

#: library -> class, a parameter that counts, one that does not
WRAPPERS = {
    "xgboost": ("XGBRegressor", "max_depth", "n_jobs"),
    "lightgbm": ("LGBMRegressor", "num_leaves", "n_jobs"),
    "catboost": ("CatBoostRegressor", "depth", "thread_count"),
}


@drawn
@given(values=st.lists(st.integers(2, 9), min_size=2, max_size=2, unique=True), jobs=st.integers(1, 9))
@pytest.mark.parametrize("library", WRAPPERS)
def test_parameter_of_a_wrapper(library: str, values: list[int], jobs: int) -> None:
    name, counts, does_not = WRAPPERS[library]
    make = getattr(pytest.importorskip(library), name)
    one, other = (make(**{counts: value}) for value in values)
    assert_same(make(**{counts: values[0], does_not: jobs}), make(**{counts: values[0], does_not: jobs + 1}))
    assert only(one, other)[0] == f".{counts}"


# --- figures ----------------------------------------------------------------------------------


@drawn
@given(rng=randoms, layout=st.sampled_from([None, "constrained"]))
def test_every_pixel_of_a_figure(rng: Random, layout: Any) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    def figure(pixels: Any, dpi: int = 64) -> Any:  # sizes in inches that are exact: a canvas is not rounded up
        drawn_on = Figure(figsize=(pixels.shape[1] / 64, pixels.shape[0] / 64), dpi=dpi, layout=layout)
        drawn_on.figimage(pixels, origin="upper")
        return drawn_on

    shape = (rng.randint(20, 40), rng.randint(20, 40), 3)
    pixels = elements(rng, "uint8", shape)
    assert_same(figure(pixels), figure(pixels.copy()))
    other, index = flipped(rng, pixels)
    assert only(figure(pixels), figure(other)) == (".pixels", index)
    assert ".dpi" in [leaf.path for leaf in changes(figure(pixels), figure(pixels, dpi=65))]
    assert {leaf.what for leaf in changes(figure(pixels), figure(pixels[:-3]))} == {"shape"}


@drawn
@given(rng=randoms, change=st.sampled_from(["title", "color", "linewidth", "linestyle", "x", "ylim", "facecolor"]))
def test_what_is_drawn_in_a_figure(rng: Random, change: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    start: dict[str, Any] = {
        "title": "x", "color": "#204060", "linewidth": 1.0, "linestyle": "-", "x": [0.0, 1.0, 2.0], "ylim": (0.0, 3.0),
        "facecolor": "#ffffff",
    }  # fmt: skip
    at = rng.randrange(3)
    after = {
        "title": "xy", "color": "#204061", "linewidth": 2.0, "linestyle": ":",
        "x": [-1.0 if i == at else x for i, x in enumerate(start["x"])], "ylim": (0.0, 4.0), "facecolor": "#fffffe",
    }  # fmt: skip

    def figure(of: dict[str, Any], *, title_first: bool) -> Any:
        drawn_on = Figure(figsize=(1, 1), dpi=60)
        axes = drawn_on.subplots()
        if title_first:
            axes.set_title(of["title"])
        axes.plot(of["x"], [1.0, 2.0, 1.0], **{key: of[key] for key in ("color", "linewidth", "linestyle")})
        axes.set_ylim(*of["ylim"])
        axes.set_xlim(-2.0, 3.0)
        axes.set_facecolor(of["facecolor"])
        axes.set_title(of["title"])
        return drawn_on

    one = figure(start, title_first=False)
    assert_same(one, figure(dict(reversed(start.items())), title_first=True))
    assert only(one, figure({**start, change: after[change]}, title_first=False))[0] == ".pixels"


# --- elements on another device ---------------------------------------------------------------


class Array:
    """What an array of cupy offers: elements that come over by `get`."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def get(self) -> Any:
        return self.data.copy()


Array.__module__ = "cupy"


@drawn
@given(rng=randoms, dtype=st.sampled_from([*NUMBERS, "bool"]))
def test_cupy_array(rng: Random, dtype: str) -> None:
    data = elements(rng, dtype, shape_of(rng)) if dtype != "bool" else elements(rng, "uint8", shape_of(rng)) > 127
    other, index = flipped(rng, data)
    assert_same(Array(data), Array(np.asfortranarray(data)))
    assert only(Array(data), Array(other)) == ("", index)
    assert [leaf.what for leaf in changes(Array(data), Array(data.reshape(-1, 1, 1, 1)))] == ["shape"]
    with np.errstate(all="ignore"):
        changed = data.astype(another(rng, [*NUMBERS, "bool"], dtype))
    assert [leaf.what for leaf in changes(Array(data), Array(changed))] == ["dtype"]
    assert changes(Array(data), data)
