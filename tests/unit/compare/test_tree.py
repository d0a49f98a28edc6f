"""Two canonical values, leaf by leaf."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.compare import leaves, match, scalars
from pytest_repro.model import Atom, Branch, Layout, Match, MatchStatus, Node, Tolerance
from pytest_repro.values import canonical, fingerprint, identical
from tests.unit.compare.oracle import mapping, nodes, pairs_of_floats, sequence, thorough

EXACT = Tolerance()


def found(a: Any, b: Any, **tolerance: Any) -> Match:
    return match(canonical(a), canonical(b), Tolerance(**tolerance))


def rows(result: Match) -> list[tuple[str, str, str, str]]:
    return [(leaf.path, leaf.what, leaf.reference, leaf.other) for leaf in result.leaves]


@thorough
@given(a=nodes(), b=nodes(), payload=st.booleans())
def test_equal_exactly_when_identical(a: Node, b: Node, payload: bool) -> None:
    result = match(a, b, Tolerance(nan_payload=payload))
    assert (result.status is MatchStatus.EQUAL) == identical(a, b, nan_payload=payload)
    assert (result.status is MatchStatus.EQUAL) == (
        fingerprint(a, nan_payload=payload) == fingerprint(b, nan_payload=payload)
    )
    assert bool(result.n_leaves) == (result.status is MatchStatus.DIFFERENT)
    assert match(a, a, EXACT) == Match(MatchStatus.EQUAL)


@thorough
@given(pair=pairs_of_floats(), rtol=st.sampled_from([0.0, 1e-9, 0.5]), ulp=st.sampled_from([0, 1, 2**40]))
def test_lists_packed_or_not_are_judged_alike(pair: tuple[list[float], list[float]], rtol: float, ulp: int) -> None:
    tolerance = Tolerance(rtol=rtol, ulp=ulp)
    short = match(sequence(*pair[0]), sequence(*pair[1]), tolerance)
    padding = [1.5] * 300
    packed = match(sequence(*pair[0], *padding), sequence(*pair[1], *[float(p) for p in padding]), tolerance)
    assert (short.status, short.leaves, short.n_leaves) == (packed.status, packed.leaves, packed.n_leaves)
    assert short.stats == packed.stats


def test_leaves_come_in_field_order_with_paths() -> None:
    a = {"b": [1.0, {"x": 2}], "a": np.array([[1, 2], [3, 4]], np.float32), "c": "cat"}
    b = {"b": [1.5, {"x": 3}], "a": np.array([[1, 2], [9, 4]], np.float32), "c": "dog"}
    assert rows(found(a, b)) == [
        ("['a']", "value", "3.0", "9.0"),
        ("['b'][0]", "value", "1.0", "1.5"),
        ("['b'][1]['x']", "value", "2", "3"),
        ("['c']", "value", "'cat'", "'dog'"),
    ]
    leaf = found(a, b).leaves[0]
    assert leaf.stats is not None
    assert (leaf.stats.first_index, leaf.ulp) == ((1, 0), leaf.stats.max_ulp)


@pytest.mark.parametrize(
    ("a", "b", "row"),
    [
        pytest.param(1, 1.0, ("", "type", "int", "float"), id="int-float"),
        pytest.param(True, 1, ("", "type", "bool", "int"), id="bool-int"),
        pytest.param(None, 0, ("", "type", "NoneType", "int"), id="none"),
        pytest.param([1], (1,), ("", "type", "list", "tuple"), id="list-tuple"),
        pytest.param(1.0, np.float64(1), ("", "type", "float", "numpy.float64"), id="float-numpy"),
        pytest.param(np.ones(2), np.ones(2, "f4"), ("", "dtype", "float64", "float32"), id="dtype"),
        pytest.param(np.ones(2), np.ones(3, "f4"), ("", "dtype", "float64 (2,)", "float32 (3,)"), id="dtype-shape"),
        pytest.param(np.ones((2, 1)), np.ones(2), ("", "shape", "(2, 1)", "(2,)"), id="shape"),
        pytest.param({"a": 1}, {}, ("['a']", "missing", "1", "(absent)"), id="missing"),
        pytest.param({}, {"a": [1]}, ("['a']", "extra", "(absent)", "[1]"), id="extra"),
        pytest.param({1, 2}, {1, 3}, ("{2}", "missing", "2", "(absent)"), id="set"),
        pytest.param(0.0, -0.0, ("", "value", "0.0", "-0.0"), id="zero"),
        pytest.param(True, False, ("", "value", "True", "False"), id="bool"),
        pytest.param(b"a", b"b", ("", "value", "b'a'", "b'b'"), id="bytes"),
        pytest.param(math.nan, 1.0, ("", "value", "nan", "1.0"), id="nan"),
    ],
)
def test_differences_are_told_by_kind(a: Any, b: Any, row: tuple[str, str, str, str]) -> None:
    result = found(a, b)
    assert result.status is MatchStatus.DIFFERENT
    assert rows(result)[0] == row


def test_arrays_of_another_dtype_or_shape_are_told_by_their_path() -> None:
    ones = np.ones(2)
    assert rows(found({"w": ones}, {"w": ones.astype("f4")})) == [("['w']", "dtype", "float64", "float32")]
    assert rows(found([1, ones], [1, np.ones((2, 1))])) == [("[1]", "shape", "(2,)", "(2, 1)")]


def test_of_many_floats_those_beyond_the_tolerance_are_told_by_their_path() -> None:
    a = {f"k{i:03}": float(i) for i in range(300)}
    result = found(a, {**a, "k007": 7.5, "k100": 100.000001, "k200": 250.0}, rtol=1e-6)
    assert rows(result) == [("['k007']", "value", "7.0", "7.5"), ("['k200']", "value", "200.0", "250.0")]
    assert (result.n_leaves, result.stats and (result.stats.unequal, result.stats.outside)) == (2, (3, 2))
    zeros = [1.0] * 150 + [0.0] * 150
    signed = [*zeros[:299], -0.0]
    for one, two in ((zeros, signed), (signed, zeros)):
        assert [leaf.path for leaf in found(one, two).leaves] == ["[299]"]


def test_lists_of_different_length_tell_the_first_item_that_differs() -> None:
    assert rows(found([1, 2, 3], [1, 9, 2, 3])) == [("", "length", "3 items", "4 items"), ("[1]", "value", "2", "9")]
    assert rows(found([1, 2], [1, 2, 3])) == [("", "length", "2 items", "3 items"), ("[2]", "extra", "(absent)", "3")]
    assert rows(found([1, 2], [1])) == [("", "length", "2 items", "1 items"), ("[1]", "missing", "2", "(absent)")]


def test_items_below_a_path_are_told_by_all_of_it() -> None:
    assert [row[0] for row in rows(found({"l": [1]}, {"l": [1, 2]}))] == ["['l']", "['l'][1]"]
    assert [row[0] for row in rows(found({"l": [1, 2]}, {"l": [3]}))] == ["['l']", "['l'][0]"]
    assert [row[0] for row in rows(found({"d": {"a": 1}}, {"d": {"b": 1}}))] == ["['d']['a']", "['d']['b']"]
    many = [float(i) for i in range(300)]
    assert [row[0] for row in rows(found({"w": many}, {"w": [*many[:299], 0.5]}))] == ["['w'][299]"]


@pytest.mark.parametrize("size", [2, 300])
def test_an_integer_among_floats_is_no_float(size: int) -> None:
    floats = [1.0, *[2.0] * (size - 1)]
    for one, two in (([1, *floats[1:]], floats), (floats, [1, *floats[1:]]), ([1] * size, [1.0] * size)):
        assert rows(found(one, two))[0][:2] == ("[0]", "type")


def test_nothing_but_numbers_is_within_a_tolerance() -> None:
    loose: dict[str, Any] = {"rtol": 10.0, "atol": 10.0, "ulp": 2**63}
    atoms: tuple[Node, Node] = (Atom("x", "1"), Atom("x", "2"))
    assert match(*atoms, Tolerance(**loose)).status is MatchStatus.DIFFERENT
    for one, two in [("1", "2"), (True, False), (b"1", b"2"), ([1], [1, 1])]:
        assert found(one, two, **loose).status is MatchStatus.DIFFERENT
    for a, b in [(1.0, 2.0), (1, 2), (1j, 2j), (np.ones(3), np.zeros(3)), ([1.0], [2.0])]:
        result = found(a, b, **loose)
        assert (result.status, result.leaves, result.n_leaves) == (MatchStatus.WITHIN, (), 0)
        assert result.stats is not None
        assert result.stats.unequal
        assert not result.stats.outside


def test_ulp_alone_does_not_loosen_integers() -> None:
    assert found(1, 2, ulp=10).status is MatchStatus.DIFFERENT
    assert found(1, 2, atol=1).status is MatchStatus.WITHIN
    assert found(10**400, 10**400 + 1, rtol=1e-9).status is MatchStatus.WITHIN
    assert found(2**53, 2**53 + 1, atol=0.5).status is MatchStatus.DIFFERENT
    assert found(0, 5, rtol=math.inf).status is MatchStatus.DIFFERENT


def test_integers_of_any_size_have_texts_and_statistics() -> None:
    result = found(10**5000, 3)
    assert result.leaves[0].reference.startswith("0x")
    assert result.stats is not None
    assert result.stats.max_abs == math.inf
    assert found(2**70, 0).stats.max_abs == 2**70  # type: ignore[union-attr]


def test_statistics_add_up_over_leaves() -> None:
    stats = found([1.0, 2.0, "x", 5], [1.5, 4.0, "y", 4]).stats
    assert stats is not None
    assert (stats.total, stats.unequal, stats.max_abs, stats.max_rel) == (3, 3, 2.0, 1.0)


def test_order_of_fields_of_an_object_is_part_of_it() -> None:
    a = Branch("C", Layout.OBJECT, (".x", ".y"), (1, 2))
    b = Branch("C", Layout.OBJECT, (".y", ".x"), (2, 1))
    assert rows(match(a, b, EXACT)) == [("", "value", "fields .x, .y", "fields .y, .x")]
    assert rows(match(sequence(a), sequence(b), EXACT))[0][0] == "[0]"
    assert match(a, Branch("D", a.layout, a.keys, a.items), EXACT).leaves[0].what == "type"


@thorough
@given(a=nodes(), b=nodes(), pair=pairs_of_floats(), payload=st.booleans(), rtol=st.sampled_from([0.0, 1e-7]))
def test_leaves_beyond_the_list_are_counted_as_if_they_were_listed(
    a: Node, b: Node, pair: tuple[list[float], list[float]], payload: bool, rtol: float
) -> None:
    tolerance = Tolerance(rtol=rtol, nan_payload=payload)
    x, y = (
        mapping({"a": node, "b": sequence(*floats), "c": sequence(node, 1, *floats, sequence(*floats[1:])), "d": node})
        for node, floats in ((a, pair[0]), (b, pair[1]))
    )
    listed = match(x, y, tolerance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaves, "LIMIT", 1)
        cut = match(x, y, tolerance)
    assert (cut.status, cut.n_leaves, cut.leaves) == (listed.status, listed.n_leaves, listed.leaves[:1])
    assert cut.stats == listed.stats


def test_floats_beyond_the_list_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    original = scalars.scalar_stats

    def looking(a: complex, b: complex, tolerance: Tolerance) -> Any:
        looked.append((a, b))
        return original(a, b, tolerance)

    monkeypatch.setattr(scalars, "scalar_stats", looking)
    layers = [{f"layer{i}": {f"w{j}": i + j + shift for j in range(100)} for i in range(30)} for shift in (0.5, 0.25)]
    assert found(*layers).n_leaves == 3000
    assert len(looked) == leaves.LIMIT
    looked.clear()
    mixed = [{f"layer{i}": [i, *(i + j + shift for j in range(100))] for i in range(30)} for shift in (0.5, 0.25)]
    assert found(*mixed).n_leaves == 3000
    assert len(looked) == leaves.LIMIT


def test_floats_within_a_tolerance_are_no_leaves_beyond_the_list_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "LIMIT", 1)
    for floats in ([1.0, 2.0], {"p": 1.0, "q": "same"}):
        other = [1.25, 2.0] if isinstance(floats, list) else {**floats, "p": 1.25}
        result = found({"a": "x", "b": floats}, {"a": "y", "b": other}, rtol=0.5)
        assert (result.n_leaves, result.stats and result.stats.unequal) == (1, 1)


def test_leaves_are_cut_at_a_thousand_and_counted_in_full() -> None:
    for make in (float, int):
        result = match(sequence(*map(make, range(3000))), sequence(*map(make, range(1, 3001))), EXACT)
        assert (len(result.leaves), result.n_leaves) == (1000, 3000)


def test_leaves_beyond_the_list_are_measured_too() -> None:
    a = sequence(*[sequence(float(i), "x") for i in range(1, 3001)])
    b = sequence(*[sequence(float(i) + (i == 2500), "x") if i > 1000 else sequence(0.5, "x") for i in range(1, 3001)])
    result = match(a, b, EXACT)
    assert (result.n_leaves, len(result.leaves)) == (1001, 1000)
    stats = result.stats
    assert stats is not None
    assert (stats.total, stats.unequal, stats.outside, stats.max_abs) == (1001, 1001, 1001, 999.5)
    assert match(a, b, Tolerance(atol=1)).n_leaves == 999


def test_sign_of_zero_is_seen_inside_containers() -> None:
    for a, b in [([0.0, "x"], [-0.0, "x"]), ([0j], [complex(0.0, -0.0)]), ([0.0] * 300, [0.0] * 299 + [-0.0])]:
        assert found(a, b).n_leaves == 1


def test_a_part_of_a_complex_number_may_differ_in_the_sign_of_zero_alone() -> None:
    assert rows(found(["x", complex(1, 0.0)], ["x", complex(1, -0.0)])) == [("[1]", "value", "(1+0j)", "(1-0j)")]


def test_integers_of_a_thousand_bits_are_told_in_hexadecimal() -> None:
    assert [found(number, 0).leaves[0].reference[:2] for number in (2**998, 2**999)] == [str(2**998)[:2], "0x"]


def test_deep_nesting_needs_no_recursion() -> None:
    a: Node = 1
    b: Node = 2
    for _ in range(5000):
        a, b = sequence(a), sequence(b)
    assert match(a, b, EXACT).leaves[0].path == "[0]" * 5000


def test_payloads_of_nan_are_shown() -> None:
    other = float(np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0])
    leaf = match(math.nan, other, Tolerance(nan_payload=True)).leaves[0]
    assert (leaf.reference, leaf.other) == ("nan (0x7ff8000000000000)", "nan (0x7ff8000000000001)")
    leaf = match(complex(1, math.nan), complex(1, other), Tolerance(nan_payload=True)).leaves[0]
    assert (leaf.reference, leaf.other) == ("(1+nanj)", "(1+nanj)")


def test_what_one_side_lacks_is_shown_in_at_most_200_characters() -> None:
    assert [len(leaf.reference) for leaf in found({"a": "x" * 999}, {}).leaves] == [200]


def test_long_text_is_cut_around_the_difference() -> None:
    leaf = found("q" * 9000 + "a" + "z" * 500, "q" * 9000 + "b" + "z" * 500).leaves[0]
    assert "qa" in leaf.reference
    assert "qb" in leaf.other
    assert len(leaf.reference) < 210
    assert found("a" * 5000, "a" * 5001).leaves[0].reference != found("a" * 5000, "a" * 5001).leaves[0].other


def test_large_flat_values_are_quick() -> None:
    rng = np.random.default_rng(0)
    a, b = sequence(*rng.normal(size=100_000).tolist()), sequence(*rng.normal(size=100_000).tolist())
    start = time.perf_counter()
    assert match(a, b, EXACT).n_leaves == 100_000
    assert match(mapping({"x": a}), mapping({"x": sequence(*a.items)}), EXACT).status is MatchStatus.EQUAL
    assert time.perf_counter() - start < 3  # 0.05 s on an idle machine; guards against quadratic walks only


def test_a_list_of_leaves_says_equal_within_or_different_at_any_time() -> None:
    found = leaves.LeafList()
    assert (found.result(), found.n_leaves) == (Match(MatchStatus.EQUAL), 0)
    found.tally_packed(leaves.packed([1.0]), leaves.packed([1.5]), Tolerance(atol=1))
    assert (found.result().status, found.n_leaves) == (MatchStatus.WITHIN, 0)
    for number in (2, 4):
        found.count_floats([1.0, 2.0], [3.0, 5.0])
        assert (found.n_leaves, found.result().status) == (number, MatchStatus.DIFFERENT)


def test_types_of_atoms_and_arrays_are_told_before_their_values() -> None:
    one = leaves.packed([1.0])
    for a, b in ((Atom("a", "x"), Atom("b", "x")), (one, replace(one, type="tuple")), (one, Atom("a", "x"))):
        assert [row[1] for row in rows(match(a, b, EXACT))] == ["type"]
    assert [row[1] for row in rows(match(one, Atom(one.type, "x"), EXACT))] == ["value"]


def test_items_behind_floats_beyond_the_list_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "LIMIT", 1)
    assert found(["a", 1.0, "b", 2.0], ["x", 1.5, "y", 2.5]).n_leaves == 4


def test_items_behind_equal_floats_are_compared() -> None:
    """Two objects, as in two runs: no constant that both lists share."""
    one, two = (float(text) for text in ("1.5", "1.5"))
    assert rows(found([one, "a"], [two, "b"])) == [("[1]", "value", "'a'", "'b'")]
