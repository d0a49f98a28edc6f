"""Observations without a call in the test: what estimators, optimisers, boosters and assertions see and give.

Nothing is replaced outside of a run, and a library that is not loaded is not imported. A library that
is first imported inside of a run is watched from then on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.autolog import assertions, boosters, keras_fit, lightning_fit, pytorch, scikit_learn, stats_models
from pytest_repro.autolog.imports import noticing_imports
from pytest_repro.autolog.noise import NOISE, Noise
from pytest_repro.autolog.patches import Patches
from pytest_repro.autolog.sink import Sink, Switch
from pytest_repro.entropy import UserCode

if TYPE_CHECKING:
    from pytest_repro.recorder import Recorder

__all__ = ["NOISE", "Autolog", "Sink"]

Prepare = Callable[[Patches, Any], None]

#: framework → (modules any of which must be loaded, what to watch then)
_FRAMEWORKS: dict[str, tuple[tuple[str, ...], Prepare]] = {
    "scikit-learn": ((scikit_learn.MODULE,), scikit_learn.prepare),
    "torch": ((pytorch.MODULE,), pytorch.prepare),
    "lightning": (lightning_fit.MODULES, lightning_fit.prepare),
    "xgboost": (("xgboost",), boosters.prepare_xgboost),
    "lightgbm": (("lightgbm",), boosters.prepare_lightgbm),
    "catboost": (("catboost",), boosters.prepare_catboost),
    "keras": (("keras",), keras_fit.prepare),
    "statsmodels": ((stats_models.MODULE,), stats_models.prepare),
}
#: frameworks whose iterations are the steps of torch's optimisers
_STEPPING = frozenset({"torch", "lightning"})


class Autolog:
    """Watches runs; one object a process, because what it found out about classes and modules holds for all runs."""

    def __init__(self, *, root: Path, folders: Sequence[Path] = ()) -> None:
        self._user = UserCode(root)
        self._folders = tuple(folders)
        #: by the frameworks that are watched: tests may choose
        self._watches: dict[tuple[str, ...], _Watch] = {}
        self._noises: dict[tuple[str, ...], Noise] = {}

    @contextmanager
    def watching(
        self,
        recorder: Recorder,
        *,
        frameworks: Sequence[str],
        noise: Sequence[str],
        file: str,
        rules: Sequence[Callable[[object], object]] = (),
    ) -> Iterator[Sink]:
        """Record until the block ends.

        Args:
            recorder: of the run.
            frameworks: names out of `settings.AUTOLOG`.
            noise: names of the rules that apply.
            file: the test's, whose lines are the user's even where it is installed.
            rules: of the hook ``pytest_repro_canonical``.
        """
        names, rule_names = tuple(frameworks), tuple(noise)
        watch = self._watches.setdefault(names, _Watch(names))
        cleaner = self._noises.setdefault(rule_names, Noise(rule_names, folders=self._folders))
        sink = Sink(recorder, file=file, user=self._user, noise=cleaner, rules=rules)
        with watch.installed(sink):
            yield sink


class _Watch:
    """One choice of frameworks, installed while a run lasts."""

    def __init__(self, frameworks: tuple[str, ...]) -> None:
        self._frameworks = frameworks
        self._switch = Switch()
        self._patches = Patches(self._switch)
        self._stop_listening: Callable[[], None] | None = None

    @contextmanager
    def installed(self, sink: Sink) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(self._end, self._switch.sink)
            self._prepare()
            stack.enter_context(self._patches.installed())
            stack.enter_context(noticing_imports(self._imported))
            if "assertions" in self._frameworks:
                stack.enter_context(assertions.listening(sink))
            self._switch.sink = sink
            self._listen()
            yield

    def _end(self, before: Sink | None) -> None:
        self._switch.sink = before
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _imported(self) -> None:
        self._prepare()
        self._patches.catch_up()
        self._listen()

    def _listen(self) -> None:
        if self._stop_listening is None and not _STEPPING.isdisjoint(self._frameworks):
            self._stop_listening = pytorch.listen(self._switch)

    def _prepare(self) -> None:
        """Find out what there is to watch."""
        for framework in self._frameworks:
            names, prepare = _FRAMEWORKS.get(framework, ((), None))
            for module in filter(None, map(_loaded, names)):
                if prepare is not None:
                    prepare(self._patches, module)
        if "assertions" in self._frameworks:
            assertions.prepare_unittest(self._patches)
            for name in assertions.FUNCTIONS:
                module = _loaded(name)
                if module is not None:
                    assertions.prepare(self._patches, module)


def _loaded(name: str) -> Any:
    """The module, where it was imported to its end."""
    module = sys.modules.get(name)
    return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module
