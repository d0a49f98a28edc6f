"""What differs between runs and is no result: addresses, times, temporary paths, uuids.

Applied to automatic observations only. A value that the user records is compared as it is.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_repro.model import Atom, Branch, Layout

if TYPE_CHECKING:
    from pytest_repro.model import Node

__all__ = ["NOISE", "Noise"]

#: an address as ``repr`` writes it: ``<Tree object at 0x7f31c0a2b4d0>``
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
#: ``2026-11-23T15:04:05.123456+00:00``
_TIMESTAMP = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
#: when it was made, as a summary of statsmodels says in text, LaTeX and HTML: ``Date: Sat, 28 Nov 2026``,
#: ``\textbf{Time:} & 03:53:08``, ``<th>Time:</th> <td>03:53:08</td>``
_MADE = re.compile(r"\b(Date|Time):((?:</?t[hd]>|[\s}&])+)(?:[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4}|\d\d:\d\d:\d\d)\b")
#: fields that hold measured durations: ``refit_time_``, ``mean_fit_time``, ``elapsed``, ``training_duration``,
#: and those of skorch: ``dur`` in the history, and when an epoch began
_TIMING = re.compile(
    r"(?:.*_)?(?:(?:fit|score|refit|train|training|predict|wall|cpu|elapsed|run|build|exec)_time(?:_s|_ms|_sec)?_?"
    r"|elapsed(?:_s|_ms|_seconds)?_?|duration(?:_s|_ms|_seconds)?_?)|dur|epoch_start_time_"
)
#: texts of at most so many characters are remembered, and so many of them
_SHORT, _REMEMBERED = 64, 4096
_FIELD = re.compile(r"\.(\w+)|\[['\"](\w+)['\"]\]")

#: further folders and sockets below a temporary one, as `tempfile` names them for multiprocessing and others
_RANDOM_NAMES = r"(?:[/\\](?:listener-|pymp-|tmp)[a-z0-9_]{8}(?=[/\\'\"\s]|$))*"

#: rule → what it takes out; the names of the ini option ``repro_noise``
NOISE: dict[str, str] = {
    "addresses": "object addresses in text",
    "times": "fields that hold measured durations, and timestamps in text",
    "paths": "the temporary part of paths in text and in path objects",
    "uuids": "uuids, in text and as objects",
}


class Noise:
    """Brings canonical values into a form in which what is no result is the same in every run."""

    def __init__(self, rules: Sequence[str] = tuple(NOISE), *, folders: Sequence[Path] = ()) -> None:
        self._times = "times" in rules
        self._uuids = "uuids" in rules
        self._text: list[Callable[[str], str]] = []
        if "paths" in rules:
            self._text.append(_path_rule(folders))
        if "uuids" in rules:
            self._text.append(lambda text: _UUID.sub("<uuid>", text))
        if "times" in rules:
            self._text.append(lambda text: _MADE.sub(r"\1:\2<time>", _TIMESTAMP.sub("<time>", text)))
        if "addresses" in rules:
            self._text.append(lambda text: _ADDRESS.sub("0x<address>", text))
        #: names of fields come again and again
        self._short = lru_cache(_REMEMBERED)(self._without_noise)

    def clean(self, node: Node) -> Node:
        """Return `node` without noise; `node` itself where there is none."""
        if isinstance(node, str):
            return self.text(node)
        if isinstance(node, Atom):
            if self._uuids and node.type == "uuid.UUID":
                return replace(node, text="<uuid>")
            text = self.text(node.text)
            return node if text == node.text else replace(node, text=text)
        return self._branch(node) if isinstance(node, Branch) else node

    def text(self, text: str) -> str:
        """Return `text` without noise."""
        if len(text) < 6:  # nothing that a rule takes out is shorter
            return text
        return self._short(text) if len(text) <= _SHORT else self._without_noise(text)

    def _without_noise(self, text: str) -> str:
        for rule in self._text:
            text = rule(text)
        return text

    def _branch(self, node: Branch) -> Branch:
        items = [self.clean(item) if isinstance(item, str | Atom | Branch) else item for item in node.items]
        keys = node.keys
        if keys:
            keys = tuple(self.text(key) for key in keys)
            if self._times and node.layout in (Layout.OBJECT, Layout.MAPPING):
                items = ["<time>" if _is_timing(key) else item for key, item in zip(node.keys, items, strict=True)]
        same = keys == node.keys and all(new is old for new, old in zip(items, node.items, strict=True))
        return node if same else replace(node, keys=_unique(keys), items=tuple(items))


def _is_timing(key: str) -> bool:
    match = _FIELD.fullmatch(key)
    return match is not None and _TIMING.fullmatch(match[1] or match[2]) is not None


def _unique(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return keys that were told apart only by their noise, told apart by their position."""
    if len(set(keys)) == len(keys):
        return keys
    counts: dict[str, int] = {}
    unique = []
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
        unique.append(key if counts[key] == 1 else f"{key}#{counts[key]}")
    return tuple(unique)


def _path_rule(folders: Sequence[Path]) -> Callable[[str], str]:
    """Replace what a temporary folder adds to a path: itself, and the one or three names that are made anew."""
    roots = {str(folder) for folder in folders} | {str(folder.resolve()) for folder in folders}
    roots |= {tempfile.gettempdir(), str(Path(tempfile.gettempdir()).resolve())}
    either = "|".join(re.escape(root) for root in sorted(roots, key=len, reverse=True) if root.strip("/\\."))
    # pytest's own folders are told by their names, wherever they are
    places = rf"(?:[^\s'\"]*[/\\])?pytest-of-[^/\\\s]+[/\\]pytest-\d+|{either}"
    pattern = re.compile(rf"(?:{places})(?:[/\\][^/\\\s'\":,;)\]]+)?{_RANDOM_NAMES}")
    return lambda text: pattern.sub("<tmp>", text)
