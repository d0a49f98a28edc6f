"""The working object of a session: settings of each test, the tools its runs need, the verdicts.

Built when the first marked test is collected or an option is given, never before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_repro.errors import ReproError
from pytest_repro.excuses import Excuses
from pytest_repro.execute.active import ACTIVE
from pytest_repro.execute.hooks import RunHooks
from pytest_repro.execute.timers import TIMEOUT
from pytest_repro.execute.watching import AutologSource
from pytest_repro.ids import own_id
from pytest_repro.model import Place
from pytest_repro.overtime import Overtime
from pytest_repro.plan import describe_plan, make_plan
from pytest_repro.progress import Progress, find_screen
from pytest_repro.recorder import Recorder
from pytest_repro.reporting import Reporting, known_drifts
from pytest_repro.resources import Resources, command_line, ini, line_width, strict
from pytest_repro.runner import ItemRunner
from pytest_repro.selection import MARKER, Selection
from pytest_repro.settings import Source, resolve
from pytest_repro.surroundings import Surroundings
from pytest_repro.tools import Tools

if TYPE_CHECKING:
    from pytest_repro.model import Cause, Plan, Recording, TestResult
    from pytest_repro.pipeline import Control, Explainer
    from pytest_repro.recorder import Keeper, Repro
    from pytest_repro.settings import Settings
    from pytest_repro.single import Singles
    from pytest_repro.streams import Streams

__all__ = ["ReproSession", "fixture_object"]


class ReproSession:
    """Everything that lives as long as the pytest session."""

    def __init__(self, config: pytest.Config, settings: Settings, hooks: RunHooks) -> None:
        self.config = config
        self.settings = settings
        self.hooks = hooks
        self._surroundings = Surroundings(config.rootpath, ask=config.hook.pytest_repro_environment)
        self.reporting = Reporting(config, settings, self._surroundings)
        self._progress = Progress(find_screen(config))
        self.resources = resources = Resources(config, settings, waiting=self._progress.waiting)
        self._singles: Singles | None = None
        self._overtime = Overtime(
            config,
            settings,
            processes=resources.processes,
            spool=lambda: resources.spool,
            surroundings=self._surroundings,
        )
        self._autolog = AutologSource(config)
        self._excuses = Excuses()
        self.selection = Selection(config, settings, check_factors=resources.factors.check)
        #: by the identity of settings: the settings, which keep their identity so, and what tests with them need
        self._made: dict[tuple[int, bool], tuple[Settings, Tools]] = {}
        #: by the hash seeds, too: the settings, and the plan
        self._plans: dict[tuple[int, tuple[int, ...]], tuple[Settings, Plan]] = {}

    @classmethod
    def build(cls, config: pytest.Config) -> ReproSession:
        """Read the session's settings.

        Raises:
            pytest.UsageError: an option or ini value is not usable.
        """
        hooks = RunHooks()
        try:
            settings = resolve(command_line=command_line(config), ini=ini(config))
            known = known_drifts(config, settings)
            session = cls(config, settings, hooks)
        except ReproError as error:
            raise pytest.UsageError(str(error)) from None
        session._excuses = Excuses(known)
        session.reporting.known = known
        config.pluginmanager.register(hooks, "repro-run-hooks")
        if settings.update or settings.record:
            from pytest_repro.upkeep import Upkeep

            upkeep = Upkeep(config, session.selection.settings_for, mode=settings.update, record=settings.record)
            config.pluginmanager.register(upkeep, "repro-upkeep")
        return session

    # --- settings -----------------------------------------------------------------------------

    def check(self) -> None:
        """Refuse combinations that cannot work.

        Raises:
            pytest.UsageError: naming both options.
        """
        try:
            self.settings.check()
            self._overtime.check()
            self.resources.check()
        except ReproError as error:
            raise pytest.UsageError(str(error)) from None

    def plan_for(self, settings: Settings) -> Plan:
        """The runs of a test with these settings."""
        seeds = self.resources.hash_seeds
        key = id(settings), seeds  # most tests have the session's own settings
        if key not in self._plans:
            asked = replace(settings, isolation="inline", vary=(), executor="") if self._debugging else settings
            # runs in this process vary nothing, so whether the memory can be is not worth asking
            standard = () if asked.isolation == "inline" else self.resources.standard
            plan = make_plan(asked, level_of=self.resources.factors.level, standard=standard, hash_seeds=seeds)
            self._plans[key] = settings, plan
        return self._plans[key][1]

    def header(self) -> list[str]:
        """The line at the top of the session."""
        if self.settings.runs < 2:
            return []
        lines = [f"repro: {describe_plan(self.plan_for(self.settings))}"]
        if self.settings.isolation != "inline" and self._debugging:
            option = "--pdb" if self.config.getoption("usepdb", False) else "--trace"
            lines.append(f"repro: {option} needs the test in this process, so all runs are inline")
        return [*lines, *self._notice_of_xdist()]

    def _notice_of_xdist(self) -> list[str]:
        """How many processes there will be: each xdist worker has workers of its own."""
        count = len(getattr(self.config.option, "tx", None) or [])
        if count < 2 or self.settings.isolation == "inline":
            return []
        specs = self.plan_for(self.settings).runs
        own = len({spec.condition for spec in specs if spec.condition.place is Place.PROCESS})
        return [f"repro: up to {count} x {own} more processes: each xdist worker has interpreters of its own for runs"]

    def prepare_node(self, workerinput: dict[str, object]) -> None:
        """Tell an xdist worker where to note what it does, and how many of them may execute a run at once."""
        from pytest_repro.crashes import make_place

        workerinput["repro_under_way"] = make_place(self.resources.spool)
        if self.settings.jobs:
            from pytest_repro.execute.slots import make_slots

            workerinput["repro_slots"] = make_slots(self.resources.spool / "slots", self.settings.jobs)

    def crashed(self, report: object) -> None:
        """Give a test whose xdist worker died its verdict."""
        from pytest_repro.crashes import make_place, told

        told(report, place=make_place(self.resources.spool), settings=self.settings)

    # --- running ------------------------------------------------------------------------------

    def prepare(self, items: list[pytest.Item]) -> None:
        """Start the workers that the collected tests will need.

        Raises:
            pytest.UsageError: the environment that the project adds is not usable, or a cluster not there.
        """
        if self.config.getoption("setuponly", False) or self.config.getoption("collectonly", False):
            return
        repeated = [self.selection.settings_for(item) for item in items if self.selection.selects(item)]
        if any(settings.isolation != "inline" and settings.runs > 1 for settings in repeated):
            self.resources.choose_hash_seeds()
        specs = [spec for settings in repeated for spec in self.plan_for(settings).runs]
        conditions = [spec.condition for spec in specs if spec.condition.place is Place.PROCESS]
        if conditions:
            self.resources.pool.prepare(conditions)
        try:
            if repeated:
                self._surroundings.added()
            if any(spec.condition.place is Place.CLUSTER for spec in specs):
                self.resources.connect()
        except ReproError as error:
            self.selection.refuse(items, error)

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Execute a marked test as often as was asked for; None leaves it to pytest."""
        settings = self.selection.settings_for(item)
        repeated = self.selection.selects(item) and (settings.runs > 1 or self._overtime.wanted(settings))
        unmarked = item.get_closest_marker(MARKER) is None
        if not repeated or self.config.getoption("setuponly", False):
            if not unmarked:
                self.singles()  # its hooks seed the test, which pytest executes
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        runner = ItemRunner(
            item=item,
            nextitem=nextitem,
            settings=settings,
            plan=self.plan_for(settings),
            tools=self._tools(settings),
            unmarked=unmarked,
        )
        with self.resources.slot(), self.resources.under_way(item.nodeid):
            runner.go()
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _tools(self, settings: Settings) -> Tools:
        key = id(settings), bool(self.resources.rules)  # a plugin may bring the hook at any time
        if key not in self._made:
            self._made[key] = settings, self._make_tools(settings)
        return self._made[key][1]

    def _make_tools(self, settings: Settings) -> Tools:
        return Tools(
            seeders=self.resources.seeders,
            hooks=self.hooks,
            root=self.config.rootpath,
            processes=self.resources.processes,
            cluster=lambda: self.resources.cluster,
            explainer_for=self._explainer_for,
            control_for=self._control_for,
            strict=strict(settings),
            excused=self._excuses.applied,
            autolog=self._autolog.watching,
            keeping_for=self._overtime.keeping_for,
            rules=self.resources.rules,
            environment=self.resources.effective,
            watching=self.resources.watching(settings),
            spool=lambda: self.resources.store,
            progress=self._progress,
            width=line_width(self.config),
            verbose=self.config.getoption("verbose", 0) > 0,
        )

    def _explainer_for(self, item: pytest.Item, settings: Settings) -> Explainer | None:
        if settings.explain == "off" or self._debugging:
            return None

        def explain(result: TestResult, recordings: Sequence[Recording]) -> Cause:
            return self.resources.experiments.explainer(item, settings)(result, recordings)

        return explain

    def _control_for(self, item: pytest.Item, settings: Settings) -> Control | None:
        off = not settings.control or settings.seed_free or self._debugging
        return None if off else self.resources.experiments.control(item, settings)

    @property
    def _debugging(self) -> bool:
        return bool(self.config.getoption("usepdb", False) or self.config.getoption("trace", False))

    def remember_timeout(self, item: pytest.Item, settings: object) -> None:
        """Keep what pytest-timeout armed, to arm it again for each run."""
        item.stash.setdefault(TIMEOUT, settings)

    # --- a marked test that runs once, and tests without the marker ----------------------------

    def singles(self) -> Singles:
        """What tests with one run need; with hooks of its own, which tests with several need not go through."""
        if self._singles is None:
            from pytest_repro.single import Singles

            self._singles = Singles(
                hooks=self.hooks,
                seeders=self.resources.seeders,
                recorder=self._recorder,
                settings_for=self.selection.settings_for,
                width=line_width(self.config),
            )
            self.config.pluginmanager.register(self._singles, "repro-singles")
        return self._singles

    def _recorder(
        self, item: pytest.Item, settings: Settings, keeper: Keeper, streams: Streams | None = None
    ) -> Recorder:
        return Recorder(
            nodeid=own_id(item),
            keeper=keeper,
            tolerance_for=settings.tolerance_for,
            rules=self.resources.rules,
            root=self.config.rootpath,
            streams=streams,
        )

    def unmarked(self, item: pytest.Item) -> Repro:
        """The fixture object of a test without the marker."""
        return self.singles().unmarked(item, self.selection.settings_for(item))

    # --- the end ------------------------------------------------------------------------------

    def collect(self, report: pytest.TestReport) -> None:
        """Take the verdict from a report that carries one."""
        self.reporting.see(report)
        if hasattr(report, "repro"):
            self.reporting.collect(report)
        if hasattr(report, "repro_watched"):
            self.reporting.watch(report)

    def closing(self) -> list[str]:
        """The lines at the end of the session."""
        self.reporting.notices = [f"repro: {notice}" for notice in self.resources.notices()]
        return [*self._ran_once(), *self.reporting.closing()]

    def _ran_once(self) -> list[str]:
        count = 0 if self._singles is None else self._singles.ran
        if not count or self.config.getoption("verbose", 0) < 0:
            return []
        said = f"repro: {'1 marked test' if count == 1 else f'{count} marked tests'} ran once, so nothing was compared"
        if self.settings.runs < 2:
            return [f"{said}; --repro-runs=3 does"]
        # a marker may ask for one run where the ini file asks for more; nothing but its kind stands against the option
        kind = self.settings.source("runs") is Source.COMMAND_LINE
        return [f"{said}: only test functions are repeated, no doctests or other items"] if kind else []

    def close(self) -> None:
        """End the workers, restore what is still changed, and remove the spool folder."""
        with ExitStack() as last_first:  # each also where one before was interrupted
            last_first.callback(self.resources.close)
            last_first.callback(self._overtime.close)
            if self._singles is not None:
                last_first.callback(self._singles.close)


@contextmanager
def fixture_object(item: pytest.Item) -> Iterator[Repro]:
    """The object that the ``repro`` fixture gives to `item`."""
    active = item.stash.get(ACTIVE, None)
    if active is not None:
        yield active.repro
        return
    lazy: Any = item.config.pluginmanager.get_plugin("repro-lazy")
    yield lazy.working().unmarked(item)
