"""Frames between the controller, its workers and their children: one kind, one length, one JSON object.

Nothing is unpickled or evaluated. Whoever reads checks the kind, the size and the type of every
field it uses; anything else is a `WorkerError` that says what was expected.
"""

from __future__ import annotations

import enum
import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_repro.errors import WorkerError

__all__ = ["MAX_FRAME", "Channel", "Closed", "Frame", "FrameKind", "Late", "field"]

T = TypeVar("T")

#: bytes of one frame; arrays do not travel in frames, so this is some million recorded values
MAX_FRAME = 1 << 29

_HEADER = struct.Struct("!BI")
_CHUNK = 1 << 20


class FrameKind(enum.IntEnum):
    """What a frame says; the first byte of it."""

    READY = 1  # worker → controller: collected; can it fork
    REQUEST = 2  # controller → worker: execute this test
    STARTED = 3  # child → controller: this is my process group
    RECORDED = 4  # child → controller, inside the call phase: what was recorded
    VERDICT = 5  # controller → child: pass, or raise this
    DONE = 6  # child → controller: the reports
    STOPPED = 7  # child → controller: the test asked for the end of the session
    LOST = 8  # worker → controller: the child died
    FAILED = 9  # worker → controller: it could not start


class Closed(WorkerError):  # noqa: N818 - a state of the line, told apart by its name
    """The other side is gone."""


class Late(WorkerError):  # noqa: N818
    """The other side did not answer in time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it travels."""

    kind: FrameKind
    payload: bytes

    def body(self) -> Mapping[str, Any]:
        """Parse the payload.

        Raises:
            WorkerError: it is not a JSON object.
        """
        try:
            body = json.loads(self.payload)
        except (ValueError, RecursionError) as error:
            msg = f"a {self.kind.name} frame holds no JSON: {error}"
            raise WorkerError(msg) from None
        if not isinstance(body, dict):
            msg = f"a {self.kind.name} frame holds a {type(body).__name__}, expected an object"
            raise WorkerError(msg)
        return body


def field(body: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """The value of `key`, which must be of `kind`.

    Raises:
        WorkerError: it is absent or of another type.
    """
    value = body.get(key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        msg = f"frame field {key!r} must be {kind.__name__}, got {type(value).__name__}"
        raise WorkerError(msg)
    return value


class Channel:
    """One end of a connected stream socket; owned by one thread at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def fileno(self) -> int:
        """For `select`; -1 when closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let the other side know that we are gone."""
        self._socket.close()

    def send(
        self, kind: FrameKind, body: Mapping[str, Any], *, text_for: Callable[[object], str] | None = None
    ) -> None:
        """Send one message.

        Args:
            kind: what it says.
            body: made of what JSON has.
            text_for: what to write for anything else; None refuses it.

        Raises:
            Closed: the other side is gone.
            WorkerError: the message is too large.
        """
        self.forward(Frame(kind, json.dumps(body, separators=(",", ":"), default=text_for).encode()))

    def forward(self, frame: Frame) -> None:
        """Send a message as it is."""
        size = len(frame.payload)
        if size > MAX_FRAME:
            msg = (
                f"a {frame.kind.name} message has {size:,} bytes, more than the limit of {MAX_FRAME:,}; record fewer "
                "values, or many as one array"
            )
            raise WorkerError(msg)
        try:
            self._socket.settimeout(None)
            self._socket.sendall(_HEADER.pack(frame.kind, size))
            self._socket.sendall(frame.payload)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, *, timeout: float | None = None) -> Frame:
        """Wait for one message.

        Args:
            timeout: seconds until `Late`; None waits for ever.

        Raises:
            Closed: the other side is gone.
            Late: nothing came in time.
            WorkerError: what came is no frame.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            kind, size = _HEADER.unpack(self._read(_HEADER.size, deadline))
            if kind not in FrameKind._value2member_map_ or size > MAX_FRAME:
                msg = f"expected a frame, got kind {kind} and length {size:,}: the stream is damaged"
                raise WorkerError(msg)
            return Frame(FrameKind(kind), self._read(size, deadline))
        except TimeoutError:
            msg = f"no answer within {timeout:g} s"
            raise Late(msg) from None
        except OSError as error:
            raise Closed(str(error)) from None

    def _read(self, size: int, deadline: float | None) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            # until the deadline in all: who sends a byte now and then is late, too
            self._socket.settimeout(None if deadline is None else max(deadline - time.monotonic(), 0.001))
            part = self._socket.recv(min(size - len(parts), _CHUNK))
            if not part:
                raise Closed("the other side is gone")
            parts += part
        return bytes(parts)
