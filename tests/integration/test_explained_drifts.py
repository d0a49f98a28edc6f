"""Drifts that are hard to explain: what the output says is known, and what it says is not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Inner

SLOW = pytest.mark.skipif(not os.environ.get("PYTEST_REPRO_NIGHTLY"), reason="some 30 runs; PYTEST_REPRO_NIGHTLY=1")


def explained(inner: Inner, body: str, *arguments: str, head: str = "") -> tuple[dict[str, Any], str]:
    """The JSON of the one test, and what the terminal shows of it."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    inner.pytester.makepyfile(test_it=f"import os, pytest\n{head}\n@pytest.mark.repro\ndef test_it(repro):\n{lines}\n")
    report = inner.pytester.path / "report.json"
    options = ["--repro-runs=2", f"--repro-json={report}", *arguments]
    if not any("budget" in argument for argument in arguments):
        options += ["--repro-budget=600", "--repro-session-budget=600"]
    result = inner(*options, "--repro-explain=auto", "-v", isolation="process", subprocess=True)
    return json.loads(report.read_text())["tests"][0], "\n".join(result.outlines)


TWO_REASONS = """
repro.metric("name", "".join({"lr", "wd", "alpha", "beta", "gamma", "delta"}))
repro.metric("tag", os.urandom(8).hex())
"""


def test_both_of_two_reasons_are_found(inner: Inner) -> None:
    test, text = explained(inner, TWO_REASONS)
    cause = test["cause"]
    found = [cause["summary"], *cause["also"]]
    assert cause["status"] == "cause"
    assert len(found) == 2, text
    assert {"hash seed decides it", "uncontrolled entropy decides it"} == {line.partition(":")[0] for line in found}
    assert "also    " in text


RESUMED = """
steps = int(open("last.ckpt").read()) if os.path.exists("last.ckpt") else 0
repro.metric("steps", steps + 10)
with open("last.ckpt", "w") as file:
    file.write(str(steps + 10))
"""


def test_checkpoint_that_an_earlier_run_left_is_named(inner: Inner) -> None:
    test, text = explained(inner, RESUMED)
    cause = test["cause"]
    assert (cause["status"], cause["factor"]) == ("cause", "state"), text
    assert cause["summary"].startswith("what earlier runs left in the working directory decides it: ")
    assert cause["details"][0].startswith("left or changed there: last.ckpt")
    assert [arm["level"] for arm in cause["evidence"]] == ["pinned", "as it was"], "no time in it"


COUNTED = """
store = os.path.join(FOLDER, "runs.txt")
runs = int(open(store).read()) if os.path.exists(store) else 0
repro.metric("runs", runs)
with open(store, "w") as file:
    file.write(str(runs + 1))
"""


