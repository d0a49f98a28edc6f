"""Replacing methods and functions while a run lasts, wherever they are held, and putting them back.

Each replacement is made once and installed for every run: setting 350 methods and back takes 0.2 ms.
Outside of a run a replacement that somebody kept only calls what it stands for.
"""

from __future__ import annotations

import copy
import functools
import operator
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_repro.autolog.sink import Sink

if TYPE_CHECKING:
    from pytest_repro.autolog.sink import Switch

__all__ = ["After", "Patches", "watched"]

#: told (sink, arguments, keyword arguments, result, frame of the call) after an outermost call
After = Callable[[Sink, tuple[Any, ...], dict[str, Any], Any, Any], None]


def watched(function: Callable[..., Any], switch: Switch, after: After, *, before: bool = False) -> Callable[..., Any]:
    """Return a function that does what `function` does and then tells `after`, in a run's outermost calls.

    Args:
        function: what is watched.
        switch: says whether a run is going on.
        after: told of the call; never of one that raised.
        before: tell it before the call, with None for the result; for assertions, whose operands
            are known then, and whose failing is the test's.
    """

    @functools.wraps(function)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        sink = switch.sink
        if sink is None or not sink.enter():
            return function(*args, **kwargs)
        try:
            if before:
                _tell(after, sink, args, kwargs, None)
                sink.enter()
            result = function(*args, **kwargs)
        finally:
            sink.leave()
        if not before:
            _tell(after, sink, args, kwargs, result)
        return result

    return replacement


def surrounding(function: Callable[..., Any], switch: Switch, after: After) -> Callable[..., Any]:
    """Return a function like that of `watched` which leaves the calls inside of it to be watched as well.

    For a trainer's ``fit``, whose steps are what counts.
    """

    @functools.wraps(function)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        sink = switch.sink
        outermost = sink is not None and sink.enter()
        if sink is not None and outermost:
            sink.leave()
        result = function(*args, **kwargs)
        if sink is not None and outermost and sink is switch.sink:
            _tell(after, sink, args, kwargs, result)
        return result

    return replacement


def _tell(after: After, sink: Sink, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
    try:
        after(sink, args, kwargs, result, sys._getframe(2))
    except Exception:  # noqa: BLE001 - what cannot be recorded must not reach the test
        sink.skipped += 1


def _is_gone(attribute: tuple[Any, str, Any, Any]) -> bool:
    owner, name, original, replacement = attribute
    held = vars(owner).get(name)
    return held is not original and held is not replacement


class Patches:
    """What is replaced during a run."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        #: (owner, name) → (what is there, what replaces it)
        self._attributes: dict[tuple[int, str], tuple[Any, str, Any, Any]] = {}
        #: id of original or replacement → both, for functions that modules hold under any name
        self._functions: dict[int, tuple[Any, Any]] = {}
        #: id of a base → it and the classes that were built on it when it was asked about
        self._known: dict[int, list[type]] = {}
        self._scanned: set[tuple[str, int]] = set()
        #: ids of all modules when they were looked through last
        self._seen: tuple[int, ...] = ()
        self._sites: list[tuple[dict[str, Any], str, Any, Any]] = []
        self._installed: list[tuple[Any, str, Any, Any]] = []
        self._live = False

    # --- what is to be replaced ---------------------------------------------------------------

    def knows(self, classes: list[type]) -> bool:
        """Whether it was asked about the same classes before, and nobody has replaced a method that is watched.

        Args:
            classes: a base and all that is built on it, in an order that does not change.
        """
        before = self._known.get(id(classes[0]), [])
        self._known[id(classes[0])] = classes
        same = len(before) == len(classes) and all(map(operator.is_, before, classes))
        return same and not any(map(_is_gone, self._attributes.values()))

    def method(self, cls: type, name: str, after: After, *, before: bool = False, inside: bool = False) -> None:
        """Watch a method that `cls` itself defines; with `inside`, also what it calls."""
        key = (id(cls), name)
        original = vars(cls).get(name)
        known = self._attributes.get(key)
        if original is None or (known is not None and original in (known[2], known[3])):
            return
        if inside:
            replacement = surrounding(original, self.switch, after)
        else:
            replacement = self._method(original, after, before=before)
        if replacement is not None:
            self._attributes[key] = (cls, name, original, replacement)

    def _method(self, original: Any, after: After, *, before: bool) -> Any:
        if isinstance(original, types.FunctionType):
            return watched(original, self.switch, after, before=before)
        if type(original).__name__ == "_AvailableIfDescriptor" and callable(getattr(original, "fn", None)):
            replacement = copy.copy(original)
            replacement.fn = watched(original.fn, self.switch, after, before=before)
            return replacement
        return None

    def function(self, original: Callable[..., Any], after: After, *, before: bool = False) -> None:
        """Watch a function under every name that a module has for it."""
        if id(original) not in self._functions and isinstance(original, types.FunctionType):
            replacement = watched(original, self.switch, after, before=before)
            # under both: in the middle of a run modules hold the replacement already
            self._functions[id(original)] = self._functions[id(replacement)] = (original, replacement)
            self._scanned.clear()
            self._seen = ()
            self._sites.clear()

    # --- replacing ----------------------------------------------------------------------------

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace everything until the block ends; on every way out of it, all is as before."""
        self._live = True
        try:
            self.catch_up()
            yield
        finally:
            self._live = False
            self._restore()

    def catch_up(self) -> None:
        """Replace what was found since; inside of `installed` only."""
        if not self._live:
            return
        self._find_sites()
        for owner, name, original, replacement in self._attributes.values():
            if vars(owner).get(name) is original:
                setattr(owner, name, replacement)
                self._installed.append((owner, name, original, replacement))
        for namespace, name, original, replacement in self._sites:
            if namespace.get(name) is original:
                namespace[name] = replacement

    def _restore(self) -> None:
        self._find_sites()  # a module that was imported in between took over what it found
        for namespace, name, original, replacement in self._sites:
            if namespace.get(name) is replacement:
                namespace[name] = original
        while self._installed:
            owner, name, original, replacement = self._installed.pop()
            if vars(owner).get(name) is replacement:  # else somebody else replaced it, who will put it back
                setattr(owner, name, original)

    def _find_sites(self) -> None:
        """Look through the modules that were loaded since the last time."""
        if not self._functions:
            return
        modules = sys.modules.copy()
        ids = tuple(map(id, modules.values()))
        if ids == self._seen:  # nearly always, and said in a tenth of the time
            return
        self._seen = ids
        for name, module in modules.items():
            key = (name, id(module))
            if key in self._scanned:
                continue
            self._scanned.add(key)
            namespace = getattr(module, "__dict__", None)
            if type(namespace) is dict and name.partition(".")[0] != "pytest_repro":
                self._search(namespace)

    def _search(self, namespace: dict[str, Any]) -> None:
        functions = self._functions
        for attribute, value in list(namespace.items()):
            if id(value) in functions:
                original, replacement = functions[id(value)]
                if value is original or value is replacement:
                    self._sites.append((namespace, attribute, original, replacement))
