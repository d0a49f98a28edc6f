from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_repro.baseline.document import Baseline, read_baseline
from pytest_repro.errors import StoredDataError
from pytest_repro.model import EnvField
from pytest_repro.storage import NewerFormatError
from tests.unit.baseline.kept import FIELDS, check, env, make_baseline, make_known, make_recording

GOLD = Path(__file__).parents[2] / "gold" / "baseline"
TEST = "test_it.py::test_it"


def write(path: Path, baseline: Baseline) -> Path:
    path.write_text(baseline.text(), encoding="utf-8", newline="")
    return path


def read(path: Path) -> Baseline:
    found = read_baseline(path, test=TEST)
    assert found is not None
    return found


def test_baseline_comes_back(tmp_path: Path) -> None:
    baseline = make_baseline(make_recording(("a", 1.5), ("b", "é\u202e")))
    assert read(write(tmp_path / "b.json", baseline)) == baseline


def test_text_is_canonical(tmp_path: Path) -> None:
    text = make_baseline(make_recording(("b", float("nan")), ("a", 0.1))).text()
    assert text.endswith("}\n")
    assert "\r" not in text
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert ' "values": {\n  "a": 0.1,\n' in text


def test_further_environment_holds_only_what_differs(tmp_path: Path) -> None:
    first, second = make_recording(("a", 1.0), ("b", 2.0), ("c", 0.0)), make_recording(("a", 1.0), ("b", 2.5), ("d", 3))
    other = (("package.numpy", "3.0"), ("python.version", "3.11.7"))
    baseline = make_baseline(first).with_values(make_known(second, other))
    body: Any = json.loads(baseline.text())
    [entry] = [entry for key, entry in body["environments"].items() if key != body["environment"]]
    assert entry["values"] == {"b": 2.5, "d": 3}
    assert entry["absent"] == ["c"]
    back = read(write(tmp_path / "b.json", baseline))
    known, changes = back.nearest(env(("package.numpy", "3.0")))
    assert dict(known.values) == {"a": 1.0, "b": 2.5, "d": 3}
    assert not changes


def test_zero_and_minus_zero_or_int_and_float_are_not_taken_for_the_same_entry(tmp_path: Path) -> None:
    first, second = make_recording(("a", 0.0), ("b", 1)), make_recording(("a", -0.0), ("b", 1.0))
    other = (("package.numpy", "3.0"),)
    back = read(write(tmp_path / "b.json", make_baseline(first).with_values(make_known(second, other))))
    for known, recording in zip(back.environments, (first, second), strict=True):
        assert not check(known, recording).drifts


def test_update_in_one_environment_leaves_what_the_others_gave(tmp_path: Path) -> None:
    old, new = make_recording(("a", 1.0)), make_recording(("a", 2.0))
    other = (("package.numpy", "3.0"),)
    baseline = (
        make_baseline(old).with_values(make_known(make_recording(("a", 1.0)), other)).with_values(make_known(new))
    )
    back = read(write(tmp_path / "b.json", baseline))
    assert {known.fields: dict(known.values) for known in back.environments} == {FIELDS: {"a": 2.0}, other: {"a": 1.0}}


def test_nearest_environment_is_chosen_and_its_difference_told() -> None:
    near, far = (*FIELDS, ("cpu.model", "A")), (("package.numpy", "1.0"), ("python.version", "3.8"))
    baseline = make_baseline(make_recording(("a", 1)), environments=(make_known(make_recording(("a", 2)), far),))
    baseline = replace(baseline, environments=(*baseline.environments, make_known(make_recording(("a", 3)), near)))
    known, changes = baseline.nearest(env(("cpu.model", "B")))
    assert known.values == {"a": 3}
    assert [(change.name, change.before, change.after) for change in changes] == [("cpu.model", "A", "B")]


@pytest.mark.parametrize("name", ["pool.openblas.num_threads", "torch.threads", "numpy.cpu_features", "gpu.0"])
def test_library_that_was_not_loaded_on_one_side_makes_no_other_environment(name: str) -> None:
    with_field = make_baseline(
        make_recording(("a", 1)), environments=(make_known(make_recording(("a", 1)), (*FIELDS, (name, "1"))),)
    )
    assert not with_field.nearest(env())[1]
    assert not make_baseline(make_recording(("a", 1))).nearest(env((name, "1")))[1]
    assert with_field.nearest(env((name, "2")))[1]


