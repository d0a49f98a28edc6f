"""Findings → the words of a `Cause`: what decides, how sure that is, what to change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_repro.conditions.variables import is_added
from pytest_repro.factor_words import words_for
from pytest_repro.lab import RACE_ARM, RACY
from pytest_repro.leftovers import FACTORS as LEFT
from pytest_repro.model import Cause, CauseStatus

if TYPE_CHECKING:
    from pytest_repro.lab import Finding, Findings
    from pytest_repro.model import EntropyDraw, Evidence, Observation, Recording, Suspect

__all__ = ["make_cause", "stream_line", "suspect_lines"]

#: of memory, only these were tried
_ADDRESSES = "memory addresses"
#: factors whose levels mean something to the reader, as those of a project do: the one that shows the drift is named
_NAMED_LEVELS = frozenset({"timezone", "locale", "cpu", "gpu", "environ"})
#: factors of which each run at the switched level has another state: addresses, files, a folder with a name by chance
_OF_ITS_OWN = ("memory", "cwd", "home", *LEFT)
#: where nothing was found
_WRITTEN = "the runs write it; one that reads what another wrote differs"
_MOST_FILES = 3
#: what to do about a place that was not looked at
_ELSEWHERE = MappingProxyType(
    {
        "left-files": "run pytest from a folder that holds less",
        "left-temp": "set TMPDIR to an empty folder and run it again",
        "left-home": "set HOME to an empty folder and run it again",
    }
)


def report_name(factor: str) -> str:
    """The factor's name in reports."""
    return words_for(factor)[0]


def _counts(finding: Finding) -> str:
    _, title, knob, _ = words_for(finding.factor)
    pinned = f"all pinned, {finding.pinned} of {finding.pinned} agree"
    level = f" to {finding.level}" if finding.factor in _NAMED_LEVELS or is_added(finding.factor) else ""
    switched = f"only {knob} switched{level}, {finding.differ} of {finding.switched} differ from them"
    if finding.distinct > 1:
        race = f"{finding.distinct} results among themselves"
        if finding.status is CauseStatus.CAUSE and finding.factor in _OF_ITS_OWN:
            return f"{title} decides it: {pinned}; {switched}, {race}"
        if finding.status is CauseStatus.CAUSE:
            return f"{title} decides it, by a race: {pinned}; {switched}, {race}"
        may = "decide it, by too few runs to say so" if finding.factor in _OF_ITS_OWN else "enable a race"
        return f"{title} may {may}: {pinned}; {switched}, {race}"
    if finding.status is CauseStatus.SUSPECT and finding.factor in RACY and finding.switched >= RACE_ARM:
        return f"{title} may decide it: {pinned}; {switched}, all alike, so no race was seen"
    verb = "decides it" if finding.status is CauseStatus.CAUSE else "may decide it, by too few runs to say so"
    return f"{title} {verb}: {pinned}; {switched}"


