"""Where reports go: a folder that is missing is made, a target that cannot be written is named."""

from __future__ import annotations

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
