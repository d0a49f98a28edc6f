"""``--repro-all`` beyond one session: tests that nobody marked against baselines, another version, kept recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_repro.against import _other_module
from pytest_repro.model import Kind, Location, Observation, Recording, RunSpec
from tests.integration.conftest import Inner
from tests.integration.test_against import Project, project  # noqa: F401 - a fixture

CHECK = """
    from model import rate

    def test_rate():
        assert rate(3) > 0

    def test_silent():
        rate(3)
"""


def model(inner: Inner, factor: float, *, more: str = "") -> None:
    inner.pytester.makepyfile(model=f"def rate(step):\n    return {factor} * step\n{more}")


def baselines(inner: Inner) -> list[str]:
    return sorted(path.name for path in (inner.pytester.path / "__repro__" / "test_it").glob("*.json"))


def records(inner: Inner) -> list[str]:
    return [path.name for path in (inner.pytester.path / "kept" / "records").rglob("*") if path.is_file()]


def test_without_a_baseline_a_test_passes_and_is_listed(inner: Inner) -> None:
    model(inner, 0.5)
    inner.file(CHECK)
    result = inner("--repro-all", "--repro-baseline", subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "repro: 1 test was not compared with what was asked for:",
            "  test_it.py::test_rate: it has no baseline; write it with --repro-all --repro-update",
        ]
    )
    assert baselines(inner) == []


def test_baseline_of_what_a_test_asserts_on_is_kept_and_compared_with(inner: Inner) -> None:
    model(inner, 0.5)
    inner.file(CHECK)
    inner("--repro-all", "--repro-update", subprocess=True).assert_outcomes(passed=2)
    assert baselines(inner) == ["test_rate.json"]
    agreeing = inner("--repro-all", "--repro-baseline", subprocess=True)
    agreeing.assert_outcomes(passed=2)
    agreeing.stdout.fnmatch_lines(["repro: 1 test agrees with its baseline (bitwise)."])
    model(inner, 0.5000001)
    drifted = inner("--repro-all", "--repro-baseline", subprocess=True)
    drifted.assert_outcomes(passed=1, failed=1)
    drifted.stdout.fnmatch_lines(["*again   pytest *::test_rate* --repro-all --repro-baseline"])


def test_baselines_stay_when_the_other_tests_are_updated(inner: Inner) -> None:
    model(inner, 0.5)
    inner.file(CHECK)
    inner("--repro-all", "--repro-update", subprocess=True)
    inner("--repro-update", subprocess=True)
    assert baselines(inner) == ["test_rate.json"]


def test_test_that_has_a_baseline_and_observes_nothing_any_more_fails(inner: Inner) -> None:
    model(inner, 0.5)
    inner.file(CHECK)
    inner("--repro-all", "--repro-update", subprocess=True)
    inner.file(CHECK.replace("assert rate(3) > 0", "rate(3)"))
    result = inner("--repro-all", "--repro-runs=2", "--repro-baseline", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_rate*", "*nothing was recorded*"])


def test_recordings_are_kept_and_go_with_what_was_observed(inner: Inner) -> None:
    model(inner, 0.5)
    inner.file(CHECK)
    kept = inner("--repro-all", "--repro-runs=2", "--repro-record=kept", subprocess=True)
    kept.stdout.fnmatch_lines(["repro: kept 2 recordings of 1 test in kept"])
    assert len(records(inner)) == 2
    inner.file(CHECK.replace("assert rate(3) > 0", "rate(3)"))
    inner("--repro-all", "--repro-runs=2", "--repro-record=kept", subprocess=True).assert_outcomes(passed=2)
    assert not records(inner)


def test_recordings_are_kept_beside_a_run_that_is_lost(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARTED_BY", str(os.getpid()))
    inner.file("""
        import os

        def test_it():
            if os.environ["STARTED_BY"] != str(os.getpid()):
                os._exit(9)
            assert os.sep == "/"
    """)
    inner("--repro-all", "--repro-runs=3", "--repro-record=kept", isolation="").assert_outcomes(passed=1)
    assert len(records(inner)) == 2


def test_all_with_one_run_is_refused_where_nothing_is_compared_with(inner: Inner) -> None:
    inner.file("def test_it():\n    assert 1")
    result = inner("--repro-all", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ask for them with --repro-runs=2 or more*"])


def test_another_version_is_compared_with_what_tests_assert_on(
    inner: Inner,
    project: Project,  # noqa: F811 - the fixture
) -> None:
    project.commit("model.py", "def rate(step):\n    return 0.5 * step\n")
    project.write("model.py", "def rate(step):\n    return 0.5000001 * step\n")
    inner.file(CHECK)
    result = inner("--repro-all", "--repro-against=HEAD", isolation="process")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["DRIFT: 1 of 2 values differs from HEAD*", "*again   pytest *::test_rate* --repro-all --repro-against=HEAD"]
    )


def test_test_that_the_other_version_does_not_pass_is_listed_unless_it_is_marked(
    inner: Inner,
    project: Project,  # noqa: F811 - the fixture
) -> None:
    project.commit("model.py", "def rate(step):\n    return 0.5 * step\n")
    project.write("model.py", "def rate(step):\n    return 0.5 * step\n\ndef fresh():\n    return 1\n")
    new = """
        import model
        import pytest

        def test_new():
            assert model.fresh() == 1

        @pytest.mark.repro
        def test_marked(repro):
            repro.metric("fresh", model.fresh())
    """
    inner.file(new)
    result = inner("--repro-all", "--repro-against=HEAD", isolation="process")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "repro: 1 test was not compared with what was asked for:",
            "  test_it.py::test_new: the test does not pass with the package as of HEAD: *",
        ]
    )


@pytest.mark.parametrize(
    ("there", "said"),
    [
        pytest.param("def test_it(): assert 2", "its module is another one there", id="changed"),
        pytest.param("def test_it(): assert 1", "", id="the same text"),
        pytest.param(None, "", id="none there"),
    ],
)
def test_module_that_comes_with_the_other_version_must_be_the_same(
    tmp_path: Path, there: str | None, said: str
) -> None:
    module, other = tmp_path / "now" / "test_it.py", tmp_path / "then" / "test_it.py"
    for file, text in ((module, "def test_it(): assert 1"), (other, there)):
        file.parent.mkdir()
        if text is not None:
            file.write_text(text)
    places = [Location("test_it.py", 1), Location(str(tmp_path / "then" / "helper.py"), 1), Location(str(other), 1)]
    seen = tuple(Observation(seq, f"x{seq}", None, Kind.AUTO, 1, place) for seq, place in enumerate(places))
    problem = _other_module(Recording(RunSpec(1), seen), module)
    assert problem.startswith(said)
    assert bool(problem) == bool(said)


def test_private_attribute_that_a_version_adds_to_its_models_is_no_difference_but_is_named(
    inner: Inner,
    project: Project,  # noqa: F811 - the fixture
) -> None:
    model_text = """\
from sklearn.base import BaseEstimator

class Mean(BaseEstimator):
    def fit(self, X, y):
        self.mean_ = {mean}
        {more}
        return self
"""
    project.commit("model.py", model_text.format(mean="sum(y) / len(y)", more="self._gone = 1"))
    project.write("model.py", model_text.format(mean="sum(y) / len(y)", more="self._new = 1"))
    inner.file("from model import Mean\n\ndef test_it():\n    Mean().fit([[1], [2]], [1.0, 2.0])\n")
    same = inner("--repro-all", "--repro-against=HEAD", isolation="process", subprocess=True)
    same.assert_outcomes(passed=1)
    same.stdout.fnmatch_lines(["repro: 1 test agrees with HEAD (bitwise)."])
    project.write("model.py", model_text.format(mean="sum(y) / (len(y) + 1)", more="self._new = 1"))
    changed = inner("--repro-all", "--repro-against=HEAD", isolation="process", subprocess=True)
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(
        [
            "*first   fit#1 Mean.mean_  in now*",
            "*omitted fit#1 Mean: _gone (in one version only); fit#1 Mean: _new*",
        ]
    )
