"""What a draw is called in a report: the call that the user wrote, in its public spelling."""

from __future__ import annotations

import ast
import sys
from types import FrameType, MethodType, ModuleType
from typing import TYPE_CHECKING, Final, cast

from pytest_repro.entropy.source import UNRESOLVED, attribute, calls_at, dotted, home, is_a, resolve, unwrapped

if TYPE_CHECKING:
    from pytest_repro.entropy.frames import Trace

__all__ = ["call_text", "public_name"]

_ALIASES: Final = {"posix": "os", "nt": "os", "_random": "random", "_uuid": "uuid"}
#: callees that a user calls for entropy; picks the right one where only the line is known
_SOURCES: Final = frozenset(
    {
        "default_rng", "SeedSequence", "PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState", "seed",
        "urandom", "Random", "SystemRandom", "getrandbits", "randbits", "randbelow", "choice", "token_hex",
        "token_bytes", "token_urlsafe", "uuid1", "uuid4", "uuid7", "listdir", "scandir", "walk", "glob", "iglob",
        "iterdir", "rglob",
    }
)  # fmt: skip
#: these call what they were handed, and name nothing
_THREADS: Final = ("threading", "concurrent.", "multiprocessing.", "joblib")
#: methods that are called on paths made on the spot: ``Path(folder).glob("*")``
_PATH_METHODS: Final = frozenset({"glob", "iterdir", "rglob", "walk"})
_MAKERS: Final = frozenset({"__init__", "__new__", "__call__", "__post_init__"})


def call_text(trace: Trace, tap: str) -> str:
    """Name the draw that `trace` describes; `tap` is the name of the tapped function itself."""
    named = None if trace.user is None else _from_source(trace.user)
    if named is None:
        inwards = (_from_frame(frame) for frame in reversed(trace.library))
        named = next((name for name in inwards if name is not None), tap)
    if tap.startswith("random.SystemRandom"):  # it inherits most of its methods
        named = named.replace("random.Random.", "random.SystemRandom.")
    return f"{named}()"


def _from_source(frame: FrameType) -> str | None:
    calls = calls_at(frame)
    if len(calls) > 1:
        calls = tuple(call for call in calls if _last(call) in _SOURCES)
    for call in calls:
        # ``list(folder.glob("*"))`` runs the generator from inside of list: look into the arguments, too
        inner = (node for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Call))
        named = _callee_name(call, frame)
        if named is None and _is_builtin(call, frame):
            named = next((name for name in (_callee_name(node, frame) for node in inner) if name is not None), None)
        if named is not None:
            return named
    return None


def _is_builtin(call: ast.Call, frame: FrameType) -> bool:
    return home(resolve(call.func, frame.f_locals, frame.f_globals)) == "builtins"


def _last(call: ast.Call) -> str:
    parts = dotted(call.func)
    return parts[-1] if parts else ""


def _callee_name(call: ast.Call, frame: FrameType) -> str | None:
    parts = dotted(call.func)
    if not parts:
        on_path = isinstance(call.func, ast.Attribute) and call.func.attr in _PATH_METHODS
        return f"pathlib.Path.{call.func.attr}" if on_path and isinstance(call.func, ast.Attribute) else None
    callee = resolve(call.func, frame.f_locals, frame.f_globals)
    root = resolve(ast.Name(parts[0]), frame.f_locals, frame.f_globals)
    if is_a(root, ModuleType) and len(parts) > 1:
        written = ".".join((vars(root)["__name__"], *parts[1:]))
        # a module of the user's may hold ``os.urandom`` under a name of its own
        known = public_name(callee) if unwrapped(callee) is not callee or _of_random(callee) else None
        return known if known is not None and _top(known) != _top(written) else written
    return None if callee is UNRESOLVED else public_name(callee)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _of_random(value: object) -> bool:
    """Whether `value` is a function of the module ``random``: those are methods of a hidden instance."""
    hidden = vars(sys.modules["random"]).get("_inst") if "random" in sys.modules else None
    return hidden is not None and is_a(value, MethodType) and cast("MethodType", value).__self__ is hidden


def public_name(value: object) -> str | None:
    """Give the dotted name under which users know a function or class; None for builtins and the like."""
    value = unwrapped(value)
    module = home(value)
    if module is None or module == "builtins":
        return None
    qualname = getattr(value, "__qualname__", None)
    if _of_random(value):
        return f"random.{getattr(value, '__name__', '')}"
    return _spelled(module, qualname) if isinstance(qualname, str) else None


def _spelled(module: str, qualname: str) -> str:
    module = _ALIASES.get(module, module)
    if module.startswith("numpy.random"):
        return f"numpy.random.{qualname}"
    public = module.split("._")[0]
    if public == module or public == "pathlib":
        return f"{public}.{qualname}"
    package = sys.modules.get(public)
    first = qualname.partition(".")[0]
    known = package is not None and attribute(package, first) is not UNRESOLVED
    return f"{public}.{qualname}" if known else qualname


def _from_frame(frame: FrameType) -> str | None:
    code = frame.f_code
    qualname = str(getattr(code, "co_qualname", "")) or _guessed_qualname(frame)
    last = qualname.rpartition(".")[2]
    if "<" in qualname or (last.startswith("_") and last not in _MAKERS) or _module(frame).startswith(_THREADS):
        return None
    if last in _MAKERS:
        qualname = qualname.rpartition(".")[0]
    module = _module(frame)
    if module == "random" and qualname == "Random.seed":
        instance = sys.modules["random"].__dict__.get("_inst")
        qualname = "seed" if frame.f_locals.get("self") is instance else qualname
    return _spelled(module, qualname) if qualname else None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _guessed_qualname(frame: FrameType) -> str:
    """Stand in for ``co_qualname`` (Python 3.10): the class is read off ``self``."""
    name = frame.f_code.co_name
    if frame.f_code.co_varnames[:1] not in (("self",), ("cls",)):
        return name
    owner = frame.f_locals.get(frame.f_code.co_varnames[0])
    cls = owner if isinstance(owner, type) else type(owner)
    defining = next((base for base in cls.__mro__ if name in vars(base)), cls)
    return f"{defining.__qualname__}.{name}"
