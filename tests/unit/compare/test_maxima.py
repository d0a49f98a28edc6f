"""The quick statistics of floats: right on every mixture of data, and quick because most pieces are not counted.

``PYTEST_REPRO_NIGHTLY=1`` compares 100,000 pairs of arrays with what whole-array numpy says, otherwise some hundreds.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.compare import bounds, maxima, numbers, pairs, ulp
from pytest_repro.compare.bounds import Extent
from pytest_repro.compare.formats import float_format
from pytest_repro.compare.numbers import number_stats
from pytest_repro.model import Tolerance
from tests.unit.compare.oracle import EDGES, array, expected, expected_at_once, floats, pairs_of_floats, place, thorough

PAIRS = 100_000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 400
LARGEST = float(np.finfo(np.float64).max)
SUBNORMAL = 5e-324


def statistics(a: Any, b: Any, *, nan_payload: bool = False) -> tuple[int, float, float, int | None, int]:
    stats, outside = number_stats(array(a), array(b), Tolerance(nan_payload=nan_payload))
    if stats is None:
        assert outside == 0
        return 0, 0.0, 0.0, None, -1
    assert outside == stats.outside == stats.unequal
    return stats.unequal, float(stats.max_abs), stats.max_rel, stats.max_ulp, int(stats.first_index[0])


# --- right ------------------------------------------------------------------------------------


def some(rng: np.random.Generator, n: int) -> Any:
    """Numbers of one sort."""
    sort = rng.integers(9)
    if sort == 0:
        return np.array([*EDGES, -math.nan, 1e-310, 1e308])[rng.integers(len(EDGES) + 3, size=n)]
    if sort == 1:
        return rng.integers(0, 1 << 64, n, dtype=np.uint64).view(np.float64)
    if sort == 2:
        return rng.normal(size=n) * 10.0 ** rng.uniform(-300, 300, n)
    if sort == 3:
        return np.maximum(rng.normal(size=n), 0) * rng.choice([1.0, -1.0])
    if sort == 4:
        return rng.random(n) * 1e-308 * rng.choice([1.0, -1.0, 1e-5])
    if sort == 5:
        return rng.normal(size=n) * 1e308
    if sort == 6:
        return rng.integers(-3, 4, n).astype(float)
    return rng.normal(size=n) * 10.0 ** rng.uniform(-320, 300) if sort == 7 else rng.normal(size=n)


def drifted(rng: np.random.Generator, a: Any) -> Any:
    """The numbers, changed in one way."""
    way = rng.integers(9)
    if way == 0:
        return some(rng, a.size)
    if way == 1:
        return a * (1 + 10.0 ** -float(rng.integers(0, 17)) * rng.normal(size=a.size))
    if way == 2:
        return a * rng.choice([1.0, -1.0], a.size)
    if way == 3:  # any one bit: another payload where that is NaN
        return (a.view(np.uint64) ^ (np.uint64(1) << rng.integers(0, 64, a.size).astype(np.uint64))).view(np.float64)
    if way == 4:
        return np.where(rng.random(a.size) < rng.choice([0.02, 0.5]), some(rng, a.size), a)
    if way == 5:
        steps = rng.integers(0, 1 << int(rng.integers(1, 54)), a.size, dtype=np.uint64)
        return (a.view(np.uint64) + steps).view(np.float64)
    if way == 6:
        return rng.permutation(a)
    return a * rng.choice([0.5, 2.0, 1.999, 0.501, 1.0], a.size) if way == 7 else a.copy()


def mixture(rng: np.random.Generator) -> tuple[Any, Any]:
    """Two arrays of stretches that differ in different ways, so that each piece follows on all sorts of others."""
    stretches = []
    for _ in range(rng.integers(1, 7)):
        a = some(rng, int(rng.integers(1, 70)))
        stretches.append((a, drifted(rng, a)))
    dtype = rng.choice(["float64", "float64", "float32", "float16"])
    return tuple(np.concatenate(side).astype(dtype) for side in zip(*stretches, strict=True))  # type: ignore[return-value]


def test_statistics_of_mixtures_equal_those_of_whole_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (numbers, pairs):
        monkeypatch.setattr(module, "CHUNK", 32)
    rng = np.random.Generator(np.random.PCG64(11))
    for _ in range(PAIRS):
        with np.errstate(all="ignore"):
            a, b = mixture(rng)
        nan_payload = bool(rng.random() < 0.3)
        for x, y in ((a, b), (b, a)):
            want = expected_at_once(x, y, nan_payload=nan_payload)
            assert statistics(x, y, nan_payload=nan_payload) == want, (x.tobytes(), y.tobytes(), x.dtype)


@thorough
@given(pair=pairs_of_floats(), width=st.sampled_from(["float16", "float32", "float64"]))
def test_whole_arrays_are_judged_as_one_by_one(pair: tuple[Any, Any], width: str) -> None:
    """The two oracles agree."""
    with np.errstate(all="ignore"):
        a, b = (np.array(x).astype(width) for x in pair)
    assert expected_at_once(a, b)[:4] == expected(a, b)


def test_payloads_are_told_apart_in_pieces_of_many_and_of_few() -> None:
    payloads = np.array([0x7FF8000000000001, 0x7FF8000000000002], np.uint64).view(np.float64)
    for share in (0.01, 0.5):
        odd = np.random.default_rng(3).random(1000) < share
        a, b = np.where(odd, payloads[0], 1 + np.arange(1000.0)), np.where(odd, payloads[1], 1.5 + np.arange(1000.0))
        both = int(odd.sum())
        assert statistics(a, b) == (*expected(a, b), int(np.flatnonzero(~odd)[0]))
        assert statistics(a, b, nan_payload=True)[::4] == (1000, 0)
        stats, _ = number_stats(array(a), array(np.where(odd, payloads[1], a)), Tolerance(nan_payload=True))
        assert stats is not None
        assert (stats.unequal, stats.max_abs, stats.max_ulp, stats.sign_of_zero_only) == (both, 0, None, False)


def test_nan_has_no_distance_however_pairs_are_counted() -> None:
    """Against numbers of one sign, of both signs that no pair crosses, and across zero."""
    for rest in ([1.0, 2.0, 3.0], [1.0, -2.0, 3.0]):
        for sign in (1.0, -1.0):
            a, b = np.array([*rest, math.nan] * 3), np.array([*rest, 2.0] * 3)
            b[0] *= 1.5 * sign
            assert statistics(a, b) == expected_at_once(a, b)
            assert statistics(b, a) == expected_at_once(b, a)


def test_sign_of_zero_alone_is_labelled_with_payloads_asked_for_too() -> None:
    stats, _ = number_stats(array(np.zeros(9)), array(-np.zeros(9)), Tolerance(nan_payload=True))
    assert stats is not None
    assert (stats.sign_of_zero_only, stats.unequal, stats.max_ulp) == (True, 9, 0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_neighbours_that_are_no_subnormal_numbers_are_divided_as_they_are(sign: float) -> None:
    """Their difference is subnormal, they are not."""
    a = np.full(9, 1e-300 * sign)
    b = np.nextafter(a, 0)
    assert statistics(a, b) == expected_at_once(a, b)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param((1.0, 3.0), (1 - 2.0**-52, -1 - 2.0**-52), id="one rounding more"),
        pytest.param((SUBNORMAL, 4 * SUBNORMAL), (3 * SUBNORMAL, 13 * SUBNORMAL), id="subnormal"),
    ],
)
def test_a_ratio_just_beyond_the_largest_is_found(
    first: tuple[float, float], then: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (numbers, pairs):
        monkeypatch.setattr(module, "CHUNK", 64)
    a, b = np.full(128, 1.0 if first[0] == 1 else 20 * SUBNORMAL), np.full(128, 0.0)
    b[:] = a * 1.5
    (a[0], b[0]), (a[100], b[100]) = first, then
    want = expected_at_once(a, b)
    assert want[2] > abs(first[1] - first[0]) / first[0]
    assert statistics(a, b) == want


# --- quick ------------------------------------------------------------------------------------

N = 64 * 512
rng = np.random.default_rng(5)
NORMAL, OTHER = rng.normal(size=N), rng.normal(size=N)
WIDE, OTHER_WIDE = (rng.choice([-1.0, 1.0], N) * 10.0 ** rng.uniform(-300, 300, N) for _ in range(2))
TINY, OTHER_TINY = NORMAL * 1e-310, OTHER * 1e-310
HOLES = rng.random(N) < 0.01
#: data → pieces of 64 that may be counted in full: the first few, which raise a maximum, and those of a pause after
#: a shortcut failed
COUNTED = {
    "noise": (NORMAL, NORMAL * (1 + 1e-12 * OTHER), 20),
    "independent": (NORMAL, OTHER, 3),
    "equal NaNs": (np.where(HOLES, np.nan, NORMAL), np.where(HOLES, np.nan, OTHER), 3),
    "wide": (WIDE, OTHER_WIDE, 17),
    "against zero": (np.zeros(N), NORMAL, 18),
    "zeros of both signs": (np.where(NORMAL > 0, 0.0, -0.0), np.where(HOLES, 1e-3, np.where(OTHER > 0, 0.0, -0.0)), 2),
    "subnormal": (TINY, OTHER_TINY, 3),
    "overflowing": (np.full(N, 1e308), rng.choice([-1.5e308, 1e308, 1.7e308], N), 2),
}


class Counted:
    """How often the functions of a module or class were called, and returned something true."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.calls: Counter[str] = Counter()
        self.successes: Counter[str] = Counter()

    def watch(self, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def counting(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            self.calls[name] += 1
            self.successes[name] += result is not None and result is not False
            return result

        self._patch.setattr(owner, name, counting)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    for module in (numbers, pairs):
        monkeypatch.setattr(module, "CHUNK", 512)
    watched = Counted(monkeypatch)
    for name in ("largest_beside", "largest_across", "largest_magnitudes_apart"):
        watched.watch(ulp, name)
    watched.watch(bounds, "farthest")
    for name in (
        *("_try_small_references", "_try_large_differences", "_find_odd", "_count_steps"),
        *("_far_or_nan", "_add_few"),
    ):
        watched.watch(maxima.Maxima, name)
    watched.watch(maxima, "_steps_from_zero")
    return watched


@pytest.mark.parametrize("data", COUNTED)
def test_few_pieces_are_counted_in_full(data: str, counted: Counted) -> None:
    a, b, most = COUNTED[data]
    assert statistics(a, b) == expected_at_once(a, b)
    assert counted.calls["largest_beside"] + counted.calls["largest_across"] <= most
    assert counted.calls["_count_steps"] <= most + 30


def test_references_that_are_not_small_are_not_divided_by(counted: Counted) -> None:
    statistics(NORMAL, OTHER)
    assert counted.successes["_try_small_references"] > 50
    counted.calls.clear()
    statistics(NORMAL, NORMAL * 2.5)  # never much beyond: an attempt in sixteen, all in vain
    assert counted.calls["_try_small_references"] <= 5


def test_positive_numbers_are_counted_without_regard_to_signs(counted: Counted) -> None:
    statistics(np.abs(NORMAL), np.abs(OTHER))
    assert counted.calls["largest_across"] == 0
    assert counted.calls["largest_beside"] == 64
    assert counted.calls["_try_large_differences"] <= 5
    assert counted.calls["farthest"] <= 10
    statistics(-np.abs(NORMAL), -np.abs(OTHER))
    assert counted.calls["largest_across"] == 0


def test_magnitudes_are_counted_only_where_pairs_of_one_sign_could_be_farthest(counted: Counted) -> None:
    statistics(np.array([1e300] * 9 + [-1e300]), np.array([-1e300] * 9 + [-1e-300]))
    assert (counted.calls["largest_across"], counted.calls["largest_magnitudes_apart"]) == (1, 0)
    statistics(np.array([1e-300] * 9 + [-1e300]), np.array([-1e-300] * 9 + [-1.0]))
    assert (counted.calls["largest_across"], counted.calls["largest_magnitudes_apart"]) == (2, 1)


def any_bits(seed: int) -> tuple[Any, Any]:
    """Random bits, some of them equal NaNs, NaNs of two payloads, and infinities on both sides."""
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 1 << 64, 1 << 14, dtype=np.uint64).view(np.float64) for _ in range(2))
    with_nan, payloads, infinite = rng.integers(0, a.size, (3, 60))
    a[with_nan] = b[with_nan] = math.nan
    a[payloads], b[payloads] = np.array([0x7FF8000000000001, 0xFFF8000000000002], np.uint64).view(np.float64)
    a[infinite], b[infinite] = math.inf, rng.choice([math.inf, 1.0], infinite.size)
    return a, b


