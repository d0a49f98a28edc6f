"""Settings → runs and their conditions."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from pytest_repro.model import Place, Plan
from pytest_repro.plan import command_for, describe_plan, escape_rate, make_plan
from pytest_repro.settings import Settings, resolve


def plan(**settings: object) -> Plan:
    given = Settings(**settings)  # type: ignore[arg-type]
    return make_plan(given, level_of=lambda factor, index: f"{factor}-{index}")


def places(made: Plan) -> dict[int, str]:
    return {spec.number: spec.condition.place.value for spec in made.runs}


@pytest.mark.parametrize(
    ("runs", "isolation", "expected"),
    [
        (1, "auto", "I"),
        (2, "auto", "IP"),
        (3, "auto", "IIP"),
        (5, "auto", "IIPPP"),
        (3, "inline", "III"),
        (1, "process", "I"),  # nothing to tell apart, so no worker is started for it
        (3, "process", "PPP"),
    ],
)
def test_places_of_the_runs(runs: int, isolation: str, expected: str) -> None:
    made = plan(runs=runs, isolation=isolation)
    letters = {"inline": "I", "process": "P"}
    assert "".join(letters[place] for _, place in sorted(places(made).items())) == expected
    assert sorted(spec.number for spec in made.runs) == list(range(1, runs + 1))


@pytest.mark.parametrize("runs", range(1, 8))
def test_last_run_is_here_where_two_are_so_that_the_verdict_is(runs: int) -> None:
    made = plan(runs=runs)
    assert made.runs[0].number == 1
    if runs >= 3:
        assert made.runs[-1].condition.place is Place.INLINE


@pytest.mark.parametrize("runs", [3, 8])
def test_a_plan_is_the_same_every_time_and_a_longer_one_begins_like_a_shorter(runs: int) -> None:
    short, long = plan(runs=runs, vary=("threads",)), plan(runs=runs + 2, vary=("threads",))
    assert short == plan(runs=runs, vary=("threads",))
    conditions = {spec.number: spec.condition for spec in long.runs}
    assert all(conditions[spec.number] == spec.condition for spec in short.runs)


@pytest.mark.parametrize(("isolation", "expected"), [("auto", "IICC"), ("process", "CCCC"), ("inline", "IIII")])
def test_with_an_engine_runs_elsewhere_are_on_the_cluster(isolation: str, expected: str) -> None:
    made = plan(runs=4, isolation=isolation, executor="dask://h:1?wait=2", spread=True)
    letters = {"inline": "I", "cluster": "C"}
    assert "".join(letters[place] for _, place in sorted(places(made).items())) == expected
    assert made.executor == ("dask://h:1?wait=2" if "C" in expected else "")
    there = [spec.condition.level("hash-seed") for spec in made.runs if spec.condition.place is Place.CLUSTER]
    assert sorted(filter(None, there)) == ["1", "2", "3", "4"][: len(there)]
    told = "on dask://h:1, each on another machine"
    assert (told in describe_plan(made)) == ("C" in expected)


def test_hash_seeds_go_round_the_workers() -> None:
    made = plan(runs=8, isolation="process", workers=3)
    seeds = [spec.condition.level("hash-seed") for spec in sorted(made.runs, key=lambda spec: spec.number)]
    assert seeds == ["1", "2", "3", "1", "2", "3", "1", "2"]


def test_levels_of_varied_factors_climb_their_ladder_from_the_reference() -> None:
    made = plan(runs=4, vary=("threads", "process", "hash-seed"))
    levels = {spec.number: spec.condition.level("threads") for spec in made.runs}
    assert levels == {1: None, 2: None, 3: "threads-1", 4: "threads-2"}
    everywhere = plan(runs=3, vary=("threads",), isolation="process")
    assert [spec.condition.level("threads") for spec in everywhere.runs] == ["threads-0", "threads-1", "threads-2"]


def test_factors_that_process_runs_always_vary_never_have_the_reference_level() -> None:
    made = make_plan(Settings(runs=5), level_of=lambda factor, index: f"{factor}-{index}", standard=("memory",))
    levels = {spec.number: spec.condition.level("memory") for spec in made.runs}
    assert levels == {1: None, 2: None, 3: "memory-1", 4: "memory-2", 5: "memory-3"}
    everywhere = make_plan(
        Settings(runs=2, isolation="process"), level_of=lambda factor, index: f"{factor}-{index}", standard=("memory",)
    )
    assert [spec.condition.level("memory") for spec in everywhere.runs] == ["memory-1", "memory-2"]


def test_place_and_hash_seed_have_no_ladder_of_their_own() -> None:
    made = plan(runs=4, vary=("process", "hash-seed", "threads"))
    assert made.asked == ("threads",)
    assert [spec.condition.level("hash-seed") for spec in sorted(made.runs, key=lambda spec: spec.number)] == [
        None,
        None,
        "1",
        "2",
    ]
    assert all(spec.condition.level("process") is None for spec in made.runs)


@pytest.mark.parametrize(
    ("settings", "varied"),
    [
        ({"runs": 3, "isolation": "process", "workers": 1}, ("process",)),
        ({"runs": 3, "isolation": "inline"}, ()),
        ({"runs": 3}, ("process", "hash-seed")),
        ({"runs": 3, "vary": ("threads", "files")}, ("process", "hash-seed", "files", "threads")),
        ({"runs": 3, "isolation": "process"}, ("process", "hash-seed")),
        ({"runs": 2, "executor": "dask", "spread": True}, ("machine", "process", "hash-seed")),
        ({"runs": 2, "executor": "dask"}, ("process", "hash-seed")),
        ({"runs": 1, "executor": "dask", "spread": True}, ()),
    ],
)
def test_varied_names_what_differs(settings: dict[str, object], varied: tuple[str, ...]) -> None:
    assert plan(**settings).varied == varied


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"runs": 1}, ["1 run each, seed 0: 1 in this process"]),
        ({"runs": 2}, ["2 runs each, seed 0: 1 in this process, 2 in a fresh interpreter"]),
        ({"runs": 3, "seed": 7}, ["3 runs each, seed 7: 1 and 2 in this process, 3 in a fresh interpreter"]),
        ({"runs": 6}, ["3 to 6 in fresh interpreters"]),
        (
            {"runs": 2, "executor": "dask://h:1?wait=2"},
            ["2 runs each, seed 0: 1 in this process, 2 in a fresh interpreter on dask://h:1"],
        ),
        ({"runs": 2, "executor": "dask"}, ["2 in a fresh interpreter on dask"]),
        ({"runs": 4, "isolation": "inline"}, ["4 runs each, seed 0: 1 to 4 in this process"]),
    ],
)
def test_description_is_one_sentence(settings: dict[str, object], parts: list[str]) -> None:
    text = describe_plan(plan(**settings))
    assert "\n" not in text
    for part in parts:
        assert text.endswith(part)


@pytest.mark.parametrize(
    ("runs", "rate", "escapes"), [(2, 0.1, 0.82), (3, 0.1, 0.73), (10, 0.1, 0.3487), (3, 0.0, 1.0), (3, 1.0, 1.0)]
)
def test_escape_rate_is_that_no_run_or_every_run_drifts(runs: int, rate: float, escapes: float) -> None:
    assert escape_rate(runs, rate) == pytest.approx(escapes, abs=1e-4)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, ()),
        ({"all": True}, ("--repro-all",)),
        ({"autolog": "auto"}, ("--repro-autolog=auto",)),
        ({"all": True, "autolog": "torch,assertions"}, ("--repro-all", "--repro-autolog=torch,assertions")),
        ({"all": True, "autolog": "none"}, ("--repro-all", "--repro-autolog=none")),
    ],
)
def test_plan_remembers_what_a_command_must_say_to_repeat_and_record_the_same(
    given: dict[str, object], options: tuple[str, ...]
) -> None:
    made = make_plan(resolve(command_line=given, ini={}), level_of=lambda factor, _: factor)
    assert made.options == options
    elsewhere = make_plan(resolve(command_line={}, ini=given), level_of=lambda factor, _: factor)
    assert elsewhere.options == ()


def test_plain_ids_stand_in_double_quotes_which_every_shell_has() -> None:
    assert command_for(r"t.py::t[caf\xe9 1.5-a'b]") == r'''pytest "t.py::t[caf\xe9 1.5-a'b]"'''


@pytest.mark.parametrize("text", ["^a$HOME", "$(echo)", 'say "it"', "a`echo`b", r"a\\b", "it's $HOME", "wow!", "a\\"])
def test_a_shell_gives_back_the_id_that_was_quoted(text: str) -> None:
    target = f"tests/test_a.py::test_it[{text}]"
    command = command_for(target, "--repro-runs=2", seed=7)
    assert shlex.split(command) == ["pytest", target, "--repro-runs=2", "--repro-seed=7"]
    bash = shutil.which("bash")
    if bash is not None:
        shown = subprocess.run(
            [bash, "-c", command.replace("pytest", "printf %s", 1).partition(" --repro")[0]],
            capture_output=True,
            check=True,
        )
        assert shown.stdout.decode() == target
