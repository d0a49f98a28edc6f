"""What is no result is left out of automatic observations, rule by rule; results are not."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import pytest

from pytest_repro.autolog.noise import NOISE, Noise
from pytest_repro.model import Atom, Branch, Node
from pytest_repro.settings import NOISE as NAMES
from pytest_repro.values import canonical, identical

TEMP = tempfile.gettempdir()


def cleaned(value: object, *rules: str) -> Node:
    return Noise(rules or NAMES).clean(canonical(value))


def test_settings_and_rules_know_the_same_names() -> None:
    assert tuple(NOISE) == NAMES


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        pytest.param("addresses", "<A at 0x7f31c0a2b4d0>", "<A at 0x7f99aaaab4d0>", id="address"),
        pytest.param("uuids", f"run-{uuid.UUID(int=1)}", f"run-{uuid.UUID(int=2)}", id="uuid in text"),
        pytest.param("uuids", uuid.UUID(int=1), uuid.UUID(int=2), id="uuid object"),
        pytest.param("times", "at 2026-11-23T15:04:05.1Z", "at 2026-11-24 01:02:03", id="timestamp"),
        pytest.param("times", "Time:     03:53:08 ", "Time:     23:00:59 ", id="time-of-a-summary"),
        pytest.param("times", r"\textbf{Time:}  &  03:53:08  \\", r"\textbf{Time:}  &  23:00:59  \\", id="in LaTeX"),
        pytest.param("times", "<th>Time:</th> <td>03:53:08</td>", "<th>Time:</th> <td>04:53:08</td>", id="in HTML"),
        pytest.param("times", "Date: Sat, 28 Nov 2026", "Date: Sun, 29 Nov 2026", id="date-of-a-summary"),
        pytest.param("times", {"fit_time": 1.5, "a": 1}, {"fit_time": 2.5, "a": 1}, id="timing key"),
        pytest.param("times", {"mean_score_time": [1.5]}, {"mean_score_time": [2.5]}, id="timing column"),
        pytest.param("times", {"x": {"elapsed": 1}}, {"x": {"elapsed": 2}}, id="nested timing"),
        pytest.param("times", [{"dur": 1.5}], [{"dur": 2.5}], id="history of skorch"),
        pytest.param("times", {"epoch_start_time_": 1.5}, {"epoch_start_time_": 2.5}, id="timer of skorch"),
        pytest.param("paths", f"{TEMP}/tmpabc123/model.txt", f"{TEMP}/tmpxyz789/model.txt", id="mkdtemp"),
        pytest.param(
            "paths",
            f"saved to '{TEMP}/pytest-of-me/pytest-3/test_a0/m.txt'",
            f"saved to '{TEMP}/pytest-of-me/pytest-12/test_a1/m.txt'",
            id="tmp_path",
        ),
        pytest.param("paths", Path(TEMP, "a1", "m"), Path(TEMP, "a2", "m"), id="path object"),
        pytest.param("paths", {f"{TEMP}/a1/m": 1}, {f"{TEMP}/a2/m": 1}, id="path as a key"),
    ],
)
def test_noise_is_taken_out_by_its_rule_and_by_no_other(rule: str, one: object, other: object) -> None:
    assert identical(cleaned(one, rule), cleaned(other, rule))
    others = [name for name in NAMES if name != rule]
    assert not identical(cleaned(one, *others), cleaned(other, *others))
    none = Noise(())
    assert not identical(none.clean(canonical(one)), none.clean(canonical(other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("0x1f", "0x2f", id="short hexadecimal number"),
        pytest.param("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427f", id="digest"),
        pytest.param({"time": 1}, {"time": 2}, id="a column called time"),
        pytest.param({"fit_times": 1}, {"fit_times": 2}, id="a count"),
        pytest.param({"lifetime": 1.0}, {"lifetime": 2.0}, id="a word that ends in time"),
        pytest.param("2026-11-23", "2026-11-24", id="day"),
        pytest.param("/data/run1/model", "/data/run2/model", id="a path elsewhere"),
        pytest.param(f"{TEMP}/a/loss.txt", f"{TEMP}/a/accuracy.txt", id="the file in a temporary folder"),
        pytest.param([1.0, 2.0], [1.0, 3.0], id="numbers"),
    ],
)
def test_results_are_not_taken_for_noise(one: object, other: object) -> None:
    assert not identical(cleaned(one), cleaned(other))


def test_keys_that_only_noise_told_apart_stay_apart() -> None:
    node = cleaned({"<A at 0x7f31c0a2b4d0>": 1, "<A at 0x7f31c0a2b4e0>": 2})
    assert isinstance(node, Branch)
    assert len(set(node.keys)) == 2


def test_value_without_noise_is_handed_back_as_it_is() -> None:
    node = canonical({"a": ["text", 1.5], "b": (True, None)})
    assert Noise().clean(node) is node
    atom = Atom("decimal.Decimal", "1.5")
    assert Noise().clean(atom) is atom


def test_further_folders_are_temporary_too(tmp_path: Path) -> None:
    noise = Noise(("paths",), folders=[Path("/basetemp")])
    assert noise.text("/basetemp/test_a0/x") == noise.text("/basetemp/test_a1/x") == "<tmp>/x"
