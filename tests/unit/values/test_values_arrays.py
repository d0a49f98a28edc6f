"""Arrays: what of them is part of the value, equality by bits, fingerprints, copies."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array, Atom, Branch, Node
from pytest_repro.values import canonical, describe, fingerprint, freeze, identical, walk_leaves
from pytest_repro.values.bits import chunks

NAN = float("nan")


def array(value: object) -> Array:
    node = canonical(value)
    assert isinstance(node, Array)
    return node


def same(a: object, b: object, *, nan_payload: bool = False) -> bool:
    x, y = canonical(a), canonical(b)
    equal = identical(x, y, nan_payload=nan_payload)
    assert equal == (fingerprint(x, nan_payload=nan_payload) == fingerprint(y, nan_payload=nan_payload))
    return equal


def leaves(value: object) -> dict[str, Node]:
    return dict(walk_leaves(canonical(value)))


@pytest.mark.parametrize(
    "dtype",
    [
        "?",
        "i1",
        "i2",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "u8",
        "f2",
        "f4",
        "f8",
        "g",
        "F",
        "D",
        "G",
        "M8[ns]",
        "m8[s]",
        "S3",
        "U3",
        "V5",
    ],
)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0, 3)])
def test_any_layout_of_equal_elements_is_the_same_value(dtype: str, shape: tuple[int, ...]) -> None:
    plain = np.arange(int(np.prod(shape))).astype("S3" if dtype in ("S3", "V5") else "i8").reshape(shape).astype(dtype)
    others = [plain.copy(), plain.copy(order="F"), plain[..., None].copy()[..., 0]]
    if dtype not in ("g", "G", "V5"):
        others.append(plain.astype(plain.dtype.newbyteorder("S")))
    if shape:
        others.append(np.concatenate([plain, plain])[: shape[0]])
        others.append(plain[::-1].copy()[::-1])
        others.append(np.repeat(plain, 2, axis=-1)[..., ::2])
    for other in others:
        assert same(plain, other)
        assert same(other, plain)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(np.zeros(2, "f4"), np.zeros(2, "f8"), id="dtype"),
        pytest.param(np.zeros(2, "i4"), np.zeros(2, "u4"), id="signedness"),
        pytest.param(np.zeros(2, "M8[s]"), np.zeros(2, "M8[ms]"), id="unit"),
        pytest.param(np.zeros((2, 3)), np.zeros((3, 2)), id="shape"),
        pytest.param(np.zeros(0), np.zeros((0, 1)), id="empty shape"),
        pytest.param(np.array([0.0]), np.array([-0.0]), id="sign of zero"),
        pytest.param(np.array([0.0, NAN]), np.array([-0.0, NAN]), id="sign of zero beside NaN"),
        pytest.param(np.array([NAN, 1.0]), np.array([1.0, NAN]), id="place of NaN"),
        pytest.param(np.array([complex(NAN, 1)]), np.array([complex(1, NAN)]), id="part that is NaN"),
        pytest.param(np.array(["a"], "U1"), np.array(["a"], "U2"), id="text width"),
        pytest.param(np.array([1.0]), np.array([np.nextafter(1.0, 2)]), id="last bit"),
        pytest.param(np.array([[1]]), np.array([[1]]).view(np.matrix), id="matrix"),
        pytest.param(np.array([1, "a"], object), np.array(["1", "a"], object), id="object elements"),
        pytest.param(np.array(["NaT"], "M8[s]"), np.array([0], "M8[s]"), id="NaT"),
    ],
)
def test_arrays_of_different_meaning_differ(a: object, b: object) -> None:
    assert not same(a, b)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "F", "D", "g", "G"])
def test_all_nans_are_equal_unless_payload_counts(dtype: str) -> None:
    a, b = np.array([1, NAN, 2], dtype), np.array([1, NAN, 2], dtype)
    b.real[1] = -b.real[1]
    assert same(a, b)
    assert not same(a, b, nan_payload=True)
    assert not same(a, np.array([1, NAN, 3], dtype))


def test_python_nans_are_equal_unless_payload_counts() -> None:
    assert same([NAN, complex(NAN, 1)], [-NAN, complex(-NAN, 1)])
    assert not same([NAN], [-NAN], nan_payload=True)
    assert not same(complex(0.0, -0.0), complex(0.0, 0.0))


def test_one_changed_bit_anywhere_in_a_large_array_is_seen() -> None:
    reference = np.random.default_rng(0).random((700, 611))
    for at in [(0, 0), (350, 7), (699, 610)]:
        changed = reference.copy()
        changed.view(np.uint64)[at] ^= np.uint64(1)
        assert not same(reference, changed)
        assert not same(np.asfortranarray(reference), changed)
        assert not same(reference[:, ::-1], changed[:, ::-1])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="long double has no padding here")
@pytest.mark.parametrize("dtype", ["g", "G"])
def test_padding_of_long_doubles_is_not_part_of_the_value(dtype: str) -> None:
    a = np.array([1, 2, 3], dtype) / 3
    b = a.copy()
    b.view(np.uint8).reshape(-1, np.dtype("g").itemsize)[:, 10:] ^= 0xFF
    assert a.tobytes() != b.tobytes()
    assert same(a, b, nan_payload=True)
    b.view(np.uint8)[0] ^= 1
    assert not same(a, b)


def test_zeros_of_different_sign_differ_in_lists_of_plain_floats() -> None:
    assert not same([1.0, 0.0], [1.0, -0.0])
    assert same([1.0, -0.0], [1.0, -0.0])


def test_nans_in_a_later_chunk_are_looked_at_there() -> None:
    a = np.zeros(300_000)
    a[-1] = NAN
    b = a.copy()
    b[-1] = -NAN
    assert same(a, b)
    b[-2] = 1
    assert not same(a, b)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e3m4"])
def test_dtypes_that_numpy_lacks_are_named_and_have_nans(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = getattr(ml_dtypes, name)
    bits = np.arange(256, dtype="u1") if name != "bfloat16" else np.arange(1 << 16, dtype="u2")
    every = bits.view(dtype)
    node = array(every)
    assert (node.dtype, node.data.dtype.kind) == (name, "u")
    nans = np.isnan(every.astype("f4"))
    merged = np.where(nans, every[nans][:1].view(bits.dtype), bits).view(dtype)
    assert same(every, merged)
    for at in np.flatnonzero(~nans)[:: len(bits) // 64]:
        other = bits.copy()
        other[at] = bits[at - 1] if at else bits[1]
        assert not same(every, other.view(dtype))
    assert describe(canonical(dtype(1))) == name


def test_chunks_cover_every_layout_in_c_order() -> None:
    base = np.arange(2 * 30 * 7).reshape(2, 30, 7)
    for view in (base, base.T, base[:, ::-2, 1:5], np.broadcast_to(base[0], (3, 30, 7)), base[..., :0]):
        for size in (1, 64, 1000, 1 << 20):
            pieces = list(chunks(view, size))
            assert np.array_equal(np.concatenate([*pieces, np.empty(0, base.dtype)]), view.ravel())
            assert all(piece.flags.c_contiguous for piece in pieces)


def test_comparing_needs_little_memory_beyond_the_arrays() -> None:
    a = np.random.default_rng(0).random((2000, 2000))
    b = np.asfortranarray(a)
    x, y = canonical(a), canonical(b)
    tracemalloc.start()
    try:
        assert identical(x, y)
        assert fingerprint(x) == fingerprint(y)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_padding_of_structured_arrays_is_not_part_of_the_value() -> None:
    dtype = np.dtype([("a", "i1"), ("b", "f8"), ("c", "f4", (2,))], align=True)
    one, two = np.zeros(3, dtype), np.frombuffer(bytearray(b"\xff" * 3 * dtype.itemsize), dtype)
    for name in dtype.names or ():
        two[name] = 0
    assert one.tobytes() != two.tobytes()
    assert same(one, two)
    two["c"][1, 1] = 1
    assert not same(one, two)
    assert not same(one, one.reshape(3, 1))
    assert {"['a']", "['b']", "['c']"} <= set(leaves(one))
    assert same(one[0], one[1])


def test_what_lies_under_a_mask_is_not_part_of_the_value() -> None:
    def masked(data: object, mask: object, dtype: Any = None) -> Any:
        return np.ma.array(
            data, mask=np.array(mask, bool if dtype is None else np.ma.make_mask_descr(dtype)), dtype=dtype
        )

    a = masked([1.0, 2.0, 3.0], [0, 1, 0])
    assert same(a, masked([1.0, NAN, 3.0], [0, 1, 0]))
    assert not same(a, masked([1.0, 2.0, 3.0], [0, 0, 0]))
    assert not same(a, masked([1.0, 2.0, 4.0], [0, 1, 0]))
    assert same(np.ma.array([1.0]), masked([1.0], [0]))
    pair = np.dtype([("a", "i4"), ("b", "f8")])
    assert same(masked([(1, 2.0)], [(0, 1)], pair), masked([(1, 7.0)], [(0, 1)], pair))
    assert not same(masked([(1, 2.0)], [(0, 1)], pair), masked([(2, 2.0)], [(0, 1)], pair))


def test_object_arrays_are_read_element_by_element() -> None:
    value = np.array([[1, "a"], [None, [2.5]]], object)
    found = leaves(value)
    assert found["[0, 1]"] == "a"
    assert found["[1, 1][0]"] == 2.5
    assert same(value, np.array([[1, "a"], [None, [2.5]]], object, order="F"))


@pytest.mark.skipif(np.__version__.startswith("1."), reason="numpy 1 has no StringDType")
def test_variable_width_strings_are_read_element_by_element() -> None:
    value = np.array(["a", "b" * 50], np.dtypes.StringDType())
    assert leaves(value)["[1]"] == "b" * 50
    assert not same(value, np.array(["a", "b" * 50], object))


def test_memory_maps_and_subclasses_are_arrays(tmp_path: Path) -> None:
    mapped: Any = np.memmap(tmp_path / "x", "f8", "w+", shape=(3,))
    assert same(mapped, np.zeros(3))
    assert canonical(np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])).type == "numpy.recarray"  # type: ignore[union-attr]


def test_dtypes_and_ufuncs_are_known_by_name_without_byte_order() -> None:
    assert canonical(np.dtype(">f4")) == Atom("numpy.dtype", "float32")
    assert canonical(np.dtype([("a", ">i2"), ("b", "U3", 2)])) == Atom(
        "numpy.dtype", "[('a', int16), ('b', (U3, (2,)))]"
    )
    assert canonical(np.add) == Atom("numpy.ufunc", "add")


def test_generators_are_equal_by_what_they_will_draw() -> None:
    a, b = np.random.default_rng(1), np.random.default_rng(1)
    assert same(a, b)
    a.random()
    assert not same(a, b)
    b.random()
    assert same(a, b)
    assert same(np.random.SeedSequence(3), np.random.SeedSequence(3))
    assert not same(np.random.PCG64(3), np.random.MT19937(3))


def test_the_cached_gauss_of_a_random_state_counts_only_while_it_waits() -> None:
    a, b = np.random.RandomState(0), np.random.RandomState(0)
    a.normal()
    b.set_state({**b.get_state(legacy=False), "state": a.get_state(legacy=False)["state"]})
    assert not same(a, b)
    stale = a.get_state(legacy=False)
    a.set_state({**stale, "has_gauss": 0})
    b.set_state({**stale, "has_gauss": 0, "gauss": 0.0})
    assert same(a, b)


def test_a_frozen_value_no_longer_follows_the_users_array() -> None:
    data = np.arange(5.0)
    live = canonical({"a": data, "b": [data[::2], 1]})
    kept = freeze(live)
    data[:] = -1
    assert identical(kept, canonical({"a": np.arange(5.0), "b": [np.arange(5.0)[::2], 1]}))
    assert freeze(kept) is kept
    assert freeze(1.5) == 1.5
    with pytest.raises(ValueError, match="read-only"):
        kept.items[0].data[0] = 1  # type: ignore[union-attr]


class Labelled(np.ndarray[Any, Any]):
    """A user's class that keeps something beside its elements."""


