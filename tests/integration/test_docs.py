"""What README.md and docs/ say is so: their code runs, their output is what is printed, their tables are the code's."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate_outputs import FILE, PAGES, PART, ROOT, needs, parts, rewritten, verdicts, without_numbers
from docs.reference_tables import hook_examples
from pytest_repro.factor_words import FACTOR_WORDS
from pytest_repro.options import OPTIONS
from pytest_repro.survey.judging import Outcome
from pytest_repro.survey.suite import library_of

NIGHTLY = bool(os.environ.get("PYTEST_REPRO_NIGHTLY"))
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
#: pages whose output is compared in full each time; the search for causes makes it slow, so others show their verdicts
IN_FULL = {"README.md", "docs/tutorial.md"}
WITH_SESSIONS = [name for name, text in TEXTS.items() if any(kind == "session" for kind, _, _ in parts(text))]

posix_only = pytest.mark.skipif(os.name == "nt", reason="sessions are typed into bash")


def require(text: str) -> None:
    """Skip where this machine lacks what the page's sessions need."""
    for name in needs(text):
        if name == "avx512":
            from pytest_repro.environment.libraries import numpy_features

            if not re.search(r"AVX512|X86_V4", numpy_features()):
                pytest.skip("the output is from a CPU with AVX-512")
        else:
            pytest.importorskip(name)


# --- generated parts --------------------------------------------------------------------------


@pytest.mark.parametrize("page", TEXTS)
def test_tables_and_shown_files_are_current(page: str) -> None:
    text = TEXTS[page]
    assert text == rewritten(text, kinds=("code", "table")), f"python docs/generate_outputs.py {page}"


@posix_only
@pytest.mark.parametrize("page", WITH_SESSIONS)
def test_printed_output_is_current(page: str) -> None:
    text = TEXTS[page]
    require(text)
    if page in IN_FULL or NIGHTLY:
        assert without_numbers(text) == without_numbers(rewritten(text)), f"python docs/generate_outputs.py {page}"
    else:
        assert verdicts(text) == verdicts(rewritten(text, quick=True)), f"python docs/generate_outputs.py {page}"


def session(*lines: str) -> str:
    return "\n".join(["<!-- session -->", "```text", *lines, "```", "<!-- end -->", ""])


def test_verdicts_see_another_outcome() -> None:
    drift = session("$ pytest", "DRIFT: 1 of 2 values", "  first   a  in run 3", "= 1 failed in 2 s =")
    assert len(verdicts(drift)) == 4
    assert verdicts(drift) == verdicts(drift.replace("2 s", "31 s").replace("run 3", "run 2"))
    for before, after in (("failed", "passed"), ("first   a", "first   b"), ("pytest", "pytest -x")):
        assert verdicts(drift) != verdicts(drift.replace(before, after))


@posix_only
def test_session_prints_what_its_files_do() -> None:
    page = "```python\n# test_a.py\ndef test_a():\n    assert VALUE\n```\n\n" + session("$ pytest -q", "old")
    good, bad = (rewritten(page.replace("VALUE", value)) for value in ("True", "False"))
    assert "1 passed" in good
    assert "old" not in good
    assert "1 failed" in bad


