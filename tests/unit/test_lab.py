"""What an experiment keeps and what counts as evidence, and the order in which it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_repro.explain import BASE, ORDERS, RACE_TRIES, Candidate, Outcome, Trial, rank
from pytest_repro.lab import ARM, FISHER_LIMIT, RACE_ARM, Finding, Lab, fisher
from pytest_repro.model import (
    CauseStatus,
    Condition,
    EntropyDraw,
    Kind,
    Location,
    Observation,
    Place,
    Recording,
    RunSpec,
)
from pytest_repro.pinned_arm import FRESH_ARM
from tests.worlds import LEVELS, PINNED, Bench, never_enough, reads

HASH_SEED = Candidate("hash-seed", LEVELS["hash-seed"])


def recording(**values: object) -> Recording:
    seen = tuple(
        Observation(seq=seq, name=name, step=None, kind=Kind.METRIC, value=repr(value), location=Location("t.py", 1))
        for seq, (name, value) in enumerate(values.items())
    )
    return Recording(RunSpec(0, Condition(Place.PROCESS, ())), seen)


def lab_of(*pinned: Recording, first: str = "") -> Lab:
    def differ(ours: Recording, theirs: Recording) -> list[str]:
        pairs = zip(ours.observations, theirs.observations, strict=True)
        return [mine.name for mine, other in pairs if mine.value != other.value]

    lab = Lab(PINNED, differ, first)
    for each in pinned:
        lab.hold(each)
    return lab


# --- what counts ----------------------------------------------------------------------------------


def test_values_that_memory_moves_prove_something_about_memory_alone() -> None:
    lab = lab_of(recording(x=1, y=1))
    lab.by_memory = {"x"}
    assert lab.moved(recording(x=2, y=2), "memory") == {"x", "y"}
    assert lab.moved(recording(x=2, y=2), "clock") == {"y"}
    assert lab.moved(recording(x=2, y=1), "clock") == set()


def test_values_that_reading_moves_prove_nothing_about_a_race_which_is_told() -> None:
    lab = lab_of(recording(x=1, y=1))
    lab.by_reading = {"x"}
    assert lab.moved(recording(x=2, y=2), "files") == {"x", "y"}
    assert lab.hidden == set()
    assert lab.moved(recording(x=1, y=2), "threads") == {"y"}
    assert lab.hidden == set()
    assert lab.moved(recording(x=2, y=2), "threads") == {"y"}
    assert lab.hidden == {"threads"}


def test_arms_are_certain_by_what_counts_for_the_factor() -> None:
    lab = lab_of(*[recording(x=1)] * 8)
    switched = [recording(x=number) for number in range(2, 10)]
    lab.by_memory = {"x"}
    assert lab.certain("memory", switched)
    assert not lab.certain("clock", switched)
    assert lab.weigh("clock", "b", switched, remote=False) is None
    found = lab.weigh("memory", "b", switched, remote=False)
    assert found is not None
    assert (found.status, found.differ, found.distinct, found.moved) == (CauseStatus.CAUSE, 8, 8, ("x",))


@pytest.mark.parametrize(
    ("results", "remote", "status"),
    [
        ((2,) * 8, False, CauseStatus.CAUSE),
        ((2,) * 8, True, CauseStatus.SUSPECT),
        ((2, 3) * 4, True, CauseStatus.CAUSE),
        ((2, 3), True, CauseStatus.SUSPECT),
        ((2,) * 2, False, CauseStatus.SUSPECT),
        ((2,) * ARM, False, CauseStatus.CAUSE),
        ((2, 3, 4), False, CauseStatus.SUSPECT),
    ],
)
def test_level_that_is_remote_makes_a_cause_only_where_it_lets_a_race_loose(
    results: tuple[int, ...], remote: bool, status: CauseStatus
) -> None:
    lab = lab_of(*[recording(x=1)] * 8)
    found = lab.weigh("files", "b", [recording(x=number) for number in results], remote=remote)
    assert found is not None
    assert found.status is status


def test_findings_are_taken_back_where_the_value_drifts_by_itself() -> None:
    lab = lab_of(recording(x=1, y=1), first="x")
    lab.found = [
        Finding(CauseStatus.CAUSE, name, "b", 3, 3, 3, 1, moved=(moved,))
        for name, moved in (("pid", "x"), ("files", "y"))
    ]
    assert [found.factor for found in lab.findings([], []).found] == ["pid", "files"]
    lab.hold(recording(x=1, y=2))
    assert [found.factor for found in lab.findings(["pid"], ["pid", "clock"]).found] == ["pid"]
    assert lab.findings(["pid"], ["pid", "clock"]).not_tried == ("clock",)
    lab.hold(recording(x=2, y=1))
    assert lab.findings([], []).found == ()
    assert not lab.findings([], []).pinned_agrees


def test_beginning_anew_keeps_the_forks_as_evidence_and_their_levels_are_untried() -> None:
    lab = lab_of(recording(x=1), recording(x=2))
    lab.note("memory", "b", [recording(x=1)])
    assert lab.tried("memory") == {"b"}
    lab.begin_fresh()
    assert lab.tried("memory") == set()
    lab.hold(recording(x=1))
    lab.note("memory", "c", [recording(x=1)])
    assert lab.tried("memory") == {"c"}
    assert [(arm.factor, arm.level, arm.runs) for arm in lab.evidence()] == [
        ("", "pinned", 1),
        ("memory", "b", 1),
        ("", "pinned, forked", 2),
        ("memory", "c", 1),
    ]


def test_no_counts_of_runs_meet_the_limit_of_chance_exactly() -> None:
    """So that it does not matter whether the limit itself is certain."""
    sizes = range(1, 4 * RACE_ARM)
    assert not any(
        fisher(differ=differ, switched=switched, pinned=pinned) == FISHER_LIMIT
        for switched in range(1, RACE_ARM + 1)
        for pinned in sizes
        for differ in range(switched + 1)
    )


def test_trial_without_a_pin_is_a_pinned_one() -> None:
    trial = lab_of().without("clock")
    assert trial.factor == "pinned"
    assert dict(trial.condition.levels) == {name: level for name, level in PINNED.items() if name != "clock"}


def test_races_come_behind_what_they_read_and_nothing_is_lost() -> None:
    given = [Candidate("files", ("b",)), Candidate("threads", ("4",)), Candidate("clock", ("b", "c"))]
    assert [(each.factor, each.levels) for each in rank(given)] == [
        ("files", ("b",)),
        ("clock", ("b",)),
        ("threads", ("4",)),
        ("clock", ("b", "c")),
    ]


# --- in which order it is asked for ---------------------------------------------------------------


class Losing(Bench):
    """Loses the runs that have one of some levels of one factor."""

    def lose(self, factor: str, *levels: str, final: bool = False) -> Losing:
        self.lost = (factor, levels, final)
        return self

    def outcome(self, trial: Trial) -> Outcome:
        factor, levels, final = self.lost
        if trial.condition.level(factor) in levels:
            return Outcome(None, "it crashed", final=final)
        return super().outcome(trial)


def test_memory_comes_first_in_fresh_interpreters() -> None:
    numbers = iter(range(1000))
    bench = Bench(lambda levels: 0 if "start" in levels else next(numbers))
    bench([Candidate("clock", ("b",)), Candidate("memory", ("b",)), Candidate("pid", ("b",))])
    fresh = [trial.factor for trial in bench.trials if trial.condition.level("start") is not None]
    assert fresh == ["pinned"] * FRESH_ARM + ["memory", "clock", "pid"]


def test_factors_that_are_left_are_told_once_and_in_order() -> None:
    """However the search ends: with the first runs, with a factor, or with the first run in a fresh interpreter."""
    parts = [Candidate("clock", ("b",)), Candidate("threads", ("4",)), Candidate("clock", ("b", "c"))]
    assert Bench(lambda _levels: 1, limit=0)(parts).not_tried == ("clock", "threads")
    assert Bench(lambda _levels: 1, limit=2)(parts).not_tried == ("clock", "threads")
    numbers = iter(range(1000))
    findings = Bench(lambda _levels: next(numbers))([*parts, Candidate("memory", ("b",))])
    assert findings.not_tried == ("memory", "clock", "threads")
    stopped = Bench(lambda _levels: 1, limit=3)([Candidate("pid", ("b",)), *parts[::2], parts[1]])
    assert stopped.not_tried == ("pid", "clock", "threads")


def test_factor_whose_finding_is_taken_back_is_not_cleared() -> None:
    """By one level it moved a value that drifts by itself, as came out later; the other moved nothing."""

    def world(levels: Mapping[str, str]) -> dict[str, object]:
        return {"x": levels["pid"], "y": levels["clock"] == "b" or bench.arms().count("pinned") > ARM + 2}

    bench = Bench(world)
    findings = bench(
        [Candidate("clock", ("b",)), Candidate("clock", ("c",)), Candidate("pid", ("b",))],
        first="x",
        enough=never_enough,
    )
    assert [found.factor for found in findings.found] == ["pid"]
    assert (findings.unstable, findings.cleared, findings.not_tried) == (("y",), ("addresses",), ())


def test_factor_in_parts_is_cleared_once() -> None:
    bench = Bench(lambda _levels: 1)
    findings = bench([Candidate("clock", ("b",)), Candidate("clock", ("c",)), Candidate("pid", ("b",))])
    assert findings.cleared == ("clock", "pid")
    assert bench.arms().count("clock") == 2
    stopped = Bench(lambda _levels: 1, limit=2)([Candidate("clock", ("b",)), Candidate("clock", ("c",))])
    assert stopped.not_tried == ("clock",)


def test_pin_that_a_program_does_not_stand_is_not_switched() -> None:
    bench = Losing(reads("hash-seed")).lose("clock", "a", "b")
    findings = bench()
    assert findings.unheld == ("clock",)
    assert "clock" in findings.not_tried
    assert "clock" not in bench.arms()
    assert len(bench.recordings) < len(bench.trials)
    assert [trial.condition.level("clock") for trial in bench.trials[:4]] == ["a", "a", "a", None]
    assert bench.arms()[:6] == ["pinned"] * 6, "two lost, two without a pin, and two more for an arm of three"
    assert bench.arms()[6] != "pinned"


def test_program_that_stands_no_pin_is_left_alone() -> None:
    bench = Losing(reads("clock")).lose("state", "a")
    findings = bench()
    assert findings.stopped == "with everything pinned, the run is lost: it crashed"
    assert len(bench.trials) == 2 + 7, "a pinned run twice, and once without each pin that may be left out"


def test_reason_of_a_search_that_ends_while_a_pin_is_looked_for() -> None:
    class Ending(Bench):
        def outcome(self, trial: Trial) -> Outcome:
            return Outcome(None, "no time", final=True) if len(self.trials) > 3 else Outcome(None, "it crashed")

    bench = Ending(reads("clock"))
    assert bench().stopped == "no time"
    assert len(bench.trials) == 4


def test_races_are_left_out_where_the_value_is_explained_by_what_they_read() -> None:
    bench = Bench(reads("clock"))
    findings = bench(
        rank([Candidate("clock", ("b",), 1), Candidate("threads", ("4",)), Candidate("pid", ("b",))]),
        first="x",
        enough=never_enough,
    )
    assert "threads" not in bench.arms()
    assert (findings.cleared, findings.not_tried) == (("pid", "addresses"), ("threads",))


def test_races_that_move_nothing_but_what_they_read_are_probed_in_full() -> None:
    bench = Bench(lambda levels: levels["clock"] + levels["threads"])
    findings = bench([Candidate("clock", ("b",)), Candidate("threads", ("4",))], enough=never_enough)
    assert bench.arms().count("threads") == RACE_TRIES
    assert findings.not_tried == ("threads",)
    assert [arm.runs for arm in findings.evidence if arm.factor == "threads"] == [RACE_TRIES]


def test_race_is_repeated_until_what_counts_is_certain() -> None:
    numbers = iter(range(1000))

    def world(levels: Mapping[str, str]) -> dict[str, object]:
        raced = 0 if levels["threads"] == "a" else next(numbers) + 1
        return {"x": raced % 4 == 1, "time": (levels["clock"], raced)}

    bench = Bench(world)
    bench([Candidate("clock", ("b",)), Candidate("threads", ("4",))], first="x", enough=never_enough)
    assert bench.arms().count("threads") == RACE_ARM


def test_levels_that_move_another_value_only_are_evidence() -> None:
    bench = Bench(lambda levels: {"x": levels["hash-seed"] == "3", "y": levels["hash-seed"]})
    findings = bench([HASH_SEED], first="x")
    arms = [(arm.level, arm.runs, arm.differ) for arm in findings.evidence if arm.factor == "hash-seed"]
    assert arms == [("2", 1, 1), ("1", 1, 1), ("3", ARM, ARM)]


def test_what_moved_another_value_is_not_forgotten_when_the_search_ends() -> None:
    bench = Bench(lambda levels: {"x": 1, "y": levels["hash-seed"]}, limit=4)
    (found,) = bench([HASH_SEED], first="x").found
    assert (found.level, found.moved, found.status) == ("1", ("y",), CauseStatus.SUSPECT)


# --- memory beside other factors ------------------------------------------------------------------


def test_memory_that_was_found_is_not_tried_again() -> None:
    bench = Bench(lambda levels: {"x": levels["memory"], "y": levels["hash-seed"]})
    findings = bench([Candidate("memory", ("b",)), HASH_SEED], enough=never_enough)
    assert {found.factor: (found.moved, found.status) for found in findings.found} == {
        "memory": (("x",), CauseStatus.CAUSE),
        "hash-seed": (("y",), CauseStatus.CAUSE),
    }
    assert bench.arms().count("memory") == ARM


def test_memory_whose_run_was_lost_is_not_tried_again() -> None:
    bench = Losing(reads("hash-seed")).lose("memory", "b")
    findings = bench([Candidate("memory", ("b",)), HASH_SEED])
    assert bench.arms().count("memory") == 1
    assert [(found.factor, found.status) for found in findings.found] == [("hash-seed", CauseStatus.SUSPECT)]


@pytest.mark.parametrize("unheld", [True, False])
def test_where_memory_cannot_be_switched_it_hides_nothing(unheld: bool) -> None:
    bench = Losing(reads("hash-seed")).lose("memory", "a" if unheld else "")
    if not unheld:
        bench.pinned = {name: level for name, level in PINNED.items() if name != "memory"}
    findings = bench([HASH_SEED])
    assert [(found.factor, found.status) for found in findings.found] == [("hash-seed", CauseStatus.CAUSE)]
    assert "memory" not in bench.arms()


def test_finding_is_left_with_what_memory_does_not_move() -> None:
    def world(levels: Mapping[str, str]) -> dict[str, object]:
        return {"x": levels["pid"], "y": levels["pid"] == "b" or "scattered" in levels["memory"]}

    findings = Bench(world)([Candidate("pid", ("b",))])
    assert {found.factor: found.moved for found in findings.found} == {"memory": ("y",), "pid": ("x",)}


def test_finding_that_rests_on_what_memory_moves_is_weighed_anew() -> None:
    numbers = iter(range(1000))

    def world(levels: Mapping[str, str]) -> dict[str, object]:
        loose = levels["pid"] == "b"
        number = next(numbers) + 1 if loose or "scattered" in levels["memory"] else 0
        return {"x": loose and len(bench.trials) == 4, "y": number}

    bench = Bench(world)
    findings = bench([Candidate("pid", ("b",))])
    found = {each.factor: (each.status, each.differ, each.moved) for each in findings.found}
    assert found["pid"] == (CauseStatus.SUSPECT, 1, ("x",))


def test_first_level_of_memory_that_moves_the_value_is_taken_though_memory_is_known() -> None:
    def world(levels: Mapping[str, str]) -> dict[str, object]:
        level = levels["memory"]
        return {"x": "scattered" in level or level in "cd" or levels["pid"] == "b", "y": level in "bcd"}

    bench = Bench(world)
    findings = bench([Candidate("pid", ("b",)), Candidate("memory", ("b", "c", "d"))], first="x", enough=never_enough)
    arms = [(arm.level, arm.runs) for arm in findings.evidence if arm.factor == "memory"]
    assert arms == [(ORDERS[0], ARM), ("b", 1), ("c", ARM)]


def test_addresses_are_cleared_beside_others_and_not_where_memory_moves_something() -> None:
    findings = Bench(reads("pid"))([Candidate("clock", ("b",)), Candidate("pid", ("b",))])
    assert findings.cleared == ("clock", "addresses")
    bench = Bench(lambda levels: {"x": levels["hash-seed"], "y": levels["memory"] == BASE})
    findings = bench([HASH_SEED])
    assert {found.factor: found.level for found in findings.found} == {"hash-seed": "1", "memory": BASE}
    assert bench.arms().count("memory") == len(ORDERS) + ARM
    assert findings.cleared == ()


def test_lost_run_of_an_arm_is_told_with_its_level() -> None:
    class Once(Bench):
        def outcome(self, trial: Trial) -> Outcome:
            again = trial.factor == "clock" and self.arms().count("clock") == 2
            return Outcome(None, "it crashed") if again else super().outcome(trial)

    assert Once(reads("clock"))([Candidate("clock", ("b",))]).lost == (("clock", "b", "it crashed"),)


# --- lines that draw ------------------------------------------------------------------------------


def draws(*lines: int) -> list[EntropyDraw]:
    return [EntropyDraw("os-entropy", f"call{line}()", Location("t.py", line), 1) for line in lines]


def at_line_30(levels: Mapping[str, str]) -> bool:
    return levels["entropy"] in ("b", "site:30:b")


@pytest.mark.parametrize(("final", "named", "tried"), [(False, [30], 3), (True, [], 1)])
def test_line_whose_run_is_lost_costs_the_others_only_where_the_search_ends(
    final: bool, named: list[int], tried: int
) -> None:
    bench = Losing(at_line_30).lose("entropy", "site:10:b", final=final)
    findings = bench(
        [Candidate("entropy", ("b",))],
        draws=draws(10, 20, 30),
        site_level=lambda place, key: f"site:{place.line}:{key}",
    )
    (found,) = findings.found
    assert [site.location.line for site in found.sites] == named
    sites = [trial for trial in bench.trials if (trial.condition.level("entropy") or "").startswith("site")]
    assert len(sites) == tried
