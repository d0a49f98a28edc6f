"""What docs/cluster.md and docs/scaling.md say is so."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_repro.execute.cluster  # noqa: F401 - pytester forgets what a session inside imports
from benchmarks.scaling import PARTS, parts
from pytest_repro.execute.engines import parse_spec
from tests.integration.conftest import Inner

ROOT = Path(__file__).parents[2]
CLUSTER = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SCALING = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")

#: As much of Ray as the recipe uses: decorate, say how, call from afar, and the future of the reference.
RAY = """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(2)

    class Reference:
        def __init__(self, future):
            self._future = future

        def future(self):
            return self._future

    class Function:
        def __init__(self, function):
            self._function = function

        def options(self, *, max_retries):
            assert max_retries == 0
            return self

        def remote(self, *args, **kwargs):
            return Reference(pool.submit(self._function, *args, **kwargs))

    def remote(function):
        return Function(function)
"""


def recipe(name: str) -> str:
    found = re.findall(rf"<!-- recipe: {name} -->\n```python\n(.*?)```", CLUSTER, flags=re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_recipe_for_ray_runs_and_is_short(inner: Inner) -> None:
    """With Ray itself where it is installed, else with a stand-in."""
    code = recipe("ray")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 5
    if importlib.util.find_spec("ray") is None:
        inner.file(RAY, "ray")
    inner.pytester.makefile(".py", lab_engine=code)
    inner.pytester.makeini("[pytest]\npythonpath = .\n")
    inner.file("import pytest\n\n@pytest.mark.repro\ndef test_it(repro):\n    repro.metric('x', repro.rng.random())\n")
    command = re.findall(r"^pytest (--repro-runs=8 --repro-executor=lab_engine:Ray)$", CLUSTER, flags=re.MULTILINE)
    options = str(command[0]).replace("=8", "=2").split()
    inner(*options, subprocess=True, isolation="").assert_outcomes(passed=1)


def test_the_settings_after_the_question_mark_are_those_that_there_are() -> None:
    documented = re.findall(r"^\| `(\w+)=[A-Z=,.]+` \|", CLUSTER, flags=re.MULTILINE)
    examples = {"resources": "GPU=1", "python": "/p", "dir": "/d"}
    spec = parse_spec("a:b?" + "&".join(f"{name}={examples.get(name, 7)}" for name in documented))
    assert sorted(documented) == ["dir", "limit", "python", "resources", "wait"]
    assert (spec.wait, spec.limit, spec.dir, spec.python) == (7, 7_000_000, "/d", "/p")
    default = parse_spec("a:b")
    assert f"(default: {default.wait:g})" in CLUSTER
    assert f"(default: {default.limit / 1e6:g})" in CLUSTER


def test_every_table_of_the_page_on_cost_was_measured() -> None:
    found = dict(parts(SCALING))
    assert list(found) == list(PARTS)
    for name, text in found.items():
        rows = [row for row in text.splitlines() if row.startswith("| ")]
        assert name == "machine" or len(rows) > 2
        assert re.search(r"\d", text)


@pytest.mark.skipif(os.environ.get("PYTEST_REPRO_NIGHTLY") != "1", reason="takes a minute; PYTEST_REPRO_NIGHTLY=1")
def test_the_script_that_measures_runs() -> None:
    pytest.importorskip("xdist")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "scaling.py"), "--smoke"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n| 2 |") >= 2