@pytest.mark.parametrize("nan_payload", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_once_other_maxima_are_infinite_only_nans_and_far_pairs_are_looked_at(
    nan_payload: bool, seed: int, counted: Counted
) -> None:
    a, b = any_bits(seed)
    assert statistics(a, b, nan_payload=nan_payload) == expected_at_once(a, b, nan_payload=nan_payload)
    assert counted.calls["_add_few"] >= 15, "unless the first try failed, nearly all of 32"
    assert counted.calls["_find_odd"] <= 17
    counted.calls.clear()
    late = np.concatenate([a, [1.7e308, 2.0, 3.0]]), np.concatenate([b, [-1.7e308, 2.0, 4.0]])
    assert statistics(*late, nan_payload=nan_payload) == expected_at_once(*late, nan_payload=nan_payload)


def saturated(rng: np.random.Generator) -> tuple[Any, Any]:
    """Eight pieces, of which the first makes the largest differences infinite; zeros of both signs fill the others."""
    a, b = np.zeros(8 * 512), np.where(rng.random(8 * 512) < 0.5, -0.0, 0.0)
    a[:512:2], b[:512] = math.nan, 1.0
    return a, b


def test_pair_that_is_the_farthest_is_found_once_other_maxima_are_infinite(counted: Counted) -> None:
    a, b = saturated(np.random.default_rng(8))
    a[3000], b[3000] = 1e308, -1e308
    a[3500], b[3500] = math.nan, -1.7e308
    assert statistics(a, b) == expected_at_once(a, b)
    assert counted.calls["_add_few"] == 7


def test_pairs_with_nan_alone_have_no_distance_once_other_maxima_are_infinite(counted: Counted) -> None:
    a, b = np.ones(8 * 512), np.ones(8 * 512)
    a[:512:2] = a[600] = math.nan
    a[700] = b[700] = math.nan
    stats, _ = number_stats(array(a), array(b), Tolerance())
    assert stats is not None
    assert (stats.unequal, stats.max_abs, stats.max_ulp) == (257, math.inf, None)
    assert counted.calls["_add_few"] == 1


def test_nans_of_two_payloads_are_not_outside_a_tolerance_once_other_maxima_are_infinite(counted: Counted) -> None:
    a, b = saturated(np.random.default_rng(9))
    a[1000], b[1000] = np.array([0x7FF8000000000001, 0xFFF8000000000002], np.uint64).view(np.float64)
    a[1001], b[1001] = 1.0, 2.0
    zeros = int(np.count_nonzero(np.signbit(b) & (b == 0)))
    stats, outside = number_stats(array(a), array(b), Tolerance(atol=1e-3))
    assert stats is not None
    assert (stats.unequal, outside, counted.calls["_add_few"]) == (513 + zeros, 513, 7)


def test_where_most_pairs_may_be_farther_they_are_not_picked_out(counted: Counted) -> None:
    half = np.where(OTHER > 0, np.nan, NORMAL)
    assert statistics(half, OTHER) == expected_at_once(half, OTHER)
    assert (counted.calls["_add_few"], counted.calls["_far_or_nan"]) == (0, 5), "an attempt in sixteen"


def test_nan_is_looked_for_only_where_a_difference_is_one(counted: Counted) -> None:
    statistics(NORMAL, OTHER)
    assert counted.calls["_find_odd"] == 0
    a, b, _ = COUNTED["equal NaNs"]
    statistics(a, b)
    assert counted.calls["_find_odd"] > 50
    assert counted.successes["_find_odd"] == 0


def test_subnormal_numbers_are_divided_as_integers(counted: Counted) -> None:
    a, b = TINY, TINY * 1.25
    assert statistics(a, b) == expected_at_once(a, b)
    assert counted.calls["_steps_from_zero"] == 2 * 64
    counted.calls.clear()
    statistics(TINY * 1e10, TINY * 1.25e10)
    assert counted.calls["_steps_from_zero"] == 0


# --- bounds -----------------------------------------------------------------------------------


@thorough
@given(a=floats(), b=floats(), width=st.sampled_from(["float16", "float32", "float64"]))
def test_no_pair_of_one_sign_lies_beyond_the_bound_of_its_ratio(a: float, b: float, width: str) -> None:
    form = float_format(width)
    assert form is not None
    with np.errstate(all="ignore"):
        x, y = np.abs(np.array([a, b]).astype(width))
        ratio = float((np.float64(x) - np.float64(y)) / np.float64(x))
    if not math.isfinite(ratio) or ratio >= 1:
        return
    assert abs(place(x) - place(y)) <= bounds.beside(min(ratio, 0.0), max(ratio, 0.0), mantissa=form.mantissa)


def test_bound_of_the_ratio_is_kept_where_it_is_tight() -> None:
    """Just below a power of two and half of that: as many steps as the mantissa has places."""
    x, y = np.nextafter(np.float64(2), 0), np.float64(1)
    for a, b in ((x, y), (y, x)):
        ratio = float((a - b) / a)
        bound = bounds.beside(min(ratio, 0.0), max(ratio, 0.0), mantissa=52)
        assert 2**52 - 1 <= bound <= 2**52 * (1 + 1e-8)


def test_bound_of_the_ratio_at_its_ends() -> None:
    assert bounds.beside(0.0, 0.0, mantissa=52) == 0
    assert bounds.beside(0.0, 1 - 1e-7, mantissa=52) == bounds.NO_BOUND == bounds.beside(-1e7, 0.0, mantissa=52)
    assert bounds.beside(-(2.0**-40), 0.0, mantissa=52) <= 2**13 + 3
    assert bounds.beside(0.0, 2.0**-40, mantissa=52) <= 2**13 + 3
    assert bounds.beside(-1.0, 0.0, mantissa=52) <= 2**52 * 1.0001 + 3
    assert bounds.beside(0.0, 0.75, mantissa=52) <= 2**52 * 2.0863 + 3
    assert bounds.beside(-2.0, 0.0, mantissa=52) >= place(np.float64(3)) - place(np.float64(1))


@thorough
@given(a=floats(), b=floats(), known=st.integers(0, 2**64 - 1))
def test_no_pair_within_reach_lies_farther_apart(a: float, b: float, known: int) -> None:
    if math.isnan(a) or math.isnan(b):
        return
    x, y = np.float64(a), np.float64(b)
    steps = abs(place(x) - place(y))
    with np.errstate(all="ignore"):
        gap = abs(float(x - y))
    for limit in (known, steps - 1, steps // 2):
        if limit >= 0 and steps > limit:
            assert not gap <= bounds.reach(limit), (a, b, limit)


def test_reach_is_not_much_too_short() -> None:
    assert bounds.reach(0) == 0
    assert bounds.reach(7) == 7 * SUBNORMAL
    assert bounds.reach((1 << 53) - 1) == ((1 << 53) - 1) * SUBNORMAL
    assert bounds.reach((1 << 54) - 1) == bounds.reach(1 << 53) == (1 << 53) * SUBNORMAL
    assert bounds.reach(1 << 54) > bounds.reach((1 << 54) - 1)
    assert bounds.reach((1 << 54) + 2) == 2.0**-1020 * (1 - 2.0**-50)
    one = place(np.float64(1.0))
    assert bounds.reach(2 * one + 2) == 2.0 * (1 - 2.0**-50)  # 1 and -1
    assert bounds.reach(2 * (one + 300) + 2) == 2 * (1 + 300 * 2.0**-52) * (
        1 - 2.0**-50
    )  # more places than a float has
    assert bounds.reach(2 * bounds.INFINITY + 2) == LARGEST


@pytest.mark.parametrize("width", ["float16", "float32", "float64"])
def test_extent_is_the_largest_position_on_both_sides(width: str) -> None:
    form = float_format(width)
    assert form is not None

    def extent(*values: float) -> Extent:
        return Extent.of(np.array(values, width).view(form.signed))

    two, three = (place(np.dtype(width).type(value)) for value in (2, 3))
    assert extent(2, -3, 1, -0.5) == (two, three)
    assert extent(2, 3) == (three, -1)
    assert extent(-2, -3) == (-1, three)
    assert extent(0.0, 0.0) == (0, -1)
    assert extent(-0.0, -0.0) == (-1, 0)
    assert extent(math.inf, -math.inf) == (form.infinity, form.infinity)
    assert min(extent(math.nan)[0], form.infinity) == form.infinity


def test_farthest_is_across_zero_or_along_one_side() -> None:
    assert bounds.farthest(Extent(5, -1), Extent(9, -1)) == (9, False)
    assert bounds.farthest(Extent(-1, 5), Extent(-1, 4)) == (5, False)
    assert bounds.farthest(Extent(5, -1), Extent(-1, 4)) == (9, True)
    assert bounds.farthest(Extent(-1, 5), Extent(4, -1)) == (9, True)
    assert bounds.farthest(Extent(0, -1), Extent(7, 8)) == (8, True)
    assert bounds.farthest(Extent(3, 7), Extent(5, 1)) == (12, True)
