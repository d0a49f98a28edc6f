"""The first lines of a worker: its guard, before anything that could start a thread; then pytest."""

from __future__ import annotations

import os
from typing import Any

from pytest_repro.execute import lifeline

__all__ = ["main"]


def main(boot: dict[str, Any]) -> None:
    """Run the worker; never returns."""
    descriptor = boot["lifeline"]
    if descriptor is not None:
        lifeline.start_guard(descriptor, spool=boot["spool"])
    if boot.get("redirect") is not None:
        from pytest_repro.execute import redirect

        redirect.install(boot["redirect"])
    from pytest_repro.execute.child import serve

    try:
        serve(boot)
    finally:
        os._exit(3)
