"""Which functions the bar on changed lines mutates, and when it has nothing to do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import mutation
from benchmarks.mutation import Mutant

SOURCE = """\
LIMIT = 3


def near(a, b):
    return abs(a - b) < LIMIT


class Lab:
    def trial(self):
        return 1

    def other(self):
        return 2
"""


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A branch that has left main, without a change so far."""
    module = tmp_path / "pytest_repro" / "plan.py"
    module.parent.mkdir()
    module.write_text(SOURCE, encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "checkout", "-qb", "branch")
    return tmp_path


def change(checkout: Path, before: str, after: str, module: str = "plan.py") -> None:
    path = checkout / "pytest_repro" / module
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "two")


def test_functions_with_changed_lines_are_named_as_mutmut_names_them(checkout: Path) -> None:
    change(checkout, "return 1", "return 7")
    change(checkout, "< LIMIT", "<= LIMIT")
    commit = mutation.merge_base(checkout, "main")
    assert commit is not None
    lines = mutation.changed_lines(checkout, commit)
    assert lines == {"plan.py": {5, 10}}
    source = (checkout / "pytest_repro" / "plan.py").read_text(encoding="utf-8")
    assert list(mutation.functions(source, lines["plan.py"])) == ["x_near", "xǁLabǁtrial"]


def test_main_itself_is_compared_with_its_last_commit(checkout: Path) -> None:
    change(checkout, "return 1", "return 7")
    git(checkout, "checkout", "-q", "main")
    git(checkout, "merge", "-q", "--ff-only", "branch")
    commit = mutation.merge_base(checkout, "main")
    assert commit is not None
    assert mutation.changed_lines(checkout, commit) == {"plan.py": {10}}


def test_without_history_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutation.bar(tmp_path, "origin/main", 1) == 0
    assert "no history" in capsys.readouterr().out


def test_changes_outside_of_functions_and_of_the_judge_are_left_out(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "pytest_repro" / "plugin.py").write_text("def hook():\n    return 1\n", encoding="utf-8")
    change(checkout, "LIMIT = 3", "LIMIT = 4")
    assert mutation.bar(checkout, "main", 1) == 0
    assert "no function of the judge was changed" in capsys.readouterr().out


def test_survivor_fails_unless_it_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    known = next(iter(mutation.explained()))
    assert mutation.judge(9, [known]) == 0
    assert mutation.judge(9, [known, Mutant("plan.py", "return 1", "return 2")]) == 1
    assert "11 mutants: 9 killed, 1 explained, 1 not" in capsys.readouterr().out


def test_mutant_that_no_test_runs_is_not_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {
        "passed": 0,
        "no test runs it": 33,
        "none was collected": 5,
        "failed": 1,
        "took too long": 36,
        "later": None,
    }
    monkeypatch.setattr(mutation, "_copy", lambda *_: None)
    monkeypatch.setattr(mutation, "_mutmut", lambda *_, **__: "")
    monkeypatch.setattr(mutation, "_states", lambda _: states)
    monkeypatch.setattr(mutation, "_look", lambda _, name: Mutant("plan.py", name, ""))
    killed, survived, untested = mutation.mutate(tmp_path, ["plan.py"], [], 1)
    assert (killed, [mutant.before for mutant in survived]) == (2, ["passed"])
    assert [mutant.before for mutant in untested] == ["no test runs it", "none was collected"]


def test_explanations_are_of_lines_that_exist() -> None:
    for mutant, why in mutation.explained().items():
        source = (mutation.ROOT / "pytest_repro" / mutant.module).read_text(encoding="utf-8")
        code = " ".join(line.strip() for line in source.splitlines())
        assert mutant.before in code, "the line was changed since: explain its mutants anew"
        assert mutant.before != mutant.after
        assert why
