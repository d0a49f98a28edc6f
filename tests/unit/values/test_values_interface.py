"""The functions that the rest of the plugin calls: their defaults, and what they answer without loading more."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_repro.values import fingerprint, identical

NAN = float("nan")


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.5, 1.5, True), (1.5, 2.5, False), (3, 3, True), (3, 4, False), ("a", "a", True), ("a", "b", False),
        (b"a", b"a", True), (True, False, False), (True, True, True), (0, 0, True),
    ],
)  # fmt: skip
def test_most_metrics_are_judged_at_once(a: Any, b: Any, equal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def implementation(*given: object, **_: object) -> bool:
        asked.append(given)
        return False

    monkeypatch.setattr("pytest_repro.values.equality.identical", implementation)
    other = float(repr(b)) if type(b) is float else b  # another object
    assert identical(a, other) is equal
    assert bool(asked) is (type(a) is float and not equal)  # floats that are not equal may both be NaN


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (0.0, -0.0, False), (0.0, 0.0, True), (NAN, -NAN, True), (1.5, 2.5, False), (1, 1.0, False), (1, True, False),
        (complex(1, 0.0), complex(1, -0.0), False), (complex(1, 0.0), complex(1, 0.0), True), (None, None, True),
    ],
)  # fmt: skip
def test_what_is_not_judged_at_once_is_judged_the_same(a: Any, b: Any, equal: bool) -> None:
    assert identical(a, b) is equal
    assert (fingerprint(a) == fingerprint(b)) is equal


def test_payloads_of_nan_count_where_they_are_asked_for() -> None:
    assert not identical(NAN, -NAN, nan_payload=True)
    assert fingerprint(NAN, nan_payload=True) != fingerprint(-NAN, nan_payload=True)
