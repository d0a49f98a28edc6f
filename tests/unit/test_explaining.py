"""When a search goes on, and whose clock it was."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from pytest_repro import explaining
from pytest_repro.causes import make_cause
from pytest_repro.explain import Candidate, Finding, Findings
from pytest_repro.explaining import _enough, _to_show, candidates
from pytest_repro.model import CauseStatus, Location, Suspect
from tests.builders import make_result

PLACE = Location("test_a.py", 3)
POLARS = Suspect("entropy", "group_by()", PLACE, "maintain_order=True, or sort the result")
CLOCK = Suspect("clock", "time.time()", PLACE)


def _finding(factor: str) -> Finding:
    return Finding(CauseStatus.CAUSE, factor, "b", pinned=5, switched=3, differ=3, distinct=1)


@pytest.mark.parametrize(
    ("found", "beyond_state", "weight", "expected"),
    [
        pytest.param("state", True, 1, False, id="state alone does not explain fresh interpreters"),
        pytest.param("state", False, 1, True, id="state explains repeats in one process"),
        pytest.param("clock", True, 1, True, id="another cause is enough"),
        pytest.param("clock", True, 3, False, id="a factor with evidence of its own is tried all the same"),
    ],
)
def test_search_ends_once_what_was_found_explains_the_drift(
    found: str, beyond_state: bool, weight: int, expected: bool
) -> None:
    candidate = Candidate("hash-seed", ("1",), weight)
    assert _enough([_finding(found)], candidate, beyond_state=beyond_state) is expected


@pytest.mark.parametrize(
    ("suspects", "factor"),
    [
        pytest.param((POLARS,), "entropy", id="a library seeds its tables from the clock"),
        pytest.param((POLARS, CLOCK), "clock", id="the user reads the clock as well"),
        pytest.param((), "clock", id="nothing else is known"),
    ],
)
def test_clock_is_blamed_unless_only_a_library_reads_it(suspects: tuple[Suspect, ...], factor: str) -> None:
    cause = make_cause(Findings(found=(_finding("clock"),)), suspects=suspects)
    assert cause.factor == factor


@pytest.mark.parametrize(
    ("varied", "threads", "clock"),
    [
        pytest.param((), {"4"}, {"pinned=1"}, id="runs have the same threads, and are minutes apart"),
        pytest.param(("process", "threads", "clock"), set(), set(), id="both were varied"),
    ],
)
def test_levels_that_no_two_runs_differ_by_are_remote(
    varied: tuple[str, ...], threads: set[str], clock: set[str]
) -> None:
    levels = {"threads": ("4",), "clock": ("pinned=soon", "pinned=1"), "entropy": ("1",)}
    result = make_result(varied=varied)
    found = candidates(result, (), pinned=dict.fromkeys(levels, "a"), switched=levels)
    assert {candidate.factor: candidate.remote for candidate in found} == {
        "threads": threads,
        "clock": clock,
        "entropy": set(),
    }


def test_what_fresh_interpreters_differ_in_comes_before_state() -> None:
    findings = Findings(found=(_finding("state"), _finding("hash-seed")))
    cause = make_cause(findings)
    assert cause.factor == "hash-seed"
    assert len(cause.also) == 1


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param("left-temp", {"left-temp": ["own"]}, id="the cause: what its runs wrote again"),
        pytest.param("left-home", {"left-home": ["cache"]}, id="the cause, written once: all"),
        pytest.param("clock", {}, id="another cause"),
        pytest.param("", {"left-files": ["log"]}, id="nothing found: those in the working directory"),
    ],
)
def test_files_are_shown_that_the_runs_wrote_again(
    found: str, expected: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(since: int, places: Collection[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
        assert since == 5
        again = {"left-files": ["log"], "left-temp": ["own", "new"]}
        return {place: files for place, files in again.items() if place in places}, {}

    monkeypatch.setattr(explaining, "_left", left)
    files = {"left-files": ["log", "old"], "left-temp": ["other", "own"], "left-home": ["cache"]}
    findings = Findings(found=(_finding(found),) if found else ())
    assert _to_show(files, findings, begun=5) == expected
