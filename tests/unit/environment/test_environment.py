"""The environment is read without changing or loading anything, and told apart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_repro.environment import Effective, difference, read_environment
from pytest_repro.environment.code import read_code
from pytest_repro.environment.machine import installed_distributions
from pytest_repro.model import EnvChange, EnvField


def _fields() -> dict[str, EnvField]:
    return {field.name: field for field in read_environment()}


def test_fields_are_sorted_unique_and_reproducible() -> None:
    fields = read_environment()
    names = [field.name for field in fields]
    assert names == sorted(set(names))
    assert fields == read_environment()


def test_versions_and_cpu_can_change_numbers_and_paths_cannot() -> None:
    fields = _fields()
    assert all(fields[name].numeric for name in ("python.version", "cpu.model", "package.numpy", "platform.machine"))
    assert not any(fields[name].numeric for name in ("python.executable", "packages.digest", "platform.release"))
    assert fields["python.version"].value == ".".join(map(str, sys.version_info[:3]))


def test_variables_are_read_where_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    fields = _fields()
    assert fields["variable.CUBLAS_WORKSPACE_CONFIG"] == EnvField("variable.CUBLAS_WORKSPACE_CONFIG", ":4096:8", True)
    assert not fields["variable.TZ"].numeric
    assert "variable.XLA_FLAGS" not in fields


def test_no_credential_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hush")
    assert "hush" not in str(read_environment())


def test_reading_loads_no_library_and_sets_no_variable() -> None:
    code = (
        "import os, sys; from pytest_repro.environment import *; before = dict(os.environ);"
        "read_environment(); Effective()();"
        "print([m for m in ('numpy', 'torch', 'pandas', 'threadpoolctl') if m in sys.modules], before == os.environ)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert answer.stdout.strip() == "[] True"


def test_loaded_numpy_tells_its_instruction_sets_and_pools() -> None:
    pytest.importorskip("threadpoolctl")
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    fields = _fields()
    assert fields["numpy.cpu_features"].value
    assert any(name.startswith("pool.") and name.endswith(".num_threads") for name in fields)


def test_loaded_torch_tells_its_switches() -> None:
    torch = pytest.importorskip("torch")
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not before
    try:
        assert _fields()["torch.cudnn.benchmark"] == EnvField("torch.cudnn.benchmark", str(not before), True)
    finally:
        torch.backends.cudnn.benchmark = before


def test_difference_puts_what_can_change_numbers_first() -> None:
    before = [EnvField("a", "1"), EnvField("b", "1", True), EnvField("c", "1"), EnvField("same", "1", True)]
    after = [EnvField("a", "2"), EnvField("b", "2", True), EnvField("d", "1", True), EnvField("same", "1", True)]
    assert difference(before, after) == (
        EnvChange("b", "1", "2", True),
        EnvChange("d", "", "1", True),
        EnvChange("a", "1", "2", False),
        EnvChange("c", "1", "", False),
    )
    assert difference(before, before) == ()


@pytest.mark.parametrize(
    ("name", "library"), [("torch.threads", "torch.cuda"), ("gpu.0", "torch.cuda"), ("numpy.cpu_features", "numpy.x")]
)
def test_a_library_that_one_side_had_not_loaded_is_no_difference(name: str, library: str) -> None:
    base, field, loaded = (EnvField(one, "1", True) for one in ("python.version", name, library))
    assert difference([base, field, loaded], [base]) == difference([base], [base, field, loaded]) == ()
    assert difference([base, loaded], [base, loaded, field]) == (EnvChange(name, "", "1", True),), "it was loaded"
    assert difference([base, EnvField("pool.openblas.version", "1", True)], [base]) == ()


def test_a_damaged_installation_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, metadata in (("~umpy", None), ("bad", b"Name: bad\nVersion: \xff1\n"), ("no", b"Summary: x\n")):
        (tmp_path / f"{name}-1.0.dist-info").mkdir()
        if metadata is not None:
            (tmp_path / f"{name}-1.0.dist-info" / "METADATA").write_bytes(metadata)
    before = installed_distributions()
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_distributions() == before


def test_installed_distributions_are_normalised() -> None:
    found = installed_distributions()
    assert list(found) == sorted(found)
    assert dict(found)["pytest"] == pytest.__version__
    assert not any("_" in name or name != name.lower() for name, _ in found)


@pytest.mark.parametrize("seed", ["0", "5", None])
def test_hash_seed_in_effect_is_told(seed: str | None) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"} | {
        "PYTHONPATH": str(Path(__file__).parents[3])
    }
    if seed is not None:
        env["PYTHONHASHSEED"] = seed
    code = "from pytest_repro.environment import Effective; print(dict(Effective()())['hash-seed'])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert answer.stdout.strip() == {"0": "off (seed 0)", "5": "seed 5", None: "random"}[seed]


def test_effective_follows_thread_counts_and_is_quick_when_repeated() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    effective = Effective()
    effective()
    with threadpoolctl.threadpool_limits(1):
        assert {value for name, value in effective() if name.startswith("threads.openblas")} <= {"1"}
    took = []
    for _ in range(20):
        start = time.perf_counter()
        effective()
        took.append(time.perf_counter() - start)
    assert min(took) < 0.001


def _git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_code_tells_commit_branch_and_changed_files(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-b", "trunk")
    (tmp_path / "a b.py").write_text("1")
    (tmp_path / "c.py").write_text("1")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-m", "first")
    clean = {field.name: field.value for field in read_code(tmp_path)}
    assert (len(clean["git.commit"]), clean["git.branch"]) == (40, "trunk")
    assert "git.dirty" not in clean
    (tmp_path / "a b.py").write_text("2")
    (tmp_path / "untracked.py").write_text("2")
    assert {field.name: field.value for field in read_code(tmp_path)}["git.dirty"] == "a b.py"
    _git(tmp_path, "checkout", "--detach")
    assert {field.name: field.value for field in read_code(tmp_path)}["git.branch"] == "(detached)"


def test_code_is_empty_outside_a_repository_or_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_code(tmp_path) == ()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_code(tmp_path) == ()
