"""Statistics of two arrays, against slow and obvious ones."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.compare import numbers, pairs
from pytest_repro.compare.formats import float_format
from pytest_repro.compare.numbers import element_text, element_texts, is_numeric, number_stats, real_number
from pytest_repro.compare.pairs import CHUNK
from pytest_repro.model import NumberStats, Tolerance
from tests.unit.compare.oracle import EDGES, array, expected, floats, pairs_of_floats, thorough

EXACT = Tolerance()


def stats_of(a: Any, b: Any, tolerance: Tolerance = EXACT, dtype: str | None = None) -> NumberStats:
    stats, outside = number_stats(array(a, dtype), array(b, dtype), tolerance)
    assert stats is not None
    assert stats.outside == outside
    return stats


def facts(stats: NumberStats) -> tuple[int, float, float, int | None]:
    return stats.unequal, float(stats.max_abs), stats.max_rel, stats.max_ulp


@thorough
@given(pair=pairs_of_floats(), width=st.sampled_from(["float16", "float32", "float64"]))
def test_statistics_of_floats_equal_those_computed_one_by_one(pair: tuple[Any, Any], width: str) -> None:
    with np.errstate(all="ignore"):
        a, b = (np.array(x).astype(width) for x in pair)
    stats, outside = number_stats(array(a), array(b), EXACT)
    want = expected(a, b)
    if not want[0]:
        assert (stats, outside) == (None, 0)
        return
    assert stats is not None
    assert facts(stats) == want
    assert outside == stats.unequal
    same = np.isnan(a) & np.isnan(b) | (a.view(f"i{a.itemsize}") == b.view(f"i{a.itemsize}"))
    assert stats.first_index == (int(np.flatnonzero(~same)[0]),)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0, "mixed"])
@pytest.mark.parametrize("noise", [1e-2, 1.0, "sign", "shuffled", "specials"])
def test_statistics_of_several_pieces_equal_those_computed_one_by_one(dtype: str, scale: Any, noise: Any) -> None:
    rng = np.random.default_rng(1)
    n = CHUNK * 2 + 77
    a = rng.normal(size=n) * (np.exp(3 * rng.normal(size=n)) if scale == "mixed" else scale)
    a[rng.random(n) < 0.3] = 0.0
    if noise == "sign":
        b = np.where(rng.random(n) < 0.5, -a, a)
    elif noise == "shuffled":
        b = rng.permutation(a)
    elif noise == "specials":
        b = np.where(rng.random(n) < 1e-4, rng.choice(EDGES[4:7], n), a)
    else:
        b = a * (1 + noise * rng.normal(size=n))
    with np.errstate(all="ignore"):
        x, y = a.astype(dtype), b.astype(dtype)
    stats, _ = number_stats(array(x), array(y), EXACT)
    assert (facts(stats) if stats else (0, 0.0, 0.0, None)) == expected(x, y)


def _wide(rng: Any, n: int) -> Any:
    return rng.random(n) * 10.0 ** rng.uniform(-300, 300, n)


def _any_bits(rng: Any, n: int) -> Any:
    return rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64)


#: data of every sort: (generator, elements) → two arrays
SORTS: dict[str, Any] = {
    "wide": lambda r, n: (_wide(r, n) * r.choice([-1.0, 1.0], n), _wide(r, n) * r.choice([-1.0, 1.0], n)),
    "wide, one sign": lambda r, n: (_wide(r, n), _wide(r, n)),
    "wide, negative": lambda r, n: (-_wide(r, n), -_wide(r, n)),
    "wide, flipped": lambda r, n: (x := _wide(r, n), x * r.choice([-1.0, 1.0], n)),
    "wide, close": lambda r, n: (x := _wide(r, n), x * (1 + 1e-12 * r.normal(size=n))),
    "any bits": lambda r, n: (_any_bits(r, n), _any_bits(r, n)),
    "overflowing": lambda r, n: (np.full(n, 1e308), r.choice([-1.5e308, 1e308, 1.7e308], n)),
    "subnormal": lambda r, n: (r.normal(size=n) * 1e-310, r.normal(size=n) * 1e-310),
    "zeros of both signs": lambda r, n: (
        r.choice([0.0, -0.0], n), r.choice([0.0, -0.0, 1e-3], n, p=[0.6, 0.399, 0.001]),
    ),
    "zeros against numbers": lambda r, n: (np.zeros(n), r.normal(size=n)),
    "rectified": lambda r, n: (np.maximum(x := r.normal(size=n), 0), np.maximum(x * (1 + 0.1 * r.random(n)), 0)),
    "few": lambda r, n: (x := r.normal(size=n), np.where(r.random(n) < 0.01, x * 1.5, x)),
    "few, some of them holes": lambda r, n: (
        x := r.normal(size=n), np.where(r.random(n) < 0.01, r.choice([np.nan, 1.0], n), x),
    ),
    "same holes": lambda r, n: (
        np.where(m := r.random(n) < 0.1, h := r.choice([np.nan, np.inf, -np.inf], n), x := r.normal(size=n)),
        np.where(m, h, x * (1 + 1e-6 * r.normal(size=n))),
    ),
    "other holes": lambda r, n: (
        np.where(r.random(n) < 0.1, np.nan, r.normal(size=n)), np.where(r.random(n) < 0.1, np.inf, r.normal(size=n)),
    ),
    "nothing but holes": lambda r, n: (np.full(n, np.nan), r.choice([np.nan, np.inf, 1.0], n)),
    "infinities of both signs": lambda r, n: (r.choice([np.inf, -np.inf], n), r.choice([np.inf, -np.inf], n)),
    "holes only later": lambda r, n: (x := r.normal(size=n), np.where(np.arange(n) > n // 2, np.nan, x * 1.1)),
    "close, then far": lambda r, n: (
        x := r.normal(size=n), np.where(np.arange(n) < n // 2, x * (1 + 1e-9), r.normal(size=n)),
    ),
    "ever a little farther": lambda r, n: (np.ones(n), 2.5 + np.linspace(0, 1, n)),
    "independent": lambda r, n: (r.normal(size=n), r.normal(size=n)),
    "factor of two": lambda r, n: (x := r.normal(size=n), x * r.choice([0.5, 2.0, 1.999, 0.501], n)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_statistics_of_every_sort_of_data_equal_those_computed_one_by_one(
    dtype: str, sort: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (numbers, pairs):  # many pieces, since each is asked only what could still raise a maximum
        monkeypatch.setattr(module, "CHUNK", 256)
    with np.errstate(all="ignore"):
        x, y = (np.asarray(data).astype(dtype) for data in SORTS[sort](np.random.default_rng(seed), 256 * 8 + 7))
    for a, b in ((x, y), (y, x)):
        stats, outside = number_stats(array(a), array(b), EXACT)
        want = expected(a, b)
        assert (facts(stats) if stats else (0, 0.0, 0.0, None)) == want
        assert outside == want[0]
        same = np.isnan(a) & np.isnan(b) | (a.view(f"i{a.itemsize}") == b.view(f"i{a.itemsize}"))
        assert stats is None or stats.first_index == (int(np.flatnonzero(~same)[0]),)


def test_equal_arrays_have_no_statistics() -> None:
    assert number_stats(array(EDGES), array(list(EDGES)), EXACT) == (None, 0)
    assert number_stats(array(np.empty((0, 3))), array(np.empty((0, 3))), EXACT) == (None, 0)


def test_index_is_in_c_order_for_any_strides() -> None:
    a = np.zeros((200, 300, 3))
    b = a.copy()
    b[7, 249, 1] = b[150, 0, 0] = 1
    for x, y in [
        (a, b),
        (np.asfortranarray(a), b),
        (a, np.asfortranarray(b)),
        (np.asfortranarray(a), np.asfortranarray(b)),
    ]:
        assert stats_of(x, y).first_index == (7, 249, 1)
    assert stats_of(a[::-2, ::3], b[::-2, ::3]).unequal == int((a[::-2, ::3] != b[::-2, ::3]).sum()) == 1
    assert stats_of(a.T, b.T).first_index == (0, 0, 150)


def test_zero_dimensional_arrays_have_an_empty_index() -> None:
    assert stats_of(np.float32(1), np.float32(2)).first_index == ()


def test_sign_of_zero_is_unequal_and_labelled_only_when_nothing_else_is() -> None:
    stats = stats_of([0.0, 1.0, -0.0], [-0.0, 1.0, 0.0])
    assert (stats.unequal, stats.sign_of_zero_only, stats.max_abs, stats.max_rel, stats.max_ulp) == (2, True, 0, 0, 0)
    assert not stats_of([0.0, 1.0], [-0.0, 2.0]).sign_of_zero_only
    assert not stats_of([0.0, math.nan], [-0.0, 2.0]).sign_of_zero_only


def test_sign_of_zero_is_counted_in_pieces_that_follow_a_drifting_one() -> None:
    a = np.ones(3 * CHUNK)
    b = a * 1.5
    a[CHUNK:], b[CHUNK:] = 0.0, -0.0
    b[-1] = 1.0
    assert stats_of(a, b).unequal == a.size


def test_payload_of_nan_counts_only_when_asked_for() -> None:
    a = np.array([0x7FF8000000000001, 0], np.uint64).view(np.float64)
    b = np.array([0x7FF8000000000002, 0], np.uint64).view(np.float64)
    assert number_stats(array(a), array(b), EXACT) == (None, 0)
    stats = stats_of(a, b, Tolerance(nan_payload=True))
    assert (stats.unequal, stats.max_ulp, stats.sign_of_zero_only) == (1, None, False)
    assert stats_of(a, b, Tolerance(nan_payload=True, rtol=1, atol=1, ulp=9)).outside == 1
    assert element_texts(array(a), array(b), (0,))[:2] == ("nan (0x7ff8000000000001)", "nan (0x7ff8000000000002)")


def test_distance_between_opposite_signs_does_not_overflow() -> None:
    top = np.finfo(np.float64).max
    stats = stats_of([-top], [top])
    assert stats.max_ulp == 2 * int(np.float64(top).view(np.int64)) > 2**63
    assert stats_of([-5e-324], [5e-324]).max_ulp == 2
    assert stats_of([math.inf], [-math.inf]).max_ulp == 2 * 0x7FF0000000000000


def test_distance_across_zero_is_the_sum_of_both_magnitudes_whichever_is_larger() -> None:
    for a, b in [(1.0, -0.5), (0.5, -1.0), (-1.0, 1e-300), (-1e-300, 1.0)]:
        x, y = np.array([a]), np.array([b])
        assert facts(stats_of(x, y)) == expected(x, y)


def test_float32_is_never_judged_as_float64() -> None:
    one = np.float32(0.1)
    assert stats_of(one, np.nextafter(one, np.float32(1))).max_ulp == 1
    with pytest.raises(ValueError, match="float32"):
        number_stats(array(np.float32(1)), array(np.float64(1)), EXACT)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_differ_by_part(dtype: str) -> None:
    a = np.array([1 + 1j, complex(math.nan, 2), complex(3, -0.0)], dtype)
    b = np.array([1 + 1j, complex(math.nan, 2), complex(3, 0.0)], dtype)
    assert stats_of(a, b).first_index == (2,)
    assert stats_of(a, b).sign_of_zero_only
    c = np.array([4 + 5j, complex(math.nan, 5), complex(3, -0.0)], dtype)
    stats = stats_of(a, c)
    assert (stats.unequal, stats.max_abs) == (2, 5.0)
    assert stats.max_ulp == max(place_gap(1, 5, dtype), place_gap(1, 4, dtype), place_gap(2, 5, dtype))


def place_gap(x: float, y: float, dtype: str) -> int:
    part = np.dtype(dtype).type(0).real.dtype
    return abs(int(part.type(x).view(f"i{part.itemsize}")) - int(part.type(y).view(f"i{part.itemsize}")))


def test_long_doubles_ignore_padding_and_keep_their_precision() -> None:
    a = np.array([1, 2, np.nan], np.longdouble)
    raw = bytearray(a.tobytes())
    if a.itemsize == 16 and np.finfo(np.longdouble).nmant == 63:
        raw[10:16] = b"\xff" * 6
    b = np.frombuffer(bytes(raw), np.longdouble)
    assert number_stats(array(a), array(b), EXACT) == (None, 0)
    c = a.copy()
    c[1] = np.nextafter(c[1], np.longdouble(3))
    stats = stats_of(a, c)
    assert (stats.unequal, stats.first_index, stats.max_ulp) == (1, (1,), None)
    assert 0 < stats.max_abs == float(np.spacing(np.longdouble(2)))
    assert stats_of(a, c, Tolerance(rtol=1e-9)).outside == 0


def test_long_doubles_below_all_float64_are_no_zeros_of_two_signs() -> None:
    tiny = np.longdouble("1e-4900")
    if not tiny:
        pytest.skip("long doubles are no wider than float64 here")
    assert not stats_of(np.array([tiny]), np.array([2 * tiny])).sign_of_zero_only
    assert stats_of(np.array([0 * tiny]), np.array([-0.0 * tiny])).sign_of_zero_only


@thorough
@given(
    pair=st.sampled_from(["int8", "uint8", "int32", "int64", "uint64"]).flatmap(
        lambda name: st.tuples(
            st.just(name),
            *[st.lists(st.integers(int(np.iinfo(name).min), int(np.iinfo(name).max)), min_size=3, max_size=3)] * 2,
        )
    )
)
def test_gaps_of_integers_are_exact(pair: tuple[str, list[int], list[int]]) -> None:
    name, x, y = pair
    stats, outside = number_stats(array(np.array(x, name)), array(np.array(y, name)), EXACT)
    gap = max(abs(p - q) for p, q in zip(x, y, strict=True))
    assert (stats.max_abs if stats else 0) == gap
    assert outside == sum(p != q for p, q in zip(x, y, strict=True))
    assert stats is None or stats.max_ulp is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(np.array([True, False]), np.array([True, True]), id="bool"),
        pytest.param(np.array(["a", "b"]), np.array(["a", "c"]), id="text"),
        pytest.param(np.array([b"a", b"b"]), np.array([b"a", b"c"]), id="bytes"),
        pytest.param(np.array(["2020", "NaT"], "M8[D]"), np.array(["2020", "2021"], "M8[D]"), id="date"),
        pytest.param(np.array([1, 2], "m8[s]"), np.array([1, 3], "m8[s]"), id="duration"),
        pytest.param(np.array([b"ab", b"cd"], "V2"), np.array([b"ab", b"ce"], "V2"), id="void"),
    ],
)
def test_what_has_no_distance_is_counted_and_takes_no_tolerance(a: Any, b: Any) -> None:
    stats = stats_of(a, b, Tolerance(atol=1e9, rtol=1e9, ulp=10**9))
    assert (stats.unequal, stats.outside, stats.first_index, stats.max_ulp) == (1, 1, (1,), None)
    assert math.isnan(stats.max_abs)
    assert math.isnan(stats.max_rel)
    assert number_stats(array(a), array(a.copy()), EXACT) == (None, 0)
    assert not is_numeric(array(a))


def test_bits_of_an_unknown_dtype_are_only_equal_or_not() -> None:
    a, b = np.array([1, 2], np.uint8), np.array([1, 3], np.uint8)
    assert math.isnan(stats_of(a, b, Tolerance(atol=9), "float4_e2m1fn").max_abs)
    assert not is_numeric(array(a, "float4_e2m1fn"))


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_formats_that_numpy_lacks_are_read_as_torch_reads_them(name: str) -> None:
    torch = pytest.importorskip("torch")
    bits = np.arange(65536, dtype=np.uint16) if name == "bfloat16" else np.arange(256, dtype=np.uint8)
    tensor = torch.from_numpy(bits.view(np.int16) if name == "bfloat16" else bits).view(getattr(torch, name))
    form = float_format(name)
    assert form is not None
    with np.errstate(invalid="ignore"):  # signalling NaNs
        got = form.decode(bits).astype(np.float64)
    np.testing.assert_array_equal(got, tensor.to(torch.float64).numpy())
    finite = np.isfinite(got)
    order = np.argsort(got[finite], kind="stable")
    steps = np.diff(form.positions(bits)[finite][order])
    assert set(steps.tolist()) <= {0, 1}


@pytest.mark.parametrize("name", ["float8_e4m3", "float8_e3m4", "float8_e4m3b11fnuz", "float8_e8m0fnu"])
def test_formats_that_torch_lacks_are_read_as_ml_dtypes_reads_them(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    bits = np.arange(256, dtype=np.uint8)
    form = float_format(name)
    assert form is not None
    np.testing.assert_array_equal(form.decode(bits), bits.view(getattr(ml_dtypes, name)).astype(np.float64))


def test_bfloat16_and_float8_have_ulps_and_tolerances() -> None:
    a, b = np.array([0x3F80, 0x8001], np.uint16), np.array([0x3F81, 0x0001], np.uint16)
    stats = stats_of(a, b, EXACT, "bfloat16")
    assert (stats.max_ulp, stats.unequal) == (2, 2)
    assert stats_of(a, b, Tolerance(ulp=1), "bfloat16").first_index == (1,)
    assert element_text(array(a, "bfloat16"), (0,)) == "1.0"
    c, d = np.array([0x38, 0x7F], np.uint8), np.array([0x39, 0xFF], np.uint8)
    stats = stats_of(c, d, Tolerance(rtol=0.2), "float8_e4m3fn")
    assert (stats.unequal, stats.outside, stats.max_abs, stats.max_ulp) == (1, 0, 0.125, 1)


# --- tolerances -------------------------------------------------------------------------------


@thorough
@given(
    pair=pairs_of_floats(), width=st.sampled_from(["float16", "float32", "float64", "complex64", "complex128"]),
    rtol=st.sampled_from([0.0, 1e-12, 1e-7, 0.1, 2.0]), atol=st.sampled_from([0.0, 5e-324, 1e-8, 1.0]),
)  # fmt: skip
def test_tolerance_is_numpys_rule_with_the_reference_second(
    pair: tuple[Any, Any], width: str, rtol: float, atol: float
) -> None:
    with np.errstate(all="ignore"):
        a, b = (np.array(x).astype(width) for x in pair)
        close = np.isclose(b, a, rtol=rtol, atol=atol, equal_nan=True)
    stats, outside = number_stats(array(a), array(b), Tolerance(rtol=rtol, atol=atol))
    if not (rtol or atol):
        return
    assert outside == int((~close).sum())
    if outside:
        assert stats is not None
        assert stats.first_index == (int(np.flatnonzero(~close)[0]),)


@thorough
@given(a=floats(), b=floats(), ulp=st.sampled_from([1, 2, 4, 10**6, 2**64]))
def test_ulp_tolerance_counts_representable_numbers(a: float, b: float, ulp: int) -> None:
    x, y = np.array([a]), np.array([b])
    _, outside = number_stats(array(x), array(y), Tolerance(ulp=ulp))
    _, _, _, steps = expected(x, y)
    if steps is None:
        assert outside == int(math.isnan(a) != math.isnan(b))
    else:
        assert outside == int(not (steps <= ulp and math.isfinite(a) and math.isfinite(b)))


def test_either_tolerance_is_enough() -> None:
    a, b = [1.0, 1e-300], [np.nextafter(1.0, 2), 2e-300]
    assert stats_of(a, b, Tolerance(ulp=1)).first_index == (1,)
    assert stats_of(a, b, Tolerance(atol=1e-299)).outside == 1
    assert stats_of(a, b, Tolerance(atol=1e-299, ulp=1)).outside == 0
    assert stats_of(a, b, Tolerance(atol=1e-299, ulp=1)).first_index == (0,)


def test_memory_stays_small_whatever_the_size_and_order() -> None:
    a = np.zeros((1500, 1000))
    b = np.asfortranarray(a + 1e-9)
    tracemalloc.start()
    try:
        number_stats(array(a), array(b), Tolerance(rtol=1e-12))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("value", [0.1, -0.0, 1e300, math.pi])
def test_text_of_elements_reads_back_to_the_same_bits(value: float) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        with np.errstate(over="ignore"):
            element = dtype(value)
        text = element_text(array(np.array([element])), (0,))
        assert dtype(text).tobytes() == element.tobytes()


@pytest.mark.parametrize("make", [str, str.encode, lambda text: np.void(text.encode())])
def test_long_elements_are_cut_around_the_first_character_that_differs(make: Any) -> None:
    one, two = (array(np.array([make("q" * 300 + letter + "z" * 300)])) for letter in "ab")
    x, y, distance = element_texts(one, two, (0,))
    assert (len(x), len(y), distance) == (len(y), len(x), None)
    assert len(x) < 250
    assert x.replace("qa", "qb") == y != x


def test_only_real_numbers_have_a_number() -> None:
    assert real_number(array(np.array([[0x3F80]], np.uint16), "bfloat16")) == 1.0
    assert real_number(array(np.int8(3))) == 3.0
    assert real_number(array(np.complex64(3))) is None
    assert real_number(array(np.array("x"))) is None
