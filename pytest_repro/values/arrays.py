"""numpy: arrays of every dtype, scalars, masked and structured arrays, dtypes, ufuncs, random generators."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_repro.model import Array, Atom, Branch, Layout
from pytest_repro.values.bits import dtype_name
from pytest_repro.values.registry import type_name as name_of

if TYPE_CHECKING:
    from pytest_repro.model import Node
    from pytest_repro.values.bits import AnyArray
    from pytest_repro.values.registry import Walk

__all__ = ["canonical", "from_numpy"]

#: kinds whose elements are their bits; objects and variable-width strings are read one by one
_BY_BITS = frozenset("biufcmMSUV")
_USER_DTYPE = 2  # numpy.dtype.isbuiltin of a dtype that another library registered: bfloat16, float8_*


def canonical(value: object, walk: Walk) -> Node | None:
    """Return the canonical form of a numpy value, or None where it is not numpy's."""
    if isinstance(value, np.generic):
        return _scalar(value, walk)
    if isinstance(value, np.ndarray):
        return _with_attributes(from_numpy(value, type_name=_array_type(value), walk=walk), value, walk)
    if isinstance(value, np.dtype):
        return Atom("numpy.dtype", _dtype_text(value))
    if isinstance(value, np.finfo):  # its attributes are worked out when they are first asked for
        return Atom("numpy.finfo", dtype_name(value.dtype))
    if isinstance(value, np.ufunc):
        return Atom("numpy.ufunc", str(value.__name__))
    return _random(value, walk)


def from_numpy(data: AnyArray, *, type_name: str, walk: Walk, owned: bool = False) -> Node:
    """Return the node of numpy data under the type name of whatever held it.

    Masked, structured and object arrays become branches; every other array keeps its memory, except
    where it has to be converted to native byte order. `owned` says that nobody else can change `data`.
    """
    if isinstance(data, np.ma.MaskedArray):
        return _masked(data, type_name, walk)
    plain = data.view(np.ndarray) if type(data) is not np.ndarray else data
    if plain.dtype.names is not None:
        return _structured(plain, type_name, walk)
    if plain.dtype.isbuiltin == _USER_DTYPE:
        bits = np.dtype(f"u{plain.dtype.itemsize}")
        return Array(type_name, plain.dtype.name, plain.shape, plain.view(bits), owned=owned)
    if plain.dtype.kind not in _BY_BITS:
        return _elementwise(plain, type_name, walk)
    native = plain if plain.dtype.isnative else plain.astype(plain.dtype.newbyteorder("="))
    return Array(type_name, dtype_name(native.dtype), native.shape, native, owned=owned or native is not plain)


def _array_type(value: AnyArray) -> str:
    """Return what the user had; a memory map or a matrix view differs from an array in handling, not in value."""
    return "numpy.ndarray" if isinstance(value, np.memmap) else _public(_class(value))


def _with_attributes(node: Node, value: AnyArray, walk: Walk) -> Node:
    """Return the node of an array with what its class, one of the user's or of another library, keeps beside it.

    numpy's own classes keep there how they reach their elements.
    """
    attributes = vars(value) if hasattr(value, "__dict__") else {}
    numpys = type(value).__module__ == "numpy" or isinstance(value, (np.memmap, np.ma.MaskedArray))
    if not attributes or numpys:
        return node
    parts = {f".{name}": walk(item, f".{name}") for name, item in sorted(attributes.items())}
    return Branch(name_of(type(value)), Layout.OBJECT, ("", *parts), (node, *parts.values()))


def _class(value: object) -> Any:
    return type(value)


@lru_cache(maxsize=256)
def _public(cls: type) -> str:
    """Return numpy's public name for a class: its private modules were renamed between versions."""
    name = name_of(cls)
    if not name.startswith("numpy."):
        return name
    for prefix, module in (("numpy.ma.", np.ma), ("numpy.random.", np.random), ("numpy.", np)):
        if name.startswith(prefix) and getattr(module, cls.__name__, None) is cls:
            return f"{prefix}{cls.__name__}"
    return name


