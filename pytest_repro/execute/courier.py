"""Tasks out, replies in: what reaching a node and being reached by one has in common for greetings and runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_repro.errors import WorkerError
from pytest_repro.execute.tasks import read_reply

if TYPE_CHECKING:
    from pytest_repro.execute.dispatch import Dispatch
    from pytest_repro.execute.engines import Engine, Spec
    from pytest_repro.execute.tasks import Reply
    from pytest_repro.model import EnvField

__all__ = ["Courier", "Overdue", "Sent", "refusal"]

#: exceptions by which engines say that the process that executed a task is gone
_DIED = frozenset(
    {
        "KilledWorker",
        "BrokenProcessPool",
        "BrokenExecutor",
        "TerminatedWorkerError",
        "WorkerCrashedError",
        "LocalRayletDiedError",
        "NodeDiedError",
    }
)


class Overdue(WorkerError):  # noqa: N818 - a state, told apart by its name
    """A task was not brought back in time."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A task on its way."""

    key: str
    future: Future[Any]
    #: seconds that the engine may bring nothing back, neither this task nor another; None waits for ever
    patience: float | None
    since: float


@dataclass(slots=True)
class Courier:
    """Hands tasks to an engine and reads what comes back."""

    engine: Engine
    dispatch: Dispatch
    spec: Spec
    #: facts about each machine that answered, by its name
    machines: dict[str, tuple[EnvField, ...]] = field(default_factory=dict)
    _nonces: set[str] = field(default_factory=set)
    #: when the engine last brought something back
    _moved: float = 0.0

    def send(
        self,
        request: Mapping[str, object] | None,
        *,
        expected: Mapping[str, str] | None,
        host: str,
        seconds: float,
    ) -> Sent:
        """Submit a task.

        Args:
            request: of `Dispatch.request`; None only says hello.
            expected: what the node must have; None allows any.
            host: where the engine shall place it; empty leaves that to it.
            seconds: that the run may take, 0 for no limit.
        """
        key, command, data = self.dispatch.task(request, expected=expected, timeout=seconds)
        # starting an interpreter and collecting may take as long as waiting for a worker
        limit = seconds + self.spec.wait if seconds or request is None else 0.0
        try:
            future = self.engine.submit(
                subprocess.run,
                command,
                key=key,
                host=host,
                input=data,
                capture_output=True,
                check=False,
                timeout=limit or None,
            )
        except Exception as error:  # noqa: BLE001 - whatever an engine raises is its answer
            future = Future()
            future.set_exception(error)
        future.add_done_callback(self._move)
        queued = self.spec.wait if request is not None else 0.0
        return Sent(key, future, limit + queued if limit else None, time.monotonic())

    def _move(self, _future: Future[Any]) -> None:
        self._moved = time.monotonic()

    def fetch(self, sent: Sent) -> Reply:
        """Wait for the reply.

        Raises:
            Overdue: none came in time.
            WorkerError: the engine gave something else, with what that means.
        """
        try:
            return self._fetched(sent)
        except BaseException:
            self.engine.executions(sent.key)  # lets go of the task
            raise

    def _fetched(self, sent: Sent) -> Reply:
        try:
            return self._read(self._result(sent), sent.key)
        except (FutureTimeout, TimeoutError, subprocess.TimeoutExpired):
            sent.future.cancel()
            raise Overdue("it was not brought back in time") from None
        except CancelledError as error:
            msg = f"the engine gave it up: {str(error) or 'it was cancelled'}"
            raise WorkerError(msg) from None
        except WorkerError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an engine raises
            raise WorkerError(self._said(error)) from None

    def _result(self, sent: Sent) -> Any:
        """Wait as long as the engine brings anything back: a task may have many others before it."""
        while True:
            left = None
            if sent.patience is not None:
                left = max(sent.since, self._moved) + sent.patience - time.monotonic()
            try:
                return sent.future.result(timeout=left if left is None else max(left, 0.0))
            except (FutureTimeout, TimeoutError):
                if sent.future.done() or left is None or left <= 0:
                    raise

    def executions(self, sent: Sent, reply: Reply) -> int:
        """How often it was begun, as far as machine and engine know."""
        return max(reply.executions, self.engine.executions(sent.key))

    @property
    def _python(self) -> str:
        return self.spec.python or sys.executable

    def _read(self, done: Any, key: str) -> Reply:
        output = getattr(done, "stdout", None)
        if not isinstance(output, bytes):
            msg = f"the engine answered with a {type(done).__name__}, expected what subprocess.run returns"
            raise WorkerError(msg)
        try:
            reply = read_reply(output)
        except WorkerError as error:
            said = getattr(done, "stderr", b"") or b""
            last = said.decode("utf-8", errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            status = getattr(done, "returncode", "?")
            msg = f"{error}: {self._python} ended there with exit status {status}: {last[0][:500]}"
            raise WorkerError(msg) from None
        if reply.id != key or (reply.nonce and reply.nonce in self._nonces):
            raise WorkerError("the engine answered with the result of another task; it must not keep and reuse results")
        self._nonces.add(reply.nonce)
        if reply.environment:
            self.machines.setdefault(reply.host, reply.environment)
        return reply

    def _said(self, error: BaseException) -> str:
        """What an engine's exception means."""
        if isinstance(error, FileNotFoundError):
            hint = "name the interpreter there with ?python=... in --repro-executor"
            return f"there is no {error.filename or self._python} on the node; {hint}"
        name, text = type(error).__name__, " ".join(str(error).split())[:300]
        if name in _DIED:
            return f"the engine's worker died while it was executed ({name}: {text})"
        return f"the engine could not execute it: {name}: {text}"


def refusal(reply: Reply) -> str:
    """Why a node ran nothing; empty where it did."""
    if reply.refused:
        return reply.refused if reply.host in reply.refused else f"on {reply.host}: {reply.refused}"
    if not reply.skew:
        return ""
    differences = "; ".join(
        f"{name} is {here or 'clean'} here and {there or 'absent'} there" for name, here, there in reply.skew
    )
    return (
        f"{reply.host} has other versions than this machine, so nothing was run there: {differences}; make them "
        "equal, or compare all the same with --repro-allow-skew"
    )
