"""Whether files that earlier runs left decide the result. Pure: proposes trials, judges them.

Runs that each find what the one before left differ with everything pinned, and nothing can be switched. Without
those files they agree: shown by runs in turn, with what was left and without it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from pytest_repro.lab import FISHER_LIMIT, RACE_ARM, Finding, fisher
from pytest_repro.model import CauseStatus

if TYPE_CHECKING:
    from pytest_repro.lab import Lab, Outcome, Trial
    from pytest_repro.model import Recording

__all__ = ["FACTOR", "FACTORS", "take_away"]

FACTOR = "left-files"
#: in the working directory, the temporary folder and the home folder
FACTORS = (FACTOR, "left-temp", "left-home")


def take_away(lab: Lab, factor: str, level: str) -> Generator[Trial, Outcome, bool]:
    """Run without the files and with them in turn; where that decides, the runs without become the pinned arm.

    Returns:
        Whether it decides.

    Args:
        lab: whose pinned runs, forks all of them, differ.
        factor: one of `FACTORS`.
        level: of that factor, at which those files are not there.
    """
    lab.fresh = False
    bare: list[Recording] = []
    left = list(lab.pinned)
    while len(bare) < RACE_ARM:
        for arm, trial in ((bare, lab.trial(factor, level)), (left, lab.trial())):
            outcome = yield trial
            if outcome.recording is None:
                lab.miss(factor, level, outcome)
                return False
            arm.append(outcome.recording)
        if _told(lab, bare, left):
            break
    decides = _told(lab, bare, left) == "decides"
    if decides:
        _keep(lab, bare, left, factor=factor, level=level)
    return decides


def _told(lab: Lab, bare: list[Recording], left: list[Recording]) -> str:
    """``decides``, ``does not``, or nothing as long as there are too few runs."""
    among = [lab.first in lab.apart(bare[0], other) for other in bare[1:]]
    across = [lab.first in lab.apart(bare[0], other) for other in left]
    if any(among) or not all(across):
        return "does not"
    # runs with the files differ among themselves, or else nobody would ask: only many of them exclude chance
    chance = fisher(differ=len(left), switched=len(left), pinned=len(bare))
    return "decides" if chance < FISHER_LIMIT else ""


def _keep(lab: Lab, bare: list[Recording], left: list[Recording], *, factor: str, level: str) -> None:
    lab.note(factor, "as it was", left)
    lab.pinned, lab.unstable = [], set()
    for recording in bare:
        lab.hold(recording)
    lab.found.append(
        Finding(
            status=CauseStatus.CAUSE,
            factor=factor,
            level=level,
            pinned=len(bare),
            switched=len(left),
            differ=len(left),
            distinct=lab.distinct(left),
            moved=tuple(sorted(set.intersection(*(set(lab.apart(bare[0], other)) for other in left)))),
        )
    )
