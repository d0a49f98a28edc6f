from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_repro.across import compare_folders, read_folder
from pytest_repro.baseline.entries import big_values
from pytest_repro.baseline.objects import ObjectStore
from pytest_repro.baseline.pruning import unreferenced
from pytest_repro.baseline.recordings import Kept, RecordFolder
from pytest_repro.errors import StoredDataError
from pytest_repro.model import Condition, EnvField, Place, RunSpec, Tolerance, Verdict
from pytest_repro.values import canonical, fingerprint, identical
from tests.unit.baseline.kept import EXACT, env, make_baseline, make_recording, make_series

BIG = np.random.default_rng(0).normal(size=(100, 20))
NODEID = "tests/test_a.py::TestA::test_it[../x é\0]"


def make(
    folder: Path,
    *values: tuple[Any, ...],
    runs: int = 1,
    nodeid: str = NODEID,
    fields: tuple[EnvField, ...] = env(),
    machine: Tolerance = EXACT,
    seed: int = 0,
) -> Path:
    """A folder with one test, whose runs are alike."""
    records = RecordFolder(folder)
    key = records.keep_environment(fields, [("numpy", "2.4.6")])
    recording = make_recording(*values)
    kept = []
    for number in range(1, runs + 1):
        spec = RunSpec(number, Condition(Place.PROCESS, (("hash-seed", "1"),)))
        one = replace(recording, spec=spec, nonce=f"{folder}-{number}", environment=(("threads", "2"),))
        kept.append(Kept(nodeid, seed, one, key, machine))
    records.keep(kept)
    return folder


VALUES: list[tuple[Any, ...]] = [
    ("v", float("nan")),
    ("w", BIG),
    ("t", "é\ud800"),
    *make_series("loss", [0.1, np.float32(0.2)]),
]


def test_recording_comes_back_whole(tmp_path: Path) -> None:
    make(tmp_path, *VALUES, runs=2, machine=Tolerance(rtol=1e-6))
    first, second = RecordFolder(tmp_path).read()
    expected = make_recording(*VALUES)
    assert (first.nodeid, first.seed, first.machine) == (NODEID, 0, Tolerance(rtol=1e-6))
    assert second.recording.spec == RunSpec(2, Condition(Place.PROCESS, (("hash-seed", "1"),)))
    assert first.recording.environment == (("threads", "2"),)
    for a, b in zip(first.recording.observations, expected.observations, strict=True):
        assert identical(a.value, b.value)
        assert (a.name, a.step, a.kind, a.location, a.tolerance) == (b.name, b.step, b.kind, b.location, b.tolerance)
    assert RecordFolder(tmp_path).environment(first.environment) == env()


def test_earlier_runs_of_the_test_are_replaced(tmp_path: Path) -> None:
    make(tmp_path, ("v", 1), runs=3)
    make(tmp_path, ("v", 2), runs=1)
    assert [kept.recording.observations[0].value for kept in RecordFolder(tmp_path).read()] == [2]


def test_test_name_is_no_path(tmp_path: Path) -> None:
    make(tmp_path / "a" / "b", ("v", 1), nodeid="../../../x::test_it")
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b"}


def _only_run(folder: Path) -> Path:
    [path] = folder.glob("records/*/run-*.json")
    return path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rows", [["v"]]),
        ("rows", [["v", None, "metric", {"pickle": 1}, "f", 1]]),
        (
            "rows",
            [["v", None, "metric", {"array": {"type": "a", "dtype": "f8", "shape": [1], "ref": "../../x"}}, "f", 1]],
        ),
        ("rows", [["v", "x", "metric", 1, "f", 1]]),
        ("rows", [[1, None, "metric", 1, "f", 1]]),
        ("rows", [["v", None, "nothing", 1, "f", 1]]),
        ("rows", 3),
        ("machine", [1, 2]),
        ("machine", ["a", 0, 0, False]),
        ("run", "1"),
        ("nodeid", 3),
        ("levels", [[1]]),
        ("place", "moon"),
        ("schema", "pytest-repro/recording@2"),
        ("schema", None),
    ],
)
def test_damaged_recording_is_refused_by_name(tmp_path: Path, key: str, value: object) -> None:
    make(tmp_path, ("v", 1))
    path = _only_run(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(StoredDataError, match=r"run-1\.json: "):
        list(RecordFolder(tmp_path).read())


@pytest.mark.parametrize("key", ["../../etc/passwd", "0" * 16, ""])
def test_environment_that_is_not_there_is_refused(tmp_path: Path, key: str) -> None:
    make(tmp_path, ("v", 1))
    path = _only_run(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "environment": key}))
    with pytest.raises(StoredDataError):
        read_folder(tmp_path)


def test_missing_array_is_named(tmp_path: Path) -> None:
    make(tmp_path, ("w", BIG))
    [array] = tmp_path.glob("objects/*/*.npy")
    array.unlink()
    with pytest.raises(StoredDataError, match="an array is missing"):
        read_folder(tmp_path)


def test_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError, match="pytest --repro-record="):
        read_folder(tmp_path)


# --- judging ----------------------------------------------------------------------------------


