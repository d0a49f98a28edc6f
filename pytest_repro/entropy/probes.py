"""The taps themselves: stand-ins for a handful of functions, shared by all who watch.

One stand-in per function serves every watcher, so watches may nest, overlap and end in any order.
The last one to leave puts the original back wherever the stand-in still is; where somebody else
has patched over it in the meantime, theirs stays and ours passes calls on in silence.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import uuid
from functools import cache, wraps
from types import BuiltinFunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from pytest_repro.entropy.usercode import Loaded

__all__ = ["Installation", "Probe", "Watcher"]

#: guards installing and removing only: a draw never takes a lock, so a fork cannot inherit a held one
_CHANGING: Final = threading.Lock()
#: attribute of our ``Random.seed`` that leads to its probe
_MARK: Final = "__repro_probe__"
_LISTING_MODULES: Final = ("glob", "pathlib", "pathlib._abc", "pathlib._local", "pathlib._os")


class Watcher(Protocol):
    """Who is told of draws."""

    def saw(self, probe: Probe, frame: FrameType) -> None:
        """Take note of a draw made by the code in `frame`. Must not raise."""


#: one name that holds a stand-in: its owner, the name, the stand-in, what was there before. A plain tuple: seven are
#: made for each test
_Place: TypeAlias = "tuple[object, str, object, object]"


class Probe:
    """Calls the original, then tells the watchers.

    An object and not a function: a class that holds the original as an attribute
    (``clock = time.time``) must not turn it into a method. Equal to the original, because the
    standard library asks ``os.scandir in os.supports_fd``.
    """

    def __init__(self, original: Callable[..., Any], *, name: str, source: str) -> None:
        self.original = original
        self.name = name
        self.source = source
        #: replaced as a whole, never changed in place: draws in other threads read it
        self.watchers: tuple[Watcher, ...] = ()
        self.places: list[_Place] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do what the original does, and tell."""
        result = self.original(*args, **kwargs)
        self.tell(sys._getframe(1))
        return result

    def __getattr__(self, name: str) -> Any:
        if name == "original":  # only while being unpickled
            raise AttributeError(name)
        return getattr(self.original, name)

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self.original == other)

    def __hash__(self) -> int:
        return hash(self.original)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _same, (self.original,)  # other processes get the original

    def tell(self, frame: FrameType) -> None:
        """Tell all watchers of a draw made by the code in `frame`."""
        for watcher in self.watchers:
            watcher.saw(self, frame)

    def hold(self, owner: object, name: str, *, ours: object, before: object) -> None:
        """Put `ours` in the place of ``owner.name``, unless it is there already."""
        for held in self.places:
            if held[0] is owner and held[1] == name:
                return
        # first noted, then done: an interrupt in between leaves nothing behind
        self.places.append((owner, name, ours, before))
        setattr(owner, name, ours)

    def leave(self, watcher: Watcher) -> None:
        """Tell `watcher` no more; restore every place when nobody watches."""
        self.watchers = tuple([other for other in self.watchers if other is not watcher])
        if not self.watchers:
            while self.places:
                owner, name, ours, before = self.places.pop()
                if vars(owner).get(name) is ours:  # unless somebody else has taken it since
                    setattr(owner, name, before)


def _same(value: Any) -> Any:
    return value


