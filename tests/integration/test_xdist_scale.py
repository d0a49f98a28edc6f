"""pytest-xdist with workers that crash: every test has exactly one verdict, and every report is written once.

``PYTEST_REPRO_NIGHTLY=1`` runs the full size: 1,000 tests with every distribution. Under loadscope, loadfile and
loadgroup no worker crashes: pytest-xdist 3.8.0 ends in an internal error of its own then, also without our plugin.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.integration.conftest import Inner

pytest.importorskip("xdist")

NIGHTLY = os.environ.get("PYTEST_REPRO_NIGHTLY") == "1"
COUNT = 1000 if NIGHTLY else 60
DISTRIBUTIONS = ["load", "loadscope", "loadfile", "loadgroup", "worksteal"] if NIGHTLY else ["load"]

#: Where pytest-xdist survives a crash.
SURVIVING = ("load", "worksteal")

#: Three crashes among the tests, in the first run and in a later one; a drift among each ten.
SUITE = """
    import os
    import pytest

    COUNT = {count}
    CRASHES = {crashes}
    seen = set()

    @pytest.mark.repro
    @pytest.mark.parametrize("number", range({start}, COUNT, 4))
    def test_one(repro, number):
        if CRASHES and number in (COUNT // 4, COUNT // 2, COUNT - 1) and repro.run == 1 + number % 2:
            os._exit(9)
        again = number in seen
        seen.add(number)
        repro.metric("x", number)
        if number % 10 == 0:
            repro.metric("state", int(again))

    @pytest.mark.parametrize("number", range(2))
    def test_unmarked(number):
        if CRASHES and number and {start} == 0:
            os._exit(9)
"""

CONFTEST = """
    import pathlib

    def pytest_repro_report(report):
        with (pathlib.Path(__file__).parent / "reported.txt").open("a") as file:
            file.write(f"{len(report.tests)}\\n")
"""


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_test_has_one_verdict_although_workers_crash(inner: Inner, distribution: str) -> None:
    crashes = distribution in SURVIVING
    for start in range(4):
        inner.file(SUITE.format(count=COUNT, start=start, crashes=crashes), f"test_part_{start}")
    inner.pytester.makeconftest(CONFTEST)
    options = ["-n2", f"--dist={distribution}", "--max-worker-restart=20", "-q"]
    reports = ["--repro-json=r.json", "--repro-md=r.md", "--repro-html=r.html", "--repro-update=all"]
    result = inner("--repro-runs=2", *options, *reports, plugins=["xdist"], subprocess=True)
    tests = json.loads((inner.pytester.path / "r.json").read_text(encoding="utf-8"))["tests"]
    names = [test["nodeid"].partition("::")[2] for test in tests]
    assert sorted(names) == sorted(f"test_one[{number}]" for number in range(COUNT))
    verdicts = {int(name[9:-1]): test["verdict"] for name, test in zip(names, tests, strict=True)}
    lost = {COUNT // 4, COUNT // 2, COUNT - 1} if crashes else set()
    assert {number for number, verdict in verdicts.items() if verdict == "lost"} == lost
    drifted = {number for number in range(0, COUNT, 10) if number not in lost}
    assert {number for number, verdict in verdicts.items() if verdict == "drifted"} == drifted
    counted = result.parseoutcomes()
    assert counted["failed"] == len(lost) + len(drifted) + crashes
    assert counted["passed"] == COUNT - len(lost) - len(drifted) + 8 - crashes
    assert written_once(inner.pytester.path, lost | drifted)


def written_once(folder: Path, bad: set[int]) -> bool:
    """The hook was called once, the page has a card for each test that did not reproduce; a baseline for each other."""
    assert (folder / "reported.txt").read_text(encoding="utf-8") == f"{COUNT}\n"
    assert (folder / "r.md").read_text(encoding="utf-8").count("# ") > 0
    page = (folder / "r.html").read_text(encoding="utf-8")
    cards = re.findall(r'<article class="card[^>]* data-name="([^"]+)"', page)
    assert sorted(int(name.partition("[")[2].rstrip("]")) for name in cards) == sorted(bad)
    kept = sorted((folder / "__repro__").rglob("*.json"))
    assert len(kept) == COUNT - len(bad)
    return True
