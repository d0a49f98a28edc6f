"""Taps: draws on uncontrolled entropy and directory listings, with the user's line.

What Python cannot see is not seen here either: clocks, ``id()``, completion order and generators in
C, C++ or Rust. `pytest_repro.suspects` lists those from the source, after a drift.
"""

from __future__ import annotations

from pytest_repro.entropy.taps import UNKNOWN_LINE, Taps, Watch
from pytest_repro.entropy.usercode import UserCode

__all__ = ["UNKNOWN_LINE", "Taps", "UserCode", "Watch"]
