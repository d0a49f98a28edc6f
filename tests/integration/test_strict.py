"""``--repro-strict``: uncontrolled draws fail a test whose values agree; each line is named, each with its fix."""

from __future__ import annotations

import re

import pytest

from tests.integration.conftest import Inner

MODEL = """
import os, uuid
import numpy as np
def jitter(): return np.random.default_rng().normal()
def name(): return uuid.uuid4().hex
def files(): return sorted(os.listdir("."))
"""
TESTS = """
import logging, random, secrets, tempfile
import pytest, model

@pytest.mark.repro
def test_draws(repro):
    model.jitter()
    for _ in range(2): secrets.token_hex(4)
    repro.metric("x", 1.0)

@pytest.mark.repro(allow=["uuid"])
def test_allowed(repro):
    model.name()
    repro.metric("x", 1.0)

@pytest.mark.repro(allow=["uuid"])
def test_allowed_in_part(repro):
    model.name()
    random.Random()
    repro.metric("x", 1.0)

@pytest.mark.repro
def test_clean(repro):
    tempfile.mkdtemp()
    logging.getLogger("a").warning("b")
    repro.metric("x", [random.random(), repro.rng.normal(), len(model.files()) > 0])

@pytest.mark.repro
def test_drifts(repro):
    repro.metric("x", model.jitter())
"""


@pytest.fixture
def text(inner: Inner) -> str:
    inner.pytester.makepyfile(model=MODEL, test_it=TESTS)
    result = inner("--repro-runs=2", "--repro-strict", "--repro-explain=off", subprocess=True)
    result.assert_outcomes(failed=3, passed=2)
    return "\n".join(result.outlines)


def block(text: str, name: str) -> str:
    """What is shown of one failing test, without line breaks."""
    return " ".join(re.split(r"_{5,} \w+ _{5,}|={5,} ", text.partition(f" {name} _")[2])[0].split())


def test_every_line_that_draws_is_named_with_its_fix_though_nothing_drifted(text: str) -> None:
    shown = block(text, "test_draws")
    assert "STRICT: uncontrolled entropy is drawn in 2 places; the values did not drift" in shown
    assert "drawn numpy.random.default_rng() at model.py:3 fix np.random.default_rng(seed); make seed a param" in shown
    assert "drawn secrets.token_hex() at test_it.py:7, 2 times fix random.Random(repro.seed)" in shown


def test_what_a_test_allows_is_not_named(text: str) -> None:
    shown = block(text, "test_allowed_in_part")
    assert "uncontrolled entropy is drawn in 1 place;" in shown
    assert "random.Random()" in shown
    assert "uuid4" not in shown


def test_a_drift_of_a_strict_test_is_shown_as_a_drift(text: str) -> None:
    assert "DRIFT: 1 of 1 value differs" in block(text, "test_drifts")
