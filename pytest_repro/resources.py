"""What the runs of a session share and what is built when first needed: generators, workers, taps, folders.

Beside it, how pytest's own config is read.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_repro.added_factors import AddedFactors
from pytest_repro.errors import SettingsError
from pytest_repro.execute.seeding import seeders_for
from pytest_repro.progress import no_progress
from pytest_repro.settings import OPTIONS

if TYPE_CHECKING:
    from pytest_repro.entropy import Taps, Watch
    from pytest_repro.execute.cluster import ClusterPool
    from pytest_repro.execute.types import ProcessExecutor
    from pytest_repro.execute.workers import WorkerPool
    from pytest_repro.experiments import Experiments
    from pytest_repro.pipeline import Strict
    from pytest_repro.progress import Waiting
    from pytest_repro.rng import Seeders
    from pytest_repro.settings import Settings

__all__ = ["Resources", "command_line", "ini", "line_width", "strict"]


class Resources:
    """Each is built at its first use; `close` ends those that were."""

    def __init__(self, config: pytest.Config, settings: Settings, *, waiting: Waiting = no_progress) -> None:
        self.config = config
        self.settings = settings
        #: ours and those that the project adds
        self.factors = AddedFactors(config.hook.pytest_repro_factors)
        self._waiting = waiting
        self._began = time.time_ns()
        self._experiments: Experiments | None = None
        #: of the workers; chosen when the tests are known
        self.hash_seeds: tuple[int, ...] = (1, 2, 3, 4)
        self._seeders: Seeders | None = None
        self._effective: Callable[[], tuple[tuple[str, str], ...]] | None = None
        self._pool: WorkerPool | None = None
        self._cluster: ClusterPool | None = None
        self._taps: Taps | None = None
        self._spool: Path | None = None

    @property
    def seeders(self) -> Seeders:
        """Every generator that a run starts from."""
        if self._seeders is None:
            self._seeders = seeders_for(self.config)
        return self._seeders

    @property
    def effective(self) -> Callable[[], tuple[tuple[str, str], ...]]:
        """What is in effect at the end of a run: threads, CPU features, hash seed."""
        if self._effective is None:
            from pytest_repro.environment import Effective

            own = Effective()
            # beside runs on other machines, those here say where they were, too
            here = (("host", socket.gethostname()),) if self.settings.executor else ()
            self._effective = (lambda: tuple(sorted((*own(), *here)))) if here else own
        return self._effective

    @cached_property
    def standard(self) -> tuple[str, ...]:
        """What fresh interpreters vary by themselves: uninitialised memory has other contents in each.

        It costs at most 3 %, and changed none of 151 clean computations.
        """
        from pytest_repro.conditions import FACTORS

        return ("memory",) if FACTORS["memory"].available() is None else ()

    @property
    def rules(self) -> Sequence[Callable[[object], object]]:
        """The hook through which libraries teach their types."""
        hook = self.config.hook.pytest_repro_canonical
        return (lambda value: hook(value=value),) if hook.get_hookimpls() else ()

    @property
    def store(self) -> Path:
        """A folder on disk for what would fill the memory; made by the first such value."""
        # below the spool folder, which the guard of a worker removes where this process is killed
        return self.spool / "store"

    @property
    def spool(self) -> Path:
        """A folder for large arrays on their way from a worker, removed at the end."""
        if self._spool is None:
            # on the file system of temporary folders: workers keep theirs here, and the order in which
            # a directory is listed must not depend on where a run happens
            self._spool = Path(tempfile.mkdtemp(prefix="pytest-repro-"))
        return self._spool

    @property
    def pool(self) -> WorkerPool:
        """The worker processes, none of which is started by asking for it."""
        if self._pool is None:
            from pytest_repro.execute.workers import WorkerPool

            self._pool = WorkerPool(self.config, settings=self.settings, spool=self.spool)
        return self._pool

    @property
    def experiments(self) -> Experiments:
        """What makes runs beyond the plan; a session in which nothing drifts does without."""
        if self._experiments is None:
            from pytest_repro.experiments import Experiments
            from pytest_repro.explaining import Budget

            budget = Budget(session=self.settings.session_budget)
            self._experiments = Experiments(self.config, self.processes, budget, self._waiting, since=self._began)
        return self._experiments

    def processes(self) -> ProcessExecutor:
        """What executes runs in worker processes."""
        return self.pool

    @property
    def cluster(self) -> ClusterPool:
        """What executes runs on other machines; asking for it connects to nothing.

        Raises:
            SettingsError: ``--repro-executor`` cannot be read.
        """
        if self._cluster is None:
            from pytest_repro.execute.cluster import ClusterPool

            self._cluster = ClusterPool(self.config, settings=self.settings)
        return self._cluster

    def check(self) -> None:
        """Refuse factors that there are not, and options about a cluster that cannot work.

        Raises:
            ReproError: naming the options; under pytest-xdist also when the cluster cannot be used.
        """
        settings = self.settings
        self.factors.check(settings.vary)
        for name in ("spread", "allow_skew"):
            if getattr(settings, name) and not settings.executor:
                msg = f"--repro-{name.replace('_', '-')} is about runs on a cluster: name one with --repro-executor"
                raise SettingsError(msg)
        if not settings.executor:
            return
        if settings.isolation == "inline":
            msg = f"--repro-executor={settings.executor} is for runs elsewhere; drop --repro-isolation=inline or it"
            raise SettingsError(msg)
        cluster = self.cluster
        # under pytest-xdist the tests are collected in its workers, which cannot refuse anything
        if getattr(self.config.option, "tx", None) and not self._is_xdist_worker:
            cluster.connect()

    def connect(self) -> None:
        """Reach the cluster before any test runs; an xdist worker relies on its controller for that.

        Raises:
            ReproError: it cannot be used.
        """
        if not self._is_xdist_worker or self.settings.spread:
            self.cluster.connect()

    @property
    def _is_xdist_worker(self) -> bool:
        return hasattr(self.config, "workerinput")

    def notices(self) -> list[str]:
        """What the workers have to say at the end of the session."""
        own = self._pool.notice() if self._pool is not None else None
        return [*([own] if own else []), *(self._cluster.notices() if self._cluster is not None else [])]

    def choose_hash_seeds(self) -> None:
        """Take those under which the words of the user's modules come in other orders than here."""
        self.hash_seeds = _telling_seeds(self.config.rootpath)

    def slot(self) -> AbstractContextManager[None]:
        """Hold one of ``--repro-jobs`` while a test's runs execute."""
        workerinput = getattr(self.config, "workerinput", {})
        if not workerinput.get("repro_slots"):
            return nullcontext()
        from pytest_repro.execute.slots import held

        number = str(workerinput.get("workerid", "gw0")).removeprefix("gw")
        return held(str(workerinput["repro_slots"]), worker=int(number) if number.isdecimal() else 0)

    def under_way(self, nodeid: str) -> AbstractContextManager[None]:
        """Note which test is being repeated, where a controller would want to know after a crash."""
        workerinput = getattr(self.config, "workerinput", {})
        if "repro_under_way" not in workerinput:
            return nullcontext()
        from pytest_repro.crashes import under_way

        return under_way(nodeid, place=str(workerinput["repro_under_way"]), worker=str(workerinput["workerid"]))

    def watching(self, settings: Settings) -> Callable[[], AbstractContextManager[Watch]] | None:
        """Taps on entropy, where their findings can be of use."""
        if settings.explain == "off" and not settings.strict:
            return None
        if self._taps is None:
            from pytest_repro.entropy import Taps

            self._taps = Taps(root=self.config.rootpath)
        return self._taps.watching

    def close(self) -> None:
        """Let go of the cluster, end the workers, remove the folder; each also where the one before was interrupted."""
        with ExitStack() as last_first:
            if self._spool is not None:
                last_first.callback(shutil.rmtree, self._spool, ignore_errors=True)
            for executor in (self._pool, self._cluster):
                if executor is not None:
                    last_first.callback(executor.close)


