from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Inner

#: a library whose version can change numbers, with the constant that it changed between two versions
LIBRARY = "statsmodels"


def install(folder: Path, version: str, slope: float) -> Path:
    """A folder to put on the path: the library in one version."""
    shutil.rmtree(folder, ignore_errors=True)
    package, info = folder / LIBRARY, folder / f"{LIBRARY}-{version}.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text(f"SLOPE = {slope!r}\n")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {LIBRARY}\nVersion: {version}\n")
    return folder


TEST = """
    import pytest
    import statsmodels

    @pytest.mark.repro({marker})
    def test_fit(repro):
        repro.metric("slope", statsmodels.SLOPE)
    """

FILE = "__repro__/test_it/test_fit.json"


@pytest.fixture
def versions(pytester: pytest.Pytester, inner: Inner, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run sessions with one version of the library or the other."""
    import os

    path = os.environ["PYTHONPATH"]

    def run(version: str, slope: float, *arguments: str) -> pytest.RunResult:
        site = install(pytester.path / ".site", version, slope)
        monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{path}")
        return inner(*arguments, subprocess=True)

    return run


def flat(result: pytest.RunResult) -> str:
    return " ".join(result.stdout.str().split())


def test_drift_after_an_upgrade_names_the_version_and_what_to_declare(inner: Inner, versions: Any) -> None:
    inner.file(TEST.format(marker=""))
    versions("1.0", 0.5, "--repro-update")
    result = versions("2.0", 0.5 + 1e-9, "--repro-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["DRIFT: 1 of 1 value differs from the baseline", "  changed package.statsmodels  1.0 -> 2.0"]
    )
    assert "declare by how much: machine_rtol=" in flat(result)


def test_upgrade_that_moves_nothing_passes(inner: Inner, versions: Any) -> None:
    inner.file(TEST.format(marker=""))
    versions("1.0", 0.5, "--repro-update")
    versions("2.0", 0.5, "--repro-baseline").assert_outcomes(passed=1)
    versions("2.0", 0.5, "--repro-update").stdout.fnmatch_lines(["repro: no baseline changed."])


def test_machine_tolerance_of_marker_or_ini_counts_in_the_other_environment_only(
    inner: Inner, versions: Any, pytester: pytest.Pytester
) -> None:
    inner.file(TEST.format(marker="machine_rtol=1e-6"))
    versions("1.0", 0.5, "--repro-update")
    result = versions("2.0", 0.5 + 1e-9, "--repro-baseline")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 1 test agrees with its baseline (bitwise, 1 of them within tolerance)."])
    versions("1.0", 0.5 + 1e-9, "--repro-baseline").assert_outcomes(failed=1)
    exceeded = versions("2.0", 0.6, "--repro-baseline")
    exceeded.assert_outcomes(failed=1)
    assert "rtol=1e-06 is declared for other environments, and is exceeded" in flat(exceeded)
    inner.file(TEST.format(marker=""))
    pytester.makeini("[pytest]\nrepro_machine_atol = 1e-6")
    versions("2.0", 0.5 + 1e-9, "--repro-baseline").assert_outcomes(passed=1)


def test_one_baseline_holds_several_environments(inner: Inner, versions: Any, pytester: pytest.Pytester) -> None:
    inner.file(TEST.format(marker=""))
    versions("1.0", 0.5, "--repro-update")
    result = versions("2.0", 0.75, "--repro-update")
    result.stdout.fnmatch_lines([f"repro: wrote {FILE} (another environment)"])
    body = json.loads((pytester.path / FILE).read_text())
    assert body["values"] == {"slope": 0.5}
    assert len(body["environments"]) == 2
    versions("1.0", 0.5, "--repro-baseline").assert_outcomes(passed=1)
    versions("2.0", 0.75, "--repro-baseline").assert_outcomes(passed=1)
    versions("1.0", 0.75, "--repro-baseline").assert_outcomes(failed=1)


def test_code_difference_is_shown_beside_the_drift(inner: Inner, versions: Any, pytester: pytest.Pytester) -> None:
    def git(*words: str) -> str:
        given = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        return subprocess.run(given, cwd=pytester.path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    inner.file(TEST.format(marker=""))
    git("add", "test_it.py")
    git("commit", "-qm", "one")
    first = git("rev-parse", "HEAD")
    versions("1.0", 0.5, "--repro-update")
    git("add", "__repro__")
    git("commit", "-qm", "two")
    second = git("rev-parse", "HEAD")
    (pytester.path / "test_it.py").write_text((pytester.path / "test_it.py").read_text() + "\n# changed\n")
    result = versions("1.0", 0.75, "--repro-baseline")
    result.stdout.fnmatch_lines(
        [f"  code    commits {first[:12]}..{second[:12]}", "          changed beside it now: test_it.py"]
    )
    assert git("status", "--porcelain", "--untracked-files=no") == "M test_it.py"


def test_elements_of_big_arrays_come_from_the_ignored_store(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file(
        """
        import numpy as np
        import pytest

        SHIFT = 0.0

        @pytest.mark.repro
        def test_fit(repro):
            weights = np.arange(6000.0).reshape(300, 20)
            weights[212, 2] += SHIFT
            repro.artifact("weights", weights)
        """
    )
    inner("--repro-update")
    store = pytester.path / ".repro"
    assert "*" in (store / ".gitignore").read_text().splitlines()
    assert len(list(store.rglob("*.npy"))) == 1
    assert (pytester.path / FILE).stat().st_size < 6000
    path = pytester.path / "test_it.py"
    path.write_text(path.read_text().replace("SHIFT = 0.0", "SHIFT = 1e-9"))
    inner("--repro-baseline").stdout.fnmatch_lines(["  first   weights[[]212, 2]*"])
    shutil.rmtree(store)
    result = inner("--repro-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["    elements [[]210, 0] to [[]214, 19] differ"])


def test_store_that_cannot_be_written_costs_the_elements_and_is_said(inner: Inner, pytester: pytest.Pytester) -> None:
    (pytester.path / ".repro").write_text("a file where the folder should be")
    inner.file(
        """
        import numpy as np
        import pytest

        @pytest.mark.repro
        def test_fit(repro):
            repro.artifact("weights", np.arange(6000.0))
        """
    )
    result = inner("--repro-update")
    result.stdout.fnmatch_lines(["repro: ERROR: the elements of big values were not kept: cannot write *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (pytester.path / FILE).exists()
