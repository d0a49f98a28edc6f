"""Files that earlier runs left are blamed where they decide, and only there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

from pytest_repro.explain import Candidate, Outcome, Trial
from pytest_repro.leftovers import FACTOR
from pytest_repro.model import CauseStatus
from tests.worlds import ALL, Bench, reads

LEFT = "without=1"
AWAY = {FACTOR: LEFT}
WITH_LEFT = (*ALL, Candidate(FACTOR, (LEFT,), 1))


def found_in(
    world: Callable[[Mapping[str, str]], object], left: Mapping[str, str] = AWAY
) -> tuple[list[tuple[str, str]], Bench]:
    bench = Bench(world)
    findings = bench(WITH_LEFT, first="x", left=left) if left else bench(first="x")
    return [(finding.factor, finding.status.value) for finding in findings.found], bench


def test_runs_that_each_read_what_the_one_before_left_are_explained() -> None:
    count = itertools.count(1)
    bench = Bench(lambda levels: 0 if levels.get(FACTOR) else next(count))
    findings = bench(WITH_LEFT, first="x", left=AWAY)
    (finding,) = findings.found
    assert (finding.factor, finding.status) == (FACTOR, CauseStatus.CAUSE)
    assert (finding.pinned, finding.switched, finding.differ, finding.distinct) == (5, 7, 7, 7)
    assert findings.pinned_agrees
    assert (finding.level, finding.moved) == (LEFT, ("x",))
    assert [(arm.factor, arm.level, arm.runs) for arm in findings.evidence] == [
        ("", "pinned", 5),
        (FACTOR, "as it was", 7),
    ]
    assert {trial.condition.level("start") for trial in bench.trials} == {None}


def test_files_of_one_place_after_the_other_are_taken_away_until_that_decides() -> None:
    count = itertools.count(1)
    places = {FACTOR: LEFT, "left-temp": LEFT, "left-home": LEFT}
    found, bench = found_in(lambda levels: 0 if levels.get("left-temp") else next(count), places)
    assert found == [("left-temp", "cause")]
    assert list(dict.fromkeys(bench.arms())) == ["pinned", FACTOR, "left-temp"]


def test_a_run_that_is_lost_without_the_files_is_told() -> None:
    class Losing(Bench):
        def outcome(self, trial: Trial) -> Outcome:
            return Outcome(None, "it crashed") if trial.condition.level(FACTOR) else super().outcome(trial)

    count = itertools.count(1)
    bench = Losing(lambda _levels: next(count))
    findings = bench(WITH_LEFT, first="x", left=AWAY)
    assert (findings.found, findings.lost) == ((), ((FACTOR, LEFT, "it crashed"),))
    assert bench.arms().count(FACTOR) == 1


def test_a_file_that_only_the_first_run_did_not_find_is_explained() -> None:
    found, _ = found_in(lambda levels: bool(levels.get(FACTOR)))
    assert found == [(FACTOR, "cause")]


def test_runs_that_differ_by_themselves_are_not_blamed_on_files() -> None:
    count = itertools.count()
    found, bench = found_in(lambda _levels: next(count))
    assert found == []
    assert bench.arms().count(FACTOR) == 2, "two runs without the files differ: that is enough"


def test_now_and_then_is_not_blamed_on_files() -> None:
    count = itertools.count()
    found, _ = found_in(lambda levels: 0 if levels.get(FACTOR) else next(count) % 2)
    assert found == [], "some runs that found the files agree with those that did not"


def test_two_results_by_chance_are_not_blamed_on_files() -> None:
    """Three runs without the files that agree and three with them that agree are one in 32 of a coin's."""
    results = iter([0, 1, 0, 1, 0, 1, 0, 1, *[1, 0] * 50])
    found, _ = found_in(lambda _levels: next(results))
    assert found == []


def test_what_was_found_before_keeps_the_blame() -> None:
    found, _ = found_in(reads("clock"))
    assert ("clock", "cause") in found
    assert FACTOR not in dict(found)


def test_where_runs_left_nothing_no_run_is_made_for_it() -> None:
    count = itertools.count()
    _, bench = found_in(lambda _levels: next(count), left={})
    assert FACTOR not in bench.arms()