def _scalar(value: np.generic, walk: Walk) -> Node:
    if value.dtype.isbuiltin == 1:  # a number in native byte order: what `from_numpy` would find at last
        return Array(_public(_class(value)), dtype_name(value.dtype), (), np.asarray(value), owned=True)
    return from_numpy(np.asarray(value), type_name=_public(_class(value)), walk=walk, owned=True)


def _masked(value: Any, type_name: str, walk: Walk) -> Branch:
    """Return mask and data of a masked array, zeros under the mask: what lies there is not part of the value."""
    mask = np.ma.getmaskarray(value)
    data = np.ma.getdata(value).view(np.ndarray)
    names = mask.dtype.names
    if names is not None:
        keys = tuple([f"[{name!r}]" for name in names])
        items = tuple([walk(value[name], key) for name, key in zip(names, keys, strict=True)])
        return Branch(type_name, Layout.OBJECT, keys, items)
    if mask.any():
        data = data.copy()
        data[mask] = None if data.dtype.kind == "O" else np.zeros((), data.dtype)
    return Branch(type_name, Layout.OBJECT, (".mask", ".data"), (walk(mask, ".mask"), walk(data, ".data")))


def _structured(value: AnyArray, type_name: str, walk: Walk) -> Branch:
    """Return a structured array field by field, so that padding bytes are not part of the value."""
    names = value.dtype.names or ()
    keys = (".shape", *[f"[{name!r}]" for name in names])
    items = [walk(value[name], key) for name, key in zip(names, keys[1:], strict=True)]
    return Branch(type_name, Layout.OBJECT, keys, (walk(value.shape, ".shape"), *items))


def _elementwise(value: AnyArray, type_name: str, walk: Walk) -> Branch:
    """Return an array of objects (or of variable-width strings) element by element."""
    if value.ndim == 1:
        positions = [f"[{index}]" for index in range(value.size)]
    else:
        positions = [f"[{', '.join(map(str, index))}]" for index in np.ndindex(value.shape)]
    items = [walk(item, where) for where, item in zip(positions, value.ravel().tolist(), strict=True)]
    keys = (".dtype", ".shape", *positions)
    kind = "object" if value.dtype.kind == "O" else type(value.dtype).__name__
    return Branch(type_name, Layout.OBJECT, keys, (kind, walk(value.shape, ".shape"), *items))


def _dtype_text(dtype: np.dtype[Any]) -> str:
    """Return a dtype's meaning as text: no byte order, no offsets, no padding."""
    if dtype.subdtype is not None:
        return f"({_dtype_text(dtype.subdtype[0])}, {dtype.subdtype[1]})"
    if dtype.names is not None and dtype.fields is not None:
        return "[" + ", ".join([f"({name!r}, {_dtype_text(dtype.fields[name][0])})" for name in dtype.names]) + "]"
    return dtype_name(dtype)


def _random(value: object, walk: Walk) -> Node | None:
    """Return a random generator by its state: what it will draw next."""
    name = _public(_class(value))
    if isinstance(value, np.random.Generator):
        return Branch(name, Layout.OBJECT, (".bit_generator",), (walk(value.bit_generator, ".bit_generator"),))
    if isinstance(value, np.random.RandomState):
        state: Any = value.get_state(legacy=False)
    elif isinstance(value, (np.random.BitGenerator, np.random.SeedSequence)):
        state = value.state
    else:
        return None
    return Branch(name, Layout.OBJECT, (".state",), (walk(_without_stale(dict(state)), ".state"),))


def _without_stale(state: dict[str, Any]) -> dict[str, Any]:
    """Blank the cached draw of a generator where a flag says that it is used up."""
    for flag, cached in (("has_gauss", "gauss"), ("has_uint32", "uinteger")):
        if flag in state and not state[flag]:
            state[cached] = 0
    return state
