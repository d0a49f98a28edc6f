"""From the frame of a draw to the user's line, and silence for draws that do no harm.

The *requester* is the innermost frame outside of the modules that only pass a draw on. Whether a
draw is harmless is asked of the requester, never of anything in the chain: real draws happen in
joblib's threads, too.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Final

from pytest_repro.entropy.source import UNRESOLVED, calls_at, dotted, home, resolve
from pytest_repro.model.classes import dataclass

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from pytest_repro.entropy.usercode import UserCode

__all__ = ["Trace", "Tracer"]

#: modules that only pass a draw or a listing on to whoever called them
_PASSING: Final = frozenset(
    {
        "random",
        "secrets",
        "uuid",
        "os",
        "glob",
        "pathlib",
        "posixpath",
        "ntpath",
        "genericpath",
        "fnmatch",
        "contextlib",
    }
)
#: packages whose own draws are names, ids, locks and caches that never reach a result
_BYSTANDERS: Final = frozenset(
    {
        # the standard library
        "asyncio", "bdb", "cProfile", "compileall", "ctypes", "doctest", "email", "filecmp", "ftplib", "http",
        "importlib", "inspect", "linecache", "logging", "mailbox", "multiprocessing", "pdb", "pkgutil", "platform",
        "runpy", "shutil", "socket", "socketserver", "ssl", "subprocess", "sysconfig", "tarfile", "tempfile",
        "threading", "traceback", "unittest", "urllib", "venv", "warnings", "webbrowser", "zipfile", "zipimport",
        "zoneinfo",
        # test tools
        "_hypothesis_pytestplugin", "_pytest", "anyio", "coverage", "execnet", "faker", "flaky", "hypothesis", "mock",
        "pluggy", "py", "trio", "xdist",
        # workers, tokens, caches, trackers
        "dask", "debugpy", "diskcache", "distributed", "filelock", "fsspec", "ipykernel", "IPython", "joblib", "loky",
        "mlflow", "pkg_resources", "psutil", "ray", "requests", "setuptools", "sqlalchemy", "tensorboard",
        "threadpoolctl", "tqdm", "urllib3", "wandb", "zmq",
    }
)  # fmt: skip
_BYSTANDER_MODULES: Final = ("torch._dynamo", "torch._inductor", "torch.multiprocessing", "matplotlib.font_manager")
#: parts of bystanders that draw numbers for the user
_NO_BYSTANDERS: Final = ("dask.array", "dask.bag.random", "dask.utils")
#: these build an object only to give it another state at once
_RESTORING: Final = frozenset({"_pickle", "pickle", "copy", "copyreg", "cloudpickle", "dill", "numpy.random._pickle"})
#: a thread's entry functions call what the user handed over: they request nothing themselves
_ENTRY: Final = frozenset({"run", "_bootstrap", "_bootstrap_inner", "_worker"})
_NUMPY_SEEDERS: Final = frozenset({"default_rng", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"})


@dataclass(frozen=True, slots=True)
class Trace:
    """The frames of one draw, from the tap outwards up to the user's code."""

    #: frames of libraries, innermost first
    library: tuple[FrameType, ...]
    #: the nearest frame of the user's code; None in a library's thread without any
    user: FrameType | None
    requester: FrameType | None
    #: ``uuid`` when the draw was made for a uuid
    through_uuid: bool


