"""How a worker is connected: an inherited socket pair on POSIX, else a loopback socket with a token.

Runs on both sides; the worker's side imports nothing heavy.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_repro.errors import WorkerError
from pytest_repro.execute.protocol import Channel

__all__ = ["Listener", "Pair", "connect", "make_transport"]

_TOKEN_BYTES = 32
#: how long a stranger on our port may take to show no token
_TOKEN_SECONDS = 5.0
#: how often a worker that may have died while starting is looked at
_LOOK = 0.2


@dataclass(slots=True)
class Pair:
    """A socket pair; the worker inherits one end."""

    _ours: socket.socket | None = None
    _theirs: socket.socket | None = None

    def open(self) -> None:
        """Make the pair."""
        self._ours, self._theirs = socket.socketpair()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the worker must inherit."""
        return () if self._theirs is None else (self._theirs.fileno(),)

    def address(self) -> Mapping[str, object]:
        """What the worker needs to know."""
        return {"descriptor": self.descriptors[0]}

    def started(self) -> None:
        """The worker has its end now."""
        if self._theirs is not None:
            self._theirs.close()
            self._theirs = None

    def channel(self, *, alive: Callable[[], bool], timeout: float | None) -> Channel:
        """Our end; it shows at once when the worker is gone."""
        del alive, timeout
        if self._ours is None:
            raise WorkerError("the connection to the worker is closed")
        channel, self._ours = Channel(self._ours), None
        return channel

    def close(self) -> None:
        """Close what was not handed out."""
        self.started()
        if self._ours is not None:
            self._ours.close()
            self._ours = None


@dataclass(slots=True)
class Listener:
    """A listening loopback socket; who connects must show the token."""

    _socket: socket.socket | None = None
    _token: str = field(default_factory=lambda: secrets.token_hex(_TOKEN_BYTES), repr=False)
    descriptors: tuple[int, ...] = ()

    def open(self) -> None:
        """Take a free port."""
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=8)

    def address(self) -> Mapping[str, object]:
        """What the worker needs to know."""
        if self._socket is None:
            raise WorkerError("the port for the worker is closed")
        return {"port": self._socket.getsockname()[1], "token": self._token}

    def started(self) -> None:
        """Nothing was inherited."""

    def channel(self, *, alive: Callable[[], bool], timeout: float | None) -> Channel:
        """Wait until the worker has connected and shown its token.

        Raises:
            WorkerError: it died before, or took too long.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._socket is not None:
            was_alive = alive()
            self._socket.settimeout(_LOOK)
            try:
                accepted, _ = self._socket.accept()
            except TimeoutError:
                if not was_alive or (deadline is not None and time.monotonic() > deadline):
                    break
                continue
            if self._shows_token(accepted):
                return Channel(accepted)
            accepted.close()
        raise WorkerError("the worker did not connect")

    def _shows_token(self, sock: socket.socket) -> bool:
        expected = self._token.encode()
        deadline = time.monotonic() + _TOKEN_SECONDS
        shown = b""
        try:
            while len(shown) < len(expected):
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
                part = sock.recv(len(expected) - len(shown))
                if not part:
                    return False
                shown += part
        except OSError:
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return hmac.compare_digest(shown, expected)

    def close(self) -> None:
        """Give the port back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def make_transport(kind: str) -> Pair | Listener:
    """The transport named ``pair`` or ``tcp``, opened."""
    transport = Listener() if kind == "tcp" else Pair()
    transport.open()
    return transport


def connect(address: Mapping[str, Any]) -> Channel:
    """The worker's end of the connection.

    Raises:
        WorkerError: the controller is gone.
    """
    if "descriptor" in address:
        descriptor = int(address["descriptor"])
        os.set_inheritable(descriptor, False)  # a program that the test starts must not hold our line open
        return Channel(socket.socket(fileno=descriptor))
    try:
        sock = socket.create_connection(("127.0.0.1", int(address["port"])), timeout=_TOKEN_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(str(address["token"]).encode())
    except OSError as error:
        msg = f"the controller cannot be reached: {error}"
        raise WorkerError(msg) from None
    return Channel(sock)
