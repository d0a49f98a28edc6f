"""Models of two versions, reduced to what both have."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.model import Branch, Kind, Layout, Location, Observation
from pytest_repro.shared_fields import reduced


def model(type_name: str = "lib.Model", /, **fields: Any) -> Branch:
    return Branch(type_name, Layout.OBJECT, tuple(f".{name}" for name in fields), tuple(fields.values()))


def seen(value: Any, *, name: str = "fit#1", kind: Kind = Kind.AUTO, step: int | None = None) -> Observation:
    return Observation(0, name, step, kind, value, Location("t.py", 1))


def values(before: Any, after: Any) -> tuple[Any, Any]:
    (one,), (two,) = reduced([seen(before)], [seen(after)])
    return one.value, two.value


def shown(node: Any) -> dict[str, Any]:
    return dict(zip(node.keys, node.items, strict=True))


def test_fields_of_one_version_only_are_left_out_and_named() -> None:
    before, after = values(model(gone=1, coef=2.0), model(coef=3.0, _new=None))
    assert (shown(before), shown(after)) == ({".coef": 2.0}, {".coef": 3.0})
    assert after.notes == ("gone (in one version only)", "_new (in one version only)")
    assert before.notes == ()


def test_order_of_fields_is_that_of_the_newer_version() -> None:
    before, after = values(model(a=1, b=2), model(b=2, a=1))
    assert before.keys == after.keys == (".b", ".a")
    assert before.items == after.items == (2, 1)
    assert after.notes == ()


@pytest.mark.parametrize(("name", "expected"), [("lib.core.Model", "lib.core.Model"), ("lib.core.Models", "lib.Model")])
def test_class_may_move_to_another_module_but_not_change_its_name(name: str, expected: str) -> None:
    before, after = values(model("lib.Model", a=1), model(name, a=1))
    assert (before.type, after.type) == (expected, name)


@pytest.mark.parametrize("layout", [Layout.SEQUENCE, Layout.MAPPING])
def test_fields_are_looked_for_within_containers(layout: Layout) -> None:
    keys = ("['m']",) if layout is Layout.MAPPING else ()
    before, after = values(
        *(Branch("c", layout, keys, (part,)) for part in (model(a=1, b=1), model(a=1)))
    )  # fmt: skip
    assert shown(before.items[0]) == shown(after.items[0]) == {".a": 1}
    inner = values(model(part=model(a=1)), model(part=model(a=1, b=2)))
    assert [shown(side)[".part"].keys for side in inner] == [(".a",), (".a",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(Branch("list", Layout.SEQUENCE, (), (1,)), Branch("list", Layout.SEQUENCE, (), (1, 2)), id="len"),
        pytest.param(
            Branch("dict", Layout.MAPPING, ("['a']",), (1,)),
            Branch("dict", Layout.MAPPING, ("['b']",), (1,)),
            id="keys",
        ),
        pytest.param(
            Branch("set", Layout.SET, ("{1}",), (1,)), Branch("set", Layout.SET, ("{1}",), (1,)), id="sets"
        ),
        pytest.param(Branch("dict", Layout.MAPPING, (), ()), Branch("dict", Layout.OBJECT, (), ()), id="layouts"),
        pytest.param(1.0, model(a=1), id="no object"),
    ],
)  # fmt: skip
def test_anything_else_stays_as_it_is(before: Any, after: Any) -> None:
    one, two = values(before, after)
    assert one is before
    assert two is after


def test_line_of_a_call_within_the_library_may_have_moved() -> None:
    moved = Observation(0, "fit#1", None, Kind.AUTO, 1, Location("lib.py", 7))
    (before,), (after,) = reduced([moved], [seen(1)])
    assert before.location == after.location == Location("t.py", 1)


def test_what_the_user_recorded_stays_as_it_is() -> None:
    theirs, ours = seen(model(a=1), kind=Kind.ARTIFACT), seen(model(a=1, b=2), kind=Kind.ARTIFACT)
    assert reduced([theirs], [ours]) == ((theirs,), (ours,))


def test_observations_are_paired_by_name_step_and_turn() -> None:
    before = [seen(model(a=1)), seen(model(b=1)), seen(model(c=1), step=0), seen(model(d=1), name="only here")]
    after = [seen(model(c=1, x=1), step=0), seen(model(a=1, x=1)), seen(model(b=1, x=1)), seen(model(e=1), name="new")]
    one, two = reduced(before, after)
    assert [side.value.keys for side in one] == [(".a",), (".b",), (".c",), (".d",)]  # type: ignore[union-attr]
    assert [side.value.keys for side in two] == [(".c",), (".a",), (".b",), (".e",)]  # type: ignore[union-attr]
