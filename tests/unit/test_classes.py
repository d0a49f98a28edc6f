"""Our dataclasses do what the standard ones do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pytest_repro import model
from pytest_repro.model import classes
from pytest_repro.settings import Settings


@classes.dataclass(frozen=True, slots=True)
class Ours:
    """Two without a default, two with one."""

    a: int
    b: object
    c: str = "c"
    d: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"<{self.a}>"


@classes.dataclass(frozen=True, slots=True, kw_only=True)
class OursByName:
    """Named arguments only."""

    a: int
    b: object = None


def _standard(cls: type) -> Any:
    content = {name: value for name, value in vars(cls).items() if name in ("__doc__", "__str__", "__module__")}
    defaults = {"c": "c", "d": ()} if cls is Ours else {"b": None}
    made = type(cls.__name__, (), {**content, **defaults, "__annotations__": cls.__annotations__})
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=cls is OursByName)(made)


PAIRS = [(cls, _standard(cls)) for cls in (Ours, OursByName)]
both = pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["positional", "by name"])

ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, "x"), {}),
    ((1, 2, "x", (3,)), {}),
    ((1, 2, "x", (3,), 5), {}),
    ((1,), {"a": 2}),
    ((1,), {"b": 2}),
    ((1, 2), {"d": (4,)}),
    ((1, 2), {"e": 4}),
    ((1, 2, "x", (3,)), {"a": 1}),
    ((), {"a": 1}),
    ((), {"b": 1}),
    ((), {"b": 1, "a": 2}),
    ((), {"a": 1, "b": 2, "c": "y", "d": (5,)}),
    ((), {"a": 1, "b": 2, "c": "y", "x": (5,)}),
    ((), {"a": 1, "b": 2, "self": 3}),
]


def outcome(make: Callable[[], object]) -> str:
    try:
        return repr(make())
    except TypeError:
        return "TypeError"


@both
@pytest.mark.parametrize(("given", "named"), ARGUMENTS)
def test_the_same_arguments_are_taken_and_refused(ours: Any, theirs: Any, given: Any, named: Any) -> None:
    assert outcome(lambda: ours(*given, **named)) == outcome(lambda: theirs(*given, **named))


def test_what_is_refused_names_the_class_the_problem_and_the_fields() -> None:
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: Ours(1), r"Ours\(\) needs b; its fields are a, b, c, d"),  # type: ignore[call-arg]
        (lambda: Ours(1, 2, e=3), r"Ours\(\) takes no e; "),  # type: ignore[call-arg]
        (lambda: Ours(1, a=1), r"Ours\(\) does not take these 1 without names; "),  # type: ignore[call-arg, misc]
        (lambda: OursByName(1), r"OursByName\(\) does not take these 1 without names; "),  # type: ignore[call-arg]
    ]
    for make, message in cases:
        with pytest.raises(TypeError, match=message):
            make()


@both
def test_equality_hash_and_signature_are_the_same(ours: Any, theirs: Any) -> None:
    given = {"a": 1, "b": float("nan")}
    one, other = ours(**given), ours(**given)
    assert one == other
    assert one != ours(a=1, b=2)
    assert one != theirs(**given)
    assert hash(one) == hash(theirs(**given))
    assert ours.__match_args__ == theirs.__match_args__
    assert [field.name for field in dataclasses.fields(ours)] == [field.name for field in dataclasses.fields(theirs)]
    expected = inspect.signature(theirs).replace(return_annotation=inspect.Signature.empty)
    assert inspect.signature(ours) == expected


@both
def test_nothing_can_be_changed(ours: Any, theirs: Any) -> None:
    for cls in (ours, theirs):
        one = cls(a=1, b=2)
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.a = 2
        with pytest.raises(dataclasses.FrozenInstanceError):
            del one.a
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):  # the standard one, at times (CPython 90562)
            one.other = 2
        assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(
    "value", [Ours(1, [2]), OursByName(a=1), model.Location("a.py", 3), Settings(runs=3)], ids=lambda one: type(one)
)
def test_copies_and_pickles_are_equal(value: Any) -> None:
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    cls: Any = type(value)
    assert cls(**{field.name: getattr(value, field.name) for field in dataclasses.fields(cls)}) == value


def test_a_copy_with_changes_is_made_as_usual() -> None:
    one = Ours(1, 2)
    assert dataclasses.replace(one, c="x") == Ours(1, 2, "x")
    if sys.version_info >= (3, 13):
        assert copy.replace(one, b=3) == Ours(1, 3)
    with pytest.raises(TypeError):
        dataclasses.replace(one, e=1)  # type: ignore[call-arg]


def test_own_methods_stay() -> None:
    assert str(Ours(7, None)) == "<7>"
    seen = model.Observation(0, "x", None, model.Kind.METRIC, 1.0, model.Location("a.py", 1))
    assert seen == model.Observation(
        seq=0, name="x", step=None, kind=model.Kind.METRIC, value=1.0, location=model.Location("a.py", 1),
        tolerance=model.Tolerance(), ledger=(),
    )  # fmt: skip


def test_the_written_out_init_has_the_fields_and_defaults_of_its_class() -> None:
    fields = {field.name: field.default for field in dataclasses.fields(model.Observation)}
    written = inspect.signature(model.Observation.__init__).parameters
    assert list(written) == ["self", *fields]
    given = {name: one.default for name, one in written.items() if one.default is not inspect.Parameter.empty}
    assert given == {name: value for name, value in fields.items() if value is not dataclasses.MISSING}


@pytest.mark.parametrize("options", [{"frozen": False, "slots": True}, {"frozen": True, "slots": False}])
def test_other_kinds_of_classes_are_refused(options: dict[str, bool]) -> None:
    with pytest.raises(TypeError, match="take the standard decorator"):
        classes.dataclass(**options)


def test_nothing_is_compiled_when_a_class_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object, **_named: object) -> None:
        pytest.fail("compiled")

    monkeypatch.setattr("builtins.exec", refuse)
    monkeypatch.setattr("builtins.compile", refuse)
    make: Any = classes.dataclass(frozen=True, slots=True)
    made = make(type("Made", (), {"__annotations__": {"a": "int"}}))
    assert repr(made(1)) == "Made(a=1)"
