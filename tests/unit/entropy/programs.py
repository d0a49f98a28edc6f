"""What the tests of the taps share."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Protocol

from pytest_repro.entropy import Taps
from pytest_repro.model import EntropyDraw


class Program(Protocol):
    def __call__(self, body: str, head: str = "") -> ModuleType: ...


def marked_line(module: ModuleType) -> int:
    """The line that a test's program marks with ``# here``."""
    assert module.__file__ is not None
    lines = Path(module.__file__).read_text().splitlines()
    return next(number for number, text in enumerate(lines, 1) if "# here" in text)


def watch(module: ModuleType, root: Path) -> tuple[EntropyDraw, ...]:
    """What taps see while the program runs, in a folder of two files."""
    folder = root / "data"
    folder.mkdir(exist_ok=True)
    for name in ("b.txt", "a.txt"):
        (folder / name).touch()
    with Taps(root=root).watching() as seen:
        module.run(folder)
    return seen.draws()
