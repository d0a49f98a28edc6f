"""Arrays of a recording on their way from a child to the controller.

They travel as ``.npy`` files in the session's spool folder: the reader maps them read-only and
removes their names at once, so that nothing is left however the session ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.errors import StoredDataError, WorkerError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ArrayFiles"]


class ArrayFiles:
    """Arrays on their way through the spool folder."""

    _numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, array: np.ndarray) -> object:
        """Write an array; the name of its file.

        Raises:
            WorkerError: the disk is full, or the folder is gone.
        """
        import numpy as np

        path = self._folder / f"{os.getpid()}-{next(self._numbers)}.npy"
        try:
            np.save(path, array, allow_pickle=False)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            msg = (
                f"an array of {array.nbytes:,} bytes cannot be handed over: {error.strerror or error} "
                f"({path.parent}); make room there, or let TMPDIR name another folder"
            )
            raise WorkerError(msg) from None
        return path.name

    def get(self, name: object) -> np.ndarray:
        """Read an array, or map it where it is large, and remove its name.

        Raises:
            StoredDataError: `name` is no file that `put` wrote.
        """
        from pytest_repro.values.npy import read_npy

        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".npy"):
            msg = f"expected the name of an array file, got {name!r:.80}"
            raise StoredDataError(msg)
        path = self._folder / name
        try:
            array = read_npy(path, remedy="run the test again")
        except FileNotFoundError:
            msg = f"the array file {name} of a run is gone; run the test again"
            raise StoredDataError(msg) from None
        with contextlib.suppress(PermissionError):  # Windows: removed with the folder
            path.unlink()
        return array
