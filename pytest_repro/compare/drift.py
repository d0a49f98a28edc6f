"""All that is known of one drifting name: one row of the table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_repro.compare.tally import largest_of, sum_of
from pytest_repro.model import Array, Branch, Divergence, LeafDifference, MatchStatus, ValueDrift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_repro.compare.align import Key, Order
    from pytest_repro.compare.runs import Judged
    from pytest_repro.model import Match, Node

__all__ = ["LEAVES", "value_drift"]

#: leaves listed of one name
LEAVES = 50
#: what is shown for an observation that a run lacks
NOT_RECORDED = "(not recorded)"
_WIDTH = 200


def value_drift(judged: Judged, first: tuple[Order, int, Key, Match]) -> ValueDrift:
    """Return the row of a name that drifts, `first` being its earliest divergence."""
    from pytest_repro.compare.series import numeric_series

    different, total = _counts(judged)
    leaves, n_leaves = _leaves(judged)
    return ValueDrift(
        name=judged.aligned.name,
        kind=_kind(judged),
        groups=_groups(judged),
        first=_divergence(judged, first),
        n_different=different,
        n_total=total,
        stats=largest_of(sum_of(found.stats for found in matches.values()) for matches in judged.matches),
        leaves=leaves,
        n_leaves=n_leaves,
        structure=_structure(judged, first),
        series=numeric_series(judged, first[2]),
        heat=_heat(judged, first),
    )


def _divergence(judged: Judged, first: tuple[Order, int, Key, Match]) -> Divergence:
    _, index, key, found = first
    aligned = judged.aligned
    shown = aligned.found[index if found.status is MatchStatus.EXTRA else 0][key]
    leaf = found.leaves[0] if found.leaves else _one_sided(found, shown.value, "")
    return Divergence(
        name=aligned.name,
        step=aligned.step(key),
        run=judged.runs[index],
        path=leaf.path + _index_text(leaf),
        reference=leaf.reference,
        other=leaf.other,
        ulp=leaf.ulp,
        location=shown.location,
    )


def _index_text(leaf: LeafDifference) -> str:
    """Return the index of the element shown, for leaves that are arrays."""
    index = leaf.stats.first_index if leaf.stats is not None else ()
    return f"[{', '.join(map(str, index))}]" if index else ""


def _one_sided(found: Match, value: Node, path: str) -> LeafDifference:
    """Return the leaf of an observation that only one of two runs has."""
    from pytest_repro.values import render

    text = render(value, width=_WIDTH)
    if found.status is MatchStatus.EXTRA:
        return LeafDifference(path, "extra", NOT_RECORDED, text)
    return LeafDifference(path, "missing", text, NOT_RECORDED)


def _kind(judged: Judged) -> str:
    from pytest_repro.values import describe

    aligned = judged.aligned
    if aligned.series:
        return f"series, {len(aligned.keys)}"
    return describe(next(found for found in aligned.found if found)[aligned.keys[0]].value)


def _groups(judged: Judged) -> tuple[tuple[int, ...], ...]:
    """Return runs that agree with each other, the reference's group first, then by their first run."""
    groups: dict[tuple[str, ...], list[int]] = {(): [judged.runs[0]]}
    for index, matches in enumerate(judged.matches, start=1):
        drifts = any(found.status not in (MatchStatus.EQUAL, MatchStatus.WITHIN) for found in matches.values())
        groups.setdefault(_identity(judged, index) if drifts else (), []).append(judged.runs[index])
    return tuple(map(tuple, groups.values()))


def _identity(judged: Judged, index: int) -> tuple[str, ...]:
    """Return what is equal exactly for runs that differ from the reference in the same way."""
    from pytest_repro.values import fingerprint

    aligned, matches = judged.aligned, judged.matches[index - 1]
    parts: list[str] = []
    for key in aligned.keys:
        observation = aligned.found[index].get(key)
        if key not in matches:
            parts.append("as the reference")
        elif observation is None:
            parts.append("missing")
        else:
            parts.append(fingerprint(observation.value, nan_payload=observation.tolerance.nan_payload))
    return tuple(parts)


def _counts(judged: Judged) -> tuple[int, int]:
    """Return (different, total): steps of a series, elements of an array, leaves of anything else."""
    aligned = judged.aligned
    drifting = list(judged.drifting())
    if aligned.series:
        return len({key for _, _, key, _ in drifting}), len(aligned.keys)
    value = next(found for found in aligned.found if found)[aligned.keys[0]].value
    if isinstance(value, Array):
        known = [leaf.stats for _, _, _, found in drifting for leaf in found.leaves if leaf.stats is not None]
        return (max(stats.outside for stats in known), value.data.size) if known else (1, 1)
    different = max(found.n_leaves or 1 for _, _, _, found in drifting)
    return different, max(different, _count_leaves(value))


def _count_leaves(root: Node) -> int:
    """Return how many leaves a value has; an empty container is one."""
    count, pending = 0, [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Branch) and node.items:
            branches = [item for item in node.items if isinstance(item, Branch)]
            count += len(node.items) - len(branches)
            pending += branches
        else:
            count += 1
    return count


def _leaves(judged: Judged) -> tuple[tuple[LeafDifference, ...], int]:
    """Return leaves in execution order, inside one value the worst first; each key as its first drifting run has it."""
    aligned = judged.aligned
    earliest: dict[Key, tuple[int, Match]] = {}
    for _, index, key, found in judged.drifting():
        earliest.setdefault(key, (index, found))
    leaves: list[LeafDifference] = []
    total = 0
    for key in (key for key in aligned.keys if key in earliest):
        index, found = earliest[key]
        total += found.n_leaves or 1
        if len(leaves) < LEAVES:
            step = aligned.step(key)
            prefix = "" if step is None else f"[{step}]"
            shown = aligned.found[index if found.status is MatchStatus.EXTRA else 0][key]
            some: Sequence[LeafDifference] = found.leaves or (_one_sided(found, shown.value, ""),)
            leaves += [replace(leaf, path=prefix + leaf.path) for leaf in sorted(some, key=_badness)]
    return tuple(leaves[:LEAVES]), total


def _badness(leaf: LeafDifference) -> tuple[bool, float, float]:
    """Sort by what is worst: differences without distance, then by relative, then by absolute distance."""
    if leaf.stats is None or math.isnan(leaf.stats.max_abs):
        return False, 0.0, 0.0
    return True, -leaf.stats.max_rel, -leaf.stats.max_abs


def _heat(judged: Judged, first: tuple[Order, int, Key, Match]) -> tuple[tuple[float | None, ...], ...]:
    """Return the grid of an array that is recorded once and differs in its numbers only."""
    _, index, key, found = first
    if judged.aligned.series or found.stats is None:
        return ()
    reference, other = (judged.aligned.found[i][key] for i in (0, index))
    if not (isinstance(reference.value, Array) and isinstance(other.value, Array)):
        return ()
    from pytest_repro.compare.heat import heat

    return heat(reference.value, other.value, reference.tolerance)


def _structure(judged: Judged, first: tuple[Order, int, Key, Match]) -> tuple[str, ...]:
    """Return lines for text and nested values; numbers of equal shape are told by their leaves."""
    _, index, key, found = first
    if all(leaf.stats is not None for leaf in found.leaves):
        return ()
    reference, other = (judged.aligned.found[i][key] for i in (0, index))
    if not all(isinstance(observation.value, (str, Branch)) for observation in (reference, other)):
        return ()
    from pytest_repro.compare.structure import structural_diff

    return structural_diff(reference.value, other.value, tolerance=reference.tolerance)
