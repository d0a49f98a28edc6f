"""A hundred thousand random pairs, made to be hard: never equal where bits differ, and numpy's rule under tolerance.

``PYTEST_REPRO_NIGHTLY=1`` judges 100,000 pairs, otherwise a few thousand.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pytest_repro.compare import match
from pytest_repro.model import Array, MatchStatus, Tolerance
from pytest_repro.values import canonical, fingerprint, identical
from tests.unit.compare.oracle import array, holds

PAIRS = 100_000 if os.environ.get("PYTEST_REPRO_NIGHTLY") == "1" else 2_500

FLOATS = ("float16", "float32", "float64", "longdouble")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64")

EDGES = [
    0.0, -0.0, 1.0, -1.0, 0.1, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308, 1.4e-45,
    6e-8, 6.1e-5, 65504.0, 65520.0, 3.4028234663852886e38, 1e300, 1.7976931348623157e308, 2.0**53, 1e16,
]  # fmt: skip
#: rtol * abs(reference) overflows under the large ones
RTOLS = [0.0, 1e-16, 1e-12, 1e-7, 1e-3, 0.5, 1.0, 10.0, 1e300]
ATOLS = [0.0, 5e-324, 1e-300, 1e-8, 1.0, 1e308]


def elements(rng: np.random.Generator, dtype: str, size: int) -> Any:
    """Elements of every kind: edges, plain numbers, random bits."""
    kind = np.dtype(dtype).kind
    if kind in "iu":
        limits = np.iinfo(dtype)
        edges = [limits.min, limits.max, 0, 1, limits.max - 1, limits.max // 2 + 1, min(limits.max, 2**53 + 1)]
        chosen = [edges[i] for i in rng.integers(len(edges), size=size)]
        return np.where(
            rng.random(size) < 0.5, np.array(chosen, dtype), rng.integers(-3 * (kind == "i"), 4, size).astype(dtype)
        )
    if kind == "c":
        part = "float32" if dtype == "complex64" else "float64"
        return (elements(rng, part, 2 * size)).view(dtype)
    with np.errstate(all="ignore"):
        edge = np.array(EDGES)[rng.integers(len(EDGES), size=size)].astype(dtype)
        plain = (rng.normal(size=size) * 10.0 ** rng.integers(-9, 9, size)).astype(dtype)
        if dtype == "longdouble":
            return np.where(rng.random(size) < 0.5, edge, plain)
        bits = rng.integers(0, 256, size * np.dtype(dtype).itemsize, np.uint8).view(dtype)  # NaN payloads among them
        return np.choose(rng.integers(3, size=size), [edge, plain, bits])


def neighbour(rng: np.random.Generator, a: Any) -> Any:
    """The same elements, most of them untouched, some next to them, negated, scaled, or with one bit flipped."""
    b = a.copy()
    if not b.size:
        return b
    for i in np.flatnonzero(rng.random(b.size) < rng.choice([0.0, 0.2, 1.0])):
        with np.errstate(all="ignore"):
            way = rng.integers(5)
            if way == 0 and a.dtype.kind == "f":
                b[i] = np.nextafter(a[i], a.dtype.type(rng.choice([-np.inf, np.inf])))
            elif way == 1 and a.dtype.kind in "fc":
                b[i] = -a[i]
            elif way == 2 and a.dtype.kind in "fc":
                b[i] = a[i] * a.dtype.type(1 + 10.0 ** -float(rng.integers(0, 17)))
            elif way == 3 and a.dtype != np.longdouble:
                raw = b[i : i + 1].view(np.uint8)
                raw[rng.integers(raw.size)] ^= np.uint8(1 << rng.integers(8))
            else:
                b[i] = elements(rng, a.dtype.name, 1)[0]
    return b


def pairs(seed: int, dtypes: tuple[str, ...], count: int) -> Iterator[tuple[Any, Any]]:
    rng = np.random.Generator(np.random.PCG64(seed))
    for _ in range(count):
        a = elements(rng, dtypes[rng.integers(len(dtypes))], int(rng.integers(0, 9)))
        yield a, neighbour(rng, a)


def same_bits(a: Any, b: Any) -> bool:
    """What equal means, in the plainest words: each part has the same bits, or both are NaN."""
    if a.dtype.kind not in "fc":
        return bool(a.tobytes() == b.tobytes())
    real = a.real.dtype
    used = 10 if np.finfo(real).nmant == 63 else real.itemsize  # the rest of a long double is padding
    rows = [x.view(real).view(np.uint8).reshape(-1, real.itemsize)[:, :used] for x in (a, b)]
    equal = (rows[0] == rows[1]).all(axis=1) | np.isnan(a.view(real)) & np.isnan(b.view(real))
    return bool(equal.all())


def is_equal(a: Any, b: Any, tolerance: Tolerance = Tolerance()) -> bool:  # noqa: B008 - frozen
    return match(a, b, tolerance).status is MatchStatus.EQUAL


def test_equal_means_equal_bits_and_numpy_agrees() -> None:
    seen = {True: 0, False: 0}
    for a, b in pairs(0, (*FLOATS, *COMPLEX, *INTEGERS), PAIRS):
        x, y = array(a), array(b)
        equal = is_equal(x, y)
        seen[equal] += 1
        assert equal == same_bits(a, b), (a, b)
        assert equal == identical(x, y) == (fingerprint(x) == fingerprint(y)), (a, b)
        if equal:
            assert holds(np.testing.assert_array_equal, b, a), (a, b)
            assert is_equal(x, y, Tolerance(rtol=1e-3, ulp=4)), (a, b)
        if a.dtype != np.longdouble:
            assert is_equal(x, y, Tolerance(nan_payload=True)) == (a.tobytes() == b.tobytes()), (a, b)
    assert min(seen.values()) > PAIRS // 10


def test_tolerance_is_the_rule_of_numpy() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    seen = {True: 0, False: 0}
    for a, b in pairs(2, (*FLOATS, *COMPLEX, *INTEGERS), PAIRS):
        rtol, atol = (float(rng.choice(values)) for values in (RTOLS, ATOLS))
        if not (rtol or atol):
            continue
        ours = match(array(a), array(b), Tolerance(rtol=rtol, atol=atol)).status is not MatchStatus.DIFFERENT
        seen[ours] += 1
        with np.errstate(all="ignore"):
            rule = np.isclose(b, a, rtol=rtol, atol=atol, equal_nan=True)
            # numpy 1 takes complex infinities of any kind for close where the tolerance is wide
            alike = np.isfinite(a) & np.isfinite(b) | (a == b) | np.isnan(a) & np.isnan(b)
        assert ours == bool((rule & alike).all()), (a, b, rtol, atol)
        if a.dtype.kind != "c":  # of complex numbers numpy.testing compares infinities by their positions alone
            assert ours == holds(np.testing.assert_allclose, b, a, rtol=rtol, atol=atol), (a, b, rtol, atol)
    assert min(seen.values()) > PAIRS // 10


def test_python_numbers_follow_the_same_rule() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    for a, b in pairs(4, ("float64",), PAIRS):
        rtol, atol, ulp = float(rng.choice(RTOLS)), float(rng.choice(ATOLS)), int(rng.choice([0, 1, 2**52]))
        rule = Tolerance(rtol, atol, ulp)
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            element = match(array(np.float64(x)), array(np.float64(y)), rule)
            assert match(x, y, rule).status is element.status, (x, y, rule)


@pytest.mark.parametrize("reference", [1e308, -1e308, 65504.0])
@pytest.mark.parametrize("dtype", [None, "float16", "float32", "float64"])
def test_an_infinity_is_near_to_no_number_however_large_the_tolerance(reference: float, dtype: str | None) -> None:
    """The bound overflows to infinity, and an infinite distance is not more than that."""
    tolerance = Tolerance(rtol=1e10, atol=1e308)
    with np.errstate(all="ignore"):
        other = math.copysign(math.inf, reference)
        given: list[Any] = [reference, other]
        if dtype is not None:
            given = [array(np.array([0.5, value], dtype)) for value in (math.copysign(60000.0, reference), other)]
    assert match(given[0], given[1], tolerance).status is MatchStatus.DIFFERENT
    assert match(given[1], given[1], tolerance).status is MatchStatus.EQUAL


def test_another_type_is_never_equal() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    loose = Tolerance(rtol=10.0, atol=1e308, ulp=2**60)
    for a, _ in pairs(6, (*FLOATS, *COMPLEX, *INTEGERS), PAIRS // 5):
        dtype = str(rng.choice([*FLOATS, *COMPLEX, *INTEGERS, "bool"]))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the imaginary part is lost
            b = a.astype(dtype)
        if b.dtype != a.dtype:
            assert match(array(a), array(b), loose).status is MatchStatus.DIFFERENT, (a, b)
        assert match(array(a), array(np.append(a, a[:1] if a.size else [0])), loose).status is MatchStatus.DIFFERENT
        assert match(array(a), array(a.reshape(1, -1)), loose).status is MatchStatus.DIFFERENT
        assert match(array(a), canonical(a.tolist()), loose).status is MatchStatus.DIFFERENT


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64", "int64", "bool"])
def test_torch_agrees(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.Generator(np.random.PCG64(7))
    kind = getattr(torch, dtype)
    for a, b in pairs(8, ("int64",) if dtype == "int64" else ("float64",), PAIRS // 5):
        x, y = torch.from_numpy(a).to(kind), torch.from_numpy(b).to(kind)
        if dtype == "bfloat16" and x.numel():  # any bits, NaN payloads among them
            x = torch.from_numpy(rng.integers(-(2**15), 2**15, a.size).astype(np.int16)).view(torch.bfloat16)
            y = torch.where(torch.from_numpy(rng.random(a.size) < 0.3), -x, x) if rng.random() < 0.5 else x.clone()
        equal = is_equal(canonical(x), canonical(y))
        theirs = holds(torch.testing.assert_close, y, x, rtol=0, atol=0, equal_nan=True)
        if equal:
            assert theirs, (x, y)
        elif theirs:  # torch: 0.0 is -0.0
            assert bool(((x == 0) & (y == 0) & (torch.signbit(x) != torch.signbit(y))).any()), (x, y)


def test_pandas_agrees() -> None:
    pd = pytest.importorskip("pandas")
    rng = np.random.Generator(np.random.PCG64(9))
    for number, (a, b) in enumerate(pairs(10, ("float32", "float64", "int64", "uint8"), PAIRS // 10)):
        labels = [["x", "y", None][i] for i in rng.integers(3, size=a.size)]
        frames = [pd.DataFrame({"number": data, "label": labels, "flag": data == data[:1]}) for data in (a, b)]
        if number % 3 == 0:
            with np.errstate(all="ignore"):
                frames[1] = frames[1].astype({"number": "float32"})
        if number % 5 == 0:
            frames[1] = frames[1].iloc[::-1]
        equal = is_equal(canonical(frames[0]), canonical(frames[1]))
        theirs = holds(pd.testing.assert_frame_equal, *frames, check_exact=True)
        if equal:
            assert theirs, frames
        elif theirs:  # pandas: 0.0 is -0.0
            zeros = (a == 0) & (np.signbit(a.astype(float)) != np.signbit(b.astype(float)))
            assert zeros.any(), frames


@pytest.mark.parametrize(("a", "b"), [((0, 4, 2), (0, 3, 2)), ((0, 0, 1), (-1, -1, -1)), ((3, 4, 1), (3, 9, 7))])
def test_ranges_of_the_same_labels_are_equal_as_pandas_says(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame({"x": [1.0] * len(range(*one))}, index=pd.RangeIndex(*one)) for one in (a, b)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert is_equal(canonical(frames[0]), canonical(frames[1]))
    assert not is_equal(canonical(pd.RangeIndex(0, 3, 2)), canonical(pd.RangeIndex(0, 2, 1)))


def test_integers_beyond_2_53_are_not_rounded() -> None:
    big = np.array([2**53 + 1, 2**62 + 1], np.int64)
    for other in (big - 1, big + 1):
        assert match(array(big), array(other), Tolerance()).status is MatchStatus.DIFFERENT
        assert not isinstance(canonical(big), list)
        stats = match(array(big), array(other), Tolerance()).stats
        assert stats is not None
        assert (stats.unequal, stats.max_abs) == (2, 1.0)
    for x, y in ((2**53, 2**53 + 1), (10**400, 10**400 + 1)):
        assert match(x, y, Tolerance()).status is MatchStatus.DIFFERENT
        assert match(x, y, Tolerance(rtol=1e-12)).status is MatchStatus.WITHIN
    assert isinstance(canonical(big), Array)


def test_a_complex_number_is_not_near_to_one_with_an_infinite_and_a_nan_part() -> None:
    """Found among 100,000 pairs: its distance is infinite, and so is a bound that overflows."""
    a, b = np.array([1e300 + 1e200j]), np.array([complex(math.inf, math.nan)])
    assert match(array(a), array(b), Tolerance(rtol=1e300)).status is MatchStatus.DIFFERENT
    assert match(array(b), array(b.copy()), Tolerance(rtol=1e300)).status is MatchStatus.EQUAL
