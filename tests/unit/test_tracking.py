from __future__ import annotations

from pathlib import Path

import pytest

from pytest_repro.tracking import _lines, _Said


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://me:hush@tracker.example/path", id="address"),
        pytest.param("http://me:hush@[tracker", id="no-address"),
        pytest.param("postgresql+psycopg2://me:hush@db/mlflow", id="database"),
        pytest.param("postgresql://db/mlflow?user=me&password=hush&timeout=3", id="setting"),
        pytest.param("mysql://me@db/mlflow?ssl_key=hush", id="setting-and-name"),
    ],
)
def test_no_password_is_shown_whatever_the_address_is(uri: str) -> None:
    (line,) = _lines(_Said(uri=uri, error=f"{uri} did not answer"), total=1, directory=Path())
    assert line.startswith("repro: WARNING: 0 of 1 test logged to MLflow at ")
    assert "hush" not in line
