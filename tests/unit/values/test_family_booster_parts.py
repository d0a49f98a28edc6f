"""What boosters of xgboost, lightgbm and catboost consist of; with objects that save models as theirs do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.errors import ValueTypeError
from pytest_repro.values import boosters
from pytest_repro.values.boosters import canonical
from tests.unit.values.outline import outline, seen

HERE = __name__


class Base:
    """An object with the attributes that it is told to have."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def at(path: str, *bases: type) -> Any:
    """Return a class of the user's below one that stands at `path`."""
    module, _, name = path.rpartition(".")
    return type("Mine", (type(name, bases or (Base,), {"__module__": module}),), {"__module__": "mine"})


def parts(value: object) -> list[str]:
    return outline(canonical(value, seen))


def test_what_is_no_booster_is_left_to_others() -> None:
    for path in ("xgboost.core.DMatrix", "lightgbm.basic.Dataset", "catboost.core.Pool", "xgboost.sklearn.Other"):
        assert canonical(at(path)(), seen) is None


def test_a_booster_of_xgboost_is_the_model_that_it_would_save() -> None:
    def save_raw(*, raw_format: str) -> bytearray:
        assert raw_format == "json"
        return bytearray(json.dumps({"version": [3, 2], "learner": {"b": [0.5]}, "a": "1"}).encode())

    assert parts(at("xgboost.core.Booster")(save_raw=save_raw)) == [
        "mine.Mine without version (of the library)",
        ".a '1'",
        ".learner dict (mapping)",
        ".learner['b'] list float64 [0.5] owned",
    ]


# --- lightgbm ---------------------------------------------------------------------------------

TEXT = """tree
version=v4
feature_names=a b
tree_sizes=300 400
average_output

Tree=0
num_leaves=2
leaf_value=0.5 -1.5e-3 nan -inf

Tree=1
num_leaves=1
leaf_value=inf

Tree=2
num_leaves=4

end of trees

feature_importances:
a=1
end of trees

parameters:
[seed: 3]

parameters:
end of parameters
"""


def booster(text: str, best: object = -1) -> Any:
    def model_to_string(*, num_iteration: int) -> str:
        assert num_iteration == -1  # all of them, not those until the best
        return text

    cls = at("lightgbm.basic.Booster")
    return cls(model_to_string=model_to_string, best_iteration=best, pandas_categorical=[["u"]])


def test_a_booster_of_lightgbm_is_its_model_line_by_line() -> None:
    assert parts(booster(TEXT)) == [
        "mine.Mine without parameters (how it was trained)",
        ".header lightgbm",
        ".header.tree None",
        ".header.version 'v4'",
        ".header.feature_names 'a b'",
        ".header.average_output None",
        ".trees list (sequence)",
        ".trees[0] lightgbm",
        ".trees[0].Tree list float64 [0.0] owned",
        ".trees[0].num_leaves list float64 [2.0] owned",
        ".trees[0].leaf_value list float64 [0.5, -0.0015, nan, -inf] owned",
        ".trees[1] lightgbm",
        ".trees[1].Tree list float64 [1.0] owned",
        ".trees[1].num_leaves list float64 [1.0] owned",
        ".trees[1].leaf_value list float64 [inf] owned",
        ".trees[2] lightgbm",
        ".trees[2].Tree list float64 [2.0] owned",
        ".trees[2].num_leaves list float64 [4.0] owned",
        ".footer lightgbm",
        ".footer.feature_importances: None",
        ".footer.a list float64 [1.0] owned",
        ".footer.end of trees None",
        ".best_iteration 0",
        ".pandas_categorical \"[['u']] at .pandas_categorical\"",
    ]


def test_a_booster_without_trees_is_its_header() -> None:
    assert parts(booster("tree\nversion=v4\n\nparameters:\nx=1"))[1:7] == [
        ".header lightgbm",
        ".header.tree None",
        ".header.version 'v4'",
        ".trees list (sequence)",
        ".footer lightgbm",
        ".best_iteration 0",
    ]


def test_the_best_round_counts_where_one_was_found() -> None:
    for best, expected in ((-1, 0), (0, 0), (1, 1), ("7", 7)):
        assert f".best_iteration {expected}" in parts(booster(TEXT, best))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 2.5 -3", [1.0, 2.5, -3.0]),
        ("-0.5", [-0.5]),
        ("inf", [float("inf")]),
        ("1 -inf", [1.0, float("-inf")]),
        ("1 a", None),
        ("a 1", None),
        ("1  2", None),
        ("1\t2", None),
        ("", None),
        ("1.2.3", None),
        ("1 2 ", None),
        ("information", None),
        ("-", None),
    ],
)
def test_only_numbers_with_a_space_between_are_an_array(text: str, numbers: list[float] | None) -> None:
    expected = repr(text) if numbers is None else f"list float64 {numbers} owned"
    assert outline(boosters._numbers(text)) == [expected.strip()]