def test_counter_in_the_temporary_folder_is_named_though_its_path_is_made_at_import(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    test, text = explained(inner, COUNTED, head="import tempfile\nFOLDER = tempfile.gettempdir()\n")
    cause = test["cause"]
    assert (cause["status"], cause["factor"]) == ("cause", "state"), text
    assert cause["summary"].startswith("what earlier runs left in the temporary folder decides it: ")
    assert cause["details"][0].startswith(f"left or changed there: {tmp_path}/temporary/runs.txt")


def test_counter_beside_the_source_is_a_suspect_file(inner: Inner) -> None:
    body = COUNTED.replace("FOLDER", "os.path.dirname(__file__)")
    test, text = explained(inner, body)
    assert test["cause"]["status"] == "unknown", text
    assert any(line.startswith("suspect file: runs.txt  the runs write it") for line in test["cause"]["details"]), text


def test_counter_in_a_temporary_folder_too_large_to_look_at_is_unknown_and_says_why(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in range(200):
        (tmp_path / "temporary" / str(name)).mkdir(parents=True)
        for file in range(100):
            (tmp_path / "temporary" / str(name) / str(file)).touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    test, text = explained(inner, COUNTED, head="import tempfile\nFOLDER = tempfile.gettempdir()\n")
    line = "not looked at: what earlier runs left in the temporary folder: it holds more than 20,000 files; set TMPDIR"
    assert test["cause"]["status"] == "unknown", text
    assert any(said.startswith(line) for said in test["cause"]["details"]), text


def test_log_that_no_run_reads_is_not_blamed(inner: Inner) -> None:
    body = """
with open("log.txt", "a") as file:
    file.write("ran")
repro.metric("tag", os.urandom(8).hex())
"""
    test, text = explained(inner, body)
    assert (test["cause"]["status"], test["cause"]["factor"]) == ("cause", "entropy"), text


def test_pin_that_a_program_does_not_stand_is_left_out_and_named(inner: Inner) -> None:
    body = """
if os.getpid() >= 4_000_000:  # the number that the search pins
    os._exit(3)
repro.metric("x", os.urandom(8).hex())
"""
    test, text = explained(inner, body)
    assert (test["cause"]["status"], test["cause"]["factor"]) == ("cause", "entropy")
    line = "could not be held: os.getpid(); with it the run is lost: its process ended with exit status 3"
    assert line in test["cause"]["details"], text


def test_program_that_is_lost_in_every_extra_run_is_not_explained_and_says_why(inner: Inner) -> None:
    body = """
with COUNT.open("a") as file:
    file.write("x")
if COUNT.stat().st_size > 2:  # all but the runs of the plan
    os._exit(3)
repro.metric("x", os.urandom(8).hex())
"""
    test, text = explained(inner, body, head="import pathlib\nCOUNT = pathlib.Path(__file__).with_name('count')")
    assert test["cause"]["status"] == "unknown"
    words = "not explained: with everything pinned, the run is lost: its process ended with exit status 3"
    assert words in " ".join(text.split())
    assert test["first_divergence"]["name"] == "x"


def test_program_that_crashes_under_one_switch_keeps_what_was_found_before(inner: Inner) -> None:
    body = """
if os.environ.get("PYTHONHASHSEED") not in (None, "0") and os.getpid() >= 4_000_000:
    os._exit(3)
repro.metric("x", os.urandom(8).hex())
repro.metric("y", "".join({"lr", "wd", "alpha", "beta", "gamma", "delta"}))
"""
    test, text = explained(inner, body)
    assert test["cause"]["factor"] == "entropy", text
    assert test["cause"]["status"] == "cause"


def test_run_that_outlasts_the_budget_is_ended_with_it(inner: Inner) -> None:
    body = """
import time
if os.getpid() >= 4_000_000:  # the number that the search pins
    time.sleep(60)
repro.metric("x", os.urandom(8).hex())
"""
    started = time.monotonic()
    test, text = explained(inner, body, "--repro-budget=3")
    assert time.monotonic() - started < 30
    assert test["cause"]["status"] == "unknown"
    assert "s that were left of the budget (--repro-budget)" in test["cause"]["summary"], text


def test_search_that_takes_longer_than_its_budget_says_what_was_not_tried(inner: Inner) -> None:
    body = """
import time
time.sleep(0.4)
repro.metric("x", os.urandom(8).hex())
"""
    test, text = explained(inner, body, "--repro-budget=1")
    assert test["cause"]["status"] == "unknown"
    text = " ".join(text.split())
    assert "the budget of 1 s" in text
    assert "(--repro-budget)" in text
    assert "hash seed" in text.partition("not tried:")[2]


@SLOW
def test_drift_of_one_run_in_fifty_is_unknown_and_may_be_rare(inner: Inner) -> None:
    body = """
count = int(COUNT.read_text()) + 1 if COUNT.exists() else 1
COUNT.write_text(str(count))
repro.metric("x", count == 2)
"""
    test, text = explained(inner, body, head="import pathlib\nCOUNT = pathlib.Path(__file__).with_name('count')")
    assert test["cause"]["status"] == "unknown"
    assert "no factor switched alone changes them; it may be rare" in " ".join(text.split())
    assert "hash seed" in test["cause"]["ruled_out"]


@SLOW
def test_the_same_program_is_explained_in_the_same_words_each_time(inner: Inner) -> None:
    said = []
    for _ in range(2):
        test, _ = explained(inner, TWO_REASONS)
        cause = test["cause"]
        said.append([cause[key] for key in ("summary", "also", "advice", "ruled_out", "details", "evidence")])
    assert said[0] == said[1]


def test_varied_factor_and_the_level_that_shows_the_drift_are_named(inner: Inner) -> None:
    body = "import time\nrepro.metric('hour', time.localtime(0).tm_hour)"
    test, _ = explained(inner, body, "--repro-vary=timezone")
    cause = test["cause"]
    assert (cause["status"], cause["factor"]) == ("cause", "environment")
    assert "only TZ switched to Asia/Tokyo, 3 of 3 differ from them" in cause["summary"]
    assert [arm["level"] for arm in cause["evidence"] if arm["factor"] == "timezone"] == ["Asia/Tokyo"]


@pytest.mark.parametrize(
    ("value", "mark", "verdict"),
    [("1", "", "inconclusive"), ("1", "(seed_free=True)", "reproduced"), ("repro.rng.normal()", "", "reproduced")],
)
def test_control_run_must_move_something(inner: Inner, value: str, mark: str, verdict: str) -> None:
    inner.file(
        f"""
        import pytest

        @pytest.mark.repro{mark}
        def test_it(repro):
            repro.metric("x", {value})
        """
    )
    report = inner.pytester.path / "report.json"
    result = inner("--repro-runs=2", "--repro-control", f"--repro-json={report}", subprocess=True)
    assert json.loads(report.read_text())["tests"][0]["verdict"] == verdict
    if verdict == "inconclusive":
        result.stdout.fnmatch_lines(["*seed 1 in place of 0 changes nothing that is recorded*"])
