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
    if recordings and _all_equal(recordings):
        from pytest_repro.model import Comparison

        return Comparison(equal=tuple(dict.fromkeys(each.name for each in recordings[0].observations)))
    from pytest_repro.compare.runs import compare_recordings as implementation

    return implementation(recordings, one_session=one_session)


def _all_equal(recordings: Sequence[Recording]) -> bool:
    """Whether all recorded the same bits in the same order, and nothing is to be noted of any: nearly always."""
    from pytest_repro.model import Kind
    from pytest_repro.values import identical

    first = recordings[0].observations
    if any(len(each.observations) != len(first) for each in recordings):
        return False
    return not any(hasattr(each.value, "notes") for each in first) and all(
        one.name == other.name
        and one.step == other.step
        and (one.kind is not Kind.AUTO or one.location == other.location)
        and identical(one.value, other.value, nan_payload=one.tolerance.nan_payload)
        for each in recordings[1:]
        for one, other in zip(first, each.observations, strict=True)
    )


def match(reference: Node, other: Node, tolerance: Tolerance) -> Match:
    """Compare one canonical value against the reference's."""
    from pytest_repro.compare.tree import match as implementation

    return implementation(reference, other, tolerance)
