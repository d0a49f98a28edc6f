"""Names of temporary files and folders, the same in every run.

``tempfile`` takes its names from one generator per process, whoever asked first. Here they belong to the
line of code that asks, as all entropy does. What was made under such a name is removed at the end of the
run: the next one would find the name taken.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytest_repro.conditions.patching import StandIn, put

__all__ = ["pin_temporary_names"]

#: kind of draw and size → bytes; None for bookkeeping, which must stay unique
_Draw = Callable[[str, int], "bytes | None"]


class _Names:
    """What stands in for ``tempfile``'s iterator of names."""

    def __init__(self, draw: _Draw, original: Iterator[str]) -> None:
        self._draw = draw
        self._original = original
        self.given: set[str] = set()

    def __iter__(self) -> _Names:
        return self

    def __next__(self) -> str:
        data = self._draw("tempfile", 8)
        if data is None:
            return next(self._original)
        letters = "abcdefghijklmnopqrstuvwxyz012345"  # 32 of them: every byte gives one
        name = "".join(letters[byte % 32] for byte in data)
        self.given.add(name)
        return name


def pin_temporary_names(stack: ExitStack, draw: _Draw, replaced: dict[int, Any]) -> None:
    """Put the stand-ins in place; `stack` undoes it and removes what was made.

    Args:
        stack: undoes it.
        draw: of the run's streams; it looks for the line that asks two calls above itself.
        replaced: by the original's ``id``, for names that were bound early.
    """
    if not {"_get_candidate_names", "_name_sequence", "_mkstemp_inner"} <= set(vars(tempfile)):
        return  # another Python than those that are known
    # the first call makes the real iterator, if nobody did
    names = _Names(draw, tempfile._get_candidate_names())  # type: ignore[attr-defined]
    made: list[str] = []
    stack.callback(_remove, made)
    put(stack, tempfile, "_name_sequence", names)

    def noted(path: Any) -> None:
        text = os.fsdecode(path)
        if any(name in Path(text).name for name in names.given):
            made.append(text)

    mkdtemp, inner = tempfile.mkdtemp, tempfile._mkstemp_inner  # type: ignore[attr-defined]

    def made_folder(*args: Any, **kwargs: Any) -> Any:
        path = mkdtemp(*args, **kwargs)
        noted(path)
        return path

    def made_file(*args: Any, **kwargs: Any) -> Any:
        descriptor, path = inner(*args, **kwargs)
        noted(path)
        return descriptor, path

    replaced[id(mkdtemp)] = StandIn(made_folder, mkdtemp)
    put(stack, tempfile, "mkdtemp", replaced[id(mkdtemp)])
    put(stack, tempfile, "_mkstemp_inner", StandIn(made_file, inner))


def _remove(made: list[str]) -> None:
    for path in made:
        with contextlib.suppress(OSError):
            if Path(path).is_dir() and not Path(path).is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                Path(path).unlink(missing_ok=True)
