"""What travels to a node of a cluster and back: one JSON object there, one JSON object and some bytes back.

Used on both sides. The engine between them sees a call of `subprocess.run` with words and bytes, so its own
processes need neither this package nor the project. What comes back was made by another machine: whoever
reads it checks size, kind and type of everything, and nothing is ever unpickled or evaluated here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as datafield
from typing import IO, TYPE_CHECKING, Any

from pytest_repro.errors import StoredDataError, WorkerError
from pytest_repro.execute.array_files import ArrayFiles
from pytest_repro.execute.protocol import MAX_FRAME, Frame, FrameKind, field
from pytest_repro.model import EnvField

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BOOT", "CarriedArrays", "Reply", "read_reply", "write_reply"]

_MAGIC = b"\x93pytest-repro reply 1\n"
_SIZE = struct.Struct("!I")

#: What a fresh interpreter on the node is started with; the standard library is all that it needs, so that a node
#: without the package can say so. The current folder must not shadow `json`.
BOOT = f"""\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json, os, platform, socket, struct
task = json.loads(sys.stdin.buffer.read())
sys.path[:0] = [entry for entry in task["front"] if entry not in sys.path and os.path.isdir(entry)]
sys.argv[:] = task["argv"]
try:
    from pytest_repro.execute.node import main
except Exception as error:
    body = json.dumps({{
        "id": task["id"], "nonce": "", "host": socket.gethostname(), "environment": [],
        "refused": "the Python " + platform.python_version() + " at " + sys.executable
        + " cannot load pytest-repro there: " + type(error).__name__ + ": " + str(error),
    }}).encode()
    sys.stdout.buffer.write({_MAGIC!r} + struct.pack("!I", len(body)) + body)
else:
    main(task)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a node says of one task."""

    id: str
    #: made where and when it was executed: two replies with one nonce are one execution
    nonce: str = ""
    host: str = ""
    #: how often executing this very task was begun on that machine
    executions: int = 1
    environment: tuple[EnvField, ...] = ()
    #: (variable, what the engine had set it to; empty where it had removed it) of what was set back
    engine: tuple[tuple[str, str], ...] = ()
    #: (name, here, there) of versions and commits that differ
    skew: tuple[tuple[str, str, str], ...] = ()
    #: why nothing was run there
    refused: str = ""
    #: why the run did not come to its end
    lost: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    frames: tuple[Frame, ...] = ()
    arrays: Mapping[str, bytes] = datafield(default_factory=dict)


class CarriedArrays(ArrayFiles):
    """Arrays that came with the reply."""

    def __init__(self, arrays: Mapping[str, bytes]) -> None:
        self._arrays = arrays

    def get(self, name: object) -> np.ndarray:
        """Read an array.

        Raises:
            StoredDataError: none of that name came, or its bytes are damaged.
        """
        from pytest_repro.values.npy import npy_from_bytes

        data = self._arrays.get(name) if isinstance(name, str) else None
        if data is None:
            msg = f"a recording names the array {name!r}, which did not come with it"
            raise StoredDataError(msg)
        try:
            return npy_from_bytes(data)
        except ValueError as error:
            msg = f"the array {name} of a run cannot be read: {error}"
            raise StoredDataError(msg) from None


def write_reply(reply: Reply, stream: IO[bytes]) -> None:
    """Write a reply: a mark, the size of its JSON, the JSON, then the frames and arrays that it lists."""
    body = {
        "id": reply.id,
        "nonce": reply.nonce,
        "host": reply.host,
        "executions": reply.executions,
        "environment": [[one.name, one.value, one.numeric] for one in reply.environment],
        "engine": [list(entry) for entry in reply.engine],
        "skew": [list(entry) for entry in reply.skew],
        "refused": reply.refused,
        "lost": reply.lost,
        "sections": [list(entry) for entry in reply.sections],
        "frames": [[int(frame.kind), len(frame.payload)] for frame in reply.frames],
        "arrays": [[name, len(data)] for name, data in reply.arrays.items()],
    }
    text = json.dumps(body, separators=(",", ":")).encode()
    stream.write(_MAGIC + _SIZE.pack(len(text)) + text)
    for frame in reply.frames:
        stream.write(frame.payload)
    for data in reply.arrays.values():
        stream.write(data)
    stream.flush()


def read_reply(data: bytes) -> Reply:
    """Read a reply; what an interpreter printed before it is passed over.

    Raises:
        WorkerError: there is none, or it is damaged.
    """
    start = data.find(_MAGIC)
    if start < 0:
        raise WorkerError("the node sent no reply")
    start += len(_MAGIC)
    try:
        (size,) = _SIZE.unpack_from(data, start)
        start += _SIZE.size
        if size > MAX_FRAME or start + size > len(data):
            raise WorkerError("the reply of a node is cut off")
        body = json.loads(data[start : start + size])
        if not isinstance(body, dict):
            msg = f"the reply of a node is a {type(body).__name__}, expected an object"
            raise WorkerError(msg)
        return _reply(body, data, start + size)
    except (struct.error, ValueError, TypeError, RecursionError) as error:
        msg = f"the reply of a node is damaged: {error}"
        raise WorkerError(msg) from None


def _reply(body: Mapping[str, Any], data: bytes, start: int) -> Reply:
    frames = []
    for kind, size in _rows(body, "frames"):
        payload, start = _slice(data, start, size)
        frames.append(Frame(FrameKind(kind), payload))
    arrays = {}
    for name, size in _rows(body, "arrays"):
        arrays[str(name)], start = _slice(data, start, size)
    return Reply(
        id=field(body, "id", str),
        nonce=field(body, "nonce", str),
        host=field(body, "host", str),
        executions=field(body, "executions", int) if "executions" in body else 1,
        environment=tuple(EnvField(str(a), str(b), bool(c)) for a, b, c in field(body, "environment", list)),
        engine=tuple((str(name), str(value)) for name, value in _rows(body, "engine")),
        skew=tuple((str(name), str(here), str(there)) for name, here, there in _rows(body, "skew")),
        refused=str(body.get("refused", "")),
        lost=str(body.get("lost", "")),
        sections=tuple((str(title), str(text)) for title, text in _rows(body, "sections")),
        frames=tuple(frames),
        arrays=arrays,
    )


def _rows(body: Mapping[str, Any], key: str) -> Sequence[Any]:
    """A list that need not be there: a node that cannot load this package says little."""
    return field(body, key, list) if key in body else []


def _slice(data: bytes, start: int, size: object) -> tuple[bytes, int]:
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or start + size > len(data):
        raise WorkerError("the reply of a node is cut off")
    return data[start : start + size], start + size
