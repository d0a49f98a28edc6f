"""Objects of the user's classes: what they hold beyond the fields, items or elements that their class is known for."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_repro.model import Array, Atom
from pytest_repro.values import canonical
from tests.unit.values.meaning import assert_differ, assert_same, differing, notes


@dataclass
class Trainer:
    rate: float = 0.1
    seconds: float = field(default=0.0, compare=False)
    weights: Any = field(init=False)

    def fit(self, weights: Any) -> Trainer:
        self.weights = weights
        self.score_ = float(np.sum(weights))
        self._cache = object()
        return self


class Fitted(Trainer):
    """A subclass that is no dataclass itself: whatever it keeps is its state."""

    def fit(self, weights: Any) -> Fitted:
        super().fit(0.0)
        self._private = weights
        return self


def test_what_a_dataclass_is_given_beyond_its_fields_counts() -> None:
    assert_same(Trainer().fit(1.0), Trainer().fit(1.0))
    assert_differ(Trainer().fit(np.ones(2)), Trainer().fit(np.zeros(2)), ".score_")
    assert notes(canonical(Trainer().fit(1.0))) == [".seconds (compare=False)", "._cache (no field)"]


def test_a_field_that_is_not_set_yet_is_no_field() -> None:
    assert_same(Trainer(), Trainer())
    assert_differ(Trainer(), Trainer().fit(1.0), ".weights")


def test_attributes_whose_names_are_no_text_are_in_order() -> None:
    one, other = Trainer(), Trainer()
    one.__dict__.update({3: "a", "z": 1})  # type: ignore[dict-item]
    other.__dict__.update({"z": 1, 3: "a"})  # type: ignore[dict-item]
    assert_same(one, other)


def test_a_plain_subclass_of_a_dataclass_has_state_of_its_own() -> None:
    def fitted(weights: float) -> Fitted:
        model = Fitted().fit(weights)
        del model._cache
        return model

    assert_same(fitted(1.0), fitted(1.0))
    assert_differ(fitted(1.0), fitted(2.0), "._private")
    assert notes(canonical(fitted(1.0))) == [".seconds (compare=False)"]


def test_what_an_attrs_class_is_given_beyond_its_fields_counts() -> None:
    attrs = pytest.importorskip("attrs")
    base = attrs.make_class("Base", {"a": attrs.field()}, slots=False)
    inherited = type("Inherited", (base,), {})

    def given_more(cls: Any, name: str, item: object) -> Any:
        value = cls(1)
        setattr(value, name, item)
        return value

    assert_differ(given_more(base, "coef_", 1.0), given_more(base, "coef_", 2.0), ".coef_")
    assert_differ(given_more(inherited, "_coef", 1.0), given_more(inherited, "_coef", 2.0), "._coef")
    assert notes(canonical(given_more(base, "_memo", 1.0))) == ["._memo (no field)"]


def test_private_attributes_of_a_pydantic_model_are_left_out_and_said() -> None:
    pydantic = pytest.importorskip("pydantic")

    seen = pydantic.PrivateAttr(default=0)
    made = type("Made", (pydantic.BaseModel,), {"__annotations__": {"a": int, "_seen": int}, "a": 1, "_seen": seen})
    assert_same(made(), made())
    assert_differ(made(), made(a=2), ".a")
    assert notes(canonical(made())) == ["._seen (private)"]


class Point(NamedTuple):
    x: int


class NotedPoint(Point):
    note: object


def test_a_named_tuple_with_attributes_is_more_than_its_items() -> None:
    def noted(note: object) -> NotedPoint:
        point = NotedPoint(1)
        point.note = note
        return point

    assert_same(noted("a"), noted("a"))
    assert_differ(noted("a"), noted("b"), ".note")
    assert_same(Point(1), Point(1))
    assert_differ(Point(1), NotedPoint(1))


class Signal(np.ndarray[Any, Any]):
    rate: Any


@given(
    rate=st.integers() | st.text(max_size=3),
    other=st.integers() | st.text(max_size=3),
    data=st.lists(st.floats(), max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_attributes_of_an_array_subclass_are_part_of_it(rate: object, other: object, data: list[float]) -> None:
    def signal(rate: object, data: list[float]) -> Signal:
        value = np.array(data).view(Signal)
        value.rate = rate
        return value

    assert_same(signal(rate, data), signal(rate, data))
    assert_differ(signal(rate, data), signal(rate, [*data, 1.0]), "")
    if (type(rate), rate) != (type(other), other):
        assert_differ(signal(rate, data), signal(other, data), ".rate")
    assert isinstance(canonical(np.array(data).view(Signal)), Array)


def test_an_object_with_elements_is_its_elements_and_says_so() -> None:
    class Quantity:
        def __init__(self, unit: str) -> None:
            self.unit = unit

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
            return np.arange(3.0)

    assert_same(Quantity("m"), Quantity("m"))
    assert notes(canonical(Quantity("m"))) == ["all but its elements (__array__)"]


@pytest.mark.parametrize("kind", ["array", "bag", "delayed"])
def test_a_dask_collection_is_what_it_computes(kind: str) -> None:
    pytest.importorskip("dask")
    import dask.array
    import dask.bag

    def make(data: list[float]) -> Any:
        if kind == "array":
            return dask.array.from_array(np.array(data), chunks=2) + 1
        return dask.bag.from_sequence(data) if kind == "bag" else dask.delayed(sorted)(data)

    with dask.config.set(scheduler="synchronous"):
        assert_same(make([1.0, 2.0, 3.0]), make([1.0, 2.0, 3.0]))
        path = ".compute()" if kind == "array" else ".compute()[2]"
        assert_differ(make([1.0, 2.0, 3.0]), make([1.0, 2.0, 4.0]), path)
        assert notes(canonical(make([1.0]))) == ["task graph (compared by what it computes)"]


def test_a_named_time_zone_is_its_name_and_its_offset() -> None:
    def zone(hours: int, name: str = "X") -> dt.timezone:
        return dt.timezone(dt.timedelta(hours=hours), name)

    assert_same(zone(1), zone(1))
    assert_differ(zone(1), zone(2), "")
    assert_differ(zone(1), zone(1, "Y"), "")
    assert canonical(dt.timezone.utc) == Atom("datetime.timezone", "UTC")
    assert canonical(dt.timezone(dt.timedelta(hours=1))) == Atom("datetime.timezone", "UTC+01:00")


def test_how_a_lambda_takes_its_arguments_is_part_of_it() -> None:
    kinds = [lambda a, b: 0, lambda a, *b: 0, lambda a, **b: 0, lambda a, *, b: 0, lambda a, /, b: 0]
    for i, one in enumerate(kinds):
        for j, other in enumerate(kinds):
            assert_same(one, one) if i == j else assert_differ(one, other)


class Model:
    def __init__(self, rng: object) -> None:
        self.rng = rng


def test_a_global_generator_that_an_object_holds_means_its_name() -> None:
    held = [np.random.mtrand._rand, random._inst, np.random.normal, random.gauss]
    before = canonical(Model(held))
    np.random.rand()
    random.random()
    assert not differing(before, canonical(Model(held)))
    own = np.random.RandomState(0)
    first = canonical(Model(own))
    own.rand()
    assert differing(first, canonical(Model(own)))


def test_a_global_generator_that_is_recorded_is_its_state() -> None:
    for generator, draw in ((np.random.mtrand._rand, np.random.rand), (random._inst, random.random)):
        before = canonical(generator)
        draw()
        assert differing(before, canonical(generator))