class Tracer:
    """Finds the user's line of a draw, and drops the draws of bystanders."""

    def __init__(self, user: UserCode) -> None:
        self._user = user
        self._bystanders: dict[CodeType, bool] = {}
        #: per instruction: what ``RandomState`` is given there; empty where it is not the one that draws
        self._seeds: dict[tuple[CodeType, int], tuple[ast.expr, ...]] = {}
        self._first_try: dict[CodeType, int] = {}

    def trace(self, frame: FrameType) -> Trace | None:
        """Follow the way from a draw (made in `frame`) to the user, or None if it is to be left out."""
        if self._is_retry(frame):
            return None
        requester, through_uuid = self._requester(frame)
        if requester is not None:
            of_library = not self._user.owns(requester.f_code.co_filename)
            if of_library and (through_uuid or self._is_bystander(requester)):
                return None  # a library's own ids, names and locks
            if self._is_discarded(requester):
                return None
        return self._walk(frame, requester, through_uuid=through_uuid)

    def _requester(self, frame: FrameType | None) -> tuple[FrameType | None, bool]:
        """Find the frame that asks for the draw, and whether it asks through ``uuid``."""
        through_uuid = False
        while frame is not None:
            top = _top(frame)
            if top not in _PASSING or self._user.owns(frame.f_code.co_filename):
                return frame, through_uuid
            through_uuid = through_uuid or top == "uuid"
            frame = frame.f_back
        return None, through_uuid

    def _walk(self, frame: FrameType | None, requester: FrameType | None, *, through_uuid: bool) -> Trace | None:
        library: list[FrameType] = []
        while frame is not None and not self._user.owns(frame.f_code.co_filename):
            if _module(frame).startswith("importlib._bootstrap"):
                return None  # state that a library makes when it is imported: seeded with the others
            library.append(frame)
            frame = frame.f_back
        return Trace(tuple(library), frame, requester, through_uuid)

    def _is_bystander(self, frame: FrameType) -> bool:
        code = frame.f_code
        if code not in self._bystanders:
            self._bystanders[code] = _bystander(frame)
        return self._bystanders[code]

    def _is_discarded(self, frame: FrameType) -> bool:
        """Whether the draw is thrown away: ``RandomState(42)`` draws first and seeds afterwards."""
        key = (frame.f_code, frame.f_lasti)
        if key not in self._seeds:
            self._seeds[key] = _seeds_given(frame)
        seeds = self._seeds[key]
        return bool(seeds) and all(_is_seed(seed, frame) for seed in seeds)

    def _is_retry(self, frame: FrameType) -> bool:
        """Whether ``random`` draws again because a number was out of range: still the same call."""
        caller = frame.f_back
        if caller is None or not caller.f_code.co_name.startswith("_randbelow"):
            return False
        return self._first_try.setdefault(caller.f_code, caller.f_lasti) != caller.f_lasti


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _top(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def _bystander(frame: FrameType) -> bool:
    module, top = _module(frame), _top(frame)
    if module.startswith(_NO_BYSTANDERS) or (top == "threading" and frame.f_code.co_name in _ENTRY):
        return False
    if module.startswith(_BYSTANDER_MODULES) or top.startswith("pytest"):
        return True
    return top in _BYSTANDERS or top in _RESTORING or module in _RESTORING


def _is_random_state(callee: object, call: ast.Call) -> bool:
    numpy_random = sys.modules.get("numpy.random")
    if callee is UNRESOLVED or numpy_random is None:
        return isinstance(call.func, ast.Attribute) and call.func.attr == "RandomState"
    known = vars(numpy_random).get("RandomState")
    return isinstance(callee, type) and isinstance(known, type) and issubclass(callee, known)


def _seeds_given(frame: FrameType) -> tuple[ast.expr, ...]:
    """The seeds on which it depends whether the draw that `frame` makes is thrown away at once."""
    calls = calls_at(frame)
    seeds: list[ast.expr] = []
    for call in calls:
        callee = resolve(call.func, frame.f_locals, frame.f_globals)
        if home(callee) in _RESTORING:
            return (ast.Constant(0),)
        if _is_random_state(callee, call):
            seeds.append(_first_given(call))
        elif len(calls) > 1 and _draws_for_numpy(call) and not _is_seed(_first_given(call), frame):
            return ()  # only the line is known (Python 3.10), and it holds a real draw as well
    return tuple(seeds)


def _draws_for_numpy(call: ast.Call) -> bool:
    return (dotted(call.func) or ("",))[-1] in _NUMPY_SEEDERS


def _first_given(call: ast.Call) -> ast.expr:
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("seed", None))]
    return given[0] if given else ast.Constant(None)


def _is_seed(given: ast.expr, frame: FrameType) -> bool:
    """Whether `given` is anything but None; what cannot be known counts as a seed."""
    if isinstance(given, ast.Constant):
        return given.value is not None
    if isinstance(given, (ast.Name, ast.Attribute)):
        return resolve(given, frame.f_locals, frame.f_globals) is not None
    return True
