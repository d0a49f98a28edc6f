"""What the end of a session says: what a pass means, and how many tests did not pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_repro.model import Verdict
from pytest_repro.report.wording import visible, within_text, wrap

if TYPE_CHECKING:
    from pytest_repro.model import SessionReport, TestResult

__all__ = ["closing_lines"]


def closing_lines(report: SessionReport, *, escape: Callable[[int], float], width: int = 80) -> list[str]:
    """What a pass means, at the end of the session.

    Args:
        report: the session.
        escape: number of runs → how likely a drift of one run in ten escapes them.
        width: of the terminal.
    """
    good = [test for test in report.tests if test.good]
    meaning = _meaning(good, report, escape)
    lines = wrap(meaning, width, indent="  ") if meaning else []
    bad: dict[str, int] = {}
    for test in report.tests:
        if not test.good:
            word = "drawing uncontrolled entropy" if test.verdict.good else test.verdict.value
            bad[word] = bad.get(word, 0) + 1
    if bad:
        lines.append(f"repro: not reproduced: {', '.join(f'{count} {word}' for word, count in bad.items())}.")
    for test in report.tests:
        lines += [f"repro: {test.nodeid}: {within_text(entry)}" for entry in test.comparison.within]
    return [visible(line) for line in lines]


def _meaning(good: Sequence[TestResult], report: SessionReport, escape: Callable[[int], float]) -> str:
    kept = [test for test in good if test.against]
    good = [test for test in good if test.runs > 1]
    against = _against(kept) if kept else ""
    if not good:
        return against
    runs = sorted({test.runs for test in good})
    counted = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    within = sum(test.verdict is Verdict.WITHIN for test in good)
    how = "bitwise" if not within else f"bitwise, {within} of them within tolerance"
    varied = ", ".join(report.varied) or "nothing"
    tests = "1 test" if len(good) == 1 else f"{len(good)} tests"
    line = f"repro: {tests} reproduced over {counted} runs ({how}; varied: {varied})."
    if report.not_varied:
        line += f" Not varied: {', '.join(report.not_varied)}."
    line += f" A drift that shows in 1 run of 10 escapes {runs[0]} runs {100 * escape(runs[0]):.0f}\xa0% of the time."
    return f"{line} {against.removeprefix('repro: ')}".rstrip()


def _against(kept: Sequence[TestResult]) -> str:
    """``3 tests agree with their baselines (bitwise)``, for each that tests were compared with."""
    parts = []
    for other in dict.fromkeys(test.against for test in kept):
        some = [test for test in kept if test.against == other]
        within = sum(test.verdict is Verdict.WITHIN for test in some)
        how = "bitwise" if not within else f"bitwise, {within} of them within tolerance"
        one = len(some) == 1
        whom = other if other != "baseline" else "its baseline" if one else "their baselines"
        parts.append(f"{'1 test agrees' if one else f'{len(some)} tests agree'} with {whom} ({how})")
    return f"repro: {', '.join(parts)}."