def test_measured_table_has_every_model_of_the_suite() -> None:
    ((_, _, table),) = [part for part in parts(TEXTS["docs/libraries.md"]) if part[0] == "survey"]
    shown = {(library, model) for library, model in re.findall(r"^\| ([\w-]+) \| `(\w+)` \|", table, re.MULTILINE)}
    models = set()
    for path in sorted((ROOT / "examples" / "survey").glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tables = [node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
        names = [key.value for one in tables for key in one.keys if isinstance(key, ast.Constant)]
        models |= {(library_of(path.name), name) for name in names}
    models |= {("catboost", "CatBoostRegressor")}  # no table for one
    assert shown == models, "python docs/generate_outputs.py --survey docs/libraries.md"
    words = {outcome.value for outcome in Outcome}
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith("| library"):
            assert {cell.strip(" *").partition(",")[0] for cell in line.split("|")[3:-1]} <= words


# --- code -------------------------------------------------------------------------------------


#: pages whose blocks have tests of their own
HELD_ELSEWHERE = {"docs/cluster.md": "test_cluster_docs.py", "docs/scaling.md": "test_cluster_docs.py"}


@pytest.mark.parametrize("page", TEXTS)
def test_every_block_is_held_by_something(page: str) -> None:
    if page in HELD_ELSEWHERE:
        assert Path(__file__).with_name(HELD_ELSEWHERE[page]).exists()
        return
    text = FILE.sub("", PART.sub("", TEXTS[page]))
    marked = re.compile(r"<!-- (?:not run|command): .+ -->\n```.*?^```$", re.MULTILINE | re.DOTALL)
    left = marked.sub("", text)
    assert "```" not in left, left[left.find("```") - 100 : left.find("```") + 200]


def _unseen_files(text: str) -> dict[str, str]:
    """Python files that no later session runs: their own tests are run here instead."""
    commands = [
        (part.start(), line)
        for part in PART.finditer(text)
        if part[2] == "session" and not part[3]
        for line in part[4].splitlines()
        if re.match(r"\$ (.* && )?pytest ", f"{line} ")
    ]
    blank = PART.sub(lambda part: " " * len(part[0]), text)  # a file of the repository is tested there
    return {
        file[2]: file[1]
        for file in FILE.finditer(blank)
        if file[2].endswith(".py")
        and not any(start > file.start() and (".py" not in line or file[2] in line) for start, line in commands)
    }


WITH_FILES = [name for name, text in TEXTS.items() if _unseen_files(text)]


@pytest.mark.parametrize("page", WITH_FILES)
def test_code_that_no_session_runs_passes(page: str, tmp_path: Path) -> None:
    text = TEXTS[page]
    require(text)
    for match in FILE.finditer(PART.sub("", text)):  # earlier ones too: they may be imported
        path = tmp_path / match[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match[1], encoding="utf-8")
    names = [name for name in _unseen_files(text) if Path(name).name.startswith("test_")]
    done = run_pytest(tmp_path, "--repro-runs=2", "--repro-isolation=inline", *names)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ (passed|skipped)", done.stdout)


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_repro.plugin", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hook", hook_examples())
def test_examples_of_hooks_run(hook: str, tmp_path: Path) -> None:
    (tmp_path / "mylib.py").write_text(
        "import random\nrng, DATA_VERSION, backend = random.Random(), 3, str\n\n\n"
        "class Spline:\n    knots, c = [0, 1], [2.0]\n",
        encoding="utf-8",
    )
    example = hook_examples()[hook]
    (argument,) = re.findall(r"def \w+\(([\w, ]*)", example)
    called = (
        f"_hook = {hook}\n\ndef {hook}({argument}):\n    print('called {argument}')\n    return _hook({argument})\n"
    )
    source = f"{example}\n\ndef notify_team(names):\n    pass\n\n{called}"
    (tmp_path / "conftest.py").write_text(source, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        "import mylib, pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n"
        "    repro.metric('draw', mylib.rng.random())\n    repro.artifact('spline', mylib.Spline())\n",
        encoding="utf-8",
    )
    where = "--repro-executor=threads" if "executor" in hook else "--repro-isolation=inline"
    wanted = ["--repro-vary=mylib.backend"] if "factors" in hook else []
    arguments = ["-s", "--repro-runs=2", "--repro-explain=off", *wanted, *([] if wanted else [where])]
    done = run_pytest(tmp_path, *arguments)
    assert f"called {argument}" in done.stdout, done.stdout + done.stderr
    assert "Error" not in done.stdout + done.stderr


# --- pages ------------------------------------------------------------------------------------


def test_every_cause_has_a_page() -> None:
    causes = {reported for reported, *_ in FACTOR_WORDS.values()}
    assert {f"docs/how-to/{cause}.md" for cause in causes} <= set(TEXTS)
    index = TEXTS["docs/how-to/index.md"]
    for reported, title, *_ in FACTOR_WORDS.values():
        assert re.search(rf"^\|.*`{re.escape(title)}`.*\]\({reported}\.md\) \|$", index, re.MULTILINE), title
    for cause in causes:
        page = TEXTS[f"docs/how-to/{cause}.md"]
        assert f"]({cause}.md)" in index
        for heading in ("## What it looks like", "## Why", "## The fix"):
            assert heading in page, cause


def test_every_option_that_pages_name_exists() -> None:
    known = {option.flag for option in OPTIONS}
    for page, text in TEXTS.items():
        named = set(re.findall(r"--repro-[a-z-]+[a-z]", text))
        assert named <= known, f"{page} names {named - known}"


@pytest.mark.parametrize("page", TEXTS)
def test_files_that_a_page_links_to_exist(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", TEXTS[page]):
        own = {"contributing.md", "changelog.md"} if page.startswith("docs/") else set()
        assert target in own or (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="the extra docs is not installed")
def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr.strip(), done.stderr
    assert (tmp_path / "site" / "how-to" / "hash-seed.html").is_file()
    loaded = re.compile(r'<(?:script|link|img)\b[^>]*(?:src|href)="(?:https?:)?//(?!github\.com)[^"]+"')
    for page in (tmp_path / "site").rglob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), f"{page.name} loads something from elsewhere"
