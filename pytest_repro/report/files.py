"""Writing a report's file: all of it or nothing."""

from __future__ import annotations

from pytest_repro.storage import write_atomically

__all__ = ["write_atomically"]