def test_matrix_of_numpy_is_its_elements_and_a_class_of_the_users_also_what_it_keeps() -> None:
    matrix = canonical(np.ones((1, 2)).view(np.matrix))
    assert isinstance(matrix, Array)
    assert matrix.type == "numpy.matrix"
    labelled = np.zeros(2).view(Labelled)
    labelled.label = "a"  # type: ignore[attr-defined]
    kept = canonical(labelled)
    assert isinstance(kept, Branch)
    assert kept.keys == ("", ".label")


def test_arrays_that_share_memory_are_copied_once() -> None:
    data = np.arange(5.0)
    kept = freeze(canonical([data, data, data[1:]]))
    assert isinstance(kept, Branch)
    first, second, third = kept.items
    assert isinstance(first, Array)
    assert isinstance(second, Array)
    assert isinstance(third, Array)
    assert first.data is second.data
    assert not np.shares_memory(first.data, third.data)


@pytest.mark.parametrize("dtype", ["f8", "g", "U40", "M8[ns]", "?"])
def test_large_arrays_are_frozen_on_disk(tmp_path: Path, dtype: str) -> None:
    data = np.zeros((300, 1200), dtype).T
    data[5] = np.ones(1, dtype) if dtype != "M8[ns]" else np.datetime64(1, "ns")
    kept = freeze(canonical([data, np.zeros(3), np.ones((400, 400))]), spool=tmp_path / "spool")
    files = sorted(tmp_path.glob("spool/*.npy"))
    assert len(files) == (1 if dtype == "?" else 2)
    assert identical(kept, canonical([data, np.zeros(3), np.ones((400, 400))]))
    assert freeze(kept, spool=tmp_path / "spool") is kept


def test_limits_of_a_dtype_are_its_name() -> None:
    limits = np.finfo(np.float32)
    before = canonical(limits)
    assert str(limits)
    assert limits.resolution > 0
    assert canonical(limits) == before == Atom("numpy.finfo", "float32")
    assert not same(limits, np.finfo(np.float64))