def test_a_line_may_hold_more_than_one_sign() -> None:
    assert outline(boosters._assignments("a=b=c\n  \nd=")) == ["lightgbm", ".a 'b=c'", ".d ''"]


# --- catboost ---------------------------------------------------------------------------------

SAVED = {
    "model_info": {
        **dict.fromkeys(["model_guid", "train_finish_time", "params", "training", "output_options"], "x"),
        "catboost_version_info": "y",
        "class_params": "é",
    },
    "scale_and_bias": [1, [0, 0.5]],
}


class CatBoost(Base):
    """As catboost's."""

    saved: Any = SAVED
    params: Any

    def get_params(self, *, deep: bool) -> Any:
        assert deep is False
        return self.params

    def is_fitted(self) -> bool:
        return self.saved is not None

    def save_model(self, path: object, *, format: str) -> None:  # noqa: A002  catboost calls it so
        assert isinstance(path, str)
        assert format == "json"
        place = Path(path)
        assert place.parent.name.startswith("pytest-repro-")
        assert place.suffix == ".json"
        place.write_bytes(json.dumps(self.saved, ensure_ascii=False).encode("utf-8"))


CatBoost.__module__ = "catboost.core"
KNOBS = ["n_jobs", "nthread", "num_threads", "thread_count", "used_ram_limit", "allow_writing_files", "train_dir"]
KNOBS += ["verbose", "verbosity", "silent", "logging_level"]


def test_a_model_of_catboost_is_its_parameters_and_what_it_would_save() -> None:
    params = {"depth": 3, **dict.fromkeys(KNOBS, 1), "border": 2}
    execution = ", ".join(f"{name} (execution)" for name in sorted(KNOBS))
    made = "model_guid (random), train_finish_time (timing), params in the model (how it was trained)"
    assert parts(CatBoost(params=params)) == [
        f"catboost.core.CatBoost without {execution}, {made}",
        ".border '2 at .border'",
        ".depth '3 at .depth'",
        ".model dict (mapping)",
        ".model['model_info'] dict (mapping)",
        ".model['model_info']['class_params'] 'é'",
        ".model['scale_and_bias'] list (sequence)",
        ".model['scale_and_bias'][0] 1",
        ".model['scale_and_bias'][1] list float64 [0.0, 0.5] owned",
    ]
    assert parts(CatBoost(params=params, saved=None)) == [
        f"catboost.core.CatBoost without {execution}",
        ".border '2 at .border'",
        ".depth '3 at .depth'",
    ]


def test_a_model_without_a_record_of_its_training_is_read() -> None:
    assert parts(CatBoost(params={}, saved={"a": 1}))[1:] == [
        ".model dict (mapping)",
        ".model['a'] 1",
        ".model['model_info'] dict (mapping)",
    ]


def test_a_model_is_read_as_utf_8_whatever_the_machine_prefers(monkeypatch: pytest.MonkeyPatch) -> None:
    read_text = Path.read_text

    def read(path: Path, encoding: str = "ascii") -> str:
        return read_text(path, encoding=encoding or "ascii")

    monkeypatch.setattr(Path, "read_text", read)
    assert ".model['model_info']['class_params'] 'é'" in parts(CatBoost(params={}))


def test_a_model_that_catboost_cannot_save_is_refused() -> None:
    class Failing(CatBoost):
        def save_model(self, path: object, *, format: str) -> None:  # noqa: A002  catboost calls it so
            raise OSError("no such feature")

    with pytest.raises(ValueTypeError) as caught:
        canonical(Failing(params={}), seen)
    assert str(caught.value) == (
        f"cannot compare a {HERE}.{Failing.__qualname__} by meaning: it cannot be saved as JSON (no such feature); "
        "record its predictions"
    )


# --- wrappers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["xgboost.sklearn.XGBModel", "lightgbm.sklearn.LGBMModel"])
def test_a_wrapper_is_an_estimator_without_the_knobs_of_its_library(path: str) -> None:
    base: Any = pytest.importorskip("sklearn.base").BaseEstimator

    class Model(base):  # type: ignore[misc]
        def __init__(self, **attributes: object) -> None:
            self.__dict__.update(attributes)

        def get_params(self, deep: bool = True) -> Any:
            return vars(self)

    assert parts(at(path, Model)(nthread=1, memory=2, depth=3)) == [
        "mine.Mine without nthread (execution)",
        ".depth '3 at .depth'",
        ".memory '2 at .memory'",
    ]
