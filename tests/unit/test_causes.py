"""Findings → words: no stronger than what was shown."""

from __future__ import annotations

import pytest

from pytest_repro.causes import make_cause, stream_line, suspect_lines
from pytest_repro.explain import Finding, Findings
from pytest_repro.factor_words import FACTOR_WORDS
from pytest_repro.model import (
    CauseStatus,
    EntropyDraw,
    Evidence,
    Kind,
    Location,
    Observation,
    Recording,
    RunSpec,
    Suspect,
)

#: those that issue trackers and reports know
NAMES = {
    "hash-seed",
    "entropy",
    "clock",
    "threads",
    "state",
    "files",
    "memory",
    "environment",
    "cpu",
    "gpu",
    "order",
}


def finding(factor: str = "clock", **changes: object) -> Finding:
    values: dict[str, object] = {
        "status": CauseStatus.CAUSE,
        "level": "b",
        "pinned": 5,
        "switched": 3,
        "differ": 3,
        "distinct": 1,
    }
    return Finding(factor=factor, **{**values, **changes})  # type: ignore[arg-type]


def pinned_evidence(runs: int = 3, distinct: int = 1, differ: int = 0) -> Evidence:
    return Evidence("", "pinned", runs, distinct, differ)


def recording(*rows: tuple[str, float, dict[str, int]]) -> Recording:
    return Recording(
        RunSpec(1),
        streams=max((tuple(streams) for _, _, streams in rows), key=len),
        observations=tuple(
            Observation(
                seq=seq,
                name=name,
                step=seq,
                kind=Kind.METRIC,
                value=value,
                location=Location("t.py", 1),
                ledger=tuple(streams.values()),
            )
            for seq, (name, value, streams) in enumerate(rows)
        ),
    )


@pytest.mark.parametrize("factor", FACTOR_WORDS)
def test_every_factor_has_a_name_that_reports_know_and_an_advice(factor: str) -> None:
    cause = make_cause(Findings(found=(finding(factor),)))
    assert cause.factor in NAMES
    assert cause.status is CauseStatus.CAUSE
    assert "all pinned, 5 of 5 agree" in cause.summary
    assert "3 of 3 differ from them" in cause.summary
    assert cause.advice


def test_pinnable_factors_of_the_platform_all_have_words() -> None:
    from pytest_repro.conditions.pins import SWITCHED

    assert set(SWITCHED) <= set(FACTOR_WORDS)


@pytest.mark.parametrize(
    ("status", "distinct", "words"),
    [
        (CauseStatus.CAUSE, 1, "the clock decides it: "),
        (CauseStatus.CAUSE, 3, "the clock decides it, by a race: "),
        (CauseStatus.SUSPECT, 3, "the clock may enable a race: "),
    ],
)
def test_summary_claims_what_the_status_allows(status: CauseStatus, distinct: int, words: str) -> None:
    cause = make_cause(Findings(found=(finding(status=status, distinct=distinct),)))
    assert cause.summary.startswith(words)
    assert cause.status is status


@pytest.mark.parametrize(
    ("level", "factor", "title"),
    [
        ("1", "entropy", "entropy drawn at import"),
        ("clock=1", "clock", "the time at which the test's modules were imported"),
        ("pid=1", "environment", "os.getpid() at import"),
    ],
)
def test_what_an_import_read_is_named(level: str, factor: str, title: str) -> None:
    cause = make_cause(Findings(found=(finding("import", level=level),)))
    assert cause.factor == factor
    assert cause.summary.startswith(f"{title} decides it: ")


def test_what_decides_but_was_the_same_each_time_is_told_beside_the_cause() -> None:
    cause = make_cause(Findings(found=(finding("clock"),), latent=("files",)))
    assert cause.factor == "clock"
    assert any("not differently from run to run: the order of directory listings" in line for line in cause.details)


def test_suspect_of_few_equal_runs_does_not_claim_to_decide() -> None:
    """The budget may end before there are three runs each."""
    found = finding(status=CauseStatus.SUSPECT, switched=1, differ=1, pinned=3)
    cause = make_cause(Findings(found=(found,), stopped="the budget is spent"))
    assert "decides" not in cause.summary
    assert "the search ended early: the budget is spent" in cause.details


def test_cause_comes_before_suspects() -> None:
    found = (finding("threads", status=CauseStatus.SUSPECT, distinct=2), finding("clock"))
    cause = make_cause(Findings(found=found, cleared=("files",)))
    assert cause.factor == "clock"
    assert len(cause.also) == 1
    assert "threads" in cause.also[0]
    assert cause.ruled_out == ("the file system",)


def test_what_moves_the_first_value_comes_before_what_moves_another() -> None:
    found = (finding("clock", moved=("later",)), finding("files", moved=("first", "later")))
    cause = make_cause(Findings(found=found), first="first")
    assert cause.factor == "files"
    assert "it moves" not in cause.summary
    assert [line.rpartition("; ")[2] for line in cause.also] == ["it moves later"]


