"""What tests assert on: operands of comparisons in ``assert`` statements and of the libraries' assertion functions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_repro.autolog.patches import After, Patches
    from pytest_repro.autolog.sink import Sink

__all__ = ["FUNCTIONS", "compared", "listening", "prepare", "prepare_unittest"]

_ACTUAL = ("actual", "desired")
_SIDES = ("left", "right")

#: module → (assertion function → names of the operands, in the order of its parameters)
FUNCTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "numpy.testing": dict.fromkeys(
        [
            "assert_equal",
            "assert_almost_equal",
            "assert_approx_equal",
            "assert_array_equal",
            "assert_allclose",
            "assert_array_less",
            "assert_array_almost_equal",
            "assert_array_almost_equal_nulp",
            "assert_array_max_ulp",
            "assert_string_equal",
        ],
        _ACTUAL,
    ),
    "pandas.testing": dict.fromkeys(
        ("assert_frame_equal", "assert_series_equal", "assert_index_equal", "assert_extension_array_equal"), _SIDES
    ),
    "polars.testing": dict.fromkeys(("assert_frame_equal", "assert_series_equal"), _SIDES),
    "torch.testing": {"assert_close": ("actual", "expected")},
    "sklearn.utils._testing": dict.fromkeys(("assert_allclose", "assert_allclose_dense_sparse"), _ACTUAL),
}
#: assertion methods of ``unittest.TestCase`` that compare two values
_METHODS: tuple[str, ...] = (
    "assertEqual",
    "assertNotEqual",
    "assertAlmostEqual",
    "assertNotAlmostEqual",
    "assertGreater",
)
_METHODS += ("assertGreaterEqual", "assertLess", "assertLessEqual", "assertSequenceEqual", "assertListEqual")
_METHODS += ("assertTupleEqual", "assertSetEqual", "assertDictEqual", "assertMultiLineEqual", "assertCountEqual")
#: parameter names that the functions above use for their first and second operand
_KEYWORDS = (
    ("actual", "x", "left", "df1", "s1", "first", "ACTUAL"),
    ("desired", "expected", "y", "right", "df2", "s2", "second", "DESIRED"),
)

#: The sinks of the runs that are going on, the innermost last. Rewritten ``assert`` statements call a
#: function of this module and can be handed nothing else; `listening` puts in and takes out.
_SINKS: list[Sink] = []


@contextmanager
def listening(sink: Sink) -> Iterator[None]:
    """Let `sink` hear of comparisons in ``assert`` statements until the block ends."""
    _SINKS.append(sink)
    try:
        yield
    finally:
        _SINKS.remove(sink)


def compared(line: int, operator: str, left: object, right: object) -> None:
    """Hear of one comparison; what rewritten ``assert`` statements call. Never raises.

    Args:
        line: of the comparison.
        operator: as Python writes it, after ``id `` where one side is the result of a function of that name.
        left: the left operand.
        right: the right operand.
    """
    if not _SINKS:
        return
    sink = _SINKS[-1]
    if not sink.enter():
        return
    sink.leave()
    try:
        _operands(sink, operator, (left, right), line=line, frame=sys._getframe(1))
    except Exception:  # noqa: BLE001 - an assertion must come out as without us
        sink.skipped += 1


def _operands(sink: Sink, operator: str, operands: Sequence[object], *, line: int, frame: Any) -> None:
    if operator.startswith("id ") and frame.f_locals.get("id", frame.f_globals.get("id", id)) is id:
        return  # addresses: which objects are one and the same, no values
    if operator in ("is", "is not"):
        # identity with a constant says what the value is; of other objects it says nothing
        if type(operands[0]) not in (bool, int, str, type(None)):
            return
        operands = operands[:1]
    place = f"{frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{line}"
    name = f"{sink.count('assert')} {place}"
    for side, value in zip(_SIDES, operands, strict=False):
        sink.add(f"{name} {side}", value, frame=frame)


def prepare(patches: Patches, module: Any) -> None:
    """Watch the assertion functions of a module."""
    for name, sides in FUNCTIONS[module.__name__].items():
        function = getattr(module, name, None)
        if function is not None:
            patches.function(function, _before(name, sides), before=True)


def prepare_unittest(patches: Patches) -> None:
    """Watch the assertion methods of ``unittest``, where something has imported it."""
    case: Any = getattr(sys.modules.get("unittest.case"), "TestCase", None)
    for name in _METHODS if case is not None else ():
        patches.method(case, name, _before(name, ("first", "second"), skip=1), before=True)


def _before(function: str, sides: tuple[str, str], *, skip: int = 0) -> After:
    def before(sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: Any) -> None:
        del result
        name = f"{sink.count(function)} {sink.place(frame)}"
        for index, side in enumerate(sides):
            if len(args) > index + skip:
                sink.add(f"{name} {side}", args[index + skip], frame=frame)
                continue
            for keyword in _KEYWORDS[index]:
                if keyword in kwargs:
                    sink.add(f"{name} {side}", kwargs[keyword], frame=frame)
                    break

    return before
