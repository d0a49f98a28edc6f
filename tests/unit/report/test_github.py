from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_repro.errors import SettingsError
from pytest_repro.model import Location, Verdict, Violation
from pytest_repro.report.github import append_summary, render_annotations
from tests.builders import make_comparison, make_divergence, make_drift, make_report, make_result

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def at(location: Location | None, test_location: Location | None = None) -> tuple[str, ...]:
    drift = make_drift(first=make_divergence(location=location))
    result = make_result(comparison=make_comparison(drift), location=test_location)
    return render_annotations(make_report(result), root="/repo")


def test_an_annotation_stands_at_the_line_of_the_first_divergence() -> None:
    [line] = render_annotations(make_report(make_result()), root="/repo")
    assert line == (
        "::error file=tests/test_train.py,line=9,title=drifted%3A tests/test_train.py%3A%3Atest_training::"
        "2 of 4 values differ between 3 runs that should be equal%0A"
        "loss first differs at step 3 in run 3: 0.43127 -> 0.43179, 2.1e12 ULP%0A"
        "cause: hash-seed (cause): hash seed decides it: all pinned, 3 of 3 agree; "
        "only PYTHONHASHSEED switched, 3 of 3 differ from them%0A"
        'again: PYTHONHASHSEED=1 pytest "tests/test_train.py::test_training" --repro-runs=2'
    )


def test_one_for_each_of_the_first_ten_drifting_tests() -> None:
    drifting = [make_result(f"t{i}", verdict=Verdict.BASELINE_DRIFTED if i % 2 else Verdict.DRIFTED) for i in range(15)]
    good = [make_result(f"g{i}", verdict=verdict) for i, verdict in enumerate(Verdict) if verdict.good]
    lines = render_annotations(make_report(*good, *drifting), root="/repo")
    assert [line.split("title=")[1].split("::")[0].split(" ")[-1] for line in lines] == [f"t{i}" for i in range(10)]


def test_a_draw_that_fails_a_test_is_annotated_and_what_is_only_reported_warns() -> None:
    draw = Violation("os.urandom()", Location("/repo/a.py", 4), 1, "repro.rng.bytes(n)")
    strict = replace(make_result("s", verdict=Verdict.REPRODUCED), violations=(draw,), again="")
    excused = replace(make_result("q"), excuse="a known drift")
    first, second = render_annotations(make_report(excused, strict), root="/repo")
    assert first == (
        "::error file=a.py,line=4,title=entropy drawn%3A s::uncontrolled entropy is drawn in 1 place; "
        "the values did not drift%0Adrawn: os.urandom() at /repo/a.py:4; fix: repro.rng.bytes(n)"
    )
    assert second.startswith("::warning file=tests/test_train.py,line=9,title=drifted%3A q::")
    assert "%0Aonly reported: a known drift%0A" in second


def test_what_would_end_a_command_is_escaped() -> None:
    result = make_result("a,b:c%\r\n::error::", headline="50%\nof::it")
    [line] = render_annotations(make_report(result), root="/")
    assert "title=drifted%3A a%2Cb%3Ac%25\\r\\n%3A%3Aerror%3A%3A::50%25\\nof::it%0A" in line
    assert "\n" not in line
    assert "\r" not in line


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        pytest.param("/repo/tests/a.py", "tests/a.py", id="absolute-inside"),
        pytest.param("tests/a.py", "tests/a.py", id="relative"),
        pytest.param("/repo/a,b:c.py", "a%2Cb%3Ac.py", id="escaped"),
    ],
)
def test_files_are_named_from_the_checkout(file: str, shown: str) -> None:
    [line] = at(Location(file, 4))
    assert line.startswith(f"::error file={shown},line=4,title=")


@pytest.mark.parametrize("file", ["/usr/lib/python3/site.py", "../other/a.py"])
def test_a_file_outside_the_checkout_falls_back_to_the_test(file: str) -> None:
    assert at(Location(file, 4), Location("/repo/t.py", 2))[0].startswith("::error file=t.py,line=2,")
    assert at(Location(file, 4))[0].startswith("::error title=")


def test_a_test_without_any_place_or_divergence_still_has_its_annotation() -> None:
    assert at(None)[0].startswith("::error title=")
    bare = make_result(comparison=make_comparison(), cause=None, again="")
    [line] = render_annotations(make_report(bare), root="/repo")
    assert line.endswith("::2 of 4 values differ between 3 runs that should be equal")


def test_the_summary_is_appended_after_what_others_wrote(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    append_summary(file, "# ours\n")
    assert file.read_text() == "# ours\n"
    file.write_text("theirs")
    append_summary(str(file), "# ours é")
    assert file.read_text() == "theirs\n\n# ours é\n"


def test_a_long_summary_is_cut_at_our_cap_and_closed(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    append_summary(file, "# ours\n<details>\n" + "a line é\n" * 100_000 + "</details>\n")
    text = file.read_text()
    assert 190_000 < len(text.encode()) <= 200_000
    assert text.count("<details>") == text.count("</details>") == 1
    assert text.endswith("*Cut: GitHub's job summary is limited. See the JSON report.*\n")


@pytest.mark.parametrize("free", [0, 1, 100, 5_000])
def test_the_step_never_grows_over_githubs_limit(tmp_path: Path, free: int) -> None:
    file = tmp_path / "summary"
    file.write_bytes(b"x" * (MIB - free))
    append_summary(file, "a line\n" * 10_000)
    assert file.stat().st_size <= MIB
    assert (file.stat().st_size > MIB - free) == (free >= 100)


def test_a_summary_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unset GITHUB_STEP_SUMMARY"):
        append_summary(tmp_path, "x")