def test_cause_of_another_value_only_says_so() -> None:
    moved = ("a", "b", "c", "d", "e")
    cause = make_cause(Findings(found=(finding("clock", moved=moved),)), first="first")
    assert cause.summary.endswith("; it moves a, b, c and 2 more, not first")


@pytest.mark.parametrize(
    ("factor", "title"),
    [
        ("memory", "memory addresses or uninitialised memory"),
        ("cwd", "the working directory"),
        ("home", "the home directory (HOME)"),
        ("left-temp", "what earlier runs left in the temporary folder"),
    ],
)
def test_factor_of_which_each_run_has_a_state_of_its_own_lets_no_race_loose(factor: str, title: str) -> None:
    cause = make_cause(Findings(found=(finding(factor, distinct=3),)))
    assert "race" not in cause.summary
    assert cause.summary.endswith("3 results among themselves")
    weak = make_cause(Findings(found=(finding(factor, status=CauseStatus.SUSPECT, differ=1, switched=8, distinct=2),)))
    assert weak.summary.startswith(f"{title} may decide it, by too few runs to say so: ")


@pytest.mark.parametrize(
    ("factor", "switched", "words"),
    [
        ("threads", 8, "may decide it: all pinned, 5 of 5 agree; only threads (1 to 4) switched, 8 of 8 differ"),
        ("threads", 8, "from them, all alike, so no race was seen"),
        ("threads", 7, "may decide it, by too few runs to say so: "),
        ("hash-seed", 8, "may decide it, by too few runs to say so: "),
    ],
)
def test_race_that_was_not_seen_in_many_runs_is_not_said_to_lack_runs(factor: str, switched: int, words: str) -> None:
    weak = finding(factor, status=CauseStatus.SUSPECT, differ=switched, switched=switched)
    assert words in make_cause(Findings(found=(weak,))).summary


def test_files_that_runs_wrote_are_suspects_where_nothing_was_found() -> None:
    cause = make_cause(Findings(pinned_agrees=False), left={"left-files": ("a", "b", "c", "d")})
    assert cause.status is CauseStatus.UNKNOWN
    why = "the runs write it; one that reads what another wrote differs"
    assert cause.details == tuple(f"suspect file: {name}  {why}" for name in "abc")


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("left-files", "in the working directory: too many; run pytest from a folder that holds less"),
        ("left-temp", "in the temporary folder: too many; set TMPDIR to an empty folder and run it again"),
        ("left-home", "in the home folder: too many; set HOME to an empty folder and run it again"),
    ],
)
def test_place_that_was_not_looked_at_is_named_where_files_might_be_the_cause(place: str, line: str) -> None:
    unknown = make_cause(Findings(pinned_agrees=False), unseen={place: "too many"})
    assert unknown.details == (f"not looked at: what earlier runs left {line}",)
    assert not make_cause(Findings(pinned_agrees=True), unseen={place: "too many"}).details
    assert not make_cause(Findings(found=(finding("clock"),)), unseen={place: "too many"}).details


def test_files_that_runs_left_are_named_without_the_time_and_without_lines_of_code() -> None:
    findings = Findings(
        found=(finding("left-files", distinct=3, level="without=17"),),
        evidence=(pinned_evidence(), Evidence("left-files", "without=17", 3, 1, 3)),
    )
    suspects = (Suspect("state", "CACHE", Location("t.py", 1)),)
    cause = make_cause(findings, suspects=suspects, left={"left-files": ("last.ckpt", "a", "b", "c")})
    assert (cause.factor, cause.details) == ("state", ("left or changed there: last.ckpt, a, b and 1 more",))
    assert "race" not in cause.summary
    assert cause.evidence[1].level == "without them"


def test_addresses_are_ruled_out_where_only_they_were_tried() -> None:
    cause = make_cause(Findings(found=(finding("clock"),), cleared=("pid", "addresses")))
    assert cause.ruled_out == ("os.getpid()", "memory addresses")


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        pytest.param(
            Findings(lost=(("clock", "pinned=1", "it crashed"),)),
            "a run was lost with the clock switched to pinned=1: it crashed",
            id="a switched run",
        ),
        pytest.param(
            Findings(lost=(("", "pinned", "it crashed"),)),
            "a run was lost with everything pinned: it crashed",
            id="a pinned run",
        ),
        pytest.param(
            Findings(lost=(("", "pinned", "it crashed"),) * 2, unheld=("clock",)),
            "could not be held: the clock; with it the run is lost: it crashed",
            id="a pin",
        ),
        pytest.param(Findings(masked=("files",)), "not told from memory addresses: the file system", id="masked"),
        pytest.param(
            Findings(found=(finding("clock", moved=("a",)),), unstable=("b", "c")),
            "with everything pinned, still different from run to run: b, c",
            id="unstable",
        ),
        pytest.param(
            Findings(evidence=(pinned_evidence(4), Evidence("", "pinned, forked", 2, 2, 1))),
            "2 forks of one process, all pinned, give 2 results; fresh interpreters are compared",
            id="forks",
        ),
    ],
)
def test_details_say_what_the_search_could_not_tell(findings: Findings, line: str) -> None:
    assert list(make_cause(findings, first="a").details) == [line]


