"""What the experiment does where runs are lost, where several values drift, and where addresses decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from pytest_repro.explain import ORDERS, Candidate, Finding, Outcome, Trial, rank
from pytest_repro.lab import ARM, RACE_ARM
from pytest_repro.model import CauseStatus
from tests.worlds import LEVELS, Bench, World, never_enough, reads


class Losing(Bench):
    """Loses the runs that `loses` says."""

    loses: Callable[[Trial], bool] = staticmethod(lambda _trial: False)

    def outcome(self, trial: Trial) -> Outcome:
        return Outcome(None, "it crashed") if self.loses(trial) else super().outcome(trial)


def losing(world: World, loses: Callable[[Trial], bool]) -> Losing:
    bench = Losing(world)
    bench.loses = loses
    return bench


def test_lost_run_costs_only_its_own_arm() -> None:
    bench = losing(reads("clock"), lambda trial: trial.factor == "entropy")
    findings = bench()
    assert [(found.factor, found.status) for found in findings.found] == [("clock", CauseStatus.CAUSE)]
    assert findings.lost == (("entropy", "b", "it crashed"),)
    assert "entropy" in findings.not_tried
    assert "entropy" not in findings.cleared
    assert findings.stopped == ""


def test_factor_is_found_at_another_level_than_the_one_that_is_lost() -> None:
    bench = losing(lambda levels: levels["hash-seed"] == "2", lambda trial: trial.condition.level("hash-seed") == "1")
    (found,) = bench([Candidate("hash-seed", LEVELS["hash-seed"])]).found
    assert (found.level, found.status) == ("2", CauseStatus.CAUSE)


def test_run_that_is_lost_while_an_arm_is_repeated_leaves_a_suspect() -> None:
    bench = losing(reads("clock"), lambda trial: trial.factor == "clock" and bench.arms().count("clock") == 2)
    (found,) = bench([Candidate("clock", ("b",))]).found
    assert (found.status, found.switched) == (CauseStatus.SUSPECT, 1)


def test_one_pinned_run_that_is_lost_is_made_again() -> None:
    bench = losing(reads("clock"), lambda _trial: len(bench.trials) == 2)
    findings = bench([Candidate("clock", ("b",))])
    assert [found.status for found in findings.found] == [CauseStatus.CAUSE]
    assert findings.lost == (("", "pinned", "it crashed"),)


def test_pin_that_a_program_does_not_stand_is_left_out() -> None:
    bench = losing(reads("hash-seed"), lambda trial: trial.condition.level("clock") is not None)
    findings = bench([Candidate("hash-seed", LEVELS["hash-seed"])])
    assert findings.unheld == ("clock",)
    assert [(found.factor, found.status) for found in findings.found] == [("hash-seed", CauseStatus.CAUSE)]


def test_program_that_is_lost_whatever_is_held_ends_the_search_with_the_reason() -> None:
    findings = losing(reads("clock"), lambda _trial: True)()
    assert findings.stopped == "with everything pinned, the run is lost: it crashed"
    assert findings.not_tried == tuple(LEVELS)


# --- values, the first of them, and addresses -----------------------------------------------------


def test_search_goes_on_until_the_first_value_is_explained() -> None:
    def enough(found: Sequence[Finding], _candidate: Candidate) -> bool:
        return any("x" in finding.moved for finding in found)

    world = Bench(lambda levels: {"x": levels["pid"], "y": levels["clock"]})
    findings = world(first="x", enough=enough)
    assert {found.factor: found.moved for found in findings.found} == {"clock": ("y",), "pid": ("x",)}


def test_level_that_moves_the_first_value_is_preferred() -> None:
    world = Bench(lambda levels: {"x": levels["hash-seed"] == "3", "y": levels["hash-seed"]})
    (found,) = world([Candidate("hash-seed", LEVELS["hash-seed"])], first="x").found
    assert (found.level, found.moved) == ("3", ("x", "y"))


def test_drift_of_another_value_does_not_hide_the_cause_of_the_first() -> None:
    numbers = iter(range(1000))
    findings = Bench(lambda levels: {"x": levels["clock"], "y": next(numbers)})(first="x")
    (found,) = findings.found
    assert (found.factor, found.status, found.moved) == ("clock", CauseStatus.CAUSE, ("x",))
    assert findings.pinned_agrees
    assert findings.unstable == ("y",)


def scattered(levels: Mapping[str, str]) -> bool:
    return "scattered" in levels["memory"]


def test_factor_that_only_moves_addresses_is_never_blamed() -> None:
    """Whatever is switched makes other objects, and those made next lie elsewhere."""
    world = Bench(lambda levels: scattered(levels) or levels["files"] == "b")
    findings = world([Candidate("files", ("b",))])
    assert [found.factor for found in findings.found] == ["memory"]
    assert findings.masked == ("files",)
    assert "files" in findings.not_tried
    assert "files" not in findings.cleared


@pytest.mark.parametrize("before", ["memory", "pid"])
def test_factor_that_only_moves_addresses_is_not_blamed_once_memory_is_known(before: str) -> None:
    """Nor is it cleared: something changed with it."""
    world = Bench(lambda levels: {"x": scattered(levels) or levels["files"] == "b", "y": levels["pid"]})
    first = Candidate(before, ORDERS if before == "memory" else ("b",))
    findings = world([first, Candidate("files", ("b",)), Candidate("clock", ("b",))], enough=never_enough)
    assert {"memory", before} == {found.factor for found in findings.found}
    assert (findings.masked, findings.not_tried, findings.cleared) == (("files",), ("files",), ("clock",))


def test_factor_that_memory_hides_at_one_level_is_found_at_another() -> None:
    world = Bench(
        lambda levels: {"x": scattered(levels) or levels["hash-seed"] == "2", "y": levels["hash-seed"] == "3"}
    )
    findings = world([Candidate("memory", ORDERS), Candidate("hash-seed", LEVELS["hash-seed"])], enough=never_enough)
    assert {found.factor: found.moved for found in findings.found} == {"memory": ("x",), "hash-seed": ("y",)}
    assert findings.masked == ()


def test_factor_that_moves_a_value_of_its_own_is_a_cause_beside_memory() -> None:
    world = Bench(lambda levels: {"x": levels["entropy"], "order": scattered(levels)})
    findings = world([Candidate("entropy", ("b",))], first="x")
    assert {found.factor: found.moved for found in findings.found} == {"memory": ("order",), "entropy": ("x",)}


def test_addresses_are_cleared_where_only_they_were_tried() -> None:
    findings = Bench(reads("clock"))([Candidate("clock", ("b",)), Candidate("memory", ("b",))])
    assert findings.not_tried == ("memory",)
    assert findings.cleared == ("addresses",)


def test_forks_that_differ_are_followed_by_fresh_interpreters() -> None:
    """Forks inherit a heap with a history; what follows addresses is steady in interpreters of their own."""
    numbers = iter(range(1000))
    bench = Bench(lambda levels: scattered(levels) if "start" in levels else next(numbers))
    findings = bench([Candidate("clock", ("b",)), Candidate("memory", ORDERS)])
    assert [(found.factor, found.status) for found in findings.found] == [("memory", CauseStatus.CAUSE)]
    assert findings.pinned_agrees
    starts = [trial.condition.level("start") for trial in bench.trials[2:]]
    assert len(set(starts)) == len(starts)
    assert None not in starts
    assert [arm.level for arm in findings.evidence if not arm.factor] == ["pinned", "pinned, forked"]


def test_forks_that_differ_late_are_followed_by_fresh_interpreters() -> None:
    forks = iter([0, 0, 0, 1, 1, 2, 3])

    def world(levels: Mapping[str, str]) -> object:
        return levels["memory"] if "start" in levels else next(forks)

    bench = Bench(world)
    findings = bench([Candidate("clock", ("b",), 3), Candidate("memory", ("b",))])
    (found,) = findings.found
    assert (found.factor, found.status, found.switched) == ("memory", CauseStatus.CAUSE, ARM)
    assert findings.pinned_agrees
    assert len({dict(trial.condition.levels).get("start") for trial in bench.trials[6:]}) == len(bench.trials[6:])


# --- factors that were the same in every run ------------------------------------------------------


def constant(factor: str, weight: int = 0) -> Candidate:
    return Candidate(factor, LEVELS[factor], weight, remote=frozenset(LEVELS[factor]))


@pytest.mark.parametrize("factor", ["files", "threads"])
def test_what_was_the_same_in_every_run_and_gives_one_result_is_no_cause(factor: str) -> None:
    """A listing in the same order each time decides the result; what drifted is something else."""
    bench = Bench(reads(factor))
    findings = bench([constant(factor)])
    assert findings.found == ()
    assert findings.latent == (factor,)
    assert factor not in findings.cleared
    assert bench.arms().count(factor) == RACE_ARM, "a race may show late"


def test_date_that_was_the_same_in_every_run_is_no_cause_and_the_time_is() -> None:
    """A program that reads the year does not drift by it within minutes; one that reads the second does."""
    clock = Candidate("clock", ("soon", "weeks"), remote=frozenset({"weeks"}))
    findings = Bench(lambda levels: levels["clock"] == "weeks")([clock, Candidate("hash-seed", LEVELS["hash-seed"])])
    assert (findings.found, findings.latent) == ((), ("clock",))
    (found,) = Bench(reads("clock"))([clock]).found
    assert (found.level, found.status, found.switched) == ("soon", CauseStatus.CAUSE, ARM)


def test_race_of_what_was_the_same_in_every_run_is_a_cause() -> None:
    numbers = iter(range(1000))
    findings = Bench(lambda levels: 0 if levels["files"] == "a" else next(numbers) + 1)([constant("files")])
    (found,) = findings.found
    assert (found.factor, found.status) == ("files", CauseStatus.CAUSE)
    assert findings.latent == ()


def test_steady_threads_with_a_suspect_line_stay_a_suspect() -> None:
    (found,) = Bench(reads("threads"))([constant("threads", weight=2)]).found
    assert (found.status, found.switched, found.distinct) == (CauseStatus.SUSPECT, RACE_ARM, 1)


def test_cause_is_found_behind_a_listing_that_is_always_the_same() -> None:
    findings = Bench(reads("files", "clock"))([constant("files", weight=4), Candidate("clock", ("b",), 3)])
    assert [(found.factor, found.status) for found in findings.found] == [("clock", CauseStatus.CAUSE)]
    assert findings.latent == ("files",)


def test_time_that_runs_out_leaves_what_was_the_same_a_suspect() -> None:
    (found,) = Bench(reads("files"), limit=8)([constant("files")]).found
    assert found.status is CauseStatus.SUSPECT


# --- races, and what they read --------------------------------------------------------------------


@pytest.mark.parametrize("read", ["clock", "entropy"])
def test_threads_are_not_blamed_for_what_they_read(read: str) -> None:
    """With more threads a clock is read more often, and processes of joblib draw entropy that nobody pins."""
    numbers = iter(range(1000))

    def world(levels: Mapping[str, str]) -> object:
        return levels[read], 0 if levels["threads"] == "a" else next(numbers) + 1

    given = rank([Candidate("threads", ("4",), 7), Candidate(read, ("b", "c"), 1), Candidate("files", ("b",), 0)])
    assert [(candidate.factor, len(candidate.levels)) for candidate in given] == [
        (read, 1),
        ("threads", 1),
        (read, 2),
        ("files", 1),
    ]
    findings = Bench(world)(given, first="x", enough=never_enough)
    assert [(found.factor, found.status) for found in findings.found] == [(read, CauseStatus.CAUSE)]
    assert "threads" in findings.not_tried


def test_what_was_tried_in_part_is_cleared_once_all_of_it_was() -> None:
    given = rank([Candidate("threads", ("4",), 3), Candidate("clock", ("b", "c"), 1)])
    bench = Bench(lambda _levels: 1)
    findings = bench(given)
    assert findings.cleared == ("threads", "clock")
    assert bench.arms().count("clock") == 2
    stopped = Bench(lambda _levels: 1, limit=5)(given)
    assert (stopped.cleared, stopped.not_tried) == ((), ("threads", "clock"))


def test_threads_are_blamed_for_another_value_beside_the_clock() -> None:
    numbers = iter(range(1000))

    def world(levels: Mapping[str, str]) -> dict[str, object]:
        raced = 0 if levels["threads"] == "a" else next(numbers) + 1
        return {"x": raced, "time": (levels["clock"], raced)}

    findings = Bench(world)(
        [Candidate("clock", ("b",), 3), Candidate("threads", ("4",), 3)], first="x", enough=never_enough
    )
    moved = {found.factor: found.moved for found in findings.found}
    assert moved == {"clock": ("time",), "threads": ("x",)}