class Installation:
    """The taps of one watcher: `begin` puts them in, `end` takes them out, however far `begin` came."""

    def __init__(self, watcher: Watcher, loaded: Loaded) -> None:
        self._watcher = watcher
        self._loaded = loaded
        self._joined: list[Probe] = []
        self._torch_done = False
        self._modules_before: frozenset[str] = frozenset()

    def begin(self, user_modules: Iterable[ModuleType]) -> None:
        """Tap every source, also where `user_modules` bound the originals by name."""
        with _CHANGING:
            self._modules_before = self._loaded.names()
            self._tap(os, "urandom", label="os.urandom", source="os-entropy")
            self._tap(random, "_urandom", label="random.SystemRandom", source="os-entropy")
            safe = vars(uuid).get("_generate_time_safe") is not None  # None where libuuid is missing
            self._tap(uuid, "_generate_time_safe" if safe else "uuid1", label="uuid.uuid1", source="uuid")
            self._tap(os, "listdir", label="os.listdir", source="listing")
            self._tap(os, "scandir", label="os.scandir", source="listing")
            self._tap_torch()
            stand_ins: dict[int, tuple[Probe, object]] = {}
            for probe in self._joined:
                stand_ins.setdefault(id(probe.original), (probe, probe))
            before = random.seed
            probe = self._tap_seed()
            stand_ins[id(before)] = (probe, random.seed)
            loaded = tuple(sys.modules[name] for name in _LISTING_MODULES if name in sys.modules)
            for owner in (*_listing_classes(loaded), *user_modules):
                _rebind(owner, stand_ins)

    def end(self) -> None:
        """Stop telling the watcher; the last one out restores the originals."""
        with _CHANGING:
            left = self._joined[:]
            while self._joined:
                self._joined.pop().leave(self._watcher)
            if left and not any(probe.watchers for probe in left):
                self._clear_new_modules()

    def _clear_new_modules(self) -> None:
        """Give the originals to modules that were imported meanwhile and bound a tap by name."""
        for name in self._loaded.names() - self._modules_before:
            module = sys.modules.get(name)
            for key, value in list(getattr(module, "__dict__", {}).items()) if module is not random else ():
                if isinstance(value, Probe):
                    setattr(module, key, value.original)
                elif isinstance(value, MethodType) and hasattr(value.__func__, _MARK):
                    setattr(module, key, random.seed)

    def catch_up(self) -> None:
        """Tap torch if it was imported meanwhile. Never waits: a draw calls this."""
        torch = None if self._torch_done else sys.modules.get("torch")
        if torch is None or getattr(torch.__spec__, "_initializing", False):
            return
        if _CHANGING.acquire(blocking=False):
            try:
                self._tap_torch()
            finally:
                _CHANGING.release()

    def _tap_torch(self) -> None:
        self._torch_done = "torch" in sys.modules
        for module in (sys.modules.get("torch"), sys.modules.get("torch.random")):
            if module is not None and "seed" in vars(module):
                self._tap(module, "seed", label="torch.seed", source="os-entropy")

    def _tap(self, owner: ModuleType, name: str, *, label: str, source: str) -> None:
        value = vars(owner)[name]
        probe = value if isinstance(value, Probe) else Probe(value, name=label, source=source)
        self._join(probe)
        probe.hold(owner, name, ours=probe, before=probe.original)

    def _tap_seed(self) -> Probe:
        """``random.Random`` seeds itself in C; its Python method ``seed`` is always on the way there."""
        method = random.Random.seed
        probe = getattr(method, _MARK, None)
        if not isinstance(probe, Probe):
            probe = Probe(method, name="random.seed", source="os-entropy")
            method = _seed_method(probe)
        self._join(probe)
        probe.hold(random.Random, "seed", ours=method, before=probe.original)
        instance = vars(random)["_inst"]
        if getattr(random.seed, "__func__", None) is not method:
            probe.hold(random, "seed", ours=instance.seed, before=random.seed)
        return probe

    def _join(self, probe: Probe) -> None:
        self._joined.append(probe)
        probe.watchers = (*probe.watchers, self._watcher)


def _seed_method(probe: Probe) -> Callable[..., Any]:
    @wraps(probe.original)
    def seed(self: random.Random, *args: Any, **kwargs: Any) -> Any:
        result = probe.original(self, *args, **kwargs)
        if (args[0] if args else kwargs.get("a")) is None:
            probe.tell(sys._getframe(1))
        return result

    setattr(seed, _MARK, probe)
    return seed


@cache
def _listing_classes(modules: tuple[ModuleType, ...]) -> tuple[type, ...]:
    """The classes of ``pathlib`` and ``glob`` that keep ``os.listdir`` as an attribute, as some versions do."""
    classes = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    return tuple(each for each in classes if any(_is_builtin(value) for value in vars(each).values()))


def _is_builtin(value: object) -> bool:
    raw = value.__func__ if isinstance(value, staticmethod) else value
    return isinstance(raw, BuiltinFunctionType | Probe)


def _rebind(owner: object, stand_ins: dict[int, tuple[Probe, object]]) -> None:
    """Replace the originals where `owner` holds them under names of its own."""
    if isinstance(owner, ModuleType) and stand_ins.keys().isdisjoint(map(id, vars(owner).values())):
        return  # a module of hundreds of tests is looked at before each of them
    for name, value in list(vars(owner).items()):
        raw = value.__func__ if isinstance(value, staticmethod) else value
        probe, ours = stand_ins.get(id(raw), (None, None))
        if probe is not None and not isinstance(raw, Probe):
            probe.hold(owner, name, ours=staticmethod(probe) if raw is not value else ours, before=value)
