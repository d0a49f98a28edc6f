from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_repro.against import _environment_of
from pytest_repro.model import EnvField
from tests.integration.conftest import Inner

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="git and process groups as on POSIX")

MODEL = "RATE = {rate}\n\ndef loss(step):\n    return RATE ** step\n"
TEST = """\
import pytest
from {name} import loss

@pytest.mark.repro
def test_train(repro):
    for step in range(4):
        repro.metric("loss", loss(step), step=step, rtol=0.9)

@pytest.mark.repro
def test_constant(repro):
    repro.metric("n", 4)
"""


class Project:
    """A git repository with a package and its tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        given = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        return subprocess.run(given, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, name: str, text: str) -> None:
        self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-qm", "x", "--allow-empty")


@pytest.fixture
def project(inner: Inner, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir(".tmp")))
    made = Project(pytester.path)
    made.write(".gitignore", "__pycache__/\n.tmp/\n_version.py\n.repro/\n")
    return made


def in_src(project: Project, *rates: float) -> None:
    """A package in ``src``, one commit for each rate."""
    project.write("pytest.ini", "[pytest]\npythonpath = src\n")
    project.write("src/pk/__init__.py", "from pk.model import loss\n")
    project.write("tests/test_model.py", TEST.format(name="pk"))
    for rate in rates:
        project.commit("src/pk/model.py", MODEL.format(rate=rate))


def test_commit_that_changed_a_constant_is_told_with_the_value_and_no_tolerance(inner: Inner, project: Project) -> None:
    in_src(project, 0.5, 0.25)
    result = inner("--repro-against=HEAD~1", "--repro-seed=3", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    commit = project.git("rev-parse", "HEAD~1")[:12]
    result.stdout.fnmatch_lines(
        [
            f"DRIFT: 1 of 1 value differs from HEAD~1 ({commit})",
            "  first   loss[[]1]  in now    0.5 -> 0.25 *",
            "  code    changed since: src/pk/model.py",
            "  loss   series, 4  HEAD~1 | now *",
            "  again   pytest \"tests/test_model.py::test_train\" --repro-against='HEAD~1' --repro-seed=3",
            "repro: 1 test agrees with HEAD~1 (bitwise).",
            "DRIFT tests/test_model.py::test_train - loss[[]1] differs from HEAD~1",
        ]
    )


def test_fit_that_the_package_makes_no_more_is_a_drift(inner: Inner, project: Project) -> None:
    pytest.importorskip("sklearn")
    fit = "from sklearn.linear_model import Ridge\n\ndef count(X):\n    {} and Ridge().fit(X, [0, 1])\n    return 2\n"
    test = "@pytest.mark.repro\ndef test_it():\n    assert model.count([[1], [2]]) == 2\n"
    project.write("test_model.py", f"import pytest\nimport model\n\n{test}")
    project.commit("model.py", fit.format(True))
    project.commit("model.py", fit.format(False))
    result = inner("--repro-against=HEAD~1", "--repro-autolog=auto", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["DRIFT: 1 of 3 values differs from HEAD~1 *", "  first   fit#1 Ridge  in now"])


def test_commit_of_a_comment_passes(inner: Inner, project: Project) -> None:
    in_src(project, 0.5)
    project.commit("src/pk/model.py", MODEL.format(rate=0.5) + "# a comment\n")
    result = inner("--repro-against=HEAD~1", subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["repro: 2 tests agree with HEAD~1 (bitwise)."])


def test_uncommitted_change_is_compared_with_head(inner: Inner, project: Project) -> None:
    in_src(project, 0.5)
    project.write("src/pk/model.py", MODEL.format(rate=0.125))
    inner("--repro-against=HEAD", subprocess=True).assert_outcomes(passed=1, failed=1)


def test_module_beside_its_test_without_any_package(inner: Inner, project: Project) -> None:
    project.write("test_model.py", TEST.format(name="model"))
    project.commit("model.py", MODEL.format(rate=0.5))
    project.commit("model.py", MODEL.format(rate=0.25))
    result = inner("--repro-against=HEAD~1", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)


def test_tests_inside_the_package_and_their_helpers(inner: Inner, project: Project) -> None:
    project.write("pk/__init__.py", "from pk.model import loss\n")
    project.write("pk/tests/__init__.py", "")
    project.write("pk/tests/test_model.py", TEST.format(name="pk"))
    project.commit("pk/model.py", MODEL.format(rate=0.5))
    project.commit("pk/model.py", MODEL.format(rate=0.25))
    inner("--repro-against=HEAD~1", subprocess=True).assert_outcomes(passed=1, failed=1)


def test_tests_and_their_helpers_are_those_of_now(inner: Inner, project: Project) -> None:
    in_src(project, 0.5)
    project.write("tests/helper.py", "STEPS = 3\n")
    project.commit("tests/test_model.py", "from pk import loss\n")
    new = (
        TEST.format(name="pk")
        .replace("range(4)", "range(helper.STEPS)")
        .replace("import pytest", "import helper, pytest")
    )
    project.write("tests/test_model.py", new)
    project.write("tests/helper.py", "STEPS = 5\n")
    inner("--repro-against=HEAD", subprocess=True).assert_outcomes(passed=2)


def test_generated_module_that_is_in_no_commit_is_there(inner: Inner, project: Project) -> None:
    in_src(project)
    project.write("src/pk/_version.py", "VERSION = '1'\n")
    project.write("src/pk/__init__.py", "from pk._version import VERSION\nfrom pk.model import loss\n")
    project.commit("src/pk/model.py", MODEL.format(rate=0.5))
    assert project.git("status", "--porcelain", "--ignored").endswith("!! src/pk/_version.py")
    inner("--repro-against=HEAD", subprocess=True).assert_outcomes(passed=2)


def test_package_that_cannot_be_redirected_is_inconclusive_never_equal(inner: Inner, project: Project) -> None:
    project.write("README", "x")
    project.commit(
        "tests/test_model.py", "import pytest\n@pytest.mark.repro\ndef test_it(repro): repro.metric('v', 1)\n"
    )
    result = inner("--repro-against=HEAD", subprocess=True)
    result.assert_outcomes(failed=1)
    assert "no module of the package was imported from HEAD" in " ".join(result.stdout.str().split())


def test_commit_that_git_cannot_write_out_is_inconclusive_for_every_test(inner: Inner, project: Project) -> None:
    in_src(project, 0.5)
    project.write(".gitattributes", "*.dat filter=absent\n")
    project.commit("weights.dat", "1\n")
    # as where git-lfs is not installed
    project.git("config", "filter.absent.smudge", "no-such-program")
    project.git("config", "filter.absent.required", "true")
    result = inner("--repro-against=HEAD", subprocess=True)
    result.assert_outcomes(failed=2)
    said = "INCONCLUSIVE: --repro-against=HEAD: git checkout-index failed: fatal:*"
    result.stdout.fnmatch_lines([said, "*", said])


def test_version_in_which_the_test_fails_is_told(inner: Inner, project: Project) -> None:
    in_src(project)
    project.commit("src/pk/model.py", "def loss(step):\n    raise RuntimeError('broken then')\n")
    project.commit("src/pk/model.py", MODEL.format(rate=0.5))
    result = inner("--repro-against=HEAD~1", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    assert "the test does not pass with the package as of HEAD~1" in " ".join(result.stdout.str().split())


def test_test_that_is_not_reproducible_itself_is_not_blamed_on_the_commit(inner: Inner, project: Project) -> None:
    in_src(project)
    project.commit("src/pk/model.py", "import os\n\ndef loss(step):\n    return os.urandom(8).hex()\n")
    result = inner("--repro-against=HEAD", subprocess=True)
    assert "two runs with the package as of HEAD differ" in " ".join(result.stdout.str().split())


@pytest.mark.parametrize("ref", ["no-such-branch", "--version", "HEAD:src"])
def test_ref_that_is_no_commit_is_refused_before_anything_runs(inner: Inner, project: Project, ref: str) -> None:
    in_src(project, 0.5)
    result = inner(f"--repro-against={ref}", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --repro-against={ref}: git knows no such commit, branch or tag*"])


def test_folder_outside_of_any_repository_is_refused(inner: Inner, pytester: pytest.Pytester) -> None:
    inner.file("def test_it(): pass")
    result = inner("--repro-against=HEAD", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is in no git repository*"])


def test_interpreter_that_is_not_there_is_refused(inner: Inner) -> None:
    inner.file("def test_it(): pass")
    result = inner("--repro-against-env=no-such-python", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("how", ["passes", "fails", "raises"])
def test_working_tree_and_index_are_as_before_and_nothing_is_left(
    inner: Inner, project: Project, pytester: pytest.Pytester, how: str
) -> None:
    mark = f"only-here-{os.getpid()}-{how}"
    project.write(mark, "")
    in_src(project, 0.5, {"passes": 0.5, "fails": 0.25, "raises": 0.5}[how])
    if how == "passes":
        project.commit("src/pk/model.py", MODEL.format(rate=0.5) + "#\n")
    if how == "raises":
        project.commit("src/pk/model.py", "raise RuntimeError\n")
        project.write("src/pk/model.py", MODEL.format(rate=0.5))
    project.write("staged.txt", "x")
    project.git("add", "staged.txt")
    before = _state(project)
    inner("--repro-against=HEAD~1", subprocess=True)
    assert _state(project) == before
    assert not _left(mark)


def _state(project: Project) -> tuple[str, bytes, str]:
    files = sorted(str(path) for path in (project.folder / ".git").rglob("*") if path.is_file())
    return (
        project.git("status", "--porcelain", "--untracked-files=no"),
        (project.folder / ".git" / "index").read_bytes(),
        "\n".join(files),
    )


def _left(mark: str) -> list[Path]:
    """Trees of this project, which other sessions of this machine do not have."""
    folders = [Path("/dev/shm"), Path(os.environ["TMPDIR"])]
    return [
        path for folder in folders if folder.is_dir() for path in folder.glob(f"pytest-repro-*/against/tree/{mark}")
    ]


def test_another_interpreter_takes_its_own_packages(
    inner: Inner, project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = {name: pytester.mkdir(f".site-{name}") for name in ("then", "now")}
    for name, rate in (("then", 0.5), ("now", 0.25)):
        (site[name] / "lib.py").write_text(MODEL.format(rate=rate))
    (site["then"] / "numpy-0.1.dist-info").mkdir()
    (site["then"] / "numpy-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    project.write("test_model.py", TEST.format(name="lib"))
    other = pytester.path / ".python"
    paths = os.pathsep.join([str(site["then"]), os.environ["PYTHONPATH"]])
    other.write_text(f'#!/bin/sh\nPYTHONPATH="{paths}" exec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site["now"]), os.environ["PYTHONPATH"]]))
    result = inner(f"--repro-against-env={other}", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  first   loss[[]1]  in now    0.5 -> 0.25 *", "  changed package.numpy  0.1 -> *"])


@pytest.mark.parametrize("answer", ["", "exit 1", "echo no json", "echo 1", "echo '[[1]]'"])
def test_environment_that_another_interpreter_does_not_tell_is_left_out(tmp_path: Path, answer: str) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "python").chmod(0o755)
    assert _environment_of(str(tmp_path / "python")) == ()
    assert _environment_of(str(tmp_path / "none")) == ()


def test_environment_is_told_by_another_interpreter() -> None:
    told = {field.name: field for field in _environment_of(sys.executable)}
    assert told["python.version"] == EnvField("python.version", platform.python_version(), numeric=True)