def test_line_that_draws_is_where_it_is_with_its_own_fix() -> None:
    draw = EntropyDraw("os-entropy", "numpy.random.default_rng()", Location("t.py", 4), 2)
    cause = make_cause(
        Findings(found=(finding("entropy", sites=(draw,)),)),
        suspects=[Suspect("entropy", "other()", Location("t.py", 9))],
        fixes={draw: "seed it"},
    )
    assert (cause.location, cause.advice) == (Location("t.py", 4), "seed it")
    assert any("drawn at t.py:4 (2 x)" in line for line in cause.details)
    assert not any("suspect line" in line for line in cause.details)


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        pytest.param(
            Findings(pinned_agrees=False, evidence=(pinned_evidence(2, 2, 1),), not_tried=("clock",)),
            "with everything pinned, 2 runs still give 2 results",
            id="residual",
        ),
        pytest.param(
            Findings(stopped="the budget is spent", evidence=(pinned_evidence(1),), not_tried=("clock",)),
            "not explained: the budget is spent",
            id="stopped at once",
        ),
        pytest.param(
            Findings(cleared=("clock",), evidence=(pinned_evidence(),)),
            "no factor switched alone changes them",
            id="nothing found",
        ),
        pytest.param(
            Findings(cleared=("clock",), not_tried=("files",), stopped="lost", evidence=(pinned_evidence(),)),
            "not all could be tried",
            id="stopped later",
        ),
    ],
)
def test_unknown_says_what_was_tried(findings: Findings, words: str) -> None:
    cause = make_cause(findings, suspects=[Suspect("clock", "time()", Location("t.py", 3))])
    assert (cause.status, cause.factor) == (CauseStatus.UNKNOWN, "")
    assert words in cause.summary
    assert "suspect line: t.py:3  time()" in cause.details


def test_suspect_lines_are_few_and_of_one_factor_where_asked() -> None:
    suspects = [Suspect("clock", f"call{n}()", Location("t.py", n)) for n in range(6)]
    suspects.append(Suspect("files", "listdir()", Location("t.py", 60)))
    assert len(suspect_lines(suspects)) == 5
    assert suspect_lines(suspects)[-1] == "... and 3 more suspect lines"
    assert suspect_lines(suspects, "files") == ["suspect line: t.py:60  listdir()"]


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        pytest.param(
            [("a", 1.0, {"random": 1}), ("a", 2.0, {"random": 2})],
            [("a", 1.0, {"random": 1}), ("a", 3.0, {"random": 3})],
            "random had diverged when a[1] was recorded: draws from it differ in number or order",
            id="diverged",
        ),
        pytest.param(
            [("a", 1.0, {"random": 1, "numpy.random": 1}), ("a", 2.0, {"random": 1, "numpy.random": 7})],
            [("a", 1.0, {"random": 2, "numpy.random": 2}), ("a", 3.0, {"random": 2, "numpy.random": 8})],
            "random and numpy.random had diverged when a[0] was recorded: draws from them",
            id="before the value",
        ),
        pytest.param(
            [("a", 1.0, {"random": 1}), ("a", 2.0, {"random": 2})],
            [("a", 1.0, {"random": 1}), ("a", 3.0, {"random": 2})],
            "random was equal up to there: no draw",
            id="equal",
        ),
        pytest.param(
            [("a", 1.0, {"random": 1}), ("a", 2.0, {"random": 2, "torch": 5}), ("a", 2.0, {"random": 2, "torch": 5})],
            [("a", 1.0, {"random": 1}), ("a", 2.0, {"random": 2}), ("a", 3.0, {"random": 2, "torch": 5})],
            "random and torch were equal up to there",
            id="loaded later",
        ),
        pytest.param(
            [("a", 1.0, {"random": 1}), ("a", 2.0, {"random": 2})],
            [("a", 3.0, {"random": 1}), ("a", 2.0, {"random": 3})],
            "random was equal up to there",
            id="after the value",
        ),
        pytest.param([("a", 1.0, {})], [("a", 2.0, {})], "", id="no ledger"),
        pytest.param([("a", 1.0, {"random": 1})], [("a", 1.0, {"random": 1})], "", id="nothing differs"),
    ],
)
def test_stream_line(
    ours: list[tuple[str, float, dict[str, int]]], theirs: list[tuple[str, float, dict[str, int]]], words: str
) -> None:
    line = stream_line(recording(*ours), recording(*theirs))
    assert line.startswith(words)
    assert bool(line) is bool(words)


def test_stream_line_goes_by_name_where_libraries_were_loaded_in_another_order() -> None:
    ours = recording(("a", 1.0, {"random": 1, "torch": 5, "numpy.random": 3}))
    theirs = recording(("a", 2.0, {"random": 1, "numpy.random": 3, "torch": 6}))
    assert stream_line(ours, theirs).startswith("torch had diverged when a[0]")


def test_level_that_shows_the_drift_is_named_where_it_means_something() -> None:
    cause = make_cause(Findings(found=(finding("timezone", level="Asia/Tokyo"),)))
    assert "only TZ switched to Asia/Tokyo, 3 of 3 differ" in cause.summary
