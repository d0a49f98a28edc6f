"""The plugin is itself deterministic: the same suite gives the same bytes, wherever and whenever it is run."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_repro.plugin

SUITE = {
    "test_drifting.py": '''
        """Drifts in a series and in nested values, the same way whatever the hash seed of the session is."""

        import os

        import numpy as np
        import pytest

        WORDS = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"}


        @pytest.mark.repro
        def test_number(repro):
            for step in range(12):
                repro.metric("loss", 1 / (step + 1) + (step > 7) * (repro.run == 3) * 1e-9, step=step)
            repro.artifact("words", {word: len(word) + (repro.run == 3) for word in WORDS})
            repro.artifact("set", {word + "x" * (repro.run == 3) for word in WORDS})
            repro.artifact("weights", np.linspace(0, 1, 60).reshape(6, 10) * (1 + 1e-12 * (repro.run == 3)))


        @pytest.mark.repro
        def test_state(repro, calls=[]):
            calls.append(1)
            repro.metric("calls", len(calls))
    ''',
    "test_steady.py": '''
        """Reproduces, agrees within a tolerance, and proves nothing."""

        import os
        import uuid

        import numpy as np
        import pytest


        @pytest.mark.repro
        def test_reproducing(repro):
            repro.artifact("normal", repro.rng.normal(size=(20, 3)))
            repro.metric("text", "same")


        @pytest.mark.repro(rtol=1e-6)
        def test_within(repro):
            repro.metric("x", 1.0 + repro.run * 1e-12)


        @pytest.mark.repro
        def test_inconclusive(repro):
            assert repro.seed == 0


        @pytest.mark.repro
        def test_entropy(repro):
            repro.metric("x", int(os.urandom(1)[0] >= 0))
            repro.metric("version", uuid.uuid4().version)


        @pytest.mark.repro(vary={"timezone", "environ"})
        def test_varied(repro):
            repro.metric("x", np.float32(0.1))


        @pytest.mark.repro
        @pytest.mark.parametrize("number", [2, 1])
        def test_order(repro, number):
            repro.metric("number", number)
    ''',
}
#: runs it once more, without and with explanations
NIGHTLY = os.environ.get("PYTEST_REPRO_NIGHTLY") == "1"
REPORTS = ("report.json", "report.md", "report.html")


def run(home: Path, *, hash_seed: str, explain: str) -> dict[str, str]:
    """Run the suite in `home`; what it wrote and printed, without times."""
    home.mkdir(parents=True)
    for name, source in SUITE.items():
        (home / name).write_text(_dedent(source), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COLUMNS"))}
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "pytest_repro.plugin",
            "--repro-runs=3", f"--repro-explain={explain}", "--repro-budget=600", "--repro-session-budget=3000",
            "--repro-json=report.json", "--repro-md=report.md", "--repro-html=report.html",
        ],
        cwd=home,
        env={
            **variables,
            "PYTHONHASHSEED": hash_seed,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(Path(pytest_repro.plugin.__file__).parents[1]),
            "COLUMNS": "100",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    # pytest's own lines have times, versions and the folder; ours have none
    printed = done.stdout.replace(str(home), "HOME")
    found = {"printed": re.sub(r"in \d+\.\d+s(?: \([\d:]+\))?(?= =)|=+", "", printed)}
    return found | {name: (home / name).read_text(encoding="utf-8") for name in REPORTS}


def _dedent(text: str) -> str:
    import textwrap

    return textwrap.dedent(text).lstrip("\n")


def assert_same(first: dict[str, str], second: dict[str, str]) -> None:
    for name, text in first.items():
        if text != second[name]:
            lines = difflib.unified_diff(text.splitlines(), second[name].splitlines(), lineterm="", n=0)
            pytest.fail(f"{name}:\n" + "\n".join(line[:300] for line in lines)[:4000])


def without_hash_seed(found: dict[str, str]) -> dict[str, str]:
    """The hash seed is what a session was given, and what its runs are told from by; the reports say which it was."""
    seed = r"(hash-seed|PYTHONHASHSEED|hash seed|hash_randomization)(\W{1,6}(?:&#\d+;)?(?:seed )?)\d+"
    # one for each run: in words, and as the only cells of the page's table that are a bare number
    levels = r'(\bseed |<td class="varied">|PYTHONHASHSEED</th><td>)\d+'
    return {name: re.sub(levels, r"\1SEED", re.sub(seed, r"\1\2SEED", text)) for name, text in found.items()}


@pytest.mark.parametrize("explain", ["off", "auto"] if NIGHTLY else ["off"])
def test_the_same_suite_gives_the_same_bytes(tmp_path: Path, explain: str) -> None:
    pytest.importorskip("jinja2")
    first = run(tmp_path / "one", hash_seed="1", explain=explain)
    second = run(tmp_path / "quite another folder" / "two", hash_seed="1" if NIGHTLY else "12345", explain=explain)
    report = first["report.json"]
    for verdict in ("drifted", "reproduced", "inconclusive", "within tolerance"):
        assert f'"verdict": "{verdict}"' in report
    assert ('"status": "cause"' in report) == (explain == "auto")
    assert str(tmp_path) not in "".join(first[name] for name in REPORTS), "the reports name the folder"
    if NIGHTLY:
        assert_same(first, second)
        second = run(tmp_path / "three", hash_seed="12345", explain=explain)
    assert_same(without_hash_seed(first), without_hash_seed(second))
