"""Runs of one test on different machines: which machine a run was on, how they differ, whether that decides. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_repro.model import CauseStatus, EnvChange, Recording, Verdict

if TYPE_CHECKING:
    from pytest_repro.model import Cause, TestResult

__all__ = ["on_machines"]

#: how the machine of one run differs from that of another
Changes = Callable[[Recording, Recording], Sequence[EnvChange]]


def on_machines(result: TestResult, recordings: Sequence[Recording], *, changes: Changes) -> TestResult:
    """Say of a drift between machines which they are, and how they differ.

    Where re-running on this machine has shown a cause, that stands, and the difference is left out.
    """
    first = result.comparison.first
    if result.verdict is not Verdict.DRIFTED or first is None:
        return result
    by_run = {recording.spec.number: recording for recording in recordings}
    hosts = {number: dict(recording.environment).get("host", "") for number, recording in by_run.items()}
    numbers = sorted(by_run)
    here, there = hosts[numbers[0]], hosts.get(first.run, "")
    if len(set(hosts.values())) < 2:
        return result
    labels = tuple((number, f"run {number} on {host}") for number, host in sorted(hosts.items()) if host != here)
    result = replace(result, labels=labels)
    shown = result.cause is not None and result.cause.status is CauseStatus.CAUSE
    if here == there or shown:
        return result
    result = replace(result, changes=tuple(changes(by_run[numbers[0]], by_run[first.run])))
    if result.cause is not None and result.cause.status is CauseStatus.UNKNOWN and _separates(result, hosts):
        result = replace(result, cause=_machine(result.cause, here, there))
    return result


def _separates(result: TestResult, hosts: dict[int, str]) -> bool:
    """Whether the runs of each machine agree with each other in every value."""
    for drift in result.comparison.drifts:
        group_of = {run: index for index, group in enumerate(drift.groups) for run in group}
        places = {(hosts[run], index) for run, index in group_of.items() if run in hosts}
        if len({host for host, _ in places}) < len(places):
            return False
    return True


def _machine(cause: Cause, here: str, there: str) -> Cause:
    return replace(
        cause,
        status=CauseStatus.SUSPECT,
        factor="environment",
        summary=f"the machine: runs on {there} differ from those on {here}, and runs on one machine agree",
        advice="make what is listed as changed equal, or declare a tolerance (rtol=, atol=) for other machines",
        details=(cause.summary, *cause.details),
    )
