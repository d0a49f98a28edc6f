"""The steps of a series as short text: ``0..99``, ``0..990/10``, ``1,5,7..9``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_repro.errors import StoredDataError

__all__ = ["read_steps", "steps_text"]

_RUN = re.compile(r"(-?\d{1,18})(?:\.\.(-?\d{1,18})(?:/(\d{1,18}))?)?")


def steps_text(steps: Sequence[int]) -> str:
    """Return increasing steps as text."""
    return ",".join(_runs(steps))


def _runs(steps: Sequence[int]) -> Iterator[str]:
    i = 0
    while i < len(steps):
        stride = steps[i + 1] - steps[i] if i + 1 < len(steps) else 0
        j = i + 1
        while j + 1 < len(steps) and steps[j + 1] - steps[j] == stride:
            j += 1
        if j - i < 2 or j >= len(steps):  # two steps are no row
            yield str(steps[i])
            i += 1
        else:
            yield f"{steps[i]}..{steps[j]}" + (f"/{stride}" if stride != 1 else "")
            i = j + 1


def read_steps(text: object, count: int) -> tuple[int, ...]:
    """Read the steps of a series of `count` points; nothing larger than that is ever made.

    Raises:
        StoredDataError: `text` is not as `steps_text` writes it, or has not `count` steps.
    """
    if not isinstance(text, str):
        raise _refuse("text", type(text).__name__)
    steps: list[int] = []
    for part in text.split(",") if text else ():
        match = _RUN.fullmatch(part)
        if match is None:
            raise _refuse("runs such as 0..99", part)
        first, last, stride = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        run = range(first, last + 1, stride) if stride else range(0)
        if not run or len(run) > count - len(steps) or run[-1] != last or (steps and first <= steps[-1]):
            raise _refuse(expected=f"{count} increasing steps", found=part)
        steps.extend(run)
    if len(steps) != count:
        raise _refuse(expected=f"{count} steps", found=str(len(steps)))
    return tuple(steps)


def _refuse(expected: str, found: str) -> StoredDataError:
    return StoredDataError(f"the steps of a series are damaged: expected {expected}, found {found[:60]!r}")
