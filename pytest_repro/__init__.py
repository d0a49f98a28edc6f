"""Determinism testing for machine-learning code, as a pytest plugin.

The flow is one-way; a module imports only from rows above its own::

    words     errors, model/
    values    values/, storage   any value → canonical form → fingerprint; files that are kept
    process   environment/, streams, rng, entropy/, conditions/, suspects/, frozen, source_tree
    intent    parsers, options, settings, plan, hashing
    observe   ids, keeper, log, recorder, autolog/, watch/
    execute   execute/           inline, child, workers, cluster and node
    judge     compare/, lab, leftovers, pinned_arm, explain, factor_words, causes, baseline
    output    report/, tracking, progress   reads nothing but words; a failure is worded where it is raised
    compose   pipeline, across, shared_fields, keeping, against, surroundings, overtime, tools, excuses, known
    compose   runner, verdicts, verdict_reports
    compose   survey/            pytest-repro survey: sessions, verdicts by model and factor, tables
    compose   reporting, resources, added_factors, selection, inplace, single
    compose   explaining, experiments, machines, crashes
    shell     hookspecs, session, session_hooks, upkeep, plugin, cli

A worker imports this package before pytest could rewrite its assertions, and pytest would warn of
it; there are none to rewrite: PYTEST_DONT_REWRITE.

Public names: `Repro`, the type of the ``repro`` fixture, for annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_repro.recorder import Repro

__all__ = ["Repro", "__version__"]

__version__ = "0.1.0"

#: ``-p pytest_repro`` from a checkout that is not installed; installed, the entry point of that name is taken
pytest_plugins = ("pytest_repro.plugin",)


def __getattr__(name: str) -> object:
    if name == "Repro":
        from pytest_repro.recorder import Repro

        return Repro
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
