"""Lines of docs/security.md that no other test holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_repro import cli
from pytest_repro.baseline.recordings import Kept, RecordFolder
from pytest_repro.model import Divergence, Location, Recording, Tolerance
from pytest_repro.report.closing import closing_lines
from pytest_repro.report.terminal import failure_text, summary_line
from tests.builders import make_comparison, make_divergence, make_drift, make_report, make_result
from tests.integration.conftest import Inner
from tests.unit.baseline.kept import env, make_recording

#: clears the screen, rings, begins a line, turns the direction of text, has no encoding
HOSTILE = "loss\x1b[2J\x07\r\n\u202eDRIFT\x9b31m\ud800"


def test_a_baseline_cannot_widen_its_own_tolerance(inner: Inner) -> None:
    inner.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 0.5)\n")
    inner("--repro-baseline", "--repro-update").assert_outcomes(passed=1)
    (path,) = inner.pytester.path.glob("__repro__/*/*.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    data["values"]["x"] = 0.5000001
    for place in (data, *data["environments"].values()):
        place.update(rtol=1.0, tolerance=[1.0, 1.0, 10, False], machine=[1.0, 1.0, 10, False])
    path.write_text(json.dumps(data), encoding="utf-8")
    result = inner("--repro-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*x differs from the baseline*"])


def folder(path: Path, *values: tuple[Any, ...], tolerance: Tolerance = Tolerance()) -> Path:  # noqa: B008 - frozen
    records = RecordFolder(path)
    key = records.keep_environment(env(), [])
    run = make_recording(*values, tolerance=tolerance)
    recording = Recording(run.spec, run.observations, nonce=path.name)
    records.keep([Kept("test_it.py::test_it", 0, recording, key, tolerance)])
    return path


def test_a_compared_folder_cannot_widen_the_tolerance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = folder(tmp_path / "ours", ("x", 0.5))
    theirs = folder(tmp_path / "theirs", ("x", 0.5000001), tolerance=Tolerance(rtol=1.0))
    assert cli.main(["compare", str(ours), str(theirs)]) == 1
    capsys.readouterr()
    assert cli.main(["compare", str(theirs), str(ours)]) == 0  # the first one's counts, and is said
    assert "x agrees within rtol=1" in capsys.readouterr().out


def test_names_from_a_folder_reach_the_terminal_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder(tmp_path / "one", (HOSTILE, 0.5), ("text", HOSTILE))
    two = folder(tmp_path / "two", (HOSTILE, 0.25), ("text", "other"))
    cli.main(["compare", str(one), str(two), "-v"])
    cli.main(["show", str(one), "test"])
    said = capsys.readouterr()
    assert "\\u001b[2J" in said.out
    assert not set(said.out + said.err) & set("\x1b\x07\r\u202e\x9b\ud800")


def test_hostile_text_of_a_result_is_visible() -> None:
    first = replace(make_divergence(HOSTILE), reference=HOSTILE, location=Location(HOSTILE, 3))
    assert isinstance(first, Divergence)
    drift = make_drift(HOSTILE, first=first, kind=HOSTILE)
    comparison = make_comparison(drift, equal=(HOSTILE,), notes=(HOSTILE,))
    result = make_result(HOSTILE, comparison=comparison, headline=HOSTILE, again=HOSTILE)
    printed = [failure_text(result, verbose=True), summary_line(result)]
    printed += closing_lines(make_report(result), escape=lambda _: 0.5)
    assert not set("".join(printed)) & set("\x1b\x07\r\u202e\x9b\ud800")
    assert all("\\u001b[2J" in text for text in printed[:2])
