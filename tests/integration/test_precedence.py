"""Command line > marker > ini > default, for everything, and said so."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Inner

SHOW = """
    import json, pytest

    @pytest.mark.repro{marker}
    def test_it(repro):
        repro.metric("x", 1.0)
        print("SEEN", repro.runs, repro.seed)
"""


@pytest.mark.parametrize(
    ("arguments", "marker", "ini", "runs"),
    [
        pytest.param((), "", "", 1, id="default"),
        pytest.param((), "", "repro_runs = 2", 2, id="ini"),
        pytest.param((), "(runs=3)", "repro_runs = 2", 3, id="marker over ini"),
        pytest.param(("--repro-runs=4",), "(runs=3)", "repro_runs = 2", 4, id="command line over marker"),
        pytest.param(("--repro-runs=1",), "(runs=3)", "", 1, id="command line switches off"),
    ],
)
def test_number_of_runs(inner: Inner, arguments: tuple[str, ...], marker: str, ini: str, runs: int) -> None:
    inner.pytester.makeini(f"[pytest]\n{ini}\n")
    inner.file(SHOW.format(marker=marker))
    result = inner("-s", *arguments)
    result.assert_outcomes(passed=1)
    assert [line for line in result.outlines if "SEEN" in line][-1].split()[-2:] == [str(runs), "0"]
    assert sum("SEEN" in line for line in result.outlines) == runs


@pytest.mark.parametrize(
    ("arguments", "marker", "ini", "seed"),
    [
        pytest.param((), "", "", 0, id="default"),
        pytest.param((), "", "repro_seed = 5", 5, id="ini"),
        pytest.param((), "(seed=6)", "repro_seed = 5", 6, id="marker over ini"),
        pytest.param(("--repro-seed=7",), "(seed=6)", "repro_seed = 5", 7, id="command line over marker"),
    ],
)
@pytest.mark.parametrize("runs", [1, 2])
def test_seed(inner: Inner, arguments: tuple[str, ...], marker: str, ini: str, seed: int, runs: int) -> None:
    inner.pytester.makeini(f"[pytest]\n{ini}\n")
    inner.file(SHOW.format(marker=marker))
    result = inner("-s", f"--repro-runs={runs}", *arguments)
    assert [line.split()[-1] for line in result.outlines if "SEEN" in line] == [str(seed)] * runs


FAR = """
    import pytest
    CALLS = []

    @pytest.mark.repro{marker}
    def test_it(repro):
        CALLS.append(1)
        repro.metric("loss", 1.0 + 1e-9 * len(CALLS){own})
"""


@pytest.mark.parametrize(
    ("arguments", "marker", "ini", "own", "passes"),
    [
        pytest.param((), "", "", "", False, id="default is bitwise"),
        pytest.param((), "", "repro_rtol = 1e-6", "", True, id="ini"),
        pytest.param((), "(rtol=0)", "repro_rtol = 1e-6", "", False, id="marker over ini"),
        pytest.param(("--repro-rtol=1e-6",), "(rtol=0)", "", "", True, id="command line over marker"),
        pytest.param((), "", "repro_tolerance = lo*: rtol=1e-6", "", True, id="ini pattern"),
        pytest.param(("--repro-rtol=0",), "", "repro_tolerance = lo*: rtol=1e-6", "", False, id="0 over ini pattern"),
        pytest.param(
            (), "", "repro_rtol = 1e-12\nrepro_tolerance = lo*: rtol=1e-6", "", True, id="pattern over general ini"
        ),
        pytest.param((), "(rtol=1e-12)", "repro_tolerance = lo*: rtol=1e-6", "", False, id="marker over ini pattern"),
        pytest.param((), "", "", ", rtol=1e-6", True, id="value"),
        pytest.param((), "(rtol=1e-6)", "", ", rtol=0", False, id="value over marker"),
        pytest.param((), "(atol=1e-6)", "", "", True, id="absolute"),
        pytest.param((), "(ulp=100_000_000)", "", "", True, id="ulp"),
        pytest.param((), "(ulp=4)", "", "", False, id="ulp too small"),
    ],
)
def test_tolerance(inner: Inner, arguments: tuple[str, ...], marker: str, ini: str, own: str, *, passes: bool) -> None:
    inner.pytester.makeini(f"[pytest]\n{ini}\n")
    inner.file(FAR.format(marker=marker, own=own))
    result = inner("--repro-runs=2", *arguments)
    result.assert_outcomes(passed=int(passes), failed=int(not passes))


@pytest.mark.parametrize(
    ("arguments", "marker", "ini", "inline"),
    [
        pytest.param((), "", "", False, id="default"),
        pytest.param((), "", "repro_isolation = inline", True, id="ini"),
        pytest.param((), "(isolation='inline')", "repro_isolation = process", True, id="marker over ini"),
        pytest.param(("--repro-isolation=inline",), "(isolation='process')", "", True, id="command line over marker"),
    ],
)
def test_isolation(inner: Inner, arguments: tuple[str, ...], marker: str, ini: str, *, inline: bool) -> None:
    inner.pytester.makeini(f"[pytest]\n{ini}\n")
    inner.file(f"""
        import os, pytest

        @pytest.mark.repro{marker}
        def test_it(repro):
            repro.metric("x", 1.0)
            with open("pids", "a") as file:
                print(os.getpid(), file=file)
    """)
    result = inner("--repro-runs=2", *arguments, isolation="")
    result.assert_outcomes(passed=1)
    pids = (inner.pytester.path / "pids").read_text().split()
    assert len(pids) == 2
    assert (len(set(pids)) == 1) is inline


def test_help_lists_every_option_and_the_precedence(inner: Inner) -> None:
    text = inner("--help", isolation="").stdout.str()
    for flag in ("runs", "seed", "rtol", "atol", "ulp", "isolation", "explain", "json", "vary"):
        assert f"--repro-{flag}" in text
    assert "command line > marker > ini > default" in " ".join(text.split())
    assert "repro_runs (string)" in text


def test_markers_shows_ours_with_its_arguments_and_the_precedence(inner: Inner) -> None:
    text = " ".join(inner("--markers", isolation="").stdout.str().split())
    assert "@pytest.mark.repro(runs=, seed=, rtol=, atol=, ulp=" in text
    assert "command line > marker > ini > default" in text


def test_fixtures_shows_ours_with_its_methods(inner: Inner) -> None:
    text = " ".join(inner("--fixtures", isolation="").stdout.str().split())
    assert "repro --" in text
    for word in ("repro.metric(", "repro.artifact(", "repro.seed", "repro.rng", "command line > marker > ini"):
        assert word in text


def test_markers_on_class_and_module_combine_with_the_nearest_first(inner: Inner) -> None:
    inner.file("""
        import pytest
        pytestmark = pytest.mark.repro(runs=2, seed=1)

        @pytest.mark.repro(seed=2)
        class TestAll:
            @pytest.mark.repro(runs=3)
            def test_it(self, repro):
                repro.metric("x", 1.0)
                print("SEEN", repro.runs, repro.seed)
    """)
    result = inner("-s")
    assert {tuple(line.split()[-2:]) for line in result.outlines if "SEEN" in line} == {("3", "2")}
