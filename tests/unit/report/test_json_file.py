from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pytest_repro.report.json_file
from pytest_repro.model import Location, Verdict, Violation
from pytest_repro.report.json_file import render_json
from tests.builders import make_comparison, make_drift, make_report, make_result, make_stats

SCHEMA = Path(pytest_repro.report.json_file.__file__).with_name("report.schema.json")


def validate(text: str) -> dict[str, Any]:
    jsonschema = pytest.importorskip("jsonschema")
    data = json.loads(text)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(data)
    assert isinstance(data, dict)
    return data


def test_the_schema_is_one_and_refuses_what_is_not_a_report() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    good = validate(render_json(make_report()))
    checker = jsonschema.Draft202012Validator(schema)
    changes: tuple[dict[str, Any], ...] = (
        {"schema": "pytest-repro/report@2"},
        {"tests": [{}]},
        {"environment": [["a", "b"]]},
    )
    for change in changes:
        assert not checker.is_valid({**good, **change})


def test_the_schema_describes_every_key_that_is_written() -> None:
    schema = json.loads(SCHEMA.read_text())
    data = json.loads(render_json(make_report()))
    [test] = [test for test in data["tests"] if test["verdict"] == "drifted"]
    definitions = schema["$defs"]
    assert set(data) == set(schema["properties"])
    assert set(test) == set(definitions["test"]["properties"])
    assert set(test["drifts"][0]) == set(definitions["drift"]["properties"])
    assert set(test["cause"]) == set(definitions["cause"]["properties"])
    assert set(test["first_divergence"]) == set(definitions["divergence"]["properties"])


def test_the_fields_that_a_reader_acts_on() -> None:
    data = validate(render_json(make_report(make_result())))
    [test] = data["tests"]
    assert data["schema"] == "pytest-repro/report@1"
    assert data["environment"]["python.version"] == "3.11.7"
    assert data["summary"]["drifted"] == 1
    assert (test["nodeid"], test["verdict"], test["runs"]) == ("tests/test_train.py::test_training", "drifted", 3)
    assert test["first_divergence"] == {
        "name": "loss",
        "step": 3,
        "run": 3,
        "location": "tests/test_train.py:9",
        "path": "",
        "reference": "0.43127",
        "other": "0.43179",
        "ulp": 2_100_000_000_000,
    }
    assert test["drifted"] == ["loss", "weights"]
    assert (test["cause"]["status"], test["cause"]["factor"]) == ("cause", "hash-seed")
    assert test["conditions"][2] == {"place": "process", "levels": {"hash-seed": "1"}}
    assert test["equal"] == ["accuracy", "vocabulary"]
    assert test["again"].startswith("PYTHONHASHSEED=1 pytest")


def test_a_test_without_drift_has_null_and_empty_lists() -> None:
    [test] = validate(render_json(make_report(make_result(verdict=Verdict.REPRODUCED))))["tests"]
    assert (test["first_divergence"], test["cause"], test["drifted"]) == (None, None, [])


def test_why_a_good_verdict_fails_and_a_bad_one_does_not_is_in_it() -> None:
    draw = Violation("os.urandom()", Location("a.py", 4), 2, "repro.rng.bytes(n)")
    strict = replace(make_result("s", verdict=Verdict.REPRODUCED), violations=(draw,))
    excused = replace(make_result("q"), excuse="a known drift", labels=((3, "run 3 on b"),))
    first, second = validate(render_json(make_report(strict, excused)))["tests"]
    assert first["violations"] == [
        {"call": "os.urandom()", "location": "a.py:4", "count": 2, "fix": "repro.rng.bytes(n)"}
    ]
    assert (first["excuse"], second["excuse"], second["labels"]) == ("", "a known drift", {"3": "run 3 on b"})


def test_tests_stay_in_the_order_of_the_report() -> None:
    report = make_report(make_result("z"), make_result("a", verdict=Verdict.REPRODUCED))
    assert [test["nodeid"] for test in json.loads(render_json(report))["tests"]] == ["z", "a"]


def test_equal_results_give_equal_canonical_bytes() -> None:
    text = render_json(make_report())
    assert text == render_json(make_report())
    assert text.endswith("}\n")
    assert "\r" not in text
    again = json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert text == again


def test_non_finite_numbers_are_words_and_floats_round_trip() -> None:
    stats = make_stats(max_abs=math.inf, max_rel=math.nan, max_ulp=2**70)
    series = ((1, (0, 1), (0.1 + 0.2, -math.inf)), (2, (0, 1), (5e-324, -0.0)))
    drift = make_drift(stats=stats, series=series, heat=((None, math.nan, 1.5),))
    text = render_json(make_report(make_result(comparison=make_comparison(drift))))
    [row] = validate(text)["tests"][0]["drifts"]
    assert (row["stats"]["max_abs"], row["stats"]["max_rel"], row["stats"]["max_ulp"]) == ("inf", "nan", 2**70)
    assert row["series"][0]["values"] == [0.1 + 0.2, "-inf"]
    assert row["series"][1]["values"] == [5e-324, 0.0]
    assert math.copysign(1, row["series"][1]["values"][1]) == -1
    assert row["heat"] == [[None, "nan", 1.5]]


def test_a_file_name_that_is_not_utf8_can_be_written_and_read_back() -> None:
    name = "bad\udc80</script>é\n"
    text = render_json(make_report(make_result(name, location=Location(name, 3))))
    assert "é" in text
    assert json.loads(text.encode("utf-8"))["tests"][0]["nodeid"] == name


def test_a_location_is_file_and_line_or_null() -> None:
    result = make_result()
    assert result.cause is not None
    with_place = replace(result, cause=replace(result.cause, location=Location("src/data.py", 7)), location=None)
    [test] = validate(render_json(make_report(with_place)))["tests"]
    assert (test["location"], test["cause"]["location"]) == (None, "src/data.py:7")
