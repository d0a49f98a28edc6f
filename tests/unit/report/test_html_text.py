from __future__ import annotations

import html.parser
import json
import re
import sys
from dataclasses import replace
from typing import Any

import pytest

from pytest_repro.errors import UnavailableError
from pytest_repro.model import CauseStatus, Location, Verdict, Violation
from pytest_repro.report.html_page import inert_json, render_html
from tests.builders import (
    make_cause,
    make_comparison,
    make_divergence,
    make_drift,
    make_heat,
    make_report,
    make_result,
    make_series,
)

pytest.importorskip("jinja2")
pytest.importorskip("plotly")

HOSTILE = [
    "<img src=x onerror=\"document.title='PWNED'\">",
    "</script><script>document.title='PWNED'</script>",
    '" onmouseover="document.title=\'PWNED\'" x="',
    "javascript:document.title='PWNED'",
    "{{ 7 * 7 }}{% raw %}",
    "a\u202eb\x00\n\udc80",
]


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.blocks: list[str] = []
        self._raw = False
        self.feed(source)
        self.text = re.sub(r"\s+", " ", "".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        (self.blocks if self._raw else self.words).append(data)

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


def render(*tests: Any, **changes: Any) -> Page:
    return Page(render_html(make_report(*tests, **changes)))


def hostile_result(text: str) -> Any:
    drift = make_drift(
        text,
        kind=text,
        first=make_divergence(text, path=text, reference=text, other=text),
        structure=(text,),
        series=make_series(),
        heat=make_heat(),
    )
    cause = make_cause(factor=text, summary=text, advice=text, details=(text,), also=(text,), ruled_out=(text,))
    return make_result(
        text,
        comparison=make_comparison(drift, equal=(text,), notes=(text,)),
        cause=cause,
        headline=text,
        again=text,
        environments=(((text, text),), ((text, "other"),)),
    )


def test_the_first_screen_says_whether_what_since_when_and_why() -> None:
    page = render(make_result())
    before_pictures, _ = page.text.split("|Δ| on a log axis")
    for part in (
        "✕ Not reproducible: 1 of 1 test drifts",
        "loss first differs at step 3 in run 3: 0.43127 → 0.43179, 2.1e12 ULP",
        "tests/test_train.py:9",
        "Cause: hash-seed shown by re-running",
        "all pinned, 3 of 3 agree; only PYTHONHASHSEED switched",
        "What to do: the order of a set",
        "not varied: threads, timezone, files",
        "Python 3.11.7 · Linux · x86_64 · AMD EPYC 7763 · cores 8 · numpy 2.4.0",
    ):
        assert part in before_pictures


def test_evidence_values_conditions_environment_and_command_are_tables_and_text() -> None:
    page = render(make_result())
    for part in (
        "hash-seed pinned 0 of 3 === 1",
        "hash-seed 1 3 of 3 ≠≠≠ 1",
        "loss series, 10 1 = 2 ≠ 3 [3] 0.43127 → 0.43179 7 of 10 5.2e-04 1.2e-03 2.1e12",
        "Equal in all runs: accuracy, vocabulary",
        "3 process 1 B",
        "PYTHONHASHSEED 0 0 1",
        'PYTHONHASHSEED=1 pytest "tests/test_train.py::test_training" --repro-runs=2',
    ):
        assert part.replace(" ", "") in page.text.replace(" ", "")


def test_cards_come_worst_first_and_passing_tests_are_folded() -> None:
    page = render()
    cards = [attrs for tag, attrs in page.tags if tag == "article"]
    expected = ["drifted", "baseline_drifted", "lost", "inconclusive"]
    assert [card["data-verdict"] for card in cards] == expected
    folded = [attrs for tag, attrs in page.tags if tag == "details" and attrs.get("id") == "passing"]
    assert folded
    assert "open" not in folded[0]
    assert "score: max |Δ| 3.0e-09 (rtol=1e-06)" in page.text


def test_a_test_that_fails_for_what_it_draws_has_a_card_with_each_draw() -> None:
    draws = [Violation(HOSTILE[0], Location("a.py", 4), 2, "repro.rng.bytes(n)")]
    page = render(replace(make_result(verdict=Verdict.REPRODUCED), violations=tuple(draws)))
    assert "§ Not shown: 1 of 1 test draws uncontrolled entropy" in page.text
    assert [attrs["data-verdict"] for tag, attrs in page.tags if tag == "article"] == ["strict"]
    assert f"{HOSTILE[0]} at a.py:4, 2 times: repro.rng.bytes(n)" in page.text
    assert "passing" not in page.text


def test_a_card_says_that_its_drift_is_only_reported() -> None:
    page = render(replace(make_result(), excuse="in quarantine until 2027-01-31"))
    assert "(only reported: in quarantine until 2027-01-31)" in page.text


def test_a_commit_that_is_compared_with_is_no_baseline() -> None:
    series = tuple((run, (0, 1, 2), (1.0, 2.0 + run, 3.0)) for run in (0, 1))
    first = make_divergence(run=1)
    drifts = [make_drift(name, first=first, groups=((0,), (1,)), series=series) for name in ("loss", "other")]
    drifts[1] = replace(drifts[1], series=(), heat=make_heat())
    test = make_result(
        verdict=Verdict.BASELINE_DRIFTED,
        comparison=make_comparison(*drifts),
        against="v1<b>",
        labels=((0, "v1<b>"), (1, "now")),
    )
    page = render(test)
    assert "≠ Not reproducible: 1 of 1 test differs from v1<b>" in page.text
    for part in (
        "loss first differs at step 3 from v1<b>",
        "v1<b> ≠ now",
        "|Δ| from v1<b>",
        "|Δ| from v1<b>, log colour",
    ):
        assert part in page.text
    assert "off its baseline" not in page.text
    assert json.loads(page.blocks[1])["picture-1"]["runs"][0]["name"] == "v1<b>"


def test_chips_count_every_verdict_with_a_mark_that_is_not_colour() -> None:
    page = render()
    for chip in ("✕ 1 drift", "≠ 1 baseline drift", "! 1 lost", "? 1 inconclusive", "≈ 1 within", "✓ 1 reproduced"):
        assert chip in page.text


def test_a_pass_says_what_it_means_and_carries_no_chart_script() -> None:
    source = render_html(make_report(make_result(verdict=Verdict.REPRODUCED)))
    assert "✓ Reproduced: 1 test" in re.sub(r"<[^>]*>", "", source)
    assert "not varied: threads" in source
    assert len(source) < 60_000


def test_no_test_is_not_a_pass() -> None:
    assert "? Nothing was checked" in render(tests=()).text


@pytest.mark.parametrize("status", list(CauseStatus))
def test_how_sure_the_cause_is_is_said(status: CauseStatus) -> None:
    words = {"cause": "shown by re-running", "suspect": "does not prove it", "unknown": "nothing that could be pinned"}
    assert words[status.value] in render(make_result(cause=make_cause(status=status))).text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_everywhere(text: str) -> None:
    plain, evil = render(hostile_result("p" * len(text))), render(hostile_result(text))
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attrs) for _, attrs in evil.tags] == [sorted(attrs) for _, attrs in plain.tags]
    assert not any(block.count("PWNED") for block in evil.blocks)


