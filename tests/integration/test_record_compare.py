from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

TEST = """
    import numpy as np
    import pytest

    RATE = 0.5

    @pytest.mark.repro
    def test_train(repro):
        for epoch in range(4):
            repro.metric("loss", RATE ** epoch, step=epoch)
        repro.artifact("weights", np.arange(2000.0) * RATE)

    @pytest.mark.repro
    def test_other(repro):
        repro.metric("v", 1)
    """


def cli(pytester: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_repro.cli", *arguments],
        cwd=pytester.path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def two(inner: Inner, pytester: pytest.Pytester) -> pytest.Pytester:
    """Folders `old` and `new`, whose loss and weights differ from step 1 on."""
    inner.file(TEST)
    inner("--repro-record=old").assert_outcomes(passed=2)
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text().replace("RATE = 0.5", "RATE = 0.25"))
    inner("--repro-record=new", "--repro-runs=2").assert_outcomes(passed=2)
    return pytester


def test_recording_needs_no_second_run_and_says_what_it_kept(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TEST)
    result = inner("--repro-record=kept", "--repro-runs=2")
    result.stdout.fnmatch_lines(["repro: kept 4 recordings of 2 tests in kept"])
    assert len(list((pytester.path / "kept").rglob("run-*.json"))) == 4
    result = inner("--repro-record=kept")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["repro: kept 2 recordings of 2 tests in kept"])
    result.stdout.no_fnmatch_line("*reproduced over*")
    assert len(list((pytester.path / "kept").rglob("run-*.json"))) == 2


def test_drifting_runs_are_kept_too(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(
        "import pytest\nN = []\n@pytest.mark.repro\ndef test_a(repro):\n    N.append(1); repro.metric('n', len(N))"
    )
    inner("--repro-record=kept", "--repro-runs=2").assert_outcomes(failed=1)
    assert len(list((pytester.path / "kept").rglob("run-*.json"))) == 2


@pytest.mark.parametrize(
    ("change", "options"),
    [
        pytest.param(("0.5", "1 / 0"), (), id="error"),
        pytest.param(("np.arange(2000.0)", "pytest.skip()"), (), id="skip"),
        pytest.param(("np.arange(2000.0)", "__import__('os')._exit(3)"), ("--repro-isolation=process",), id="lost"),
    ],
)
def test_what_an_earlier_session_kept_is_not_taken_for_what_a_test_gives_now(
    inner: Inner, pytester: pytest.Pytester, change: tuple[str, str], options: tuple[str, ...]
) -> None:
    source = TEST.replace("RATE = 0.5", "def rate():\n        return 0.5").replace("RATE", "rate()")
    inner.file(source)
    for folder in ("old", "new"):
        inner(f"--repro-record={folder}", "--repro-runs=2").assert_outcomes(passed=2)
    assert cli(pytester, "compare", "old", "new").returncode == 0
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text().replace(*change))
    inner("--repro-record=new", "--repro-runs=2", *options)
    done = cli(pytester, "compare", "old", "new")
    assert done.returncode == 1, done.stdout
    assert "test_it.py::test_train\nINCONCLUSIVE: it is not in new; record it there too" in done.stdout
    assert "2 tests: 1 reproduced, 1 inconclusive" in done.stdout


def test_folder_that_cannot_be_written_fails_the_session_by_name(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TEST)
    (pytester.path / "kept").write_text("a file")
    result = inner("--repro-record=kept")
    result.stdout.fnmatch_lines(["repro: ERROR: recordings were not kept: cannot write *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_compare_shows_environments_then_verdicts_and_the_same_table(two: pytest.Pytester) -> None:
    done = cli(two, "compare", "old", "new")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "environment: old -> new"
    assert "  nothing that can change numbers differs" in lines
    assert "test_it.py::test_train" in lines
    assert "DRIFT: 2 of 2 values differ between the recordings" in lines
    assert any(line.startswith("  first   loss[1]  in new    0.5 -> 0.25") for line in lines)
    assert any(line.split()[:6] == ["loss", "series,", "4", "old", "|", "new"] for line in lines)
    assert lines[-1] == "2 tests: 1 reproduced, 1 drifted"


def test_compare_of_equal_recordings_exits_with_0(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TEST)
    for name in ("a", "b", "c"):
        inner(f"--repro-record={name}")
    done = cli(pytester, "compare", "a", "b", "c")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 tests: 2 reproduced")


def test_tolerance_may_be_given_and_is_said(two: pytest.Pytester) -> None:
    done = cli(two, "compare", "old", "new", "--rtol=10")
    assert done.returncode == 0
    assert "loss agrees within rtol=10" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "old"), "two folders or more"),
        (("compare", "old", "nowhere"), "nowhere: there are no recordings"),
        (("env", "old", "nowhere"), "nowhere"),
        (("prune", "nowhere"), "there is no store"),
        (("show", "nowhere"), "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_unusable_input_exits_with_2_and_one_line(
    two: pytest.Pytester, arguments: tuple[str, ...], message: str
) -> None:
    done = cli(two, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("pytest-repro: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_damaged_recording_exits_with_2_and_names_it(two: pytest.Pytester) -> None:
    path = next((two.path / "old").rglob("run-1.json"))
    path.write_text(path.read_text()[:50])
    done = cli(two, "compare", "old", "new")
    assert done.returncode == 2
    assert "run-1.json" in done.stderr


def test_show_lists_tests_and_with_a_name_their_values(two: pytest.Pytester) -> None:
    done = cli(two, "show", "new")
    assert "test_it.py::test_train  runs 1, 2, 5 values" in done.stdout
    done = cli(two, "show", "new", "train")
    assert "  loss[2]  float  0.0625" in done.stdout
    assert "test_other" not in done.stdout


def test_env_prints_the_present_a_stored_one_and_the_difference_of_two(two: pytest.Pytester) -> None:
    import platform

    line = f"  python.version  {platform.python_version()}"
    assert line in cli(two, "env").stdout
    assert line in cli(two, "env", "old").stdout
    done = cli(two, "env", "old", "new")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "  nothing that can change numbers differs")


def test_prune_removes_what_nothing_refers_to(two: pytest.Pytester, inner: Inner) -> None:
    inner("--repro-record=old")  # replaces what it refers to
    assert "1 stored value would be removed" in cli(two, "prune", "old", "--dry-run").stdout
    assert "1 stored value removed, 16,128 bytes" in cli(two, "prune", "old").stdout
    assert "0 stored values removed" in cli(two, "prune", "old").stdout


def test_command_needs_neither_pytest_nor_the_libraries_of_the_tests(two: pytest.Pytester) -> None:
    code = (
        "import sys\n"
        "for name in ('pytest', '_pytest', 'pluggy', 'sklearn', 'torch', 'pandas'): sys.modules[name] = None\n"
        "from pytest_repro.cli import main\n"
        "sys.exit(main(['compare', 'old', 'new']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=two.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_xdist_workers_keep_their_recordings(inner: Inner, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    inner.file(TEST)
    result = inner("--repro-record=kept", "-n2", plugins=["xdist"], subprocess=True)
    result.stdout.fnmatch_lines(["repro: kept 2 recordings of 2 tests in kept"])
    assert isinstance(cli(pytester, "show", "kept").stdout, str)
    assert len(list(Path(pytester.path, "kept").rglob("run-1.json"))) == 2
