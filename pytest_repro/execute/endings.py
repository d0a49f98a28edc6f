"""How a process ended, in words, and a test that asks for the end of the session."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

__all__ = ["Stop", "describe_status", "stop_error"]


class Stop(Exception):  # noqa: N818 - no error: the test asked for the end of the session
    """Carries what is to be raised in the session, past the handling of faults."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def stop_error(body: Mapping[str, Any]) -> BaseException:
    """What a test raised to end the session."""
    if body.get("what") != "exit":
        return KeyboardInterrupt()
    import pytest  # here: a task on a node loads this module, and has no use for pytest

    status = body.get("status")
    return pytest.exit.Exception(str(body.get("reason", "")), status if isinstance(status, int) else None)


def describe_status(status: int) -> str:
    """``SIGSEGV`` or ``exit status 9``."""
    if status >= 0:
        return f"its process ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"its process was killed by {name}"
