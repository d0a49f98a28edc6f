from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Inner

TRAIN = """
    import pytest

    RATE = 0.5

    @pytest.mark.repro
    def test_train(repro):
        for epoch in range(4):
            repro.metric("loss", RATE ** epoch, step=epoch)
        repro.metric("accuracy", 0.93)
    """

FILE = "__repro__/test_it/test_train.json"


def change(pytester: pytest.Pytester, before: str, after: str) -> None:
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text().replace(before, after))
    # within one second, at the same size, what is compiled would be taken for that of the new text
    shutil.rmtree(pytester.path / "__pycache__", ignore_errors=True)


def body(pytester: pytest.Pytester, file: str = FILE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pytester.path / file).read_text(encoding="utf-8"))
    return found


def test_test_without_baseline_is_inconclusive_and_says_how_to_write_one(inner: Inner) -> None:
    inner.file(TRAIN)
    result = inner("--repro-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "INCONCLUSIVE: there is no baseline to compare with",
            "*pytest*",
            '  "test_it.py::test_train" --repro-baseline --repro-update',
        ]
    )


def test_written_once_then_equal(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TRAIN)
    result = inner("--repro-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"repro: wrote {FILE} (new)"])
    result.stdout.no_fnmatch_line("*agree*")
    assert body(pytester)["values"]["accuracy"] == 0.93
    result = inner("--repro-baseline")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 1 test agrees with its baseline (bitwise)."])
    result.stdout.no_fnmatch_line("*escapes*")


def test_drift_is_shown_against_the_baseline_in_the_call_phase(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    change(pytester, "RATE = 0.5", "RATE = 0.25")
    result = inner("--repro-baseline", "--repro-json=report.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "DRIFT: 1 of 2 values differs from the baseline",
            "  first   loss[[]1]  in run 1    0.5 -> 0.25 *test_it.py:8",
            "  then    the environment is the one that the baseline was made in;*",
            "  loss   series, 4  baseline | 1  3 of 4 *",
            "  equal   accuracy",
            "DRIFT test_it.py::test_train - loss[[]1] differs from the baseline",
        ]
    )
    report = json.loads((pytester.path / "report.json").read_text())
    assert report["tests"][0]["verdict"] == "baseline drifted"


def test_failing_baseline_can_be_expected_to_fail(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    change(pytester, "RATE = 0.5", "RATE = 0.25")
    change(pytester, "@pytest.mark.repro", "@pytest.mark.xfail(strict=True)\n@pytest.mark.repro")
    inner("--repro-baseline").assert_outcomes(xfailed=1)


def test_update_rewrites_what_changed_and_says_so(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    before = (pytester.path / FILE).read_bytes()
    result = inner("--repro-update")
    result.stdout.fnmatch_lines(["repro: 1 test agrees with its baseline (bitwise).", "repro: no baseline changed."])
    assert (pytester.path / FILE).read_bytes() == before
    change(pytester, "0.93", "0.94")
    result = inner("--repro-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"repro: wrote {FILE} (changed)"])
    result.stdout.no_fnmatch_line("*agree*")
    after = (pytester.path / FILE).read_bytes()
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert changed == [(b'  "accuracy": 0.93,', b'  "accuracy": 0.94,')]


def test_update_new_writes_missing_ones_and_still_checks_the_others(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    change(pytester, "0.93", "0.94")
    inner.file("import pytest\n@pytest.mark.repro\ndef test_b(repro): repro.metric('v', 1)", "test_other")
    result = inner("--repro-update=new")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["repro: wrote __repro__/test_other/test_b.json (new)"])
    assert body(pytester)["values"]["accuracy"] == 0.93


def test_nothing_is_written_from_tests_that_drift_or_fail_anywhere(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(
        """
        import pytest

        STATE = []

        @pytest.fixture
        def broken():
            yield
            raise RuntimeError

        @pytest.mark.repro
        def test_drifts(repro):
            STATE.append(1)
            repro.metric("v", len(STATE))

        @pytest.mark.repro
        def test_fails(repro):
            repro.metric("v", 1)
            assert repro is None

        @pytest.mark.repro
        def test_fails_after(repro, broken):
            repro.metric("v", 1)

        @pytest.mark.repro
        def test_records_nothing(repro):
            pass

        @pytest.mark.repro
        def test_skipped(repro):
            pytest.skip()
        """
    )
    result = inner("--repro-update", "--repro-runs=2")
    result.stdout.fnmatch_lines(["repro: no baseline changed."])
    assert not (pytester.path / "__repro__").exists()


def test_runs_are_compared_first_then_the_baseline(inner: Inner) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    result = inner("--repro-baseline", "--repro-runs=3")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 1 test reproduced over 3 runs*"])
    assert "1 test agrees with its baseline" in " ".join(result.stdout.str().split())


@pytest.mark.parametrize("option", ["--repro-baseline", "--repro-update=all"])
def test_runs_that_drift_are_never_excused_by_a_baseline_that_run_1_meets(
    inner: Inner, pytester: pytest.Pytester, option: str
) -> None:
    inner.file(
        """
        import pytest

        @pytest.mark.repro
        def test_it(repro, request, runs=[]):
            runs.append(1)
            repro.metric("v", len(runs))
        """
    )
    inner("--repro-update")
    result = inner(option, "--repro-runs=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DRIFT: 1 of 1 value differs between 2 runs that should be equal"])


def test_marker_or_ini_asks_for_a_baseline_and_the_command_line_is_stronger(
    inner: Inner, pytester: pytest.Pytester
) -> None:
    inner.file(
        """
        import pytest

        @pytest.mark.repro(baseline=True)
        def test_with(repro):
            repro.metric("v", 1)

        @pytest.mark.repro(baseline=False)
        def test_without(repro):
            repro.metric("v", 1)

        @pytest.mark.repro
        def test_as_the_ini_says(repro):
            repro.metric("v", 1)
        """
    )
    inner().assert_outcomes(failed=1, passed=2)
    inner("--repro-update")
    names = {path.stem for path in (pytester.path / "__repro__").rglob("*.json")}
    assert names == {"test_with", "test_as_the_ini_says"}
    pytester.makeini("[pytest]\nrepro_baseline = true")
    inner().assert_outcomes(passed=3)
    inner("--repro-baseline=false").assert_outcomes(passed=3)
    (pytester.path / "__repro__" / "test_it" / "test_as_the_ini_says.json").unlink()
    inner().assert_outcomes(passed=2, failed=1)


def test_other_seed_is_inconclusive_not_drift(inner: Inner) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    result = inner("--repro-baseline", "--repro-seed=7")
    result.assert_outcomes(failed=1)
    assert "made with seed 0 and this run with seed 7" in " ".join(result.stdout.str().split())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("{", "no complete JSON"),
        ("<<<<<<< HEAD\n{}\n=======\n", "merge conflict"),
        ('{"schema": "pytest-repro/baseline@9"}', "upgrade pytest-repro"),
        ('{"schema": "other"}', "its schema is 'other'"),
    ],
)
def test_damaged_baseline_fails_the_test_with_a_clear_message(
    inner: Inner, pytester: pytest.Pytester, damage: str, message: str
) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    (pytester.path / FILE).write_text(damage)
    result = inner("--repro-baseline")
    result.assert_outcomes(failed=1)
    text = " ".join(result.stdout.str().split())
    assert message in text
    assert "test_train.json" in text
    assert "INTERNALERROR" not in text


def test_damaged_baseline_is_written_anew_on_update_but_never_a_newer_one(
    inner: Inner, pytester: pytest.Pytester
) -> None:
    inner.file(TRAIN)
    inner("--repro-update")
    (pytester.path / FILE).write_text("{")
    inner("--repro-update").stdout.fnmatch_lines([f"repro: wrote {FILE} (written anew)"])
    (pytester.path / FILE).write_text('{"schema": "pytest-repro/baseline@9"}')
    inner("--repro-update").assert_outcomes(failed=1)
    assert (pytester.path / FILE).read_text() == '{"schema": "pytest-repro/baseline@9"}'


def test_names_with_every_character_have_files_of_their_own(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(
        """
        import pytest

        NAMES = ["a", "A", "../../x", "a/b", "a b", "::", "con", "x" * 3000, "", "é", "\\0", "a\\nb", "*?", "--", "-"]

        @pytest.mark.repro
        @pytest.mark.parametrize("name", NAMES)
        def test_it(repro, name):
            repro.metric("v", name)

        class TestIt:
            @pytest.mark.repro
            def test_it(self, repro):
                repro.metric("v", 1)
        """
    )
    inner("--repro-update").assert_outcomes(passed=16)
    files = list((pytester.path / "__repro__").rglob("*.json"))
    assert len({path.name.lower() for path in files}) == 16
    assert {path.parent for path in files} == {pytester.path / "__repro__" / "test_it"}
    inner("--repro-baseline").assert_outcomes(passed=16)


def test_option_swallowing_a_path_is_explained(inner: Inner) -> None:
    inner.file(TRAIN)
    result = inner("--repro-update", "test_it.py")
    result.stderr.fnmatch_lines(["*where another argument follows, write --repro-update=all"])


# --- stale baselines --------------------------------------------------------------------------

TWO = """
    import pytest

    @pytest.mark.repro
    def test_a(repro): repro.metric("v", 1)

    @pytest.mark.repro
    def test_b(repro): repro.metric("v", 1)
    """


def renamed(inner: Inner, pytester: pytest.Pytester) -> Path:
    inner.file(TWO)
    inner("--repro-update")
    change(pytester, "test_b", "test_c")
    return pytester.path / "__repro__" / "test_it" / "test_b.json"


def test_stale_baseline_is_removed_when_the_whole_suite_ran(inner: Inner, pytester: pytest.Pytester) -> None:
    stale = renamed(inner, pytester)
    result = inner("--repro-update")
    result.stdout.fnmatch_lines(["repro: removed __repro__/test_it/test_b.json (its test is gone)"])
    assert not stale.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "test_"),
        ("-m", "repro"),
        ("test_it.py",),
        ("test_it.py::test_a",),
        ("--deselect=test_it.py::test_x",),
        ("--ignore=other",),
        ("--maxfail=1",),
    ],
    ids=str,
)
def test_stale_baseline_stays_when_only_a_part_ran(
    inner: Inner, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    stale = renamed(inner, pytester)
    if arguments == ("--maxfail=1",):
        change(pytester, "def test_a(repro):", "def test_a(repro): assert 0;")
    inner("--repro-update=all", *arguments)
    assert stale.exists()


def test_stale_baseline_stays_with_update_new_and_without_update(inner: Inner, pytester: pytest.Pytester) -> None:
    stale = renamed(inner, pytester)
    inner("--repro-update=new")
    inner("--repro-baseline")
    assert stale.exists()


def test_stale_baseline_stays_when_a_module_cannot_be_collected(inner: Inner, pytester: pytest.Pytester) -> None:
    stale = renamed(inner, pytester)
    inner.file("import nothing_of_that_name", "test_broken")
    inner("--repro-update", "--continue-on-collection-errors")
    assert stale.exists()


def test_baseline_of_a_test_that_fails_or_is_skipped_stays(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(TWO)
    inner("--repro-update")
    change(pytester, "def test_a(repro):", "def test_a(repro): assert 0;")
    change(pytester, "def test_b(repro):", "def test_b(repro): pytest.skip();")
    inner("--repro-update")
    assert len(list((pytester.path / "__repro__").rglob("*.json"))) == 2


# --- at once ----------------------------------------------------------------------------------


def test_with_xdist_each_baseline_is_written_once_and_stale_ones_go(inner: Inner, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    stale = renamed(inner, pytester)
    result = inner("--repro-update=all", "-n2", plugins=["xdist"], subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["repro: wrote __repro__/test_it/test_c.json (new)", "repro: removed __repro__/test_it/test_b.json*"]
    )
    assert not stale.exists()
    inner("--repro-baseline=true", "-n2", plugins=["xdist"], subprocess=True).assert_outcomes(passed=2)


def _start(pytester: pytest.Pytester, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_repro.plugin", *arguments]
    return subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


MANY = """
    import os
    import pytest

    @pytest.mark.repro
    @pytest.mark.parametrize("i", range(30))
    def test_it(repro, i):
        repro.metric("v", float(os.environ["VALUE"]) + i)
    """


def values(pytester: pytest.Pytester) -> list[float]:
    files = sorted((pytester.path / "__repro__").rglob("*.json"))
    found = [(int(path.stem.split("[")[1][:-1]), json.loads(path.read_text())["values"]["v"]) for path in files]
    return [value - i for i, value in found]


def test_two_sessions_at_once_leave_whole_files(
    inner: Inner, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file(MANY)
    sessions = []
    for value in ("1", "2"):
        monkeypatch.setenv("VALUE", value)
        sessions.append(_start(pytester, "--repro-update=all"))
    assert [session.wait(60) for session in sessions] == [0, 0]
    assert len(values(pytester)) == 30
    assert set(values(pytester)) <= {1.0, 2.0}
    assert not [path for path in pytester.path.rglob("*") if path.name == ".lock" or path.suffix == ".tmp"]


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")
def test_session_killed_while_it_writes_leaves_each_file_old_or_new(
    inner: Inner, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file(MANY)
    monkeypatch.setenv("VALUE", "1")
    assert _start(pytester, "--repro-update=all").wait(60) == 0
    path = next((pytester.path / "__repro__").rglob("*.json"))
    before = path.stat().st_mtime_ns
    monkeypatch.setenv("VALUE", "2")
    session = _start(pytester, "--repro-update=all")
    while session.poll() is None and path.stat().st_mtime_ns == before:
        time.sleep(0.001)
    session.kill()
    session.wait()
    assert len(values(pytester)) == 30
    assert set(values(pytester)) <= {1.0, 2.0}
    inner("--repro-update=all", subprocess=True).assert_outcomes(passed=30)
    assert set(values(pytester)) == {2.0}
    assert not [path for path in pytester.path.rglob("*") if path.name == ".lock" or path.suffix == ".tmp"]
