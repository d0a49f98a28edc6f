"""What a survey says of a model, from recordings made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_repro.errors import StoredDataError
from pytest_repro.survey.judging import Cell, Outcome, Survey, judge
from pytest_repro.survey.sessions import Session, plan_sessions
from pytest_repro.survey.tables import as_json, as_markdown, as_text
from tests.unit.baseline.test_baseline_recordings import make

SESSIONS = plan_sessions({"threads": ("4",), "hash-seed": ("1", "2")}, runs=2)
KMEANS = "test_scikit_learn.py::test_model[KMeans]"


def survey(folder: Path, values: Mapping[str, object], *, sessions: tuple[Session, ...] = SESSIONS) -> Survey:
    """A survey of one model: label of a session → its output; one that is not named gives 0.5."""
    for session in sessions:
        value = values.get(session.label, 0.5)
        make(folder / session.label, ("output", value), ("model", 1), nodeid=KMEANS)
    return judge(sessions, folder, lacking={"cpu": "no AVX2"}, missing={"torch": "pip install torch"}, installed=())


def cell(found: Survey, factor: str) -> Cell:
    (row,) = found.rows
    assert (row.library, row.model) == ("scikit-learn", "KMeans")
    return row.cells[factor]


@pytest.mark.parametrize(
    ("values", "factor", "expected"),
    [
        pytest.param({}, "threads", Cell(Outcome.REPRODUCES), id="all equal"),
        pytest.param(
            {"threads-4-1": 0.75, "threads-4-2": 0.75}, "threads", Cell(Outcome.DRIFTS, 0.25, 1, 1), id="another level"
        ),
        pytest.param({"threads-4-2": 0.75}, "threads", Cell(Outcome.RACES, 0.25, 1, 1), id="one level, two results"),
        pytest.param({"threads-4-2": 0.75}, "hash-seed", Cell(Outcome.REPRODUCES), id="another factor's arm"),
        pytest.param({"hash-seed-2-2": 0.75}, "hash-seed", Cell(Outcome.DRIFTS, 0.25, 1, 1), id="one of two levels"),
        pytest.param({"held-2": 0.75}, "threads", Cell(Outcome.UNSTEADY, 0.25, 1, 1), id="nothing was switched"),
        pytest.param({}, "cpu", Cell(Outcome.NOT_HERE), id="factor that is not here"),
    ],
)
def test_cell(values: dict[str, object], factor: str, expected: Cell, tmp_path: Path) -> None:
    assert cell(survey(tmp_path, values), factor) == expected


def test_labels_are_counted_not_measured(tmp_path: Path) -> None:
    arms = {session.label: [0, 1, 1, 2] for session in SESSIONS}
    arms["threads-4-1"] = arms["threads-4-2"] = [0, 9, 1, 2]
    found = cell(survey(tmp_path, arms), "threads")
    assert (found.outcome, found.max_abs) == (Outcome.DRIFTS, None)
    assert found.total >= found.different >= 1


def test_difference_inside_of_a_model_is_no_difference_of_its_output(tmp_path: Path) -> None:
    for session in SESSIONS:
        inside = 2 if session.factor == "threads" else 1
        make(tmp_path / session.label, ("output", 0.5), ("model", inside), nodeid=KMEANS)
    found = judge(SESSIONS, tmp_path, lacking={}, missing={}, installed=())
    assert cell(found, "threads") == Cell(Outcome.DRIFTS)
    assert "drifts, inside only" in as_text(found)


def test_model_that_failed_in_one_session_is_not_called_anything_else(tmp_path: Path) -> None:
    for session in SESSIONS:
        make(tmp_path / session.label, ("output", 1.0), nodeid="test_a.py::test_fine")
        if session.label != "threads-4-2":
            make(tmp_path / session.label, ("output", 1.0), nodeid=KMEANS)
    found = judge(SESSIONS, tmp_path, lacking={}, missing={}, installed=())
    outcomes = {row.model: row.cells["threads"].outcome for row in found.rows}
    assert outcomes == {"KMeans": Outcome.FAILED, "fine": Outcome.REPRODUCES}
    assert not found.complete


def test_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError):
        judge(SESSIONS, tmp_path, lacking={}, missing={}, installed=())


# --- tables -----------------------------------------------------------------------------------


def test_tables_say_what_was_found_and_what_was_not_looked_at(tmp_path: Path) -> None:
    found = survey(tmp_path, {"threads-4-1": 0.75, "threads-4-2": 0.75})
    for text in (as_text(found), as_markdown(found)):
        assert "drifts, 2e-01" in text
        assert "not applicable here" in text
        assert "threads was switched to 4: 1 drifts" in text
        assert "cpu is not applicable here: no AVX2" in text
        assert "torch is not installed (pip install torch)" in text
    assert "| scikit-learn | `KMeans` | **drifts, 2e-01** | reproduces | **not applicable here** |" in as_markdown(
        found
    )


def test_json_has_everything(tmp_path: Path) -> None:
    body = json.loads(as_json(survey(tmp_path, {"threads-4-1": 0.75, "threads-4-2": 0.75})))
    assert body["schema"] == "pytest-repro/survey@1"
    (model,) = body["models"]
    assert model["factors"]["threads"] == {"outcome": "drifts", "max_abs": 0.25, "different": 1, "total": 1}
    assert body["levels"] == {"threads": ["4"], "hash-seed": ["1", "2"]}