def make_cause(
    findings: Findings,
    *,
    suspects: Sequence[Suspect] = (),
    fixes: Mapping[EntropyDraw, str] | None = None,
    first: str = "",
    left: Mapping[str, Sequence[str]] = MappingProxyType({}),
    unseen: Mapping[str, str] = MappingProxyType({}),
) -> Cause:
    """Word what the experiment showed, no more strongly than it did.

    Args:
        findings: of `explain.investigate`.
        suspects: static suspects from the user's own modules.
        fixes: draw → suggested fix.
        first: name of the first value that drifted: what moves it comes first.
        left: factor of `leftovers` → the files that it takes away; where nothing was found, those that runs wrote.
        unseen: such a factor → why nothing is known of what runs left there.
    """
    found = [_library_seed(_of_import(entry), suspects) for entry in findings.found]
    # what differs between fresh interpreters reaches everybody; state only who runs it twice
    ordered = sorted(
        found,
        key=lambda entry: (entry.status is not CauseStatus.CAUSE, _elsewhere(entry, first), entry.factor == "state"),
    )
    cleared = tuple(_ADDRESSES if name == "addresses" else words_for(name)[1] for name in findings.cleared)
    if not ordered:
        written = [f"suspect file: {name}  {_WRITTEN}" for names in left.values() for name in names[:_MOST_FILES]]
        hints = (*written, *suspect_lines(suspects), *_unseen(findings, unseen))
        return _unknown(findings, hints=hints, cleared=cleared)
    best = ordered[0]
    sites = [(draw, (fixes or {}).get(draw, "")) for draw in best.sites]
    details = [f"{draw.call} drawn at {draw.location} ({draw.count} x)" for draw, _ in sites]
    details += suspect_lines(suspects, report_name(best.factor)) if not sites and best.factor not in LEFT else []
    details += [f"left or changed there: {_listed(left[best.factor])}"] if best.factor in left else []
    details += _unfinished(findings)
    return Cause(
        status=best.status,
        factor=report_name(best.factor),
        summary=_counts(best) + (f"; it moves {_listed(best.moved)}, not {first}" if _elsewhere(best, first) else ""),
        evidence=tuple(map(_without_time, findings.evidence)),
        advice=sites[0][1] if sites and sites[0][1] else words_for(best.factor)[3],
        location=sites[0][0].location if sites else None,
        ruled_out=cleared,
        also=tuple(
            _counts(other) + (f"; it moves {_listed(other.moved)}" if other.moved else "") for other in ordered[1:]
        ),
        details=tuple(details),
    )


def _without_time(arm: Evidence) -> Evidence:
    """The level of files that were left says when the session began; the same drift has the same words in each."""
    return replace(arm, level="without them") if arm.factor in LEFT and "=" in arm.level else arm


def _elsewhere(finding: Finding, first: str) -> bool:
    """Whether a factor moves other values than the one that is to be explained."""
    return bool(first and finding.moved) and first not in finding.moved