def test_every_reference_stays_in_the_page_and_nothing_is_styled_inline() -> None:
    page = render(hostile_result(HOSTILE[3]), make_result())
    assert all(re.fullmatch(r"#[a-z]+(-\d+)?", target) for target in page.attributes("href"))
    assert all(re.fullmatch(r"data:image/png;base64,[\w+/=]+", source) for source in page.attributes("src"))
    names = {name for _, attrs in page.tags for name in attrs}
    assert not {name for name in names if name.startswith("on")} | (names & {"style", "action", "srcset", "srcdoc"})
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "form", "base"}


def test_the_policy_allows_hashes_only() -> None:
    [policy] = [attrs["content"] for _, attrs in render().tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_data_block_is_json_without_markup() -> None:
    [block] = [b for b in render(hostile_result(HOSTILE[1])).blocks if b.startswith("{") and "picture-1" in b]
    assert not set("<>&") & set(block)
    data = json.loads(block)
    assert data["picture-1"]["first"] == 3
    assert data["picture-1"]["runs"][1]["values"] is None, "run 2 equals the reference"
    assert data["picture-2"]["kind"] == "heat"


def test_json_with_markup_in_it_is_inert_and_means_the_same() -> None:
    data = {"</script><!--": "<b>&amp;"}
    assert not set("<>&") & set(inert_json(data))
    assert json.loads(inert_json(data)) == data


def test_charts_are_there_without_script_and_heat_maps_are_pictures() -> None:
    page = render(make_result())
    assert [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"] == [
        "loss: distance from the reference per step, and the trajectories"
    ]
    [picture] = [attrs for tag, attrs in page.tags if tag == "img"]
    assert picture["alt"] == "weights: where it differs. 12 of 12 elements differ"


def test_a_cell_that_is_a_block_of_elements_is_not_said_to_be_one() -> None:
    """Of 200 elements 64 cells are drawn: the 33rd is no element 32."""
    one = make_heat(1, 64)
    drifts = [make_drift(name, heat=one, n_total=total) for name, total in (("blocks", 200), ("elements", 64))]
    page = render(make_result(comparison=make_comparison(*drifts)))
    data = json.loads(next(block for block in page.blocks if block.startswith("{")))
    assert [picture["blocks"] for picture in data.values()] == [True, False]
    assert page.text.count("a cell is a block of elements, as far off as the worst of them") == 1


def test_one_distance_is_named_once() -> None:
    text = render(make_result(comparison=make_comparison(make_drift(heat=((1e-3, None),), n_total=2)))).text
    assert "grey: equal bits; dark 1.0e-03" in text


def test_long_text_stands_on_lines_of_its_own_and_short_in_the_tables() -> None:
    drift = make_drift(
        "config", first=make_divergence("config", step=None, reference="a" * 150, other="b" * 500, ulp=None)
    )
    text = render(make_result(comparison=make_comparison(drift))).text
    assert "config first differs in run 3. Recorded at" in text
    assert f"reference{'a' * 150}other{'b' * 199}…" in text.replace(" ", "")
    assert f"{'a' * 31}… → {'b' * 31}…" in text


def test_equal_reports_give_equal_pages() -> None:
    assert render_html(make_report()) == render_html(make_report())


def test_200_drifting_tests_stay_within_8_mb() -> None:
    drift = make_drift(series=make_series(runs=4, steps=1000, gap=1e-14))
    result = make_result(comparison=make_comparison(drift, make_drift("w", heat=make_heat(64, 64))))
    tests = [replace(result, nodeid=f"tests/test_train.py::test_fit[{number}]") for number in range(200)]
    assert len(render_html(make_report(*tests)).encode()) <= 8_000_000


def test_many_long_series_of_many_runs_stay_within_8_mb_and_say_what_is_not_drawn() -> None:
    drift = make_drift(series=make_series(runs=12, steps=300, gap=1e-14))
    result = make_result(comparison=make_comparison(*[drift] * 6))
    source = render_html(make_report(*(replace(result, nodeid=f"t{number}") for number in range(40))))
    assert len(source.encode()) <= 8_000_000
    assert "more series not drawn; the JSON report has them" in source


@pytest.mark.parametrize("name", ["jinja2", "plotly"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    if name == "plotly":
        monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(UnavailableError, match=rf'needs {name}.*pip install "pytest-repro\[html\]"'):
        render_html(make_report())
