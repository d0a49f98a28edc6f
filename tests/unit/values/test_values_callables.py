"""Functions, methods and code: what of them is their meaning, by name or by part."""

from __future__ import annotations

import functools
import math
import types
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Layout, Node
from pytest_repro.values import callables, canonical
from pytest_repro.values.walk import Walker

HERE = __name__


class Steps(Walker):
    """Notes by which steps it is led."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []

    def walk(self, value: object, segment: str) -> Node:
        self.steps.append(segment)
        return super().walk(value, segment)


def steps(value: object) -> list[str]:
    walker = Steps()
    walker.walk(value, "")
    return walker.steps[1:]


def parts(node: Node) -> dict[str, Node]:
    assert isinstance(node, Branch)
    assert node.layout is Layout.OBJECT
    return dict(zip(node.keys, node.items, strict=True))


def plain(node: Node) -> object:
    return node.items if isinstance(node, Branch) else node


class Model:
    __slots__ = ("coef",)
    coef: Any

    def fit(self, x: int) -> int:
        return x

    @classmethod
    def make(cls) -> Model:
        return cls()


def cython_like(kind: str) -> object:
    cls = type(kind, (), {"__module__": "fast", "__qualname__": kind})
    value: Any = cls()
    value.__qualname__ = "run"
    return value


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (steps, "function", f"{HERE}.steps"),
        (Model.fit, "function", f"{HERE}.Model.fit"),
        (len, "function", "builtins.len"),
        (math.sin, "function", "math.sin"),
        (np.sum, "function", "numpy.sum"),
        (str.upper, "method_descriptor", "builtins.str.upper"),
        (int.__add__, "wrapper_descriptor", "builtins.int.__add__"),
        (dict.__dict__["fromkeys"], "classmethod_descriptor", "builtins.dict.fromkeys"),
        (types.FunctionType.__dict__["__code__"], "getset_descriptor", "builtins.function.__code__"),
        (Model.__dict__["coef"], "member_descriptor", f"{HERE}.Model.coef"),
        (cython_like("cython_function_or_method"), "function", "fast.run"),
        (cython_like("fused_cython_function"), "function", "fast.run"),
        (cython_like("_ArrayFunctionDispatcher"), "function", "fast.run"),
    ],
    ids=range(13),
)
def test_what_has_a_name_is_its_name(value: object, type_: str, text: str) -> None:
    assert canonical(value) == Atom(type_, text)


def test_other_objects_are_no_functions() -> None:
    assert callables.read(Model(), Walker()) is None
    assert callables.read(cython_like("another"), Walker()) is None


def made(k: int) -> Any:
    return lambda a, b=2, *, c=3: a + k


def test_a_function_without_a_name_is_its_code_its_defaults_and_what_it_closes_over() -> None:
    node = canonical(made(5))
    found = parts(node)
    assert node.type == "function"  # type: ignore[union-attr]
    assert list(found) == [".__qualname__", ".__code__", ".__defaults__", ".__kwdefaults__", ".__closure__['k']"]
    assert found[".__qualname__"] == f"{HERE}.made.<locals>.<lambda>"
    assert plain(found[".__defaults__"]) == (2,)
    assert parts_of_mapping(found[".__kwdefaults__"]) == {"['c']": 3}
    assert found[".__closure__['k']"] == 5
    assert [step for step in steps(made(5)) if step.startswith(".__")] == list(found)[1:]


def parts_of_mapping(node: Node) -> dict[str, Node]:
    assert isinstance(node, Branch)
    return dict(zip(node.keys, node.items, strict=True))


def test_a_variable_that_was_not_assigned_yet_is_none() -> None:
    def outer(*, assigned: bool) -> Any:
        def inner() -> object:
            return later

        if assigned:
            later = 1
        return inner

    assert parts(canonical(outer(assigned=False)))[".__closure__['later']"] is None
    assert parts(canonical(outer(assigned=True)))[".__closure__['later']"] == 1


def test_code_is_what_it_does() -> None:
    def run(a: int, /, b: int, *rest: int, c: int, **more: int) -> object:
        return math.pi + a + 1.5

    code = run.__code__
    node = canonical(code)
    found = parts(node)
    assert node.type == "code"  # type: ignore[union-attr]
    assert found[".co_code"] == code.co_code
    assert plain(found[".parameters"]) == (2, 1, 1, 12)
    assert plain(found[".co_names"]) == ("math", "pi")
    assert plain(found[".co_varnames"]) == ("a", "b", "c", "rest", "more")
    assert plain(found[".co_consts"]) == code.co_consts
    assert list(found) == [".co_code", ".parameters", ".co_names", ".co_varnames", ".co_consts"]
    assert steps(code) == list(found)


def test_a_bound_method_is_its_name_and_its_object() -> None:
    model = Model()
    model.coef = [1.5]
    found = canonical(model.fit)
    assert isinstance(found, Branch)
    assert (found.type, list(parts(found))) == ("method", [".__name__", ".__self__"])
    assert parts(found)[".__name__"] == f"{HERE}.Model.fit"
    assert isinstance(parts(found)[".__self__"], Branch)
    assert steps(model.fit) == [".__self__", ".coef"]
    assert parts(canonical(Model.make)) == {
        ".__name__": f"{HERE}.Model.make",
        ".__self__": Atom("type", f"{HERE}.Model"),
    }


def test_a_method_written_in_c_is_its_name_and_its_object() -> None:
    assert parts(canonical("a".upper)) == {".__name__": "upper", ".__self__": "a"}
    assert parts(canonical((1).__add__)) == {".__name__": "__add__", ".__self__": 1}
    assert isinstance(parts(canonical(np.arange(2).sum))[".__self__"], Array)


def test_a_partial_application_is_its_parts() -> None:
    value = functools.partial(sorted, [2], key=len)
    found = parts(canonical(value))
    assert list(found) == [".func", ".args", ".keywords"] == [step for step in steps(value) if step[0] == "."]
    assert found[".func"] == Atom("function", "builtins.sorted")
    assert parts_of_mapping(found[".keywords"]) == {"['key']": Atom("function", "builtins.len")}
    assert canonical(value).type == "functools.partial"  # type: ignore[union-attr]