def strict(settings: Settings) -> Strict | None:
    """What a strict test must not draw; None where nobody asked."""
    if not settings.strict:
        return None
    from pytest_repro.experiments import violations

    return partial(violations, allow=settings.allow)


def _telling_seeds(root: Path) -> tuple[int, ...]:
    """Hash seeds under which the words of the user's modules come in other orders than here."""
    from pytest_repro.entropy import UserCode
    from pytest_repro.hashing import choose_seeds, word_groups

    modules = sorted(UserCode(root).modules(), key=lambda module: module.__name__)
    return choose_seeds(word_groups(modules), count=4)


def command_line(config: pytest.Config) -> Mapping[str, object]:
    """The options that were given on the command line."""
    values = {option.name: getattr(config.option, option.key, None) for option in OPTIONS if option.command_line}
    return {name: value for name, value in values.items() if value is not None}


def ini(config: pytest.Config) -> Mapping[str, object]:
    """The options that were given in the ini file."""
    values = {option.name: config.getini(option.key) for option in OPTIONS if option.ini}
    # what is not given reads as None, '' or [], depending on pytest's version
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def line_width(config: pytest.Config) -> int:
    """How wide the lines of an explanation may be; one is made for other reports where there is no terminal's."""
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return 80
    return min(max(int(config.get_terminal_writer().fullwidth), 60), 120)
