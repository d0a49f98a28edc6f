"""Seed every random generator that is present, and restore them afterwards.

Only libraries that are already loaded are touched; one that is first imported inside a run is
seeded at that moment. Nothing is imported here that the user has not imported, except
``numpy.random`` where ``numpy`` is loaded: numpy 2 loads it lazily, and the first use inside the
test would otherwise be seeded by the operating system. What a test puts in the place of a library
is left alone.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, TypeAlias

from pytest_repro.streams import Streams

__all__ = ["Seeder", "Seeders", "randomly_seeders"]

#: takes a seed of any size
Seeder: TypeAlias = Callable[[int], object]
_Restore: TypeAlias = Callable[[], object]

#: what numpy's legacy generator, xgboost and others accept at most
_UINT32 = 2**32


def randomly_seeders() -> tuple[Seeder, ...]:
    """Callables registered under pytest-randomly's entry-point group, so that its users need nothing new."""
    group = "pytest_randomly.random_seeder"
    if not any(group.encode() in text for text in _entry_point_files()):
        return ()
    from importlib.metadata import entry_points

    return tuple(entry.load() for entry in entry_points(group=group))


def _entry_point_files() -> Iterator[bytes]:
    """What the installed distributions declare, unparsed: nearly always there is nothing for us in them.

    Read as files, a fifth of what `importlib.metadata` takes; what lies in an archive, through it.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208
        except NotADirectoryError:
            from importlib.metadata import distributions

            found = (each.read_text("entry_points.txt") for each in distributions(path=[folder]))
            yield from (text.encode() for text in found if text)
            continue
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
                with contextlib.suppress(OSError), open(f"{folder or '.'}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123
                    yield file.read()


def _seed_random(seed: int) -> None:
    """As ``random.seed(seed)`` does with an integer, without its questions and without the taps on it."""
    owner: Any = vars(random).get("_inst")
    if type(owner) is random.Random:
        super(random.Random, owner).seed(seed)
        owner.gauss_next = None  # type: ignore[attr-defined]
    else:
        random.seed(seed)


def _seed_numpy(module: ModuleType, seed: int) -> None:
    module.random.seed(seed % _UINT32)


def _save_numpy(module: ModuleType) -> _Restore:
    state = module.random.get_state()
    return lambda: module.random.set_state(state)


def _seed_torch(module: ModuleType, seed: int) -> None:
    module.manual_seed(seed % 2**63)


def _save_torch(module: ModuleType) -> _Restore:
    state = module.get_rng_state()
    cuda = getattr(module, "cuda", None)
    cuda_states = cuda.get_rng_state_all() if cuda is not None and cuda.is_initialized() else None

    def restore() -> None:
        module.set_rng_state(state)
        if cuda is not None and cuda_states is not None:
            cuda.set_rng_state_all(cuda_states)

    return restore


def _seed_tensorflow(module: ModuleType, seed: int) -> None:
    module.random.set_seed(seed % _UINT32)


def _seed_cupy(module: ModuleType, seed: int) -> None:
    module.random.seed(seed % _UINT32)


def _save_cupy(module: ModuleType) -> _Restore:
    state = module.random.get_random_state()
    return lambda: module.random.set_random_state(state)


def _seed_polars(module: ModuleType, seed: int) -> None:
    module.set_random_seed(seed % 2**63)


def _save_nothing(module: ModuleType) -> _Restore:
    """TensorFlow and polars offer no way to read their global state."""
    del module
    return lambda: None


#: module that must be loaded → (how to seed, how to save); keras draws from its backend and `random`
_LIBRARIES: dict[str, tuple[Callable[[ModuleType, int], None], Callable[[ModuleType], _Restore]]] = {
    "numpy": (_seed_numpy, _save_numpy),
    "torch": (_seed_torch, _save_torch),
    "tensorflow": (_seed_tensorflow, _save_nothing),
    "cupy": (_seed_cupy, _save_cupy),
    "polars": (_seed_polars, _save_nothing),
}
#: what tells a library from a stand-in of the same name (asking for numpy's loads it); others are as they are
_GENUINE = {
    "numpy": "random",
    "torch": "manual_seed",
    "tensorflow": "random",
    "cupy": "random",
    "polars": "set_random_seed",
}


def _loaded(name: str) -> ModuleType | None:
    module = sys.modules.get(name)
    if module is None:
        return None
    spec = getattr(module, "__spec__", None)
    if getattr(spec, "_initializing", False):
        return None
    return module if hasattr(module, _GENUINE.get(name, "__name__")) else None


class _SeedOnImport(importlib.abc.MetaPathFinder, contextlib.AbstractContextManager[None]):
    """Seeds a library right after its first import, while a run is going on."""

    def __init__(self, seed: Callable[[str], None]) -> None:
        self._seed = seed
        self._busy = False

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_error: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _LIBRARIES or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy = False
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            loader.exec_module = execute  # type: ignore[method-assign]
            if spec is not None:
                spec._initializing = False  # type: ignore[attr-defined]
            self._seed(fullname)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class Seeders:
    """All generators that a run must start with in a known state."""

    def __init__(self, extra: Sequence[Seeder] = ()) -> None:
        #: the user's own, from the hook ``pytest_repro_seed`` and from pytest-randomly's entry points
        self._extra = tuple(extra)
        #: where they stand
        self.streams = Streams()

    def seed(self, seed: int) -> None:
        """Set every loaded global generator to `seed`."""
        _seed_random(seed)
        for name in _LIBRARIES:
            if name in sys.modules:
                self._seed_library(name, seed)
        for seeder in self._extra:
            seeder(seed)

    def _seed_library(self, name: str, seed: int) -> None:
        module = _loaded(name)
        if module is not None:
            _LIBRARIES[name][0](module, seed)

    def saved(self) -> Callable[[], None]:
        """Return what sets every generator that is loaded now to where it stands now."""
        state = random.getstate()
        restores = [save(module) for name, (_, save) in _LIBRARIES.items() if (module := _loaded(name))]

        def restore() -> None:
            random.setstate(state)
            for one in restores:
                one()

        return restore

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Leave every loaded global generator as it was found."""
        restore = self.saved()
        try:
            yield
        finally:
            restore()

    def seeding_imports(self, seed: int) -> contextlib.AbstractContextManager[None]:
        """Seed a library that is first imported inside, at that moment."""
        if all(name in sys.modules for name in _LIBRARIES):
            return contextlib.nullcontext()
        return _SeedOnImport(lambda name: self._seed_library(name, seed))
