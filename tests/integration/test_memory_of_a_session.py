"""What a session keeps of each test until its end."""

from __future__ import annotations

import json

import pytest

import pytest_repro.plugin
from tests.integration.conftest import Inner


class Kept:
    """Looks at the reports that pytest itself keeps to the end."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.reports.append(report)


def test_reports_that_pytest_keeps_do_not_hold_the_result_again(inner: Inner) -> None:
    inner.file("""
        import pytest

        @pytest.mark.repro
        @pytest.mark.parametrize("number", range(3))
        def test_it(repro, number):
            repro.metric("x", repro.run if number == 1 else number)
    """)
    kept = Kept()
    session = inner.pytester.inline_run(
        "-p",
        "no:cacheprovider",
        "--repro-runs=2",
        "--repro-isolation=inline",
        "--repro-explain=off",
        "--repro-json=out.json",
        plugins=[pytest_repro.plugin, kept],
    )
    session.assertoutcome(passed=2, failed=1)
    assert [vars(report)["repro"] for report in kept.reports] == [
        {"verdict": "reproduced"},
        {"verdict": "drifted"},
        {"verdict": "reproduced"},
    ]
    tests = json.loads((inner.pytester.path / "out.json").read_text(encoding="utf-8"))["tests"]
    assert [len(test["conditions"]) for test in tests] == [2, 2, 2], "the report has all of it"
