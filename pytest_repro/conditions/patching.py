"""Change attributes and variables of this process so that every change is undone, on every path."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import ModuleType
from typing import Any

__all__ = ["StandIn", "by_user", "early_bound", "environ", "holders", "infrastructure", "put", "users"]

#: Packages that read clocks, process ids and entropy for their own bookkeeping. Giving them pinned
#: values would break time-outs, fork detection or unique names without making any result the same.
_INFRASTRUCTURE = frozenset(
    {
        "_pytest",
        "_distutils_hack",
        "anyio",
        "concurrent",
        "coverage",
        "dask",
        "distributed",
        "execnet",
        "hypothesis",
        "joblib",
        "pip",
        "pluggy",
        "psutil",
        "pytest",
        "pytest_repro",
        "pytest_timeout",
        "ray",
        "tqdm",
        "trio",
        "xdist",
        "zmq",
    }
)
#: standard library modules that only pass a reading on to their caller
_PASSES_ON = frozenset({"timeit", "random", "secrets", "uuid", "tempfile"})


def infrastructure(module: str | None) -> bool:
    """Whether the module of this name reads for its own bookkeeping, rather than for a result."""
    top = (module or "").partition(".")[0]
    if top in _PASSES_ON:
        return False
    if top == "torch":  # data-loader workers and the launcher, not what a training script calls
        return (module or "").startswith(("torch.utils.data", "torch.multiprocessing", "torch.distributed"))
    return top in _INFRASTRUCTURE or top in sys.stdlib_module_names


class StandIn:
    """A callable put in the place of a function.

    Not a plain function, because a class may hold the original as an attribute: a function would
    bind the instance, a builtin does not, and neither does this.
    """

    def __init__(self, call: Callable[..., Any], original: Any) -> None:
        self._call = call
        self.original = original
        self.__name__ = getattr(original, "__name__", "stand_in")
        self.__qualname__ = self.__name__
        self.__doc__ = getattr(original, "__doc__", None)
        self.__module__ = getattr(original, "__module__", None) or __name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call what stands in."""
        return self._call(*args, **kwargs)


def put(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Set an attribute; `stack` puts back what was there."""
    before = vars(owner)[name]
    setattr(owner, name, value)
    stack.callback(setattr, owner, name, before)


def holders(stack: ExitStack, replacements: Mapping[int, Any]) -> None:
    """Replace copies of the originals that classes of ``pathlib`` and ``glob`` hold.

    Python 3.10 keeps them in ``pathlib._NormalAccessor``, 3.13 in ``glob._StringGlobber``.

    Args:
        stack: undoes the replacements.
        replacements: by the original's ``id``.
    """
    for module in [m for n, m in list(sys.modules.items()) if n.partition(".")[0] in ("pathlib", "glob") and m]:
        for owner in [v for v in list(vars(module).values()) if isinstance(v, type)]:
            for name, raw in list(vars(owner).items()):
                static = isinstance(raw, staticmethod)
                new = replacements.get(id(raw.__func__ if isinstance(raw, staticmethod) else raw))
                if new is not None:
                    put(stack, owner, name, staticmethod(new) if static else new)


def early_bound(stack: ExitStack, replacements: Mapping[int, Any]) -> None:
    """Replace names that the user's modules bound with ``from module import name``.

    Args:
        stack: undoes the replacements.
        replacements: by the original's ``id``.
    """
    for module in list(sys.modules.values()):
        if not users(module):
            continue
        namespace = vars(module)
        for name, value in list(namespace.items()):
            new = replacements.get(id(value))
            if new is not None:
                namespace[name] = new
                stack.callback(namespace.__setitem__, name, value)


def users(module: ModuleType | None) -> bool:
    """Whether a module is the user's own: neither installed nor of the standard library."""
    name, file = getattr(module, "__name__", None), getattr(module, "__file__", None)
    if not isinstance(module, ModuleType) or not isinstance(name, str):
        return False
    if name == "__main__":
        return True
    if not isinstance(file, str) or infrastructure(name):
        return False
    return not file.startswith(_installed())


def by_user(*between: str) -> bool:
    """Whether the caller, a stand-in, was called by the user's code: directly, or through the modules `between`."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_globals.get("__name__") or ""
        if name not in between and not name.startswith("pytest_repro.conditions."):
            break
        frame = frame.f_back
    return users(sys.modules.get(frame.f_globals.get("__name__") or ""))


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return (paths["purelib"] + os.sep, paths["platlib"] + os.sep)


@contextlib.contextmanager
def environ(values: Mapping[str, str | None]) -> Iterator[None]:
    """Hold variables of this process (None unsets), and put back what was there."""
    before = {name: os.environ.get(name) for name in values}
    _set_variables(values)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
