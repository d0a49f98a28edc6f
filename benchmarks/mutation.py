"""Mutate the judge, to see whether a test would notice that a line is wrong.

    python benchmarks/mutation.py plan.py explain.py        whole modules: the score of docs/support.md
    python benchmarks/mutation.py --changed [BASE]          lines changed since the merge base: the bar of CI

Modules are below pytest_repro and of the judge: plan.py, lab.py, leftovers.py, pinned_arm.py, explain.py, compare/
and values/.
`mutmut` makes the mutants and runs the quick pure tests of each module against them, in a copy of the checkout. A
mutant that no test notices must be explained in mutants.json beside this file: by the line before and after and the
reason why the two mean the same. Exit 1 where one is not.

With --changed only functions that contain changed lines are mutated, and only mutants of those lines count. It
ends with success where there is nothing to compare with (no git, no history), nothing of the judge was changed,
or the time is over (--seconds), and says which.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = Path(__file__).with_name("mutants.json")
#: what mutmut notes instead of an exit status of pytest, and pytest's own, where there is no test to run
_WITHOUT_TESTS = (5, 33, 34)
#: what it notes where the tests took too long: a mutant that loops, or a library that waits in a fork for its threads
_TIMED_OUT = (-24, 24, 36, 152, 255)
#: pattern of modules → their quick tests, the first that fits; two are left out: one of many seconds, and one of the
#: depth that Python's stack allows, to which mutmut adds frames
TESTS = {
    "plan.py": ["test_plan.py"],
    **{
        f"{module}.py": [f"test_{name}.py" for name in ("lab", "explain", "explain_apart", "leftovers")]
        for module in ("explain", "lab", "leftovers", "pinned_arm")
    },
    "compare/formats.py": ["compare/test_formats.py"],
    "compare/heat.py": ["compare/test_heat.py"],
    **{f"compare/{name}.py": ["compare/test_scans.py"] for name in ("others", "pairs")},
    "compare/numbers.py": ["compare/test_scans.py", "compare/test_numbers.py"],
    "compare/floats.py": ["compare/test_scans.py", "compare/test_floats_by_part.py", "compare/test_numbers.py"],
    "compare/[bmu]*.py": ["compare/test_maxima.py"],
    "compare/shortcuts.py": ["compare/test_maxima.py"],
    "compare/structure.py": ["compare/test_structure.py"],
    "compare/excerpt.py": ["compare/test_excerpt.py"],
    "compare/*.py": [
        f"compare/test_{name}.py"
        for name in ("scalars", "runs", "align", "drift", "tree", "structure", "calls", "reuse", "heat")
    ],
    **{
        f"values/{module}.py": [f"values/test_family_{name}.py" for name in names]
        for module, names in {
            "boosters": ["booster_parts"],
            "estimators": ["sklearn_parts"],
            "extension_arrays": ["pandas_arrays"],
            "frames": ["tables"],
            "frames_arrow": ["arrow_parts"],
            "frames_pandas": ["pandas_parts"],
            "frames_polars": ["polars_parts"],
            "frames_xarray": ["xarray_forms", "xarray"],
            "graphs": ["graphs"],
            "images": ["image_parts"],
            "scipy_values": ["scipy_parts"],
            "sparse": ["sparse_forms", "sparse"],
            "statistics_results": ["statistics_parts"],
            "tensors": ["tensor_parts"],
            "torch_values": ["torch_parts"],
        }.items()
    },
    "values/keys.py": ["values/test_values_keys.py", "values/test_values_text.py"],
    **{
        f"values/{name}.py": ["values/test_values_bits.py", "values/test_values_arrays.py"]
        for name in ("bits", "digest", "equality")
    },
    "values/objects.py": ["values/test_values_object_parts.py", "values/test_values_objects.py"],
    **{
        f"values/{name}.py": ["values/test_values_codec.py", "values/test_values_stored.py"]
        for name in ("codec", "decoding")
    },
    **{f"values/{name}.py": ["values/test_values_quoting.py"] for name in ("quoting", "registry")},
    "values/text.py": ["values/test_values_text.py"],
    "values/__init__.py": [
        "values/test_values_interface.py",
        "values/test_values_codec.py",
        "values/test_values_text.py",
    ],
    "values/gzip_files.py": ["values/test_values_gzip.py"],
    "values/file_formats.py": ["values/test_values_file_formats.py", "values/test_family_files.py"],
    **{
        f"values/{name}.py": [f"values/test_values_{name}.py"]
        for name in ("callables", "family", "files", "npy", "owned")
    },
    "values/*.py": [
        f"values/test_values_{name}.py" for name in ("arrays", "canonical", "codec", "text", "digest", "forms", "paths")
    ],
}
#: a server that has only collected the tests forks for each mutant: the threads of libraries do not live on in a fork
CONFIG = """
[tool.mutmut]
process_isolation = "forkserver"
source_paths = ["pytest_repro"]
only_mutate = {modules}
also_copy = ["README.md"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-W", "ignore", "-k", "not innocent_factor and not depth_bound"]
pytest_add_cli_args_test_selection = {tests}
"""


@dataclass(frozen=True)
class Mutant:
    """A changed line of a module."""

    module: str
    before: str
    after: str


def tests_of(modules: Sequence[str]) -> list[str]:
    """The test files of modules of the judge; a module that is none has no tests."""
    found: dict[str, None] = {}
    for module in modules:
        names = next((names for pattern, names in TESTS.items() if fnmatch(module, pattern)), [])
        found.update(dict.fromkeys(f"tests/unit/{name}" for name in names))
    return list(found)


# --- what was changed -----------------------------------------------------------------------------


def _git(repository: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None


def merge_base(repository: Path, base: str) -> str | None:
    """Where this branch left `base`; the commit before where it has not, as on the main branch itself."""
    head = _git(repository, "rev-parse", "HEAD")
    found = _git(repository, "merge-base", "HEAD", base)
    if head is None:
        return None
    if found is None or found == head:
        found = _git(repository, "rev-parse", "--verify", "--quiet", "HEAD^")
    return found.strip() if found else None


def changed_lines(repository: Path, commit: str) -> dict[str, set[int]]:
    """Module → numbers of its lines that are not as in `commit`."""
    difference = _git(repository, "diff", "--unified=0", "--no-ext-diff", commit, "--", "pytest_repro") or ""
    found: dict[str, set[int]] = {}
    module = ""
    for line in difference.splitlines():
        if line.startswith("+++ "):
            module = line.removeprefix("+++ b/pytest_repro/")
        elif (match := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)) and tests_of([module]):
            start, count = int(match[1]), int(match[2] or 1)
            found.setdefault(module, set()).update(range(start, start + count))
    return found


def functions(source: str, lines: set[int]) -> Iterator[str]:
    """What mutmut calls the functions that contain one of `lines`."""
    for node in ast.parse(source).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for each in inner:
            if isinstance(each, ast.FunctionDef) and lines & set(range(each.lineno, (each.end_lineno or 0) + 1)):
                yield f"xǁ{node.name}ǁ{each.name}" if isinstance(node, ast.ClassDef) else f"x_{each.name}"


# --- mutating -------------------------------------------------------------------------------------


def _copy(repository: Path, folder: Path, modules: Sequence[str]) -> None:
    for name in ("pytest_repro", "tests"):
        shutil.copytree(repository / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(repository / name, folder / name)
    paths = json.dumps([f"pytest_repro/{module}" for module in modules])
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as out:
        out.write(CONFIG.format(modules=paths, tests=json.dumps(tests_of(modules))))


def _mutmut(folder: Path, *arguments: str, seconds: float | None = None) -> str:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ""}
    environment.setdefault("REPRO_TEST_EXAMPLES", "15")  # every mutant runs them
    command = [sys.executable, "-m", "mutmut", *arguments]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    if result.returncode != 0:
        msg = f"mutmut {' '.join(arguments)[:80]} failed:\n{(result.stdout + result.stderr)[-3000:]}"
        raise SystemExit(msg)
    return result.stdout


def _states(folder: Path) -> dict[str, int | None]:
    """Mutant → exit status of its tests: 0 where they passed, None where its turn did not come."""
    states: dict[str, int | None] = {}
    for meta in (folder / "mutants").rglob("*.py.meta"):
        states |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return states


def _look(folder: Path, name: str) -> Mutant:
    shown = _mutmut(folder, "show", name).splitlines()
    module = name.rpartition(".")[0].removeprefix("pytest_repro.").replace(".", "/")
    path = f"{module}.py" if (folder / "pytest_repro" / f"{module}.py").exists() else f"{module}/__init__.py"
    before = [line[1:].strip() for line in shown if line.startswith("-") and not line.startswith("---")]
    after = [line[1:].strip() for line in shown if line.startswith("+") and not line.startswith("+++")]
    return Mutant(path, " ".join(before), " ".join(after))


class Tried(NamedTuple):
    """What became of the mutants whose turn came."""

    killed: int
    #: all tests passed
    survived: list[Mutant]
    #: of functions that no test runs
    untested: list[Mutant]


def mutate(repository: Path, modules: Sequence[str], names: Sequence[str], seconds: float) -> Tried:
    """Try the mutants of `modules`, or those with `names`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _copy(repository, folder, modules)
        try:
            _mutmut(folder, "run", "--max-children=2", *names, seconds=seconds)
        except subprocess.TimeoutExpired:
            print(f"the time is over after {seconds:.0f} s: what was not tried is left out")
        states = _states(folder)
        survived = [_look(folder, mutant) for mutant, status in states.items() if status == 0]
        untested = [_look(folder, mutant) for mutant, status in states.items() if status in _WITHOUT_TESTS]
        killed = sum(status not in (None, 0, *_WITHOUT_TESTS) for status in states.values())
        if slow := [mutant for mutant, status in states.items() if status in _TIMED_OUT]:
            print(f"{len(slow)} of the killed took too long: {', '.join(slow[:3])}")
        return Tried(killed, survived, untested)


def explained() -> dict[Mutant, str]:
    """The mutants that mean the same as the code, and why."""
    entries = json.loads(EXPLAINED.read_text(encoding="utf-8"))
    return {Mutant(entry["module"], entry["before"], entry["after"]): entry["why"] for entry in entries}


def judge(killed: int, survived: Sequence[Mutant]) -> int:
    """Print the score; 1 where a survivor is not explained."""
    known = explained()
    open_ones = [mutant for mutant in survived if mutant not in known]
    print(f"{killed + len(survived)} mutants: {killed} killed, {len(survived) - len(open_ones)} explained", end="")
    print(f", {len(open_ones)} not")
    for mutant in open_ones:
        print(f"  {mutant.module}\n    - {mutant.before}\n    + {mutant.after}")
    if open_ones:
        print("Write a test that fails with the line below '+', or explain in benchmarks/mutants.json why it cannot.")
    return int(bool(open_ones))


def bar(repository: Path, base: str, seconds: float) -> int:
    """Judge the changed lines."""
    commit = merge_base(repository, base)
    if commit is None:
        print("mutation: no history to compare with, so no line is known to be changed")
        return 0
    lines = changed_lines(repository, commit)
    sources = {module: (repository / "pytest_repro" / module).read_text(encoding="utf-8") for module in lines}
    names = [
        f"pytest_repro.{module.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}.{function}__mutmut_*"
        for module, source in sources.items()
        for function in functions(source, lines[module])
    ]
    if not names:
        print(f"mutation: no function of the judge was changed since {commit[:10]}")
        return 0
    if importlib.util.find_spec("mutmut") is None:
        raise SystemExit(
            "mutation: functions of the judge were changed, and mutmut is missing: pip install .[mutation]"
        )
    killed, survived, untested = mutate(repository, sorted(lines), names, seconds)
    if untested:  # no failure: the library that they read may be missing here
        print(f"mutation: {len(untested)} mutants are of functions that no quick test runs here")
    texts = {
        module: {sources[module].splitlines()[number - 1].strip() for number in numbers}
        for module, numbers in lines.items()
    }
    touched = [
        mutant for mutant in survived if any(text and text in mutant.before for text in texts.get(mutant.module, ()))
    ]
    return judge(killed, touched)


def main() -> int:
    """Mutate what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="below pytest_repro: plan.py, compare/runs.py")
    parser.add_argument("--changed", nargs="?", const="origin/main", metavar="BASE")
    parser.add_argument("--repository", type=Path, default=ROOT, help="the checkout with its history")
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    if arguments.changed:
        return bar(arguments.repository, arguments.changed, arguments.seconds)
    without = [module for module in arguments.modules if not tests_of([module])]
    if without or not arguments.modules:
        parser.error(f"no modules of the judge: {', '.join(without) or 'none given'}")
    killed, survived, untested = mutate(arguments.repository, arguments.modules, [], arguments.seconds)
    return judge(killed, survived + untested)


if __name__ == "__main__":
    raise SystemExit(main())
