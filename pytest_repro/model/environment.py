"""Where a run happened, and how two such places differ."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EnvChange", "EnvField"]


@dataclass(frozen=True, slots=True)
class EnvField:
    """One fact about where a run happened."""

    name: str
    value: str
    #: whether it can change numbers; others are only shown
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class EnvChange:
    """One fact that differs between two environments; empty where it is absent."""

    name: str
    before: str
    after: str
    numeric: bool = False
