"""Recordings → a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_repro.model import (
    Cause,
    Condition,
    Kind,
    Location,
    Observation,
    Place,
    Plan,
    Recording,
    RunSpec,
    TestResult,
    Tolerance,
    Verdict,
)
from pytest_repro.pipeline import judge, unfinished
from tests.builders import make_cause

NODE = "t.py::test_it"


def make_plan(runs: int, *, inline: bool = True, seed: int = 0) -> Plan:
    places = [Place.INLINE if inline or number < 3 else Place.PROCESS for number in range(1, runs + 1)]
    specs = tuple(RunSpec(number, Condition(place)) for number, place in enumerate(places, start=1))
    return Plan(specs, seed, () if inline else ("process", "hash-seed"))


def recording(number: int, *values: tuple[str, float], tolerance: Tolerance | None = None) -> Recording:
    return Recording(
        RunSpec(number),
        tuple(
            Observation(
                seq=seq,
                name=name,
                step=None,
                kind=Kind.METRIC,
                value=value,
                location=Location("t.py", 10 + seq),
                tolerance=tolerance or Tolerance(),
            )
            for seq, (name, value) in enumerate(values)
        ),
        nonce=f"run {number}",
    )


def verdict(*recordings: Recording, runs: int | None = None, **options: object) -> TestResult:
    plan = make_plan(runs or len(recordings))
    return judge(nodeid=NODE, plan=plan, recordings=recordings, location=Location("t.py", 1), **options)  # type: ignore[arg-type]


def test_equal_values_reproduce() -> None:
    result = verdict(recording(1, ("a", 1.0), ("b", 2.0)), recording(2, ("a", 1.0), ("b", 2.0)))
    assert result.verdict is Verdict.REPRODUCED
    assert result.headline == "2 values are equal over 2 runs"
    assert (result.nodeid, result.runs, result.seed, result.location) == (NODE, 2, 0, Location("t.py", 1))


def test_difference_is_drift_with_its_first_divergence() -> None:
    result = verdict(recording(1, ("b", 1.0), ("a", 2.0)), recording(2, ("b", 1.5), ("a", 2.5)))
    assert result.verdict is Verdict.DRIFTED
    assert result.headline == "2 of 2 values differ between 2 runs that should be equal"
    first = result.comparison.first
    assert first is not None
    assert (first.name, first.run, first.location) == ("b", 2, Location("t.py", 10))


def test_difference_within_the_tolerance_is_told_apart_from_equality() -> None:
    wide = Tolerance(rtol=0.5)
    result = verdict(recording(1, ("a", 1.0), tolerance=wide), recording(2, ("a", 1.1), tolerance=wide))
    assert result.verdict is Verdict.WITHIN
    assert "1 of them within tolerance" in result.headline
    assert result.comparison.within[0].tolerance == wide


@pytest.mark.parametrize(
    ("recordings", "words"),
    [
        pytest.param([], "only 0 runs finished", id="none"),
        pytest.param([recording(1, ("a", 1.0))], "only 1 run finished", id="one"),
        pytest.param([recording(1), recording(2)], "nothing was recorded", id="empty"),
        pytest.param(
            [recording(1, ("a", 1.0)), replace(recording(2, ("a", 1.0)), nonce="run 1")],
            "from one and the same execution",
            id="cached",
        ),
    ],
)
def test_what_proves_nothing_is_inconclusive_and_says_what_to_do(recordings: list[Recording], words: str) -> None:
    result = verdict(*recordings, runs=2)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert words in result.headline
    assert not result.verdict.good


def test_one_run_that_records_nothing_where_another_does_is_drift() -> None:
    assert verdict(recording(1), recording(2, ("a", 1.0))).verdict is Verdict.DRIFTED


def test_order_in_which_the_runs_were_made_does_not_matter() -> None:
    one, two, three = recording(1, ("a", 1.0)), recording(2, ("a", 2.0)), recording(3, ("a", 1.0))
    assert verdict(one, two, three) == verdict(three, two, one)
    (drift,) = verdict(three, one, two).comparison.drifts
    assert drift.groups == ((1, 3), (2,))


def test_cause_is_asked_for_after_a_drift_only() -> None:
    asked: list[TestResult] = []

    def explain(result: TestResult, recordings: Sequence[Recording]) -> Cause:
        asked.append(result)
        return make_cause()

    assert verdict(recording(1, ("a", 1.0)), recording(2, ("a", 1.0)), explainer=explain).cause is None
    assert verdict(recording(1), recording(2), explainer=explain).cause is None
    assert not asked
    drifted = verdict(recording(1, ("a", 1.0)), recording(2, ("a", 2.0)), explainer=explain)
    assert drifted.cause == make_cause()
    assert asked[0].comparison == drifted.comparison


@pytest.mark.parametrize(
    ("runs", "inline", "seed", "differing", "command"),
    [
        (3, True, 0, 2, f'pytest "{NODE}" --repro-runs=2 --repro-isolation=inline'),
        (3, True, 5, 3, f'pytest "{NODE}" --repro-runs=3 --repro-isolation=inline --repro-seed=5'),
        (3, False, 0, 3, f'pytest "{NODE}" --repro-runs=3'),
    ],
)
def test_command_shows_the_drift_again(runs: int, *, inline: bool, seed: int, differing: int, command: str) -> None:
    recordings = [recording(n, ("a", 2.0 if n == differing else 1.0)) for n in range(1, runs + 1)]
    plan = make_plan(runs, inline=inline, seed=seed)
    assert judge(nodeid=NODE, plan=plan, recordings=recordings, location=None).again == command


def test_one_value_is_no_values() -> None:
    assert verdict(recording(1, ("a", 1.0)), recording(2, ("a", 1.0))).headline == "1 value is equal over 2 runs"
    near = Tolerance(atol=1.0)
    close = verdict(recording(1, ("a", 1.0), tolerance=near), recording(2, ("a", 1.5), tolerance=near))
    assert close.headline == "1 value agrees over 2 runs, 1 of them within tolerance"


def test_one_run_is_not_said_to_be_equal_to_anything() -> None:
    assert verdict(recording(1, ("a", 1.0), ("b", 1.0)), needed=1).headline == "2 values recorded in 1 run"


def test_command_has_all_runs_where_they_were_and_records_the_same() -> None:
    specs = tuple(RunSpec(number, Condition(Place.PROCESS)) for number in (1, 2))
    plan = Plan(specs, seed=0, options=("--repro-all",))
    recordings = [recording(1, ("a", 1.0)), recording(2, ("a", 2.0))]
    again = judge(nodeid=NODE, plan=plan, recordings=recordings, location=None).again
    assert again == f'pytest "{NODE}" --repro-runs=2 --repro-isolation=process --repro-all'


def test_unfinished_compares_what_there_is() -> None:
    result = unfinished(
        nodeid=NODE,
        plan=make_plan(3),
        recordings=[recording(2, ("a", 2.0)), recording(1, ("a", 1.0), ("b", 1.0))],
        location=None,
        verdict=Verdict.DRIFTED,
        headline="run 1 passed and run 2 of 3 did not",
    )
    assert (result.verdict, result.headline, result.runs) == (
        Verdict.DRIFTED,
        "run 1 passed and run 2 of 3 did not",
        3,
    )
    assert result.comparison.first is not None
    assert result.comparison.first.name == "a"


@pytest.mark.parametrize("recordings", [[], [recording(1)], [recording(1), recording(2)]])
def test_unfinished_without_values_keeps_its_headline(recordings: list[Recording]) -> None:
    result = unfinished(
        nodeid=NODE, plan=make_plan(3), recordings=recordings, location=None, verdict=Verdict.LOST, headline="lost"
    )
    assert (result.verdict, result.headline, result.comparison.first) == (Verdict.LOST, "lost", None)
