"""Where reports go: a folder that is missing is made, a target that cannot be written is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

SOURCE = """
import pytest

@pytest.mark.repro
def test_same(repro):
    repro.metric("accuracy", 0.5)
"""


@pytest.mark.parametrize("kind", ["json", "md", "html"])
def test_target_that_cannot_be_written_is_named_and_fails_the_session(inner: Inner, tmp_path: Path, kind: str) -> None:
    if kind == "html":
        pytest.importorskip("jinja2")
        pytest.importorskip("plotly")
    inner.file(SOURCE)
    (tmp_path / "file").write_text("", encoding="utf-8")
    target = tmp_path / "file" / "report"
    result = inner(f"--repro-{kind}={target}", "--repro-runs=2")
    assert result.ret == 4
    result.stdout.fnmatch_lines([f"repro: cannot write {target}: *; name a file in a folder that can be written to"])


@pytest.mark.parametrize("kind", ["json", "md"])
def test_folder_that_is_missing_is_made(inner: Inner, tmp_path: Path, kind: str) -> None:
    inner.file(SOURCE)
    target = tmp_path / "not" / "yet" / "there" / "report"
    assert inner(f"--repro-{kind}={target}", "--repro-runs=2").ret == 0
    assert "reproduced" in target.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("kind", ["json", "md", "html"])
def test_report_of_a_session_that_repeated_nothing_takes_the_place_of_an_old_one(
    inner: Inner, tmp_path: Path, kind: str
) -> None:
    if kind == "html":
        pytest.importorskip("jinja2")
        pytest.importorskip("plotly")
    inner.file(SOURCE)
    target = tmp_path / "report"
    target.write_text("old", encoding="utf-8")
    assert inner(f"--repro-{kind}={target}").ret == 0
    text = target.read_text(encoding="utf-8")
    assert text != "old"
    assert "test_same" not in text


def test_report_of_a_session_that_repeats_nothing_says_so_in_place_of_an_older_one(
    inner: Inner, tmp_path: Path
) -> None:
    inner.file(SOURCE)
    target = tmp_path / "report.json"
    target.write_text("of another session", encoding="utf-8")
    inner(f"--repro-json={target}", f"--repro-md={tmp_path / 'report.md'}").assert_outcomes(passed=1)
    assert json.loads(target.read_text(encoding="utf-8"))["tests"] == []
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("## ? Nothing was checked")


NO_TEXT = """
import pytest

@pytest.mark.repro
def test_name(repro):
    repro.metric("of bytes \\udcff", repro.run)

def test_in_place(repro):
    seen = []
    repro(lambda: {"\\udcfe": seen.append(1) or len(seen)})
"""


def test_names_that_are_no_text_cross_from_an_xdist_worker(inner: Inner, tmp_path: Path) -> None:
    """It ended the whole session: execnet takes text only that UTF-8 has."""
    pytest.importorskip("xdist")
    inner.file(NO_TEXT)
    options = ("--repro-runs=2", "--repro-isolation=inline", "--repro-explain=off", f"--repro-json={tmp_path / 'r'}")
    inner("-n1", *options, plugins=["xdist"], subprocess=True).assert_outcomes(failed=2)
    in_place, marked = json.loads((tmp_path / "r").read_text(encoding="utf-8"))["tests"]
    assert (in_place["drifted"], marked["drifted"]) == (["<lambda>.\udcfe"], ["of bytes \udcff"])
