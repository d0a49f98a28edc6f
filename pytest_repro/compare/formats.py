"""How the bits of each floating-point dtype are read: as exact values, and as positions on the number line.

Most formats are sign and magnitude: with the sign bit masked off, the bits read as an integer count
the representable numbers from zero. That makes the distance of two numbers in representable numbers
(ULP) an integer subtraction. numpy knows the IEEE formats; ``bfloat16`` and the ``float8`` family
arrive as unsigned views of their bits and are told apart by dtype name only.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FloatFormat", "float_format"]


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """A real floating-point dtype whose numbers have a position on the number line."""

    name: str
    #: bits of one number
    width: int
    #: (value, position) per byte for 8-bit formats, whose 256 numbers are simply listed
    table: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None

    @property
    def mantissa(self) -> int:
        """Bits of the mantissa, without the hidden one."""
        return _MANTISSA[self.name]

    @property
    def infinity(self) -> int:
        """The position of the infinity of a format that has fields."""
        return ((1 << (self.width - 1 - self.mantissa)) - 1) << self.mantissa

    @property
    def signed(self) -> np.dtype[Any]:
        """The signed integer dtype that the bits are read as."""
        return np.dtype(f"i{self.width // 8}")

    def decode(self, data: NDArray[Any]) -> NDArray[Any]:
        """The numbers as numpy floats, exactly; a view where numpy knows the format."""
        if self.table is not None:
            values: NDArray[Any] = self.table[0][data.view(np.uint8)]
            return values
        if self.name == "bfloat16":
            wide: NDArray[Any] = (data.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
            return wide
        return data

    def positions(self, data: NDArray[Any]) -> NDArray[np.int64]:
        """The place of each number on the number line: both zeros at 0, neighbours 1 apart, infinities next."""
        if self.table is not None:
            listed: NDArray[np.int64] = self.table[1][data.view(np.uint8)]
            return listed
        bits = data.view(self.signed).astype(np.int64)
        magnitude = bits & np.int64((1 << (self.width - 1)) - 1)
        places: NDArray[np.int64] = np.where(bits < 0, -magnitude, magnitude)
        return places


@dataclass(frozen=True, slots=True)
class _Small:
    """An 8-bit format: its fields and what its special codes mean."""

    exponent: int
    mantissa: int
    bias: int
    #: ``ieee`` (infinities and NaNs in the top exponent), ``fn`` (one NaN per sign), ``fnuz`` (NaN at -0)
    special: str


#: https://onnx.ai/onnx/technical/float8.html and https://github.com/jax-ml/ml_dtypes
_SMALL = {
    "float8_e5m2": _Small(5, 2, 15, "ieee"),
    "float8_e4m3": _Small(4, 3, 7, "ieee"),
    "float8_e3m4": _Small(3, 4, 3, "ieee"),
    "float8_e4m3fn": _Small(4, 3, 7, "fn"),
    "float8_e4m3fnuz": _Small(4, 3, 8, "fnuz"),
    "float8_e5m2fnuz": _Small(5, 2, 16, "fnuz"),
    "float8_e4m3b11fnuz": _Small(4, 3, 11, "fnuz"),
}
_MANTISSA = {"float16": 10, "float32": 23, "float64": 52, "bfloat16": 7}
_NATIVE = {"float16": 16, "float32": 32, "float64": 64, "bfloat16": 16}


@functools.cache
def float_format(dtype: str) -> FloatFormat | None:
    """The format called `dtype`; None where it is no real float, or one without a number line (longdouble)."""
    if dtype in _NATIVE:
        return FloatFormat(dtype, _NATIVE[dtype])
    if dtype == "float8_e8m0fnu":  # powers of two without sign, 255 is NaN
        values = [math.ldexp(1.0, code - 127) for code in range(255)] + [math.nan]
        return _listed(dtype, values, list(range(256)))
    small = _SMALL.get(dtype)
    if small is None:
        return None
    values = [_value(small, code) for code in range(256)]
    return _listed(dtype, values, [(code & 127) * (-1 if code & 128 else 1) for code in range(256)])


def _listed(name: str, values: list[float], positions: list[int]) -> FloatFormat:
    return FloatFormat(name, 8, (np.array(values), np.array(positions, dtype=np.int64)))


def _value(small: _Small, code: int) -> float:
    sign = -1.0 if code & 128 else 1.0
    top = (1 << small.exponent) - 1
    exponent, mantissa = (code & 127) >> small.mantissa, code & ((1 << small.mantissa) - 1)
    if small.special == "fnuz" and code == 128:
        return math.nan
    if small.special == "fn" and code & 127 == 127:
        return math.nan
    if small.special == "ieee" and exponent == top:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0:
        return sign * math.ldexp(mantissa, 1 - small.bias - small.mantissa)
    return sign * math.ldexp(mantissa + (1 << small.mantissa), exponent - small.bias - small.mantissa)
