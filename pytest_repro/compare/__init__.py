"""Recordings x tolerance -> comparison. Pure: sees no pytest, no files, no clock, no process state.

The functions here are the whole interface. Each imports what it needs when it is called, so that
loading the plugin does not load numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.model import Comparison, Match, Node, Recording, Tolerance

__all__ = ["compare_recordings", "match"]


def compare_recordings(recordings: Sequence[Recording], *, one_session: bool = False) -> Comparison:
    """Compare the recordings of one test; the first is the reference.

    one_session: one run may have found in a cache what another had computed there, and that call is no drift.
    """
    from pytest_repro.compare.runs import compare_recordings as implementation

    return implementation(recordings, one_session=one_session)


def match(reference: Node, other: Node, tolerance: Tolerance) -> Match:
    """Compare one canonical value against the reference's."""
    from pytest_repro.compare.tree import match as implementation

    return implementation(reference, other, tolerance)
