"""What a reader of JUnit XML gets: properties, the short difference in the failure's text, one case for each test."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.integration.conftest import Inner

SOURCE = """
import os
import pytest

@pytest.mark.repro
def test_drift(repro):
    for step in range(3):
        repro.metric("loss", os.urandom(8).hex() if step == 1 else "same", step=step)
    repro.metric("accuracy", 0.5)

@pytest.mark.repro
def test_same(repro):
    repro.metric("accuracy", 0.5)

@pytest.mark.repro
def test_nothing_recorded(repro):
    pass

def test_plain():
    pass
"""


def cases(inner: Inner, *arguments: str, isolation: str) -> dict[str, ET.Element]:
    """The test cases of the XML that a session writes, by name."""
    target = inner.pytester.path / "junit.xml"
    inner.file(SOURCE)
    inner(f"--junitxml={target}", "--repro-runs=3", *arguments, isolation=isolation)
    suite = ET.parse(target).getroot()
    found = list(suite.iter("testcase"))
    assert len(found) == len({case.get("name") for case in found}), "one case for each test, not for each run"
    return {str(case.get("name")): case for case in found}


def properties(case: ET.Element) -> dict[str, str]:
    entries = [(str(one.get("name")), str(one.get("value"))) for one in case.iter("property")]
    assert len(entries) == len(dict(entries)), "each property once"
    return dict(entries)


@pytest.mark.parametrize("isolation", ["inline", "process", "auto"])
@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_drift_is_a_failure_with_properties_and_the_difference(inner: Inner, isolation: str, family: str) -> None:
    found = cases(inner, "-o", f"junit_family={family}", isolation=isolation)
    assert found.keys() == {"test_drift", "test_same", "test_nothing_recorded", "test_plain"}
    assert properties(found["test_drift"]) == {
        "repro.verdict": "drifted",
        "repro.runs": "3",
        "repro.first_divergence": "loss[1]",
    }
    failure = found["test_drift"].find("failure")
    assert failure is not None
    text = str(failure.text)
    assert "DRIFT: 1 of 2 values differs between 3 runs that should be equal" in text
    assert "first   loss[1]  in run 2" in text
    assert "again   pytest" in text
    assert len(text.splitlines()) < 30, "short: GitLab shows nothing else"
    assert (found["test_drift"].get("file") is not None) == (family == "xunit1"), "GitLab links the file of xunit1"


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_other_verdicts_have_their_properties(inner: Inner, isolation: str) -> None:
    found = cases(inner, isolation=isolation)
    assert properties(found["test_same"]) == {"repro.verdict": "reproduced", "repro.runs": "3"}
    assert found["test_same"].find("failure") is None
    assert properties(found["test_nothing_recorded"]) == {"repro.verdict": "inconclusive", "repro.runs": "3"}
    assert found["test_nothing_recorded"].find("failure") is not None
    assert properties(found["test_plain"]) == {}


def test_cause_is_a_property(inner: Inner) -> None:
    found = cases(inner, "--repro-explain=auto", "--repro-budget=60", "-k", "test_drift", isolation="process")
    assert properties(found["test_drift"])["repro.cause"] == "cause: entropy"
