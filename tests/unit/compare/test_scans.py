"""Arrays that are looked at in several pieces: integers, elements without a distance, every order in memory."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from pytest_repro.compare import numbers, pairs
from pytest_repro.compare.numbers import number_stats
from pytest_repro.model import NumberStats, Tolerance
from tests.unit.compare.oracle import array

#: elements of a piece here
PIECE = 4


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (numbers, pairs):
        monkeypatch.setattr(module, "CHUNK", PIECE)


def stats_of(a: Any, b: Any, tolerance: Tolerance | None = None) -> NumberStats:
    stats, outside = number_stats(array(a), array(b), tolerance or Tolerance())
    assert stats is not None
    assert stats.outside == outside
    return stats


def changed(reference: Any, changes: dict[int, Any]) -> Any:
    other = reference.copy()
    for place, value in changes.items():
        other.flat[place] = value
    return other


# --- integers -------------------------------------------------------------------------------------


def test_integers_of_several_pieces_are_counted_together() -> None:
    a = np.full(4 * PIECE, 100)
    stats = stats_of(a, changed(a, {5: 110, 6: 100 - 25, 13: 102}))
    assert (stats.total, stats.unequal, stats.outside, stats.first_index) == (16, 3, 3, (5,))
    assert (stats.max_abs, stats.max_rel, stats.max_ulp) == (25, 0.25, None)


@pytest.mark.parametrize("places", [(0, 1), (0, 5), (3, 4), (6, 7), (7, 9)])
def test_first_index_is_that_of_the_first_piece_that_differs(places: tuple[int, int]) -> None:
    for a in (np.zeros(12, np.int16), np.zeros(12, np.bool_), np.zeros(12, "M8[s]"), np.zeros(12, "S3")):
        b = changed(a, dict.fromkeys(places, True if a.dtype.kind == "b" else b"1" if a.dtype.kind == "S" else 1))
        stats = stats_of(a, b)
        assert (stats.unequal, stats.outside, stats.first_index) == (2, 2, (places[0],))


def test_first_index_is_of_an_integer_beyond_the_tolerance() -> None:
    a = np.full(4 * PIECE, 100)
    far = {0: 105, 6: 104, 7: 150, 9: 101, 14: 200}
    stats = stats_of(a, changed(a, far), Tolerance(rtol=0.1))
    assert (stats.unequal, stats.outside, stats.first_index) == (5, 2, (7,))
    assert (stats.max_abs, stats.max_rel) == (100, 1.0)
    assert stats_of(a, changed(a, {0: 150, 1: 160}), Tolerance(atol=55)).first_index == (1,)
    assert stats_of(a, changed(a, {0: 160, 5: 160}), Tolerance(atol=55)).first_index == (0,)
    for first in (0, 3):
        within = stats_of(a, changed(a, {first: 101, 6: 99}), Tolerance(atol=1))
        assert (within.outside, within.first_index) == (0, (first,))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint64"])
def test_relative_difference_of_integers_is_to_the_reference(dtype: str) -> None:
    a, b = np.array([100, 1, 50], dtype), np.array([125, 1, 40], dtype)
    assert stats_of(a, b).max_rel == 0.25
    assert stats_of(b, a).max_rel == 0.25
    assert stats_of(np.array([0], dtype), np.array([1], dtype)).max_rel == math.inf
    assert stats_of(np.array([16], dtype), np.array([17], dtype)).max_rel == 1 / 16


def test_gap_of_integers_is_a_float_as_long_as_one_holds_it() -> None:
    for gap, kind in ((1 << 53, float), ((1 << 53) + 1, int)):
        stats = stats_of(np.array([0]), np.array([gap]))
        assert stats.max_abs == gap
        assert type(stats.max_abs) is kind


def test_distances_are_negative_only_where_integers_are_equal() -> None:
    a, b = np.array([3, 5, -128], np.int8), np.array([3, 9, 127], np.int8)
    assert numbers.distances(array(a), a, b, nan_payload=False).tolist() == [-1.0, 4.0, 255.0]


def test_what_is_no_finite_number_raises_no_warning() -> None:
    zeros, ones = np.zeros(2, np.int8), np.ones(2, np.int8)
    holes, infinities = np.array([math.nan, math.inf]), np.array([math.inf, math.nan])
    with np.errstate(all="raise"):
        assert stats_of(zeros, ones).max_rel == math.inf
        assert stats_of(holes, infinities).max_abs == math.inf
        gaps = numbers.distances(array(holes), np.array([math.inf]), np.array([math.inf]), nan_payload=True)
        far = numbers.distances(array(holes), np.array([math.inf]), np.array([-math.inf]), nan_payload=True)
    assert (gaps.tolist(), far.tolist()) == ([-1.0], [math.inf])


def test_payloads_have_no_distance_and_count_where_they_are_asked_for() -> None:
    a = np.array([math.nan, 1.0])
    b = a.copy()
    b.view(np.uint64)[0] ^= 1
    for nan_payload, expected in ((True, [0.0, -1.0]), (False, [-1.0, -1.0])):
        assert numbers.distances(array(a), a, b, nan_payload=nan_payload).tolist() == expected
    assert number_stats(array(a), array(b), Tolerance()) == (None, 0)


def test_array_is_equal_to_itself() -> None:
    node = array(np.array([1.0, math.nan]))
    assert number_stats(node, node, Tolerance(nan_payload=True)) == (None, 0)


def test_texts_of_two_elements_come_with_their_distance() -> None:
    for dtype in ("float16", "float32", "float64"):
        a = np.array([1.0, 0.1], dtype)
        b = np.array([1.0, np.nextafter(a[1], a[0])])
        text, other, steps = numbers.element_texts(array(a), array(b.astype(dtype)), (1,))
        assert (text, steps) == ("0.1", 1)
        assert float(other) > 0.1
    three, minus_four = (array(np.array([number], np.int8)) for number in (3, -4))
    assert numbers.element_texts(three, minus_four, (0,)) == ("3", "-4", None)
    raw, changed_raw = (array(np.array([data], "V2")) for data in (b"a\0", b"b\0"))
    assert numbers.element_texts(raw, changed_raw, (0,)) == (r"b'a\x00'", r"b'b\x00'", None)


# --- no distance ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "one", "two"),
    [
        ("M8[D]", "2020", "2021"),
        ("m8[s]", 1, 2),
        ("S2", b"a", b"b"),
        ("U2", "a", "b"),
        ("V2", b"ab", b"ac"),
        ("?", 0, 1),
    ],
)
def test_elements_without_distance_are_counted_over_all_pieces(dtype: str, one: Any, two: Any) -> None:
    a = np.full(3 * PIECE, np.array(one, dtype), dtype)
    stats = stats_of(a, changed(a, dict.fromkeys((5, 6, 9), np.array(two, dtype))))
    assert (stats.unequal, stats.outside, stats.first_index, stats.max_ulp) == (3, 3, (5,), None)
    assert math.isnan(stats.max_abs)
    assert math.isnan(stats.max_rel)


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]"])
def test_missing_times_are_equal(dtype: str) -> None:
    a = np.array(["NaT", 1, "NaT"], dtype)
    assert number_stats(array(a), array(a.copy()), Tolerance()) == (None, 0)
    assert stats_of(a, np.array(["NaT", 1, 2], dtype)).first_index == (2,)


# --- order in memory ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 3, 4, 17, 29])
def test_places_are_in_c_order_in_every_piece(place: int) -> None:
    a = np.arange(30.0).reshape(5, 6)
    b = changed(a, {place: -1.0})
    index = tuple(map(int, np.unravel_index(place, a.shape)))
    columns = [np.asfortranarray(x) for x in (a, b)]
    for x, y in ((a, b), (columns[0], b), (a, columns[1]), columns, (a[::-1], b[::-1])):
        stats = stats_of(x, y)
        flipped = (4 - index[0], index[1])
        assert (stats.unequal, stats.first_index) == (1, flipped if x.strides[0] < 0 else index)


@pytest.mark.parametrize("turned", [0, 1])
def test_arrays_in_another_order_are_not_copied_whole(turned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "CHUNK", 1 << 15)
    both = [np.zeros((600, 500)), np.zeros((600, 500))]
    both[turned] = np.asfortranarray(both[turned])
    tracemalloc.start()
    try:
        for _ in pairs.pairs(*both):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < both[0].nbytes / 2


def test_pieces_are_of_bounded_size_and_lie_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.arange(30).reshape(5, 6)
    wide = np.full((2, 3), "q" * 10)
    monkeypatch.setattr(pairs, "CHUNK_BYTES", 100)
    for one, size in ((a, PIECE), (wide, 2)):
        for other in (one.copy(), np.asfortranarray(one)):
            found = [(start, x.copy(), y.copy()) for start, x, y in pairs.pairs(one, other)]
            ends = np.cumsum([x.size for _, x, _ in found]).tolist()
            assert [start for start, _, _ in found] == [0, *ends[:-1]]
            assert max(x.size for _, x, _ in found) == size
            assert {x.shape == y.shape and x.ndim == 1 for _, x, y in found} == {True}
            for side in (1, 2):
                np.testing.assert_array_equal(np.concatenate([piece[side] for piece in found]), one.ravel())
    assert [x.size for _, x, _ in pairs.pairs(np.array(["q" * 99] * 2), np.array(["q" * 99] * 2))] == [1, 1]
    assert not list(pairs.pairs(np.empty((0, 2)), np.empty((0, 2))))
    strided = np.asfortranarray(a)
    assert all(x.flags.c_contiguous and y.flags.c_contiguous for _, x, y in pairs.pairs(strided, a))
