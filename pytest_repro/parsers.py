"""How option values are read: text or objects → a checked value. Every parser reports by ``ValueError``.

Loaded by every session, so nothing heavy is imported.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.model import Tolerance

__all__ = [
    "AUTOLOG",
    "NOISE",
    "parse_tolerance",
    "read_choice",
    "read_date",
    "read_factors",
    "read_flag",
    "read_integer",
    "read_lines",
    "read_named",
    "read_names",
    "read_number",
    "read_text",
    "read_tolerances",
    "read_words",
]


#: no number that is given has so many bits: beyond, it becomes neither a float nor (at 4300 digits) text
_MAX_BITS = 1000


def read_integer(low: int, high: int = 1 << _MAX_BITS) -> Callable[[object], int]:
    """Make the parser of a whole number from `low` to `high`."""

    def parse(value: object) -> int:
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            msg = f"expected a whole number of at least {low}, got {_shown(value)}"
            raise ValueError(msg)
        if value > high:
            most = f"{high:,}" if high < 1 << _MAX_BITS else "300 digits"
            msg = f"expected a whole number of at most {most}, got {_shown(value)}"
            raise ValueError(msg)
        return value

    return parse


def read_number(value: object) -> float:
    """Read a finite number that is not negative."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):  # an integer beyond all floats
        number = math.nan
    if not (number >= 0 and math.isfinite(number)):
        msg = f"expected a finite number that is not negative, got {_shown(value)}"
        raise ValueError(msg)
    return number


def _shown(value: object) -> str:
    """Return `value` as it stands in an error; an integer of over 4300 digits refuses to become text."""
    try:
        return f"{value!r:.200}"
    except ValueError:
        return "a number of thousands of digits"


def read_flag(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    msg = f"expected true or false, got {value!r}"
    raise ValueError(msg)


def read_choice(*choices: str) -> Callable[[object], str]:
    """Make the parser of one of some words."""

    def parse(value: object) -> str:
        if value in choices:
            return str(value)
        from pytest_repro.errors import meant_by  # every session loads this module, few refuse a word

        msg = f"expected one of {', '.join(choices)}; got {value!r}{meant_by(str(value), choices)}"
        raise ValueError(msg)

    return parse


def read_names(value: object) -> tuple[str, ...]:
    """Comma- or line-separated names, or a sequence of them."""
    parts = value.replace("\n", ",").split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple | set | frozenset) or not all(isinstance(part, str) for part in parts):
        msg = f"expected names separated by commas, got {value!r}"
        raise ValueError(msg)
    if isinstance(parts, set | frozenset):
        parts = sorted(parts)  # another order in every process, and plans depend on it
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


#: what automatic observations can be made of, in the words of ``--repro-autolog``
AUTOLOG: tuple[str, ...] = ("scikit-learn", "torch", "lightning", "xgboost", "lightgbm", "catboost", "keras")
AUTOLOG += ("statsmodels", "assertions")
#: rules by which automatic observations leave out what is no result, in the words of ``repro_noise``
NOISE = ("addresses", "times", "paths", "uuids")


def read_words(known: tuple[str, ...], every: str) -> Callable[[object], tuple[str, ...]]:
    """Names out of `known`; ``none``, or `every` for all of them."""

    def parse(value: object) -> tuple[str, ...]:
        names = read_names(value)
        if names in ((every,), ("none",)):
            return known if names == (every,) else ()
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            from pytest_repro.errors import meant_by

            meant = meant_by(unknown[0], (*known, every)) if unknown else ""
            msg = f"expected {every}, none, or names out of {', '.join(known)}; got {value!r}{meant}"
            raise ValueError(msg)
        return tuple(name for name in known if name in names)

    return parse


def read_date(value: object) -> str:
    """A day as ``2027-01-31``, as text: settings are compared and sent as they are."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    msg = f"expected a day as 2027-01-31, got {value!r}"
    raise ValueError(msg)


def read_factors(value: object) -> tuple[str, ...]:
    """Read the factors of ``--repro-vary``; an unknown one is refused by name."""
    names = read_names(value)
    if not names:
        return ()
    from pytest_repro.conditions import check

    return check(names)


def read_lines(value: object) -> tuple[str, ...]:
    """One pattern a line; a node id may hold commas."""
    lines = value.splitlines() if isinstance(value, str) else value
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        msg = f"expected one pattern a line, got {value!r:.200}"
        raise ValueError(msg)
    return tuple(line.strip() for line in lines if line.strip())


def read_text(value: object) -> str:
    """Read any text."""
    if not isinstance(value, str):
        msg = f"expected text, got {value!r}"
        raise ValueError(msg)
    return value


def read_named(value: object) -> str:
    """Read text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        msg = f"expected a name, got {value!r}"
        raise ValueError(msg)
    return value.strip()


def parse_tolerance(text: str) -> tuple[str, Tolerance]:
    """Read one line of the ini option ``repro_tolerance``: ``loss*: rtol=1e-6, ulp=4``.

    Raises:
        ValueError: the line has no pattern, or a part that is not ``rtol=``, ``atol=`` or ``ulp=``.
    """
    pattern, colon, parts = text.partition(":")
    if not colon or not pattern.strip() or not parts.strip():
        msg = f"expected 'pattern: rtol=..., atol=..., ulp=...', got {text!r}"
        raise ValueError(msg)
    from pytest_repro.model import Tolerance

    values: dict[str, Any] = {}
    for part in parts.split(","):
        key, _, number = part.partition("=")
        parsers: dict[str, Callable[[object], float]] = {
            "rtol": read_number,
            "atol": read_number,
            "ulp": read_integer(0),
        }
        if key.strip() not in parsers:
            msg = f"{key.strip()!r} is not one of rtol, atol, ulp in {text!r}"
            raise ValueError(msg)
        values[key.strip()] = parsers[key.strip()](number.strip())
    return pattern.strip(), Tolerance(**values)


def read_tolerances(value: object) -> tuple[tuple[str, Tolerance], ...]:
    """Read one tolerance a line."""
    return tuple(parse_tolerance(line) for line in read_lines(value))