def judged(*folders: Path, tolerance: Tolerance = EXACT, allow_missing: bool = False) -> dict[str, Any]:
    read = [read_folder(folder, label=folder.name) for folder in folders]
    results = compare_folders(read, tolerance=tolerance, allow_missing=allow_missing)
    return {result.nodeid: result for result in results}


def test_equal_recordings_reproduce(tmp_path: Path) -> None:
    result = judged(*(make(tmp_path / name, *VALUES) for name in "abc"))[NODEID]
    assert result.verdict is Verdict.REPRODUCED


def test_different_recordings_drift_with_the_environments_difference_numeric_first(tmp_path: Path) -> None:
    moved = (*env(("package.numpy", "3.0")), EnvField("a.shown", "x"))
    a, b = make(tmp_path / "a", ("v", 1.0)), make(tmp_path / "b", ("v", 2.0), fields=moved)
    result = judged(a, b)[NODEID]
    assert result.verdict is Verdict.DRIFTED
    assert [change.name for change in result.changes] == ["package.numpy", "a.shown"]
    assert result.labels == ((1, "a"), (2, "b"))


def test_machine_tolerance_counts_only_where_the_environments_differ(tmp_path: Path) -> None:
    near = Tolerance(rtol=1e-6)
    a = make(tmp_path / "a", ("v", 1.0), machine=near)
    same = make(tmp_path / "same", ("v", 1.0 + 1e-9), machine=near)
    more = make(tmp_path / "more", ("v", 1.0 + 1e-9), machine=near, fields=env(("torch.threads", "2")))
    other = make(tmp_path / "other", ("v", 1.0 + 1e-9), machine=near, fields=env(("cpu.model", "B")))
    assert judged(a, same)[NODEID].verdict is Verdict.DRIFTED
    assert judged(a, more)[NODEID].verdict is Verdict.DRIFTED, "it is the same machine, and torch was loaded"
    assert judged(a, other)[NODEID].verdict is Verdict.WITHIN
    assert judged(a, same, tolerance=near)[NODEID].verdict is Verdict.WITHIN
    three = judged(a, same, other)[NODEID]
    assert three.verdict is Verdict.DRIFTED, "another machine does not widen what counts between two of one kind"
    assert three.comparison.drifts[0].groups == ((1,), (2,))
    assert judged(a, make(tmp_path / "equal", ("v", 1.0), machine=near), other)[NODEID].verdict is Verdict.WITHIN


def test_what_cannot_be_compared_is_inconclusive_never_equal(tmp_path: Path) -> None:
    a = make(tmp_path / "a", ("v", 1))
    make(a, ("v", 1), nodeid="only_a")
    assert judged(a, make(tmp_path / "b", ("v", 1)))["only_a"].verdict is Verdict.INCONCLUSIVE
    assert "only_a" not in judged(a, tmp_path / "b", allow_missing=True)
    assert "seeds 0, 1" in judged(a, make(tmp_path / "seed", ("v", 1), seed=1), allow_missing=True)[NODEID].headline
    assert "one and the same execution" in judged(a, a)[NODEID].headline
    empty = [make(tmp_path / name) for name in ("e", "f")]
    assert "nothing was recorded" in judged(*empty)[NODEID].headline
    with pytest.raises(StoredDataError, match="nothing can be compared"):
        judged(a, make(tmp_path / "z", ("v", 1), nodeid="another"))


def test_folder_whose_own_runs_differ_is_named(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", ("v", 1), runs=2), make(tmp_path / "b", ("v", 3))
    path = sorted(a.glob("records/*/run-*.json"))[1]
    path.write_text(path.read_text().replace('["v",null,"metric",1,', '["v",null,"metric",2,'))
    assert judged(a, b)[NODEID].advice == ("the 2 runs of a differ among themselves: find that cause first",)


# --- pruning ----------------------------------------------------------------------------------


def test_only_what_nothing_refers_to_is_pruned(tmp_path: Path) -> None:
    make(tmp_path, ("w", BIG))
    kept = set(tmp_path.glob("objects/*/*"))
    make(tmp_path, ("w", BIG + 1), nodeid="second")
    make(tmp_path, ("w", 3), nodeid="second")
    (tmp_path / "objects" / "00").mkdir()
    (tmp_path / "objects" / "00" / ".repro-1-0.tmp").write_text("left by a session that was killed")
    found = set(unreferenced(tmp_path))
    assert len(found) == 2
    assert not found & kept


def test_arrays_of_a_value_that_a_baseline_refers_to_stay(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / ".repro" / "objects")
    recording = make_recording(("model", {"a": BIG, "b": BIG + 1}))
    for node, nan_payload in big_values(recording):
        store.put(node, nan_payload=nan_payload)
    store.put(canonical(BIG + 2))
    assert len(list(store.folder.glob("*/*"))) == 4
    home = tmp_path / "tests" / "__repro__" / "test_it"
    home.mkdir(parents=True)
    (home / "test_it.json").write_text(make_baseline(recording).text())
    [pruned] = unreferenced(tmp_path)
    assert pruned == store.path(fingerprint(canonical(BIG + 2)), ".npy")


def test_nothing_is_pruned_while_something_cannot_be_read(tmp_path: Path) -> None:
    make(tmp_path, ("w", BIG))
    _only_run(tmp_path).write_text("{")
    with pytest.raises(StoredDataError, match="prune again"):
        list(unreferenced(tmp_path))
