"""What a session logs to MLflow, without MLflow."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from pytest_repro.model import Condition, Place, SessionReport, Verdict
from pytest_repro.report.codec import decode, encode
from pytest_repro.report.mlflow_run import POINTS, Assignment, LoggedRun, describe_session, safe_name
from tests.builders import (
    make_comparison,
    make_divergence,
    make_drift,
    make_report,
    make_result,
    make_series,
    make_stats,
)

NIGHTLY = pytest.mark.skipif(
    os.environ.get("PYTEST_REPRO_NIGHTLY") != "1", reason="long; PYTEST_REPRO_NIGHTLY=1 runs it"
)


def described(report: SessionReport, *, code: dict[str, str] | None = None, project: bool = False) -> list[LoggedRun]:
    runs = describe_session(report, code=(code or {}).items(), requirements=[("numpy", "2.4.0")], project=project)
    return list(runs)


def only(report: SessionReport) -> LoggedRun:
    (run,) = described(report)
    return run


def test_test_is_a_run_and_its_executions_are_children() -> None:
    run = only(make_report(make_result("tests/test_train.py::test_training")))
    assert run.name == "test_train.py::test_training"
    assert [child.name for child in run.children] == [f"test_train.py::test_training [run {i}]" for i in (1, 2, 3)]
    assert run.status == "FAILED"
    assert [child.status for child in run.children] == ["FINISHED"] * 3


def test_run_says_verdict_cause_and_first_divergence() -> None:
    tags = dict(only(make_report(make_result())).tags)
    assert tags["repro.verdict"] == "drifted"
    assert tags["repro.cause"] == "hash-seed (cause)"
    assert tags["repro.first_divergence"] == "loss[3]"
    assert tags["mlflow.source.name"] == "tests/test_train.py::test_training"
    assert "`PYTHONHASHSEED=1 pytest" in tags["mlflow.note.content"]


def test_run_has_the_distances_as_metrics() -> None:
    metrics = {key: value for key, _, value in only(make_report(make_result())).metrics}
    assert metrics == {
        "repro.reproduced": 0.0,
        "repro.n_drifted": 2.0,
        "repro.n_unequal": 19.0,
        "repro.max_abs_diff": 5.2e-4,
        "repro.max_ulp": 7.7e12,
        "repro.first_step": 3.0,
    }


def test_reproduced_test_has_distance_zero() -> None:
    run = only(make_report(make_result(verdict=Verdict.REPRODUCED)))
    metrics = {key: value for key, _, value in run.metrics}
    assert metrics["repro.reproduced"] == 1.0
    assert metrics["repro.max_abs_diff"] == 0.0
    assert "repro.first_step" not in metrics
    assert run.status == "FINISHED"


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.LOST])
def test_test_that_says_nothing_has_no_distance(verdict: Verdict) -> None:
    run = only(make_report(make_result(verdict=verdict)))
    assert run.metrics == ()
    assert run.status == "FAILED"


def test_drift_without_numbers_has_no_distance() -> None:
    drift = make_drift(stats=None, first=make_divergence(step=None, reference="'a'", other="'b'", ulp=None))
    run = only(make_report(make_result(comparison=make_comparison(drift))))
    assert not {"repro.max_abs_diff", "repro.max_ulp"} & {key for key, _, _ in run.metrics}


def test_commit_and_changed_files_are_tags_of_every_run() -> None:
    code = {"git.commit": "1f" * 20, "git.dirty": "train.py"}
    (run,) = described(make_report(make_result()), code=code, project=True)
    for one in (run, *run.children):
        tags = dict(one.tags)
        assert tags["mlflow.source.git.commit"] == "1f" * 20
        assert tags["repro.git.dirty"] == "train.py"
        assert tags["mlflow.source.type"] == "PROJECT"


def test_clean_checkout_is_said_to_be_clean() -> None:
    (run,) = described(make_report(make_result()), code={"git.commit": "1f" * 20})
    assert dict(run.tags)["repro.git.dirty"] == "no"


def test_artifacts_are_our_json_of_this_test_and_the_requirements() -> None:
    runs = described(make_report(make_result("a.py::test_a"), make_result("b.py::test_b")))
    artifacts = dict(runs[1].artifacts)
    (test,) = json.loads(artifacts["repro-report.json"])["tests"]
    assert test["nodeid"] == "b.py::test_b"
    assert artifacts["requirements.txt"] == "numpy==2.4.0\n"


def test_worst_tests_come_first() -> None:
    names = [dict(run.tags)["repro.verdict"] for run in described(make_report())]
    assert names[0] == "drifted"
    assert names[-1] == "reproduced"


def test_child_has_seed_condition_and_what_differed_in_its_environment() -> None:
    child = only(make_report(make_result(seed=7))).children[2]
    assert dict(child.params) == {
        "seed": "7",
        "run": "3",
        "condition.place": "process",
        "condition.hash-seed": "1",
        "environment.PYTHONHASHSEED": "1",
    }
    assert dict(child.tags)["repro.differs"] == "loss, weights"


def test_children_are_the_runs_that_finished() -> None:
    lost = make_result(verdict=Verdict.LOST, environments=((), ()))
    assert len(only(make_report(lost)).children) == 2


def test_series_of_every_run_are_logged_with_their_distance() -> None:
    children = only(make_report(make_result())).children
    for number, child in enumerate(children, start=1):
        expected = dict(zip(*make_series()[number - 1][1:], strict=True))
        assert {step: value for key, step, value in child.metrics if key == "loss"} == expected
    distances = [value for child in children for key, _, value in child.metrics if key == "diff.loss"]
    assert distances[:2] == [0.0, 0.0]
    assert distances[2] > 0.0


@pytest.mark.parametrize("length", [100_000, pytest.param(1_000_000, marks=NIGHTLY)])
def test_long_series_keeps_ends_extremes_and_the_first_difference(length: int) -> None:
    steps = tuple(range(length))
    values = [0.0] * len(steps)
    values[12_345], values[98_765] = -5.0, 7.0
    drift = make_drift(
        first=make_divergence(step=77_777), series=((1, steps, tuple(values)), (2, steps, tuple(values)))
    )
    child = only(make_report(make_result(comparison=make_comparison(drift)))).children[0]
    points = {step: value for key, step, value in child.metrics if key == "loss"}
    assert len(points) <= POINTS
    assert points.keys() >= {0, 77_777, length - 1}
    assert (min(points.values()), max(points.values())) == (-5.0, 7.0)


def test_step_that_no_database_holds_is_left_out() -> None:
    drift = make_drift(series=((1, (0, 2**63), (1.0, 2.0)),))
    child = only(make_report(make_result(comparison=make_comparison(drift)))).children[0]
    assert [(step, value) for key, step, value in child.metrics if key == "loss"] == [(0, 1.0)]


def test_drifting_number_is_logged_for_the_runs_it_is_known_of() -> None:
    first = make_divergence("accuracy", step=None, run=2, reference="0.5", other="0.25")
    drift = make_drift("accuracy", kind="float", groups=((1, 4), (2,), (3,)), first=first)
    result = make_result(
        comparison=make_comparison(drift), conditions=(Condition(Place.INLINE),) * 4, environments=((),) * 4, runs=4
    )
    known = [{key: value for key, _, value in child.metrics} for child in only(make_report(result)).children]
    assert [values.get("accuracy") for values in known] == [0.5, 0.25, None, 0.5]
    assert [values.get("diff.accuracy") for values in known] == [0.0, 0.25, None, 0.0]


def test_equal_metric_is_logged_for_every_run_and_one_within_tolerance_for_the_first() -> None:
    result = make_result(
        verdict=Verdict.REPRODUCED,
        metrics=(("accuracy", None, 0.9), ("close", 4, 0.1)),
        comparison=make_comparison(equal=("accuracy",)),
    )
    children = only(make_report(result)).children
    assert [child.metrics for child in children] == [
        (("accuracy", None, 0.9), ("close", 4, 0.1)),
        (("accuracy", None, 0.9),),
        (("accuracy", None, 0.9),),
    ]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        pytest.param("train/loss_1.a-b c", "train/loss_1.a-b c", id="usable"),
        pytest.param('[x-"y"]<b>', "_x-_y___b_", id="markup"),
        pytest.param("loss:val", "loss_val", id="colon"),
        pytest.param("ä", "_", id="not ASCII"),
        pytest.param("", "_", id="empty"),
        pytest.param(".", "_", id="dot"),
        pytest.param("..", "__", id="two dots"),
        pytest.param("../up", "___up", id="parent"),
        pytest.param("/root", "_root", id="absolute"),
        pytest.param("a//b", "a__b", id="two slashes"),
        pytest.param("a/./b", "a_._b", id="inner dot"),
        pytest.param("a/", "a_", id="trailing slash"),
    ],
)
def test_name_becomes_one_that_mlflow_takes(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(safe_name(name * 500)) <= 250


def test_original_of_a_changed_name_is_a_tag_and_two_names_keep_two_keys() -> None:
    drifts = [make_drift(name, series=make_series()) for name in ("loss<a>", "loss<b>", "loss[a]")]
    run = only(make_report(make_result(comparison=make_comparison(*drifts))))
    tags = {key: value for key, value in run.tags if key.startswith("repro.name.")}
    assert tags == {
        "repro.name.loss_a_": "loss<a>",
        "repro.name.loss_b_": "loss<b>",
        "repro.name.loss_a__2": "loss[a]",
    }
    assert {key for key, _, _ in run.children[0].metrics} >= {"loss_a_", "loss_b_", "loss_a__2"}


def test_nothing_is_longer_than_mlflow_takes() -> None:
    result = make_result("t.py::test_" + "x" * 6000, headline="h" * 9000, again="a" * 9000)
    run = only(make_report(result))
    for one in (run, *run.children):
        assert len(one.name) <= 250
        assert all(len(key) <= 250 and len(value) <= 4900 for key, value in (*one.tags, *one.params))


def test_description_of_a_run_holds_no_markup_of_the_user() -> None:
    evil = "`<img src=x onerror=alert(1)>`"
    run = only(make_report(make_result(headline=evil, again=evil)))
    note = dict(run.tags)["mlflow.note.content"]
    assert all(part.startswith("'<img") for part in note.split("`") if "<img" in part)


def test_assignment_survives_the_trip_to_another_process() -> None:
    drift = make_drift(stats=make_stats(max_abs=float("inf")), series=((1, (0,), (float("inf"),)),))
    runs = describe_session(
        replace(make_report(make_result(comparison=make_comparison(drift)))), code=(), requirements=(), project=False
    )
    assignment = Assignment("experiment", "", runs)
    sent = json.dumps(encode(assignment), allow_nan=False)
    assert decode(Assignment, json.loads(sent)) == assignment
