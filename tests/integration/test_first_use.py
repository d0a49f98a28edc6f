"""What somebody sees who uses the plugin for the first time, and not quite rightly."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec

import pytest

from tests.integration.conftest import Inner

TWO_PLAIN_TESTS = """
    def test_one():
        pass

    def test_two():
        pass
"""


def test_runs_that_no_test_is_marked_for_are_no_silent_pass(inner: Inner) -> None:
    inner.file(TWO_PLAIN_TESTS)
    result = inner("--repro-runs=3")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["repro: no test that ran is marked 'repro', so nothing was repeated: add *"])


def test_a_folder_named_as_the_mark_is_no_mark(inner: Inner) -> None:
    folder = inner.pytester.mkdir("repro")
    (folder / "test_it.py").write_text("def test_it(): pass\n", encoding="utf-8")
    result = inner("--repro-runs=3", "repro")
    result.stdout.fnmatch_lines(["repro: no test that ran is marked 'repro', so nothing was repeated: add *"])


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        pytest.param(TWO_PLAIN_TESTS, (), id="no runs were asked for"),
        pytest.param(TWO_PLAIN_TESTS, ("-o", "repro_runs=3"), id="the ini file asks in every session"),
        pytest.param(TWO_PLAIN_TESTS, ("--repro-runs=3", "--repro-all"), id="all are repeated"),
        pytest.param(TWO_PLAIN_TESTS, ("--repro-runs=3", "-k", "none"), id="none was selected"),
        pytest.param(
            "import pytest\n@pytest.mark.repro\ndef test_it(repro): assert False", ("--repro-runs=3",), id="it failed"
        ),
        pytest.param(
            "import pytest\n@pytest.mark.repro\ndef test_it(repro): assert False",
            ("--repro-runs=3", "--repro-isolation=process"),
            id="it failed in a process of its own",
        ),
    ],
)
def test_word_on_missing_marks_is_said_only_where_it_helps(
    inner: Inner, source: str, arguments: tuple[str, ...]
) -> None:
    inner.file(source)
    inner(*arguments).stdout.no_fnmatch_line("*no test that ran is marked*")


def test_marked_items_that_cannot_be_repeated_are_no_silent_pass(inner: Inner) -> None:
    inner.file(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker("repro")
    """,
        name="conftest",
    )
    inner.pytester.maketxtfile(test_it=">>> 1 + 1\n2")
    result = inner("--repro-runs=2")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["repro: 1 marked test ran once, so nothing was compared: only test functions *"])


