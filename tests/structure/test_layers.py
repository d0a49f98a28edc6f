"""The map of the package: imports point upwards only, nothing heavy is loaded early, files stay readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_repro

# not where it was imported from: an environment may have it installed
PACKAGE = Path(__file__).parents[2] / "pytest_repro"
SOURCES = sorted(PACKAGE.rglob("*.py"))

#: The map in the docstring of the package, from the top to the bottom: ``row   name, name/   remark``. A
#: module imports from its own row and from rows above it. `report` stands above `compose` because a failure
#: is worded inside the call phase, where the runner raises it.
LINES = re.findall(r"^    (\w+) +((?:[\w/]+, )*[\w/]+)(?: {2,}.*)?$", pytest_repro.__doc__ or "", re.MULTILINE)
ROWS: tuple[tuple[str, ...], ...] = tuple(  # a long row takes several lines
    tuple(name.rstrip("/") for other, names in LINES if other == row for name in names.split(", "))
    for row in dict.fromkeys(row for row, _ in LINES)
)
ROW_OF = {name: number for number, row in enumerate(ROWS) for name in row}

#: Where a third-party package may be imported, as a path or its first folder; the packages on the right
#: of `numpy` are looked at only when a user's value, generator or condition is theirs.
ALLOWED: dict[str, set[str]] = {
    "pytest": {
        "execute",
        "experiments",
        "hookspecs",
        "ids",
        "inplace",
        "plugin",
        "reporting",
        "resources",
        "runner",
        "session",
        "session_hooks",
        "selection",
        "single",
        "excuses",
        "known",
        "tools",
        "verdicts",
        "verdict_reports",
        "upkeep",
        "against",
        "overtime",
    },
    "_pytest": {"execute"},
    "numpy": {
        "model",
        "values",
        "compare",
        "recorder",
        "rng",
        "entropy",
        "environment",
        "baseline",
        "execute",
        "watch",
    },
    "deepdiff": {"compare"},
    "hypothesis": {"execute"},
    "joblib": {"conditions"},
    "threadpoolctl": {"conditions", "environment"},
    "typing_extensions": {"conditions"},
    "distributed": {"execute"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "plotly": {"report"},
    "mlflow": {"report"},
}
#: Libraries whose values, files or training loops we read.
OF_VALUES = {"PIL", "catboost", "jax", "lightgbm", "matplotlib", "networkx", "pandas", "polars", "pyarrow"}
OF_VALUES |= {"safetensors", "scipy", "sklearn", "tensorflow", "torch", "xarray", "xgboost"}
HOMES_OF_VALUES = {"values", "autolog", "watch", "rng", "environment", "conditions"}

#: Modules that import their library at the top: only a value of that library, or its engine, brings them in.
FAMILY_MODULES = {
    f"pytest_repro.values.{name}"
    for name in ("estimators", "extension_arrays", "frames_arrow", "frames_pandas", "frames_polars", "graphs")
}
FAMILY_MODULES |= {f"pytest_repro.values.{name}" for name in ("frames_xarray", "images", "torch_values")}
FAMILY_MODULES |= {f"pytest_repro.watch.torch_{name}" for name in ("digest", "watch")}
FAMILY_MODULES |= {"pytest_repro.execute.dask_engine"}

#: What no session may load that has no use for it.
HEAVY = {"numpy", "torch", "pandas", "sklearn", "deepdiff", "jinja2", "plotly", "mlflow", "scipy", "hypothesis"}

MAX_LINES = 350
#: tests are read one function at a time, and share what they set up
MAX_LINES_OF_TESTS = 500


def part_of(path: Path) -> str:
    """First segment below the package: ``values`` for ``values/arrays.py``, ``plan`` for ``plan.py``."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Every import of a module, inside functions too: (dotted name, line, at module level and executed)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    early = {id(node) for node in _executed_early(tree.body)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            source = node.module or ""
            names = [f"{source}.{alias.name}" for alias in node.names] if source == "pytest_repro" else [source]
        yield from ((name, node.lineno, id(node) in early) for name in names)  # type: ignore[attr-defined]


