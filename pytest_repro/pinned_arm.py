"""The arm of an experiment in which everything is pinned. Pure: proposes trials, judges them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from pytest_repro.lab import ARM

if TYPE_CHECKING:
    from pytest_repro.lab import Lab, Outcome, Trial

__all__ = ["FRESH_ARM", "fresh_arm", "pinned_arm", "run_pinned"]

#: runs in fresh interpreters before anything is switched: more, since they come after some that differed
FRESH_ARM = 4
#: a run with everything pinned may be lost by accident this often
_LOSSES = 2
#: pins that programs stand least, first; a ``state`` that is fresh holds nothing
_BRITTLE = ("threads", "clock", "pid", "entropy", "import", "files", "gpu", "memory", "hash-seed")


def pinned_arm(lab: Lab) -> Generator[Trial, Outcome, bool]:
    """A A A; False where they cannot serve as evidence."""
    if not (yield from _hold(lab)):
        return False
    while len(lab.pinned) < ARM:
        if not (yield from run_pinned(lab)):
            return False
    return True


def fresh_arm(lab: Lab) -> Generator[Trial, Outcome, bool]:
    """A A A A, each in a fresh interpreter; False where they differ again."""
    lab.begin_fresh()
    while len(lab.pinned) < FRESH_ARM:
        if not (yield from run_pinned(lab)):
            return False
    return True


def _hold(lab: Lab) -> Generator[Trial, Outcome, bool]:
    """The first run with everything pinned, or with all but the pin that the program does not stand."""
    if (yield from run_pinned(lab)):
        return True
    if not lab.lost:
        return False
    reason, lab.stopped = lab.stopped, ""
    for name in [name for name in _BRITTLE if name in lab.levels]:
        outcome = yield lab.without(name)
        if outcome.recording is not None:
            del lab.levels[name]
            lab.unheld.append(name)
            lab.hold(outcome.recording)
            return True
        if outcome.final:
            lab.stopped = outcome.reason
            return False
    lab.stopped = reason
    return False


def run_pinned(lab: Lab) -> Generator[Trial, Outcome, bool]:
    """One more run with everything pinned; False where it cannot serve as evidence."""
    while True:
        outcome = yield lab.trial()
        if outcome.recording is not None:
            lab.hold(outcome.recording)
            return not lab.residual
        lab.miss("", "pinned", outcome)
        if not lab.stopped and sum(not factor for factor, _, _ in lab.lost) >= _LOSSES:
            lab.stopped = f"with everything pinned, the run is lost: {outcome.reason}"
        if lab.stopped:
            return False