def test_variable_that_was_set_on_one_side_does() -> None:
    assert make_baseline(make_recording(("a", 1))).nearest(env(("variable.OMP_NUM_THREADS", "1")))[1]


def test_fields_that_are_only_shown_do_not() -> None:
    shown = (*env(), EnvField("platform.release", "6.1", numeric=False))
    assert not make_baseline(make_recording(("a", 1))).nearest(shown)[1]


def test_missing_file_is_no_baseline(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "b.json", test=TEST) is None


# --- what cannot be read ----------------------------------------------------------------------

GOOD = make_baseline(make_recording(("a", 1.5))).text()

BAD = {
    "truncated": (GOOD[: len(GOOD) // 2], "no complete JSON"),
    "empty": ("", "no complete JSON"),
    "merge conflict": (GOOD.replace(' "values"', '<<<<<<< HEAD\n "values"'), "merge conflict"),
    "list": ("[1]", "no JSON object"),
    "deep": ("[" * 100_000, "nested deeper"),
    "deep object": ('{"schema":' * 5000 + "1" + "}" * 5000, "nested deeper"),
    "bare NaN": (GOOD.replace("1.5", "NaN"), "bare word NaN"),
    "repeated key": (GOOD.replace('"a": 1.5', '"a": 1.5, "a": 2'), "twice"),
    "huge integer": (GOOD.replace("1.5", "9" * 5000), "digit"),
    "no schema": (GOOD.replace("schema", "scheme"), "schema is 'None'"),
    "other schema": (GOOD.replace("/baseline@", "/report@"), "expected 'pytest-repro/baseline@1'"),
    "other test": (GOOD.replace("::test_it", "::test_other"), "baseline of 'test_it.py::test_other'"),
    "no environment": (GOOD.replace('"environment":', '"environmenx":'), "none of its 'environments'"),
    "values are a list": (json.dumps({**json.loads(GOOD), "values": []}), "'values' is missing or no object"),
    "seed is text": (GOOD.replace('"seed": 0', '"seed": "0"'), "'seed' is no integer"),
    "fields are numbers": (GOOD.replace('"2.4.6"', "2"), "no text"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_damaged_file_is_refused_by_name_with_reason_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(StoredDataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "--repro-update" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{" + "".join(f'"{i}": 1, ' for i in range(50_000)) + '"7": 2}', "'7' stands in", id="keys"),
        pytest.param(f"[{','.join(['1' * 299] * 25_000)}]", "no JSON object", id="digits"),
    ],
)
def test_no_file_takes_more_time_than_its_size_does(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(StoredDataError, match=message):
        read(path)
    assert time.process_time() - began < 2.5


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(StoredDataError, match="not UTF-8"):
        read(tmp_path / "b.json")


def test_file_of_gigabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "b.json").open("wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(StoredDataError, match="33,554,432 are the most"):
        read(tmp_path / "b.json")


def test_folder_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.json").mkdir()
    with pytest.raises(StoredDataError, match=r"b\.json: "):
        read(tmp_path / "b.json")


def test_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(GOOD.replace("baseline@1", "baseline@2"))
    with pytest.raises(
        NewerFormatError, match=r"pytest-repro/baseline@2 is newer than pytest-repro/baseline@1.*upgrade"
    ):
        read(tmp_path / "b.json")


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    body = {**json.loads(GOOD), "later": {"x": 1}}
    (tmp_path / "b.json").write_text(json.dumps(body))
    assert dict(read(tmp_path / "b.json").environments[0].values) == {"a": 1.5}


# --- files of every version -------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(GOLD.glob("*.json")), ids=lambda path: path.stem)
def test_file_of_every_version_still_says_what_it_said(path: Path) -> None:
    import numpy as np

    found = read(path)
    recording = make_recording(
        ("accuracy", 0.93),
        *[("loss", 1 / (i + 1), i) for i in range(5)],
        *[("long", np.float64(i / 7), i) for i in range(1000)],
        ("weights", np.arange(6000.0).reshape(300, 20) / 7),
        ("small", np.array([[0.1, np.nan], [-0.0, np.inf]], "f4")),
        ("nested", {"a": [1, 2.5, None, "é"], "b": (True, float("-inf"))}),
        ("text", "x" * 10_000),
    )
    assert not check(found.environments[0], recording).drifts
    assert {drift.name for drift in check(found.environments[1], recording).drifts} == {"accuracy"}


def test_there_is_a_file_of_the_present_version() -> None:
    assert (GOLD / "baseline-1.json").exists()
