from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_repro.model import EnvChange, Location, Verdict, Violation
from pytest_repro.report.markdown import code, escape, render_markdown
from tests.builders import make_comparison, make_divergence, make_drift, make_report, make_result


def test_verdict_comes_first_then_the_drifts_worst_first() -> None:
    lines = render_markdown(make_report()).splitlines()
    assert (
        lines[0] == "## ✕ Not reproducible: 1 of 6 tests drifts, 1 is off its baseline, 1 lost a run, 1 is inconclusive"
    )
    rows = [line for line in lines if line.startswith(("| ✕", "| ≠", "| !", "| ?"))]
    assert [row[2] for row in rows] == ["✕", "≠", "!", "?"]


def test_a_row_says_since_when_what_and_why() -> None:
    text = render_markdown(make_report(make_result()))
    [row] = [line for line in text.splitlines() if line.startswith("| ✕")]
    for part in (
        "`tests/test_train.py::test_training`",
        "`loss[3]` in run 3, 7 of 10 differ",
        "`tests/test_train.py:9`",
        "2 of 4 values drift",
        "`0.43127` → `0.43179`",
        "2.1e12 ULP",
        "**hash-seed (cause)**",
        "3 of 3 differ from them",
    ):
        assert part in row
    assert 'PYTHONHASHSEED=1 pytest "tests/test_train.py::test_training" --repro-runs=2' in text
    assert "PYTHONHASHSEED: run 1 `0`, run 2 `0`, run 3 `1`" in text.replace("\\_", "_")
    assert "OMP" not in text.split("<summary>Environment</summary>")[0]


def test_a_pass_has_no_table_and_says_what_it_means() -> None:
    text = render_markdown(make_report(make_result(verdict=Verdict.REPRODUCED)))
    assert text.startswith("## ✓ Reproduced: 1 test\n")
    assert "not varied: threads" in text
    assert "|---" not in text


def test_no_test_is_not_a_pass() -> None:
    assert render_markdown(make_report(tests=())).startswith("## ? Nothing was checked")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", "a\\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("`*_#[]", "\\`\\*\\_\\#\\[\\]"),
        ("\\*", "\\\\\\*"),
        ("@user", "@\u200buser"),
        ("http://x", "http\\:\\/\\/x"),
        ("a\nb", "a\\\\nb"),
    ],
)
def test_prose_is_escaped_once(text: str, expected: str) -> None:
    assert escape(text) == expected


@given(st.text())
def test_no_text_opens_a_tag_or_a_cell(text: str) -> None:
    for shown in (escape(text), code(text)):
        assert "\n" not in shown
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", shown)
    assert "<" not in escape(text)
    inner = re.fullmatch(r"`` (.*) ``|`([^`]*)`|<code>([^<>|`]*)</code>", code(text), re.DOTALL)
    assert inner


def test_code_that_holds_bars_or_backticks_is_entities() -> None:
    assert code("a|`b") == "<code>a&#124;&#96;b</code>"
    assert code(" a") == "``  a ``"
    assert code("") == "<code>&nbsp;</code>"


def test_hostile_names_stay_in_code_spans() -> None:
    evil = "<img src=x onerror=alert(1)>@team#1"
    drift = make_drift(evil, first=make_divergence(evil, step=None))
    text = render_markdown(make_report(make_result(evil, comparison=make_comparison(drift))))
    assert evil in text
    assert evil not in re.sub(r"`[^`\n]*`", "", text)


@pytest.mark.parametrize("limit", [0, 500, 2_000, 20_000])
def test_what_does_not_fit_is_cut_at_whole_rows_and_said(limit: int) -> None:
    report = make_report(*(make_result(f"tests/test_é.py::test_{i}") for i in range(100)))
    text = render_markdown(report, limit=limit)
    assert len(text.encode()) <= max(limit, 400)
    assert f"Cut to stay within {limit} bytes: " in text
    assert text.count("<details>") == text.count("</details>")
    assert all(line.endswith("|") for line in text.splitlines() if line.startswith("| "))
    if limit == 20_000:
        cut = re.search(r": (\d+) tests", text)
        assert cut
        assert text.count("| ✕") + int(cut[1]) == 100


def test_nothing_is_said_to_be_cut_when_all_fits() -> None:
    assert "Cut to stay" not in render_markdown(make_report())


def test_what_fails_for_what_it_draws_has_a_row_with_the_fix() -> None:
    draw = Violation("os.urandom()", Location("a.py", 4), 2, "repro.rng.bytes(n)")
    test = replace(make_result(verdict=Verdict.REPRODUCED), violations=(draw,))
    text = render_markdown(make_report(test))
    assert text.startswith("## § Not shown: 1 of 1 test draws uncontrolled entropy\n")
    [row] = [line for line in text.splitlines() if line.startswith("| §")]
    assert "uncontrolled entropy is drawn in 1 place; the values did not drift" in row
    assert "`os.urandom() at a.py:4, 2 times`: repro.rng.bytes(n) |" in row


def test_a_row_says_that_a_drift_is_only_reported() -> None:
    text = render_markdown(make_report(replace(make_result(), excuse="a known drift (loss[3])")))
    [row] = [line for line in text.splitlines() if line.startswith("| ✕")]
    assert "<br>only reported: a known drift (loss\\[3\\]) |" in row


def test_a_commit_that_is_compared_with_is_no_baseline() -> None:
    first = make_divergence(run=1)
    drift = make_drift(first=first, groups=((0,), (1,)))
    test = make_result(
        verdict=Verdict.BASELINE_DRIFTED,
        comparison=make_comparison(drift, equal=()),
        against="v1.2",
        labels=((0, "v1.2"), (1, "now")),
    )
    [row] = [line for line in render_markdown(make_report(test)).splitlines() if line.startswith("| ≠")]
    assert "`loss[3]` from v1.2, 7 of 10 differ" in row
    assert "1 of 1 value drifts |" in row


def test_environment_and_code_stand_beside_a_drift_from_the_baseline() -> None:
    changes = tuple(EnvChange(f"package.{name}", "1.0", "", numeric=True) for name in "abcdefgh")
    test = make_result(verdict=Verdict.BASELINE_DRIFTED, cause=None, changes=changes, code=("commits a..b",))
    [row] = [line for line in render_markdown(make_report(test)).splitlines() if line.startswith("| ≠")]
    assert "| package.a: 1.0 → (absent)<br>" in row
    assert "2 more of the environment<br>commits a..b" in row
    assert "not examined" not in row
