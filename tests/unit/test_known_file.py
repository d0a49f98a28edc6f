"""The file of known drifts: a round trip, what a session changes in it, and every way in which it can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_repro.errors import StoredDataError
from pytest_repro.known import KnownDrift, changed, read_known, write_known
from pytest_repro.model import Cause, CauseStatus, Comparison, Divergence, TestResult, Verdict

ENTRIES = {"test_a.py::test_b[é]": KnownDrift("loss[3]", "hash-seed"), "test_a.py::test_a": KnownDrift()}


def result(nodeid: str, verdict: Verdict, first: str = "", cause: str = "") -> TestResult:
    divergence = Divergence(first, None, 2, "", "1", "2", None, None) if first else None
    found = Cause(CauseStatus.CAUSE, cause, "shown") if cause else None
    return TestResult(nodeid, verdict, 3, 0, "", comparison=Comparison(first=divergence), cause=found)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_known(tmp_path / "known.json", ENTRIES)
    assert read_known(tmp_path / "known.json") == ENTRIES


def test_text_is_the_same_for_the_same_drifts(tmp_path: Path) -> None:
    write_known(tmp_path / "one.json", ENTRIES)
    write_known(tmp_path / "other.json", dict(reversed(ENTRIES.items())))
    text = (tmp_path / "one.json").read_text(encoding="utf-8")
    assert text == (tmp_path / "other.json").read_text(encoding="utf-8")
    assert json.loads(text)["schema"] == "pytest-repro/known@1"
    assert text.index("test_a.py::test_a") < text.index("test_a.py::test_b")


def test_session_adds_drifts_and_takes_out_what_reproduces() -> None:
    known = {"a": KnownDrift("old"), "b": KnownDrift("b"), "c": KnownDrift("c"), "e": KnownDrift("e")}
    after = changed(
        known,
        [
            result("a", Verdict.DRIFTED, "new", "threads"),
            result("b", Verdict.REPRODUCED),
            result("d", Verdict.BASELINE_DRIFTED, "d"),
            result("e", Verdict.LOST),
        ],
    )
    # c did not run, and nothing is known of e
    assert after == {
        "a": KnownDrift("new", "threads"),
        "c": KnownDrift("c"),
        "d": KnownDrift("d"),
        "e": KnownDrift("e"),
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no complete JSON"),
        ("[]", "no JSON object"),
        ('{"schema": "pytest-repro/known@1"', "no complete JSON"),
        ('{"schema": "pytest-repro/known@1"}', "'tests' should be an object"),
        ('{"schema": "pytest-repro/known@1", "tests": []}', "'tests' should be an object"),
        ('{"schema": "pytest-repro/known@1", "tests": {"a": 1}}', "the entry of 'a' should be an object"),
        ('{"schema": "pytest-repro/known@1", "tests": {"a": {"first": 1}}}', "'first' of 'a' should be text"),
        ('{"schema": "pytest-repro/known@2", "tests": {}}', "newer"),
        ('{"schema": "pytest-repro/report@1", "tests": {}}', "schema"),
        ('{"tests": {}}', "schema"),
        ("<<<<<<< ours\n", "merge conflict"),
    ],
)
def test_damaged_file_is_named_with_what_to_do(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoredDataError, match=what) as caught:
        read_known(path)
    assert "known.json" in str(caught.value)


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text('{"schema": "pytest-repro/known@1", "x": 1, "tests": {"a": {"y": 2}}}', encoding="utf-8")
    assert read_known(path) == {"a": KnownDrift()}


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    with path.open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(StoredDataError, match="bytes"):
        read_known(path)


def test_missing_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_known(tmp_path / "known.json")
