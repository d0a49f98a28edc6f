"""Settings → the runs of a test and their conditions. Pure.

The default plan for N runs: run 1 in this process; run 2 here again when N ≥ 3, which finds state
that leaks from run to run; all further runs in interpreters of their own with other hash seeds,
which finds what differs between processes. The levels of a varied factor are a fixed function of
the run's number, so that a drift can be had again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_repro.model import Condition, Place, Plan, RunSpec
from pytest_repro.settings import AUTOLOG, Source

if TYPE_CHECKING:
    from pytest_repro.settings import Settings

__all__ = ["command_for", "describe_plan", "escape_rate", "given_options", "make_plan"]

#: (factor, index) → level; index 0 is the reference level
LevelOf = Callable[[str, int], str]

#: what a shell would act on in double quotes
_ACTIVE = r'[$`"!]|\\(?=[\\$`"]|$)'


def make_plan(
    settings: Settings,
    *,
    level_of: LevelOf,
    hash_seeds: Sequence[int] = (1, 2, 3, 4),
    standard: Sequence[str] = (),
) -> Plan:
    """The runs of one test, in the order of their execution.

    Inline runs come last where there are some: the verdict is then given inside this process, with
    the fixtures alive, so that ``--pdb``, tracebacks and every other plugin work as they always do.

    Args:
        settings: what was asked for.
        level_of: the ladder of each varied factor.
        hash_seeds: the hash seeds of the workers, in order.
        standard: factors that runs in fresh interpreters vary without being asked to.
    """
    places = _places(settings)
    workers = min(settings.workers, len(hash_seeds))
    specs: list[RunSpec] = []
    process_index = 0
    for number, place in enumerate(places, start=1):
        levels: dict[str, str] = {}
        if place is not Place.INLINE:
            slot = process_index % workers
            process_index += 1
            levels["hash-seed"] = str(hash_seeds[slot])
            index = slot if settings.isolation == "process" else slot + 1
            levels.update({factor: level_of(factor, slot + 1) for factor in standard})
            levels.update({factor: level_of(factor, index) for factor in _ladder(settings)})
        specs.append(RunSpec(number, Condition(place, tuple(sorted(levels.items())))))
    return Plan(
        runs=_execution_order(specs),
        seed=settings.seed,
        varied=_varied(specs, spread=settings.spread),
        asked=_ladder(settings),
        executor=settings.executor if any(spec.condition.place is Place.CLUSTER for spec in specs) else "",
        spread=settings.spread,
        options=given_options(settings),
    )


def given_options(settings: Settings) -> tuple[str, ...]:
    """Options of the command line that decide what a test records: a command to repeat needs them, too."""
    given = []
    if settings.all and settings.source("all") is Source.COMMAND_LINE:
        given.append("--repro-all")
    if settings.source("autolog") is Source.COMMAND_LINE:
        names = "auto" if settings.autolog == AUTOLOG else ",".join(settings.autolog) or "none"
        given.append(f"--repro-autolog={names}")
    return tuple(given)


def _ladder(settings: Settings) -> tuple[str, ...]:
    return tuple(factor for factor in settings.vary if factor not in ("process", "hash-seed"))


def _places(settings: Settings) -> list[Place]:
    runs = settings.runs
    if settings.isolation == "inline" or runs == 1:
        return [Place.INLINE] * runs
    elsewhere = Place.CLUSTER if settings.executor else Place.PROCESS
    if settings.isolation == "process":
        return [elsewhere] * runs
    inline = 2 if runs >= 3 else 1
    return [Place.INLINE] * inline + [elsewhere] * (runs - inline)


def _execution_order(specs: Sequence[RunSpec]) -> tuple[RunSpec, ...]:
    inline = [spec for spec in specs if spec.condition.place is Place.INLINE]
    process = [spec for spec in specs if spec.condition.place is not Place.INLINE]
    if len(inline) < 2:
        return tuple(specs)
    return (inline[0], *process, *inline[1:])


def _varied(specs: Sequence[RunSpec], *, spread: bool) -> tuple[str, ...]:
    varied: list[str] = ["machine"] if spread and len(specs) > 1 else []
    if len({spec.condition.place for spec in specs}) > 1 or specs[0].condition.place is not Place.INLINE:
        varied.append("process")
    factors = {factor for spec in specs for factor, _ in spec.condition.levels}
    ordered = sorted(factors, key=lambda name: (name != "hash-seed", name))
    varied += [factor for factor in ordered if len({spec.condition.level(factor) for spec in specs}) > 1]
    return tuple(varied)


def describe_plan(plan: Plan) -> str:
    """One sentence on what the runs are, for the header."""
    count = len(plan.runs)
    inline = sorted(spec.number for spec in plan.runs if spec.condition.place is Place.INLINE)
    process = sorted(
        (spec for spec in plan.runs if spec.condition.place is not Place.INLINE), key=lambda spec: spec.number
    )
    parts = []
    if inline:
        parts.append(f"{_numbers(inline)} in this process")
    if process:
        where = "a fresh interpreter" if len(process) == 1 else "fresh interpreters"
        if plan.executor:
            where += f" on {plan.executor.partition('?')[0]}{', each on another machine' if plan.spread else ''}"
        parts.append(f"{_numbers([spec.number for spec in process])} in {where}")
    runs = "1 run" if count == 1 else f"{count} runs"
    return f"{runs} each, seed {plan.seed}: {', '.join(parts)}"


def command_for(target: str, *options: str, seed: int = 0) -> str:
    """The command that runs `target` under `seed`, so that a shell takes it for what it is."""
    return " ".join(["pytest", _quoted(target), *options, *([f"--repro-seed={seed}"] if seed else [])])


def _quoted(target: str) -> str:
    """A node id or path as one word of a command to repeat; ids hold what was given to ``parametrize``."""
    if not re.search(_ACTIVE, target):
        return f'"{target}"'
    import shlex  # few ids need it

    return shlex.quote(target)


def _numbers(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    return f"{numbers[0]} {'and' if len(numbers) == 2 else 'to'} {numbers[-1]}"


def escape_rate(runs: int, rate: float) -> float:
    """How likely N runs all agree although each run drifts with probability `rate`.

    ``(1 - p)**N + p**N``: no run drifted, or all drifted to the same other value.
    """
    return (1 - rate) ** runs + rate**runs
