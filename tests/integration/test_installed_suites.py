"""Suites that are installed, named by their modules: pytest's node ids of different tests may then be the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

SAME_NAMES = {
    "one": "import pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', 1)\n",
    "two": "import pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('y', 2)\n",
    "three": "import os, pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('z', os.urandom(4))\n",
}


@pytest.fixture
def elsewhere(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder without tests, beside an installed package with three modules that have a test of one name."""
    package = inner.pytester.path / "site" / "installed" / "tests"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    for name, source in SAME_NAMES.items():
        (package / f"test_{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(package.parents[1])
    monkeypatch.setenv("PYTHONPATH", str(package.parents[1]), prepend=":")
    root = inner.pytester.path / "elsewhere"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def modules(*names: str) -> tuple[str, ...]:
    return ("--rootdir=.", "--pyargs", *(f"installed.tests.test_{name}" for name in names))


def test_tests_of_one_node_id_are_each_compared_with_themselves(inner: Inner, elsewhere: Path) -> None:
    # a session of its own: this one was started before there was such a package
    options = ("-p", "pytest_repro.plugin", "-p", "no:cacheprovider", "--repro-runs=3", "--repro-isolation=auto")
    result = inner.pytester.runpytest_subprocess(*options, *modules("one", "two"))
    result.stdout.fnmatch_lines(["repro: 2 tests reproduced over 3 runs*"])


def test_reports_tell_tests_of_one_node_id_apart(inner: Inner, elsewhere: Path) -> None:
    inner("--repro-runs=2", "--repro-isolation=inline", "--repro-json=out.json", *modules("one", "two", "three"))
    tests = json.loads((elsewhere / "out.json").read_text(encoding="utf-8"))["tests"]
    assert [(test["nodeid"], test["verdict"]) for test in tests] == [
        ("installed/tests/test_one.py::test_it", "reproduced"),
        ("installed/tests/test_three.py::test_it", "drifted"),
        ("installed/tests/test_two.py::test_it", "reproduced"),
    ]


def test_known_drift_excuses_only_the_test_that_it_is_of(inner: Inner, elsewhere: Path) -> None:
    options = ("--repro-runs=2", "--repro-isolation=inline", "--repro-explain=off", "--repro-known=known.json")
    inner(*options, "--repro-update", *modules("three"))
    assert inner(*options, *modules("one", "three")).ret == 0
    drifting = elsewhere.parent / "site" / "installed" / "tests" / "test_one.py"
    drifting.write_text(SAME_NAMES["three"], encoding="utf-8")
    result = inner(*options, *modules("one", "three"))
    result.assert_outcomes(passed=1, failed=1)


def test_recordings_of_tests_of_one_node_id_are_kept_apart(inner: Inner, elsewhere: Path) -> None:
    options = ("--repro-runs=2", "--repro-isolation=inline", "--repro-record=kept")
    inner(*options, *modules("one", "two"))
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in (elsewhere / "kept").rglob("run-1.json")]
    assert sorted(each["nodeid"] for each in kept) == [
        "installed/tests/test_one.py::test_it",
        "installed/tests/test_two.py::test_it",
    ]