def _executed_early(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported; what only type checkers see is left out."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _executed_early(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _executed_early(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _executed_early(handler.body)


def third_party(path: Path) -> Iterator[tuple[str, int, bool]]:
    for name, line, early in imports_of(path):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "pytest_repro":
            yield top, line, early


def loaded_by(script: str, *, cwd: Path) -> set[str]:
    """Names in ``sys.modules`` after `script`, in an interpreter of its own that loads no other plugin."""
    code = f"{script}\nimport sys; print('loaded:', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": str(PACKAGE.parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


# --- the map ----------------------------------------------------------------------------------


def test_every_module_stands_in_a_row() -> None:
    found = {part_of(path) for path in SOURCES} - {"__init__"}
    assert not found - set(ROW_OF), "give the new module a row in the docstring of pytest_repro"
    assert len(ROW_OF) == sum(map(len, ROWS)), "a module stands in one row"
    assert len(ROWS) == 10


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_upwards(path: Path) -> None:
    if part_of(path) == "__init__":
        pytest.skip("the package itself only forwards its public names")
    own = ROW_OF[part_of(path)]
    below = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for name, line, _ in imports_of(path)
        if name.startswith("pytest_repro.") and ROW_OF.get(name.split(".")[1], -1) > own
    ]
    assert not below


def test_rows_above_settings_do_not_know_pytest() -> None:
    for path in SOURCES:
        if part_of(path) != "__init__" and ROW_OF[part_of(path)] < ROW_OF["recorder"]:
            assert not [name for name, _, _ in third_party(path) if name in ("pytest", "_pytest", "pluggy")], path


# --- third parties ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_third_parties_are_imported_where_they_belong(path: Path) -> None:
    part = part_of(path)
    for name, line, _ in third_party(path):
        homes = ALLOWED.get(name, HOMES_OF_VALUES if name in OF_VALUES else set())
        assert part in homes, f"{path.relative_to(PACKAGE)}:{line} imports {name}"


def test_optional_libraries_are_never_imported_with_a_module() -> None:
    required = {"pytest", "_pytest", "numpy"}
    early = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in SOURCES
        if ".".join(("pytest_repro", *path.relative_to(PACKAGE).with_suffix("").parts)) not in FAMILY_MODULES
        for name, line, executed in third_party(path)
        if executed and name not in required
    ]
    assert not early


def test_modules_of_one_library_are_imported_by_functions_only() -> None:
    early = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in SOURCES
        if ".".join(("pytest_repro", *path.relative_to(PACKAGE).with_suffix("").parts)) not in FAMILY_MODULES
        for name, line, executed in imports_of(path)
        if executed and name in FAMILY_MODULES
    ]
    assert not early


# --- what gets loaded when --------------------------------------------------------------------


def test_importing_the_plugin_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = loaded_by("import pytest_repro.plugin", cwd=tmp_path)
    assert not loaded & HEAVY


def test_session_without_marked_test_loads_only_the_shell(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text("def test_plain():\n    pass\n", encoding="utf-8")
    script = "import pytest; assert pytest.main(['-q', '-p', 'pytest_repro.plugin', '-p', 'no:cacheprovider']) == 0"
    loaded = loaded_by(script, cwd=tmp_path)
    ours = {name for name in loaded if name.partition(".")[0] == "pytest_repro"}
    shell = {f"pytest_repro.{name}" for name in ("plugin", "hookspecs", "options", "parsers", "errors", "frozen")}
    assert ours <= shell | {"pytest_repro"}
    assert not loaded & HEAVY


def test_marked_test_that_runs_once_and_records_plain_numbers_needs_no_numpy(tmp_path: Path) -> None:
    (tmp_path / "test_marked.py").write_text(
        "import pytest\n\n@pytest.mark.repro\ndef test_marked(repro):\n    repro.metric('loss', 0.5, step=0)\n",
        encoding="utf-8",
    )
    script = "import pytest; assert pytest.main(['-q', '-p', 'pytest_repro.plugin', '-p', 'no:cacheprovider']) == 0"
    assert not loaded_by(script, cwd=tmp_path) & HEAVY


# --- files stay readable ----------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_file_is_short_enough_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: split it by responsibility"


def test_tests_and_benchmarks_are_short_enough_to_read() -> None:
    root = PACKAGE.parent
    files = [path for folder in ("tests", "benchmarks") for path in (root / folder).rglob("*.py")]
    assert files, "the tests stand beside the package"
    long = [path.name for path in files if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES_OF_TESTS]
    assert not long, "split them by what they test"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_opens_with_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
