"""Why a test that does not reproduce may pass all the same: a quarantine, a known drift, or ``--repro-level=warn``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_repro.model import Verdict
from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from pytest_repro.known import KnownDrift
    from pytest_repro.model import TestResult
    from pytest_repro.settings import Settings

__all__ = ["Excuses", "Watched", "excuse_lines"]

_DRIFTS = (Verdict.DRIFTED, Verdict.BASELINE_DRIFTED)


@dataclass(frozen=True, slots=True)
class Watched:
    """What became of one test's automatic observations."""

    nodeid: str
    observed: bool
    #: values that could not be compared by meaning
    skipped: int = 0
    #: why it could not be executed again where the plan wanted it, empty where it could
    unrepeatable: str = ""
    #: why it was not compared with its baseline or another version, where it was to be
    uncompared: str = ""


class Excuses:
    """Decides which verdicts are only reported.

    Args:
        known: drifts that only new ones are told from, by node id.
        today: in UTC; now by default.
    """

    def __init__(self, known: Mapping[str, KnownDrift] | None = None, today: dt.date | None = None) -> None:
        self.known = known or {}
        self.today = today or dt.datetime.now(tz=dt.timezone.utc).date()

    def applied(self, result: TestResult, settings: Settings) -> TestResult:
        """Return `result` with its excuse, or with the word that its quarantine has ended."""
        if settings.quarantine:
            reason = f" ({settings.reason})" if settings.reason else ""
            if self.today <= dt.date.fromisoformat(settings.quarantine):
                return replace(result, excuse=f"in quarantine until {settings.quarantine}{reason}")
            if not result.good:
                ended = f"its quarantine ended on {settings.quarantine}{reason}"
                result = replace(result, headline=f"{result.headline}; {ended}, so it counts again")
        if result.nodeid in self.known and (result.verdict in _DRIFTS or result.good):
            return replace(result, excuse=_known(self.known[result.nodeid]))
        if settings.level == "warn" and result.verdict in _DRIFTS:
            return replace(result, excuse="--repro-level=warn")
        return result


def _known(entry: KnownDrift) -> str:
    details = ", ".join(text for text in (entry.first, entry.cause) if text)
    return f"a known drift ({details})" if details else "a known drift"


#: tests that are listed by name without ``-v``
_LISTED = 10


def excuse_lines(
    results: Sequence[TestResult], watched: Iterable[Watched], settings: Settings, *, verbose: bool
) -> list[str]:
    """What the end of the session says of verdicts that are only reported, and of tests that nobody marked."""
    from pytest_repro.report.wording import finding, visible

    lines = []
    for result in sorted(results, key=lambda result: result.nodeid):
        if not result.excuse:
            continue
        if not result.good:
            lines.append(f"repro: only reported, {result.excuse}: {result.nodeid}: {finding(result)}")
        elif result.nodeid and result.excuse.startswith("in quarantine"):
            lines.append(f"repro: {result.nodeid} reproduces; {result.excuse}, which it does not seem to need any more")
        else:
            lines.append(f"repro: {result.nodeid} reproduces; {_removal(result, settings)}")
    lines += _watch_lines(sorted(watched, key=lambda each: each.nodeid), verbose=verbose)
    # the file of known drifts may come with a pull request: its text begins no line of the log
    return [visible(line) for line in lines]


def _removal(result: TestResult, settings: Settings) -> str:
    if settings.update:
        return f"it was {result.excuse} and is not listed in {settings.known} any more"
    return f"it is listed in {settings.known} as {result.excuse}; --repro-update takes it out"


def _watch_lines(watched: Sequence[Watched], *, verbose: bool) -> list[str]:
    if not watched:
        return []
    observed = sum(each.observed for each in watched)
    lines = [f"repro: {observed} of {len(watched)} tests had something to compare."]
    skipped = sum(each.skipped for each in watched)
    if verbose and skipped:
        lines.append(f"repro: {skipped} automatic values were left out because they cannot be compared by meaning.")
    stuck = [f"{each.nodeid}: {each.unrepeatable}" for each in watched if each.unrepeatable]
    lines += _listed(stuck, _tests(len(stuck), "not executed as often as planned, which is no drift"), verbose=verbose)
    apart: dict[str, list[str]] = {}
    for each in watched:
        if each.uncompared:
            apart.setdefault(each.uncompared, []).append(each.nodeid)
    count = sum(map(len, apart.values()))
    reasons = [_first_of(nodeids, why, verbose=verbose) for why, nodeids in apart.items()]
    return lines + _listed(reasons, _tests(count, "not compared with what was asked for"), verbose=verbose)


def _tests(count: int, what: str) -> str:
    return f"repro: {'1 test was' if count == 1 else f'{count} tests were'} {what}:"


def _first_of(nodeids: Sequence[str], why: str, *, verbose: bool) -> str:
    if verbose:
        return f"{', '.join(nodeids)}: {why}"
    return f"{nodeids[0]}{f' and {len(nodeids) - 1} more' if len(nodeids) > 1 else ''}: {why}"


def _listed(entries: Sequence[str], heading: str, *, verbose: bool) -> list[str]:
    if not entries:
        return []
    shown = entries if verbose else entries[:_LISTED]
    lines = [heading, *(f"  {entry}" for entry in shown)]
    if len(entries) > len(shown):
        lines.append(f"  ... and {len(entries) - len(shown)} more (-v shows all)")
    return lines
