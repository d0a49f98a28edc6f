"""Choosing factors, and applying a condition so that nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
import timeit
import uuid
from collections.abc import Iterator
from os import getpid as getpid_bound
from os import urandom as urandom_bound
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pytest_repro.conditions import FACTORS, Factor, Launch, applied, check, launch, level_of, names, unavailable
from pytest_repro.conditions.factor import cycle
from pytest_repro.conditions.pins import ALL_PINNED, PIN_FACTORS, SWITCHED, entropy_site
from pytest_repro.errors import SettingsError, UnavailableError
from pytest_repro.model import Condition


def _at(**levels: str) -> Condition:
    return Condition(levels=tuple(sorted((name.replace("_", "-"), level) for name, level in levels.items())))


def _fake(name: str, **fields: Any) -> Factor:
    return Factor(name=name, description="d", platforms="Nowhere.", ladder=cycle("as-is", "1"), **fields)


# --- choosing ---------------------------------------------------------------------------------


def test_check_keeps_the_order_and_drops_repetitions() -> None:
    assert check(["timezone", "files", "timezone"]) == ("timezone", "files")


def test_check_lists_what_there_is_when_a_factor_is_unknown() -> None:
    meant = r"no factor 'treads' \(did you mean threads\?\); there are: process, hash-seed, threads, .*, all"
    with pytest.raises(SettingsError, match=meant):
        check(["treads"])


def test_check_says_why_when_a_factor_is_unavailable() -> None:
    factors = {"moon": _fake("moon", reason=lambda: "it is new")}
    with pytest.raises(UnavailableError, match=r"'moon' cannot be varied here: it is new\. Nowhere\."):
        check(["moon"], factors)


def test_all_is_every_available_factor() -> None:
    factors = {"moon": _fake("moon", reason=lambda: "it is new"), "sun": _fake("sun")}
    assert check(["all"], factors) == ("sun",)
    assert unavailable(factors) == {"moon": "it is new"}
    assert set(check(["all"])) == set(names()) - set(unavailable())


@pytest.mark.parametrize("name", names())
def test_levels_are_a_fixed_function_whose_second_level_differs(name: str) -> None:
    assert [level_of(name, k) for k in range(9)] == [level_of(name, k) for k in range(9)]
    assert level_of(name, 0) != level_of(name, 1)


@pytest.mark.parametrize("name", names())
def test_every_factor_says_what_it_is_and_where_it_exists(name: str) -> None:
    factor = FACTORS[name]
    assert factor.name == name
    assert factor.description
    assert factor.platforms.endswith(".")


def test_factors_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        FACTORS["x"] = _fake("x")  # type: ignore[index]


# --- launching --------------------------------------------------------------------------------


def test_nothing_is_launched_as_is() -> None:
    nothing = launch(Condition(levels=tuple((name, "as-is") for name in names())))
    assert dict(nothing.env) == {}
    assert nothing.argv_prefix == ()


def test_settings_of_several_factors_share_the_tunables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    factors = {
        "a": _fake("a", launch_part=lambda _: Launch({"GLIBC_TUNABLES": "x=1"})),
        "b": _fake("b", launch_part=lambda _: Launch({"GLIBC_TUNABLES": "y=2", "B": None}, ("wrap",))),
    }
    made = launch(_at(a="1", b="1"), factors)
    assert dict(made.env) == {"GLIBC_TUNABLES": "glibc.malloc.check=0:x=1:y=2", "B": None}
    assert made.argv_prefix == ("wrap",)


@pytest.mark.parametrize("level", ["avx2", "baseline"])
def test_cpu_level_overrides_what_the_session_has_and_disables_only_what_numpy_knows(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := FACTORS["cpu"].available():
        pytest.skip(reason)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    made = launch(_at(cpu=level))
    env = {k: v for k, v in {**os.environ, **made.env}.items() if v is not None}
    code = "import numpy; from numpy.__config__ import show; print(numpy.arange(3).sum())"
    answer = subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True)
    assert (answer.stdout.strip(), answer.stderr) == ("3", "")
    assert made.env["OPENBLAS_CORETYPE"] != "Zen"


@pytest.mark.parametrize(
    ("factor", "level"),
    [
        ("hash-seed", "x"),
        ("hash-seed", "4294967296"),
        ("threads", "0"),
        ("threads", "1,joblib=loky"),
        ("cpu", "sse"),
        ("cwd", "x"),
        ("home", "x"),
        ("environ", "padding"),
        ("files", "shuffled"),
        ("memory", "perturb=256"),
        ("memory", "perturb=1,aslr=on"),
        ("memory", "perturb=1,aslr=off,spread"),
        ("clock", "pinned=x"),
        ("entropy", "site=a.py;key=1"),
        ("pid", "1"),
        ("joblib", "loky"),
    ],
)
def test_unknown_level_is_refused_by_name(factor: str, level: str) -> None:
    with pytest.raises(SettingsError, match=f"is not a level of the factor '{factor}': expected"):  # noqa: PT012
        launch(Condition(levels=((factor, level),)))
        with applied(Condition(levels=((factor, level),)), own_process=True):
            pass


# --- applying ---------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other sessions on this machine make temporary folders, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def _read() -> dict[str, Any]:
    """Read all that a factor may touch."""
    functions = ("listdir", "scandir", "stat", "lstat", "fstat", "urandom", "getrandom", "getpid")
    owned: list[tuple[Any, str]] = [(os, name) for name in functions]
    owned += [(time, n) for n in ("time", "time_ns", "perf_counter", "monotonic", "sleep")]
    owned += [(random, "_urandom"), (random, "seed"), (random.Random, "seed"), (uuid, "_generate_time_safe")]
    owned += [(timeit, "default_timer")]
    return {
        "functions": {(str(owner), name): getattr(owner, name, None) for owner, name in owned},
        "path": [v for v in vars(Path).values() if callable(v)],
        "supports": [set(os.supports_fd), set(os.supports_dir_fd), set(os.supports_follow_symlinks)],
        "environ": dict(os.environ),
        "cwd": Path.cwd(),
        "zone": (time.tzname, time.timezone),
        "random": random.getstate(),
        "here": [getpid_bound, urandom_bound],
        "temporary": sorted(Path(tempfile.gettempdir()).glob("pytest-repro-*")),
        "real clock": abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 1 and time.time() > 1.75e9,
    }


EVERYTHING = {
    "clock": "pinned",
    "cwd": "elsewhere",
    "entropy": "7",
    "files": "pinned",
    "home": "elsewhere",
    "joblib": "sequential",
    "pid": "pinned",
    "threads": "1,joblib=sequential",
    "timezone": "Asia/Tokyo",
}


@pytest.mark.parametrize("fails", [False, True], ids=["passes", "raises"])
@pytest.mark.parametrize("name", [*EVERYTHING, "all"])
def test_process_is_as_before_after_the_run(name: str, fails: bool) -> None:
    for sets_a_variable in ("joblib", "threadpoolctl"):  # when it is first imported, and leaves it set
        pytest.importorskip(sets_a_variable)
    levels = EVERYTHING if name == "all" else {name: EVERYTHING[name]}
    before = _read()
    outcome = pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext()
    with outcome, applied(_at(**levels), own_process=True):
        assert name in ("joblib", "threads") or _differs(before)
        if fails:
            _ = 1 / 0
    after = _read()
    assert after == before
    assert getpid_bound() == os.getpid()


def _differs(before: dict[str, Any]) -> bool:
    now = _read()
    return any(now[key] != before[key] for key in before)


def test_run_may_change_everything_itself_and_is_still_undone(tmp_path: Path) -> None:
    before = _read()
    with applied(_at(cwd="elsewhere", home="elsewhere", timezone="Asia/Tokyo", files="sorted"), own_process=False):
        os.chdir(tmp_path)
        os.environ["TZ"] = "America/New_York"
        del os.environ["HOME"]
    assert _read() == before


def test_others_are_undone_when_one_undoing_fails() -> None:
    undone: list[str] = []

    @contextlib.contextmanager
    def part(level: str) -> Iterator[None]:
        try:
            yield
        finally:
            undone.append(level)
            if level == "b":
                raise OSError("stuck")

    factors = {name: _fake(name, apply_part=part) for name in "abc"}
    with pytest.raises(OSError, match="stuck"), applied(_at(a="a", b="b", c="c"), own_process=True, factors=factors):
        assert undone == []
    assert undone == ["c", "b", "a"]


@pytest.mark.parametrize("factor", ["clock", "entropy", "pid"])
def test_some_factors_are_refused_in_the_user_s_own_process(factor: str) -> None:
    with pytest.raises(UnavailableError, match=f"'{factor}' is applied in processes of their own only"):
        applied(Condition(levels=((factor, SWITCHED[factor][0]),)), own_process=False)
    with applied(Condition(levels=((factor, "as-is"),)), own_process=False):
        pass


def test_explainer_s_factors_are_not_offered_for_variation() -> None:
    assert not set(PIN_FACTORS) & set(names())
    with pytest.raises(SettingsError):
        check(["entropy"])


def test_every_pinned_and_switched_level_can_be_applied_or_launched() -> None:
    for levels in (ALL_PINNED, *({name: level} for name, ladder in SWITCHED.items() for level in ladder)):
        condition = Condition(levels=tuple(sorted(levels.items())))
        launch(condition)
        with applied(condition, own_process=True):
            pass
    assert isinstance(ALL_PINNED, MappingProxyType)


def test_site_level_names_one_line() -> None:
    assert entropy_site(file="a/b.py", line=3, key="k") == "site=a/b.py:3;key=k"


# --- single factors ---------------------------------------------------------------------------


def test_scandir_stays_a_context_manager_that_can_be_closed(tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / name).touch()
    with applied(_at(files="sorted"), own_process=False):
        with os.scandir(tmp_path) as entries:
            assert [entry.name for entry in entries] == ["a", "b", "c"]
        scan = os.scandir(tmp_path)
        assert next(scan).name == "a"
        scan.close()
        assert list(scan) == []
        assert os.listdir(os.fsencode(tmp_path)) == [b"a", b"b", b"c"]


def test_shuffle_is_the_same_for_a_seed_and_keeps_every_name(tmp_path: Path) -> None:
    for k in range(20):
        (tmp_path / str(k)).touch()
    orders = []
    for level in ("shuffled=2", "shuffled=2", "shuffled=3"):
        with applied(_at(files=level), own_process=False):
            orders.append(os.listdir(tmp_path))
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == sorted(map(str, range(20)))


def test_pinned_file_times_leave_old_files_alone_and_copying_works(tmp_path: Path) -> None:
    import shutil

    old = tmp_path / "old"
    old.touch()
    os.utime(old, (1000, 1000))
    with applied(_at(files="pinned"), own_process=False):
        assert old.stat().st_mtime == 1000
        (tmp_path / "new").touch()
        assert (tmp_path / "new").stat().st_mtime == 1_700_000_000
        shutil.copytree(tmp_path, tmp_path.with_name(tmp_path.name + "-copy"))
        shutil.rmtree(tmp_path.with_name(tmp_path.name + "-copy"))
    assert (tmp_path / "new").stat().st_mtime > 1_700_000_001


def test_threads_are_limited_in_loaded_libraries_and_given_back() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    counts = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    with applied(_at(threads="1"), own_process=False):
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == counts


def test_joblib_runs_tasks_one_after_another_when_pinned() -> None:
    joblib = pytest.importorskip("joblib")
    with applied(_at(threads="1,joblib=sequential"), own_process=False):
        pids = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(3))
    assert set(pids) == {os.getpid()}


def test_importing_conditions_imports_nothing_heavy() -> None:
    code = "import sys, pytest_repro.conditions; print([m for m in ('numpy', 'torch', 'joblib') if m in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert answer.stdout.strip() == "[]"
