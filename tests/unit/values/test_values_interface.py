"""The functions that the rest of the plugin calls: their defaults, and what they answer without loading more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.model import Array
from pytest_repro.values import canonical, fingerprint, freeze, identical

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


def test_an_array_is_frozen_and_a_number_is_itself(tmp_path: Path) -> None:
    node = canonical(np.zeros(1 << 17))
    assert isinstance(node, Array)
    for spool, files in ((None, 0), (tmp_path, 1)):
        kept = freeze(node, spool=spool)
        assert isinstance(kept, Array)
        assert kept.owned
        assert len(list(tmp_path.iterdir())) == files
    assert freeze(1.5) == 1.5


def test_rules_are_handed_on() -> None:
    assert canonical(1.5, rules=[lambda _: 2]) == 1.5
    assert identical(canonical(np.float64(1.5), rules=[lambda _: [2]]).items[0], 2)  # type: ignore[union-attr]