def test_marked_tests_that_ran_once_say_how_to_compare(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("n", [1, 2])
        def test_it(repro, n): repro.metric("n", n)

        @pytest.mark.repro(skip=True)
        def test_left_to_pytest(): pass

        def test_unmarked(): pass
    """)
    word = "repro: 2 marked tests ran once, so nothing was compared; --repro-runs=3 does"
    inner().stdout.fnmatch_lines([word])
    inner("-q").stdout.no_fnmatch_line("repro:*")
    inner("--repro-runs=2").stdout.no_fnmatch_line("*ran once*")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(("--repro-isolation=inlin",), "got 'inlin' (did you mean inline?)", id="choice"),
        pytest.param(("--repro-vary=thread",), "no factor 'thread' (did you mean threads?)", id="factor"),
        pytest.param(("--repro-autolog=sklearn",), "got 'sklearn' (did you mean scikit-learn?)", id="another name"),
        pytest.param(("--repro-autolog=zzz",), "assertions; got 'zzz'\n", id="nothing is close"),
        pytest.param(("--repro-autolog=torhc",), "got 'torhc' (did you mean torch?)", id="word"),
    ],
)
def test_typos_are_answered_with_what_was_meant(inner: Inner, arguments: tuple[str, ...], expected: str) -> None:
    inner.file(TWO_PLAIN_TESTS)
    result = inner(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert expected in str(result.stderr)


DRIFTING = """
    import itertools
    import pytest
    COUNT = itertools.count()

    @pytest.mark.repro
    def test_it(repro):
        repro.metric("count", next(COUNT))
"""


def test_command_that_shows_it_again_works_from_where_pytest_was_called(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file(DRIFTING)
    monkeypatch.chdir(inner.pytester.mkdir("elsewhere"))
    result = inner("..", "--repro-runs=2")
    result.stdout.fnmatch_lines(['  again   pytest "../test_it.py::test_it" --repro-runs=2 --repro-isolation=inline'])


def test_baseline_that_is_missing_names_the_test_from_where_pytest_was_called(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.file("import pytest\n@pytest.mark.repro\ndef test_it(repro): repro.metric('a', 1)")
    monkeypatch.chdir(inner.pytester.mkdir("elsewhere"))
    written = " ".join(str(inner("..", "--repro-baseline").stdout).split())
    assert 'write one: pytest "../test_it.py::test_it" --repro-baseline --repro-update' in written


def test_run_that_fails_alone_says_how_to_see_what_differs(inner: Inner) -> None:
    inner.file("""
        import pytest
        COUNT = []

        @pytest.mark.repro
        def test_it(repro):
            repro.metric("same", 1.0)
            COUNT.append(1)
            assert len(COUNT) < 2
    """)
    inner("--repro-runs=2").stdout.fnmatch_lines(
        [
            "call failed in run 2 of 2, though no recorded value differs from those of the runs that passed;",
            "record what it asserts on, or let --repro-autolog=assertions do so, to see what does",
            'again: pytest "test_it.py::test_it" --repro-runs=2 --repro-isolation=inline',
        ]
    )


CAUSES = """
    import random
    import pytest

    class Count:
        runs = 0

    @pytest.mark.repro
    def test_assertion_fails_in_one_run(repro):
        Count.runs += 1
        repro.metric("score", 1.0 / Count.runs)
        assert Count.runs < 2

    @pytest.mark.repro
    def test_draw_beside_a_counter(repro):
        Count.runs += 1
        repro.metric("draw", random.Random().random())
"""


def test_cause_is_found_where_an_assertion_fails_and_a_pinned_draw_is_no_state(inner: Inner) -> None:
    inner.file(CAUSES)
    result = inner("--repro-runs=2", "--repro-explain=auto")
    text = " ".join(str(result.stdout).split())
    failing, drawing = text.split("test_draw_beside_a_counter _", 1)
    assert "DRIFT: run 1 passed and run 2 of 2 did not" in failing
    assert "cause state left by an earlier run in the same process decides it" in failing
    assert "cause uncontrolled entropy decides it" in drawing
    assert "also state left" not in drawing, "each rehearsal begins the pinned streams anew"


def test_page_that_cannot_be_made_is_refused_before_the_tests_run(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without_plotly(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "plotly" else find(name, package)

    inner.file(TWO_PLAIN_TESTS)
    monkeypatch.setattr(importlib.util, "find_spec", without_plotly)
    result = inner("--repro-runs=2", "--repro-html=page.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert 'the HTML report needs plotly, which is not installed: pip install "pytest-repro[html]"' in str(
        result.stderr
    )
    assert "collected" not in str(result.stdout)


@pytest.mark.parametrize("asked", ["installed.tests", "installed.tests.test_there"])
def test_again_names_the_file_of_an_installed_test(inner: Inner, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    package = inner.pytester.path / "site" / "installed" / "tests"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "test_there.py").write_text(
        "import pytest\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', repro.run)\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(package.parents[1])
    root = inner.pytester.path / "elsewhere"
    root.mkdir()
    monkeypatch.chdir(root)
    result = inner("--repro-runs=2", "--repro-explain=off", "--rootdir=.", "--pyargs", asked)
    result.stdout.fnmatch_lines([f'  again   pytest "{package.as_posix()}/test_there.py::test_it" --repro-runs=2*'])


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [(("-p", "pytest_repro"), ""), (("-p", "pytest_repro.plugin"), ""), ((), "pytest_repro")],
    ids=["package", "module", "variable"],
)
def test_plugin_is_found_by_its_name_where_nothing_is_loaded_unasked(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], variable: str
) -> None:
    """As ``-p pytest_repeat`` and ``-p xdist.plugin`` are, with PYTEST_DISABLE_PLUGIN_AUTOLOAD=1."""
    monkeypatch.setenv("PYTEST_PLUGINS", variable)
    inner.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.repro
        def test_one(repro):
            repro.metric("accuracy", 0.5)
        """
    )
    result = inner.pytester.runpytest_subprocess(*arguments, "--repro-runs=3", "--repro-isolation=auto")
    result.stdout.fnmatch_lines(["repro: 1 test reproduced over 3 runs*"])
    assert result.ret == 0


def test_plugin_of_a_checkout_that_is_not_installed_is_found_by_its_name(inner: Inner) -> None:
    script = """
import importlib.metadata, sys, pytest
importlib.metadata.distributions = lambda **_: []
sys.exit(pytest.main(["-p", "pytest_repro", "--help"]))
"""
    result = inner.pytester.run(sys.executable, "-c", script)
    result.stdout.fnmatch_lines(["*--repro-runs=*"])