def _listed(names: Sequence[str], *, limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _of_import(finding: Finding) -> Finding:
    """Name what an import read: entropy, the clock or the number of the process."""
    name, _, k = finding.level.partition("=")
    return replace(finding, factor=f"import-{name}") if finding.factor == "import" and k else finding


def _library_seed(finding: Finding, suspects: Sequence[Suspect]) -> Finding:
    """Tell a clock that the user's code reads from one that a library makes a random seed of.

    Rust's hash tables (polars) take their seed from the time of day: pinning the clock pins them, and
    yet no time is part of the result.
    """
    read = {suspect.factor for suspect in suspects}
    seeded = any(suspect.factor == "entropy" and suspect.advice.startswith("maintain_order") for suspect in suspects)
    if finding.factor == "clock" and seeded and "clock" not in read:
        return replace(finding, factor="library-seed")
    return finding


def _unknown(findings: Findings, *, hints: Sequence[str], cleared: tuple[str, ...]) -> Cause:
    pinned = findings.evidence[0] if findings.evidence else None
    pinned_arms = [arm for arm in findings.evidence if not arm.factor]
    if not findings.pinned_agrees and pinned is not None:
        summary = (
            f"not explained: with everything pinned, {pinned.runs} runs still give {pinned.distinct} results, so it is "
            "none of what can be pinned here"
        )
    elif findings.stopped and not findings.cleared:
        summary = f"not explained: {findings.stopped}"
    elif pinned is not None and not findings.not_tried and not findings.lost and len(pinned_arms) == 1:
        summary = (
            f"not explained: all pinned, {pinned.runs} of {pinned.runs} agree, and no factor switched alone changes "
            "them; it may be rare, or need two factors at once"
        )
    else:
        summary = "not explained: the factors that were switched change nothing, and not all could be tried"
    return Cause(
        status=CauseStatus.UNKNOWN,
        factor="",
        summary=summary,
        evidence=findings.evidence,
        ruled_out=cleared,
        details=(*_unfinished(findings), *hints),
    )


def _unseen(findings: Findings, unseen: Mapping[str, str]) -> list[str]:
    """Only where runs with everything pinned differ, files could be what each leaves to the next."""
    if findings.pinned_agrees:
        return []
    return [f"not looked at: {words_for(place)[1]}: {reason}; {_ELSEWHERE[place]}" for place, reason in unseen.items()]


def _unfinished(findings: Findings) -> list[str]:
    """What the search could not do, and what it could not tell."""
    lines = [f"the search ended early: {findings.stopped}"] if findings.stopped else []
    if findings.not_tried and findings.stopped:
        lines.append("not tried: " + ", ".join(words_for(name)[1] for name in findings.not_tried))
    for name in findings.unheld:
        reason = next(reason for factor, _, reason in findings.lost if not factor)
        lines.append(f"could not be held: {words_for(name)[1]}; with it the run is lost: {reason}")
    for factor, level, reason in dict.fromkeys(findings.lost):
        if factor in LEFT:  # the level holds a time
            lines.append(f"a run was lost without {words_for(factor)[1]}: {reason}")
        elif factor:
            lines.append(f"a run was lost with {words_for(factor)[1]} switched to {level}: {reason}")
        elif not findings.unheld and not findings.stopped:
            lines.append(f"a run was lost with everything pinned: {reason}")
    lines += [f"not told from memory addresses: {words_for(name)[1]}" for name in findings.masked]
    lines += [
        f"the result depends on it too, but not differently from run to run: {words_for(name)[2]}"
        for name in findings.latent
    ]
    if findings.unstable and findings.pinned_agrees:
        lines.append(f"with everything pinned, still different from run to run: {_listed(findings.unstable)}")
    lines += [
        f"{arm.runs} forks of one process, all pinned, give {arm.distinct} results; fresh interpreters are compared"
        for arm in findings.evidence[1:]
        if not arm.factor
    ]
    return lines


def suspect_lines(suspects: Sequence[Suspect], factor: str = "", *, limit: int = 4) -> list[str]:
    """Lines of the user's code that may be to blame; of one factor only where it is given."""
    chosen = [suspect for suspect in suspects if not factor or suspect.factor == factor]
    lines = [f"suspect line: {suspect.location}  {suspect.call}" for suspect in chosen[:limit]]
    if len(chosen) > limit:
        lines.append(f"... and {len(chosen) - limit} more suspect lines")
    return lines


def stream_line(reference: Recording, other: Recording) -> str:
    """Which random stream had diverged before the first value that differs; empty without a ledger.

    Streams that diverge before the value do say that an order or a count of draws differs; equal
    streams say that only arithmetic or a private source does.
    """
    from pytest_repro.values import identical

    for ours, theirs in zip(reference.observations, other.observations, strict=False):
        if not ours.ledger or not theirs.ledger:
            return ""
        digests = dict(zip(other.streams, theirs.ledger, strict=False))
        both = [(name, mine == digests[name]) for name, mine in _named(reference, ours) if name in digests]
        moved = [name for name, equal in both if not equal]
        if moved:
            had = f"{' and '.join(moved)} had diverged when {_label(ours.name, ours.step)} was recorded"
            return f"{had}: draws from {'it' if len(moved) == 1 else 'them'} differ in number or order"
        if (ours.name, ours.step) != (theirs.name, theirs.step) or not identical(ours.value, theirs.value):
            names = " and ".join(name for name, _ in both)
            verb = "was" if len(both) == 1 else "were"
            return f"{names} {verb} equal up to there: no draw from them differs, only what is done with the numbers"
    return ""


def _named(recording: Recording, seen: Observation) -> list[tuple[str, int]]:
    return list(zip(recording.streams, seen.ledger, strict=False))


def _label(name: str, step: int | None) -> str:
    return name if step is None else f"{name}[{step}]"
